import Gossip
import Simulation
import Testing

/// Rings with their tables, small; figures of larger ones are in docs/gossip.md.
@Suite("Simulation: tables", .timeLimit(.minutes(3)))
struct TableTests {
    private func report(
        _ scenario: TableScenario,
        nodes: Int,
        records: Int,
        seed: UInt64 = 1,
        _ presets: [TablePreset],
        _ change: (inout TableScenario.Sizes) -> Void = { _ in }
    ) -> TableReport {
        var sizes = TableScenario.Sizes()
        sizes.nodes = nodes
        sizes.records = records
        change(&sizes)
        return TableReport(scenario, sizes, seed: seed, presets: presets)
    }

    private func broken(_ report: TableReport) -> [RunReport.Invariant] {
        report.invariants.filter { $0.violations > 0 }
    }

    @Test("one seed gives one document, octet for octet, and another seed another")
    func replay() {
        let presets = [TablePreset.networkDB, .waggle]
        let first = report(.churn, nodes: 8, records: 40, seed: 3, presets) { $0.seconds = 20 }
        let again = report(.churn, nodes: 8, records: 40, seed: 3, presets) { $0.seconds = 20 }
        let other = report(.churn, nodes: 8, records: 40, seed: 4, presets) { $0.seconds = 20 }
        #expect(first.document.json == again.document.json)
        #expect(first.document.json != other.document.json)
    }

    @Test(
        "200 records of one node are with NetworkDB's five nodes in 8 s, as recorded, and with ours at once"
    )
    func burst() {
        let report = report(.burst, nodes: 5, records: 200, [.networkDB, .waggle])
        #expect(broken(report) == [])
        let (peers, ours) = (report.results[0].seen, report.results[1].seen)
        // One datagram of five in each fifth of a second: 24.7 were seen in a second.
        #expect((7000...15_000).contains(peers.lastComplete.largest))
        #expect(ours.lastComplete.largest < 100)
        #expect(ours.octets < peers.octets)
    }

    @Test(
        "many records of one node are with nodes that only know NetworkDB as soon as with ours",
        arguments: TablePreset.mixed
    )
    func mixes(_ preset: TablePreset) {
        let report = report(.burst, nodes: 20, records: 200, seed: 2, [preset, .networkDB])
        #expect(broken(report) == [])
        let (mixed, peers) = (report.results[0].seen, report.results[1].seen)
        #expect(mixed.lastComplete.largest < 100)
        #expect(peers.lastComplete.largest > 5000)
        #expect(mixed.octets < peers.octets)
    }

    @Test("what falls is found though somebody always writes")
    func sustained() {
        let report = report(.sustained, nodes: 20, records: 100, [.waggle]) {
            $0.loss = 30
            $0.updates = 20_000
            $0.seconds = 30
        }
        #expect(broken(report) == [])
        #expect(report.happened[.drop] > 1000)
        #expect(report.results[0].seen.untold == 0)
        #expect(report.results[0].seen.toldEverywhere.quantile(thousandths: 500) < 100_000)
    }

    @Test("idle nodes of ours send the same whatever is in their tables")
    func idle() {
        let few = report(.idle, nodes: 10, records: 10, [.waggle]) { $0.seconds = 40 }
        let many = report(.idle, nodes: 10, records: 1000, [.waggle]) { $0.seconds = 40 }
        #expect(broken(few) == [] && broken(many) == [])
        let (less, more) = (few.results[0].seen, many.results[0].seen)
        #expect(more.perNodeSecond(more.octets) <= less.perNodeSecond(less.octets) + 5)
        #expect(more.perNodeSecond(more.octets) < 400)
    }

    @Test(
        "a ring that was cut has every record and no other when it is one again",
        arguments: 0..<4
    )
    func partition(kind: Int) {
        let report = report(.partition, nodes: 12, records: 120, [.waggle]) { $0.kind = kind }
        #expect(broken(report) == [])
        #expect(report.happened[.crossedTombstone] > 0)
    }

    @Test("a node that starts again has its records, and another in its place has none")
    func restarts() {
        for kind in [0, 1] {
            let report = report(.rollingRestart, nodes: 10, records: 50, [.waggle]) {
                $0.kind = kind
            }
            #expect(broken(report) == [])
            #expect(report.happened[.restart] == 5)
        }
    }

    @Test("nodes that say that they start again lose no record in anybody's view")
    func toldRestarts() {
        let report = report(.rollingRestart, nodes: 10, records: 50, [.waggle]) { $0.kind = 2 }
        #expect(broken(report) == [])
        #expect(report.happened[.terminate] == 5 && report.happened[.restart] == 5)
        let seen = report.results[0].seen
        #expect(seen.restartsHeard >= 40)
        #expect(seen.falseDeletions == 0)
        #expect(seen.hiddenNanoseconds == 0)
    }

    @Test(
        "what an earlier run said later than the next one takes nothing back",
        arguments: [1, 2, 3]
    )
    func earlierRuns(seed: UInt64) {
        // Processes that forget how far they had counted, as those of Docker's do.
        let report = report(.rollingRestart, nodes: 32, records: 320, seed: seed, [.waggle]) {
            $0.kind = 2
        }
        #expect(broken(report) == [])
        #expect(report.results[0].seen.backwards == 0)
        #expect(report.results[0].seen.falseDeletions == 0)
    }

    @Test("nodes that start at once through one know each other within a second")
    func boots() throws {
        let slow = try #require(TablePreset.named("without-parallel-sync"))
        let report = report(.boot, nodes: 80, records: 1, [.waggle, slow])
        #expect(broken(report) == [])
        let (ours, without) = (report.results[0].seen, report.results[1].seen)
        #expect(ours.settled.largest < 1000)
        #expect(without.settled.largest > ours.settled.largest)
    }

    @Test("a node that attaches itself downloads the table once")
    func attaches() {
        // Of twice the records twice as much: what is left of one is what does not grow with them.
        let one = report(.attachStorm, nodes: 20, records: 400, [.waggle]).results[0].seen
        let two = report(.attachStorm, nodes: 20, records: 800, [.waggle]).results[0].seen
        let table = two.streamOctets - one.streamOctets
        #expect(table > 0 && 100 * one.streamOctets <= 115 * table)
    }

    // MARK: The oracle

    private func oracle() -> (TableOracle, [TableOracle.Shown]) {
        var oracle = TableOracle(machines: 3, networks: 1, records: 4)
        for machine in 0..<3 {
            oracle.came(machine, run: 0)
            oracle.attached(machine, to: 0, at: 0)
        }
        var shown: [TableOracle.Shown] = []
        for record in 0..<3 {
            let version = oracle.wrote(record, record, in: 0, at: 1)
            shown.append(TableOracle.Shown(record: record, version: version, machine: record))
        }
        return (oracle, shown)
    }

    @Test("the oracle finds a lost record and one of an old version")
    func plantedLoss() {
        var (oracle, shown) = oracle()
        #expect(oracle.judge(1, shown) == TableOracle.Verdict(checked: 3))
        #expect(oracle.judge(1, Array(shown.dropFirst())).lost == 1)
        _ = oracle.wrote(2, 2, in: 0, at: 2)
        #expect(oracle.judge(1, shown).lost == 1)
        // What was written only just now is on its way.
        #expect(oracle.judge(1, shown, settled: 1).lost == 0)
    }

    @Test("the oracle finds zombies: of deletions, of the gone, of those who went elsewhere")
    func plantedZombie() {
        let (oracle, shown) = oracle()
        var deleted = oracle
        _ = deleted.deleted(0, at: 2)
        #expect(deleted.judge(1, shown).zombies == 1)
        var gone = oracle
        gone.went(0)
        #expect(gone.judge(1, shown).zombies == 1)
        var detached = oracle
        detached.detached(0, from: 0, at: 2)
        #expect(detached.judge(1, shown).zombies == 1)
        #expect(detached.judge(0, shown).zombies == 3)
        #expect(oracle.judge(1, shown + shown.prefix(1)).zombies == 1)
        let stranger = TableOracle.Shown(record: 3, version: 1, machine: 0)
        #expect(oracle.judge(1, shown + [stranger]).zombies == 1)
    }

    @Test("a run in which a record is lost says so, and how")
    func plantedLossInARun() {
        // Nobody who joins a cut ring after its end is told: the oracle is asked too early on purpose.
        var episode = TableEpisode(nodes: 4, records: 4, seed: 1, milliseconds: 3000)
        episode.initial = [0, 1, 2, 3]
        episode.add(.fault(.side(3, 1)), at: 0)
        episode.add(.fault(.wall(from: 0, to: 1, stands: true)), at: 0)
        episode.add(.fault(.wall(from: 1, to: 0, stands: true)), at: 0)
        episode.add(.write(0, [0]), at: 100)
        episode.add(.delete(1, [1]), at: 100)
        let seen = episode.run(by: .waggle).seen
        #expect(seen.judged.lost == 1)
        #expect(seen.judged.zombies == 1)
    }
}
