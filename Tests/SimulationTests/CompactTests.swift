import Gossip
import Simulation
import Testing

/// Small compact rings; they are held against full ones in `SimulateTests` and by `make simulate`.
@Suite("Simulation: compact rings")
struct CompactTests {
    private func report(
        _ scenario: Scenario,
        nodes: Int,
        cases: Int? = nil,
        loss: UInt32 = 0,
        seed: UInt64 = 1,
        _ presets: [Preset]
    ) -> RunReport {
        let sizes = Scenario.Sizes(nodes: nodes, loss: loss, cases: cases)
        return RunReport(scenario, sizes, seed: seed, presets: presets, model: .compact)
    }

    private func broken(_ report: RunReport) -> [RunReport.Invariant] {
        report.invariants.filter { $0.violations > 0 }
    }

    // MARK: Rounds

    @Test("a round has every member once", arguments: [1, 2, 3, 12, 128, 1000, 4099])
    func round(count: Int) {
        let order = RoundOrder(count: count)
        for key in [0, 1, UInt64.max] {
            let members = (0..<count).map { order.member(at: $0, key: key) }
            #expect(members.sorted() == Array(0..<count))
        }
    }

    @Test("every member stands at every place of a round about as often")
    func evenRounds() {
        let order = RoundOrder(count: 16)
        var counts = [Int](repeating: 0, count: 16 * 16)
        for key in 0..<4096 as Range<UInt64> {
            for place in 0..<16 { counts[16 * place + order.member(at: place, key: key)] += 1 }
        }
        // 256 of each are expected, with a deviation of 15.5.
        #expect(counts.allSatisfy { (180...332).contains($0) })
        // And so is who comes after whom.
        var following = [Int](repeating: 0, count: 16)
        for key in 0..<4096 as Range<UInt64> {
            let step = order.member(at: 1, key: key) - order.member(at: 0, key: key)
            following[(step + 16) % 16] += 1
        }
        #expect(following[0] == 0)
        #expect(following[1...].allSatisfy { (200...346).contains($0) })
    }

    // MARK: The test of distributions

    private func samples(_ values: some Sequence<UInt64>) -> Samples {
        var samples = Samples()
        for value in values { samples.add(value) }
        return samples
    }

    @Test("the distance of two samples is the largest between their shares")
    func distance() {
        let same = KolmogorovSmirnov(samples(1...500), samples(1...500))
        #expect(same.distance == 0)
        #expect(same.isSame)
        // 1.6276 * sqrt(2 / 500).
        #expect(same.critical == 1029)
        let apart = KolmogorovSmirnov(samples(1...50), samples(51...100))
        #expect(apart.distance == 10_000)
        #expect(!apart.isSame)
        // Of 4 and 5 values: after 2, three quarters of the left and a fifth of the right.
        let few = KolmogorovSmirnov(samples([1, 2, 2, 9]), samples([2, 3, 4, 5, 6]))
        #expect(few.distance == 7500 - 2000)
    }

    @Test("a shift of a seventh of the range is found in 500 values, one of a twentieth is not")
    func shift() {
        let values = samples(0..<500)
        #expect(!KolmogorovSmirnov(values, samples(70..<570)).isSame)
        #expect(KolmogorovSmirnov(values, samples(25..<525)).isSame)
    }

    // MARK: Rings

    @Test("one seed gives one document, octet for octet, and another seed another")
    func replay() {
        let first = report(.crash, nodes: 200, loss: 5, seed: 3, [.memberlist, .waggle])
        let again = report(.crash, nodes: 200, loss: 5, seed: 3, [.memberlist, .waggle])
        let other = report(.crash, nodes: 200, loss: 5, seed: 4, [.memberlist, .waggle])
        #expect(first.document.json == again.document.json)
        #expect(first.document.json != other.document.json)
    }

    @Test("a crash is drained in seconds and dead when its time is over")
    func crash() {
        let report = report(.crash, nodes: 128, cases: 8, [.memberlist, .waggle])
        #expect(broken(report) == [])
        let (memberlist, waggle) = (report.results[0].seen, report.results[1].seen)
        for seen in [memberlist, waggle] {
            #expect(seen.crashes == 8)
            #expect(seen.crashesMissed == 0)
            #expect(seen.falseSuspicions == 0)
            #expect(seen.strangersAtEnd == 0)
            // A failed probe and 4 * log10(128) probe intervals.
            #expect(seen.firstDead.quantile(thousandths: 1) >= 1_000_000 + 8_400_000)
            #expect(seen.firstDead.largest < 20_000_000)
            #expect(seen.deadEverywhere.largest < 2_000_000)
        }
        #expect(waggle.firstDrain.count == 8)
        #expect(waggle.firstDrain.largest < 8_000_000)
        #expect(waggle.drainBroken == 0)
        #expect(memberlist.drains == 0)
    }

    @Test("a member that is accused by mistake speaks up, and nobody takes it for dead")
    func mistakes() {
        let report = report(.crash, nodes: 400, cases: 1, loss: 8, [.memberlist, .waggle])
        #expect(broken(report) == [])
        #expect(report.faults[.drop] > 1000)
        for result in report.results {
            // Each mistake is heard by all; most members never are the subject of one.
            #expect(result.seen.falseSuspicions > 400)
            #expect(result.seen.falseDeaths == 0)
            #expect(result.seen.missingAtEnd == 0)
            #expect(result.seen.crashesMissed == 0)
        }
        #expect(report.results[1].seen.readmission.count > 0)
    }

    @Test("more members than a word has bits are spoken of at a time")
    func manySubjects() {
        let report = report(.crash, nodes: 256, cases: 100, [.waggle])
        #expect(broken(report) == [])
        let seen = report.results[0].seen
        #expect(seen.crashes == 100)
        #expect(seen.strangersAtEnd == 0)
        #expect(seen.falseDeaths == 0)
    }

    @Test("every set of rules plays a crash")
    func presets() {
        let report = report(.crash, nodes: 64, cases: 2, loss: 2, Preset.all)
        #expect(report.results.count == Preset.all.count)
        for result in report.results {
            #expect(result.seen.crashes == 2)
            #expect(result.seen.firstDead.count == 2)
            #expect(result.preset.rules.habits.contains(.drain) == (result.seen.drains > 0))
        }
    }

    @Test("a rumour is told to all, or to all but a few")
    func rumour() {
        let seen = report(.rumour, nodes: 99, cases: 50, [.memberlist]).results[0].seen
        #expect(seen.rumours == 50)
        #expect(seen.rumoursMissed <= 6)
        #expect((300_000...400_000).contains(seen.told50.quantile(thousandths: 500)))
        #expect((600_000...780_000).contains(seen.toldEverywhere.quantile(thousandths: 500)))
        #expect(seen.probeDatagrams == 0)
    }

    @Test("what a ring costs while nothing happens is a ping and an ack for each second")
    func idle() throws {
        var episode = Episode(nodes: 128, seed: 1, milliseconds: 60_000)
        episode.healsAtEnd = false
        let (compact, faults) = Model.compact.run(episode, by: .memberlist)
        let (full, _) = Model.full.run(episode, by: .memberlist)
        #expect(faults.happened.isEmpty)
        #expect(compact.gossipDatagrams == 0)
        // 128 nodes, 60 turns each.
        #expect(compact.probeDatagrams == 2 * 128 * 60)
        #expect(full.probeDatagrams == compact.probeDatagrams)
        let apart = Int(full.probeOctets) - Int(compact.probeOctets)
        #expect(abs(apart) * 100 <= Int(full.probeOctets))
    }

    // MARK: Models

    @Test("crashes and rumours are played compactly, and above 2,000 nodes nothing else is")
    func models() {
        let compact = Scenario.allCases.filter { Model.compact.plays($0) }
        #expect(compact == [.crash, .rumour])
        #expect(Scenario.allCases.allSatisfy { Model.full.plays($0) })
        #expect(Model.usual(nodes: 2000) == .full)
        #expect(Model.usual(nodes: 2001) == .compact)
    }

    @Test("a comparison sees when the two differ, and what it says is the same again")
    func comparison() throws {
        let sizes = Scenario.Sizes(nodes: 48, cases: 4)
        func compare() -> Equivalence {
            Equivalence(.crash, sizes, seed: 7, seeds: 3, presets: [.waggle])
        }
        let report = compare()
        #expect(report.isGood)
        #expect(report.comparisons.map(\.name).contains("first drain"))
        let figures = try #require(report.document["invariants"]?["modelsAgree"])
        #expect(figures["checked"]?.number == UInt64(report.comparisons.count))
        #expect(report.document.json == compare().document.json)
        let first = try #require(report.comparisons.first)
        #expect(first.counts.full == 12)
        #expect(first.counts.compact == 12)
    }
}
