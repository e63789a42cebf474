import Gossip
import Simulation
import Testing

/// Small runs of the production engine; the larger ones are in `SimulateTests`.
@Suite("Simulation: rings")
struct RingTests {
    private func report(
        _ scenario: Scenario,
        nodes: Int,
        cases: Int? = nil,
        loss: UInt32 = 0,
        seed: UInt64 = 1,
        _ presets: [Preset]
    ) -> RunReport {
        let sizes = Scenario.Sizes(nodes: nodes, loss: loss, cases: cases)
        return RunReport(scenario, sizes, seed: seed, presets: presets)
    }

    private func broken(_ report: RunReport) -> [RunReport.Invariant] {
        report.invariants.filter { $0.violations > 0 }
    }

    @Test("one seed gives one document, octet for octet, and another seed another")
    func replay() {
        let first = report(.crash, nodes: 24, seed: 3, [.memberlist, .waggle]).document.json
        let again = report(.crash, nodes: 24, seed: 3, [.memberlist, .waggle]).document.json
        let other = report(.crash, nodes: 24, seed: 4, [.memberlist, .waggle]).document.json
        #expect(first == again)
        #expect(first != other)
    }

    @Test("the results of seeds add up")
    func together() {
        var sum = report(.crash, nodes: 16, cases: 2, seed: 1, [.memberlist, .waggle])
        let next = report(.crash, nodes: 16, cases: 2, seed: 2, [.memberlist, .waggle])
        let first = sum.results[1].seen
        sum.add(next)
        #expect(sum.seeds == 2)
        #expect(sum.faults[.crash] == 8)
        let seen = sum.results[1].seen
        #expect(seen.crashes == 4)
        #expect(
            seen.firstDead.sorted
                == (first.firstDead.sorted + next.results[1].seen.firstDead.sorted).sorted()
        )
        #expect(sum.document["seeds"]?.number == 2)
    }

    @Test("a preset sees the same alone and beside others")
    func besides() throws {
        let beside = report(.crash, nodes: 16, [.swim, .waggle]).document["figures"]?["waggle"]
        let alone = report(.crash, nodes: 16, [.waggle]).document["figures"]?["waggle"]
        let figures = try #require(alone)
        #expect(beside?.json == figures.json)
    }

    @Test("a crash is drained in seconds and dead when its time is over")
    func crash() {
        let report = report(.crash, nodes: 32, cases: 2, [.memberlist, .waggle])
        #expect(broken(report) == [])
        let (memberlist, waggle) = (report.results[0].seen, report.results[1].seen)
        for seen in [memberlist, waggle] {
            #expect(seen.crashes == 2)
            #expect(seen.crashesMissed == 0)
            #expect(seen.falseDeaths == 0)
            // At least a failed probe and 4 * log10(32) probe intervals.
            #expect(seen.firstDead.quantile(thousandths: 1) >= 1_000_000 + 6_000_000)
            #expect(seen.firstDead.largest < 20_000_000)
            #expect(seen.deadEverywhere.largest < 2_000_000)
        }
        #expect(waggle.firstDrain.largest < 8_000_000)
        #expect(waggle.firstDrain.count == 2)
        #expect(memberlist.drains == 0)
    }

    @Test("a crash is found where a tenth of the datagrams are lost")
    func lossyCrash() {
        let report = report(.crash, nodes: 16, loss: 10, [.waggle])
        #expect(broken(report) == [])
        #expect(report.faults[.drop] > 100)
        #expect(report.results[0].seen.crashesMissed == 0)
    }

    @Test("who is blocked accuses: SWIM believes it, ours does not")
    func blocked() {
        // Blocks longer than SWIM gives an accused, and hardly any time between them.
        var episode = Episode(nodes: 32, seed: 2, milliseconds: 100_000)
        episode.degraded = [3, 9, 20, 31]
        episode.watchesViews = true
        episode.graceMilliseconds = 90_000
        for at in stride(from: UInt64(5000), to: 80_000, by: 16_448) {
            for node in episode.degraded.sorted() {
                episode.add(.block(node), at: at)
                episode.add(.unblock(node), at: at + 16_384)
            }
        }
        episode.arrange()
        let seen = [Preset.swim, .waggle].map { episode.run(by: $0).seen }
        #expect(seen[0].falseDeaths > 0)
        #expect(seen[1].falseDeaths == 0)
        #expect(seen[1].missingAtEnd == 0)
        #expect(seen[1].drainBroken == 0)
    }

    @Test("a ring that was cut in two finds itself again, memberlist's does not")
    func partition() throws {
        let report = report(.partition, nodes: 16, [.memberlist, .waggle])
        #expect(broken(report) == [])
        #expect(report.faults[.walled] > 0)
        #expect(report.results[0].seen.missingAtEnd == 128)
        #expect(report.results[1].seen.missingAtEnd == 0)
        #expect(report.results[1].seen.fullView.largest < 60_000)
    }

    @Test("nodes that start again are members again, and nobody else is missed")
    func rollingRestart() {
        let report = report(.rollingRestart, nodes: 16, cases: 8, [.waggle])
        #expect(broken(report) == [])
        let seen = report.results[0].seen
        #expect(report.faults[.restart] == 8)
        #expect(seen.falseDeaths == 0)
        #expect(seen.runsWithoutFullView == 0)
    }

    @Test(
        "all start again, all join, some come and go: the ring is whole",
        arguments: [
            Scenario.massRestart, .joinStorm, .churn, .starvation, .threshold,
        ]
    )
    func others(scenario: Scenario) {
        let report = report(scenario, nodes: 20, cases: 1, [.waggle])
        #expect(broken(report) == [])
        #expect(report.results[0].seen.missingAtEnd == 0)
        #expect(report.results[0].seen.events > 1000)
    }

    @Test("a rumour is told to all, or to all but a few")
    func rumour() {
        let seen = report(.rumour, nodes: 99, cases: 25, [.memberlist]).results[0].seen
        #expect(seen.rumours == 25)
        #expect(seen.rumoursMissed <= 4)
        #expect((300_000...400_000).contains(seen.told50.quantile(thousandths: 500)))
        #expect((600_000...780_000).contains(seen.toldEverywhere.quantile(thousandths: 500)))
    }

    @Test("messages survive the wire: a sample of the datagrams is written and read")
    func codec() {
        let seen = report(.massRestart, nodes: 16, [.waggle]).results[0].seen
        #expect(seen.codecChecked > 50)
        #expect(seen.codecBroken == 0)
    }

    @Test("a scenario whose fault never happened is not a good one")
    func absentFault() {
        let report = report(.crash, nodes: 8, cases: 1, loss: 0, [.waggle])
        #expect(report.invariants.first { $0.name == "faultsHappened" }?.checked == 1)
        #expect(report.isGood)
        let idle = Episode(nodes: 4, seed: 1, milliseconds: 1000).run(by: .waggle)
        #expect(idle.faults.happened.isEmpty)
        #expect(idle.seen.pairsChecked == 12)
    }

    @Test("a lone node that comes out of a block accuses, and SWIM hears the answer too late")
    func loneBlock() {
        var episode = Episode(nodes: 128, seed: 5, milliseconds: 95_000)
        episode.degraded = [77]
        for at in stride(from: UInt64(5000), to: 70_000, by: 16_448) {
            episode.add(.block(77), at: at)
            episode.add(.unblock(77), at: at + 16_384)
        }
        episode.arrange()
        let seen = [Preset.swim, .lifeguard, .waggle].map { episode.run(by: $0).seen }
        // Four blocks, each but the last followed by another that the answer does not get into.
        #expect((1...3).contains(seen[0].falseDeaths))
        #expect(seen[0].falseDeathsAtHealthy == 0)
        #expect(seen[1].falseDeaths == 0)
        #expect(seen[2].falseDeaths == 0)
    }

    @Test("nodes that have streams and no datagrams are answered over streams and not given up")
    func streamsOnly() {
        let report = report(.streamsOnly, nodes: 32, [.memberlist, .waggle])
        #expect(broken(report) == [])
        #expect(report.faults[.noDatagrams] == 4)
        #expect(report.faults[.walled] > 100)
        for (preset, seen) in report.results {
            #expect(seen.answeredOverStreams > 50, "\(preset.name)")
            #expect(seen.falseDeaths == 0, "\(preset.name)")
        }
    }

    @Test("a quarter of a ring that hears nobody for half a minute is whole again afterwards")
    func oneWay() {
        let report = report(.oneWay, nodes: 32, [.waggle])
        #expect(broken(report) == [])
        #expect(report.faults[.partition] == 1)
        #expect(report.faults[.oneWay] > 100)
        #expect(report.results[0].seen.missingAtEnd == 0)
        #expect(report.results[0].seen.runsWithoutFullView == 0)
    }

    @Test("clocks that are set, machines that were suspended, datagrams that come twice: no death")
    func clocks() {
        let report = report(.clocks, nodes: 32, [.waggle])
        #expect(broken(report) == [])
        for fault in [FaultName.setClock, .jump, .duplicate, .restart] {
            #expect(report.faults[fault] > 0, "\(fault)")
        }
        #expect(report.results[0].seen.falseDeaths == 0)
        #expect(report.results[0].seen.missingAtEnd == 0)
    }

    @Test("a wall clock that is set changes nothing while a node runs")
    func wallClock() throws {
        var episode = Episode(nodes: 16, seed: 8, milliseconds: 60_000)
        episode.add(.crash(3), at: 20_000)
        var other = episode
        for node in 0..<16 {
            other.add(.setClock(node, seconds: node % 2 == 0 ? 5000 : -5000), at: 9)
        }
        other.arrange()
        let plain = episode.run(by: .waggle)
        let set = other.run(by: .waggle)
        #expect(set.faults[.setClock] == 16)
        // But for the events that set the clocks.
        #expect(set.seen.events == plain.seen.events + 16)
        #expect(set.seen.probeOctets == plain.seen.probeOctets)
        #expect(set.seen.gossipOctets == plain.seen.gossipOctets)
        #expect(set.seen.viewChanges == plain.seen.viewChanges)
        #expect(set.seen.firstDead.largest == plain.seen.firstDead.largest)
    }

    @Test("names lead back to their nodes, and are as even as real ones")
    func names() throws {
        var names: Set<NodeName> = []
        for node in stride(from: 0, to: SimulatedName.nodesMax, by: 97) {
            for identity in [0, 1, 700] {
                let name = SimulatedName.name(node, identity: identity)
                try #require(SimulatedName.node(name) == node)
                names.insert(name)
            }
        }
        #expect(names.count == 3 * 1031)
        // At every place most of the sixteen digits come.
        let digits = (0..<12).map { place in
            Set((0..<64).map { SimulatedName.name($0).octets[place] })
        }
        #expect(digits.allSatisfy { $0.count > 8 })
    }

    @Test("every preset has a name of its own")
    func presets() {
        let names = Preset.all.map(\.name)
        #expect(Set(names).count == names.count)
        for name in names { #expect(Preset.named(name)?.name == name) }
        #expect(Preset.ablations.allSatisfy { $0.rules.habits != MembershipRules.Habits.waggle })
    }
}
