import ArgumentParser
import Simulation

extension SimulateCommand {
    struct Tables: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tables",
            abstract:
                "A ring and the tables of its networks, by several sets of rules side by side.",
            discussion: """
                Scenarios:
                \(TableScenario.allCases.map { "  \($0.rawValue)  \($0.summary)" }
                .joined(separator: "\n"))
                Presets: \(TablePreset.all.map(\.name).joined(separator: ", ")).
                """
        )

        @Option(help: ArgumentHelp("What happens.", valueName: "id"))
        var scenario = TableScenario.burst.rawValue
        @Option(help: ArgumentHelp("Members, up to 2000.", valueName: "count")) var nodes: Int?
        @Option(help: ArgumentHelp("Records of all nodes, up to 100000.", valueName: "count"))
        var records: Int?
        @OptionGroup var options: SimulationOptions
        @Option(help: ArgumentHelp("Updates in 1,000 s (T2).", valueName: "count"))
        var updates: Int?
        @Option(help: ArgumentHelp("How long it lasts.", valueName: "count")) var seconds: Int?
        @Option(
            help: ArgumentHelp(
                "T1: 1 started together; P1: 0 halves, 1 a tenth, 2 one node, 3 three parts; R1: 1 as another node, 2 told before.",
                valueName: "number"
            )
        )
        var kind: Int?

        func run() throws {
            let (scenario, presets) = try checked()
            var sizes = TableScenario.Sizes()
            sizes.nodes = nodes
            sizes.records = records
            sizes.loss = options.loss
            sizes.updates = updates
            sizes.seconds = seconds
            sizes.kind = kind
            var failed: String?
            for number in 0..<UInt64(options.seeds) {
                let seed = options.seed &+ number
                let report = TableReport(scenario, sizes, seed: seed, presets: presets)
                if options.json.json {
                    Console.say(report.document.json)
                } else {
                    Console.say(SimulationView.text(of: report))
                }
                if !report.isGood, failed == nil { failed = replay(seed, report) }
            }
            if let failed { throw CommandFailure(.failed, what: "simulate tables", why: failed) }
        }

        private func checked() throws -> (TableScenario, [TablePreset]) {
            func wrong(_ why: String, _ advice: String) -> CommandFailure {
                SimulationOptions.wrong("simulate tables", why, advice)
            }
            guard let scenario = TableScenario(rawValue: scenario) else {
                let known = TableScenario.allCases.map(\.rawValue).joined(separator: ", ")
                throw wrong("\(self.scenario): no such scenario", "name one of \(known)")
            }
            let presets = try options.presets(
                of: TablePreset.all,
                usual: TablePreset.usual,
                name: \.name,
                for: "simulate tables"
            )
            guard (2...2000).contains(nodes ?? 2) else {
                throw wrong("\(nodes ?? 0) nodes", "give from 2 to 2000")
            }
            guard (1...100_000).contains(records ?? 1) else {
                throw wrong("\(records ?? 0) records", "give from 1 to 100000")
            }
            guard (1...10_000_000).contains(updates ?? 1),
                (1...10_000).contains(seconds ?? 1), (0...3).contains(kind ?? 0)
            else {
                throw wrong("no such count", "see --help")
            }
            return (scenario, presets)
        }

        private func replay(_ seed: UInt64, _ report: TableReport) -> String {
            func text(_ number: Int?) -> String? { number.map { "\($0)" } }
            return options.replay(
                "simulate tables",
                seed: seed,
                report.invariants,
                flags: [
                    ("--scenario", report.scenario.rawValue), ("--nodes", text(report.nodes)),
                    ("--records", text(report.records)), ("--updates", text(updates)),
                    ("--seconds", text(seconds)), ("--kind", text(kind)),
                ]
            )
        }
    }
}

extension SimulationView {
    static func text(of report: TableReport) -> String {
        let results = report.results.map { ($0.preset.name, $0.seen.figures) }
        let happened = report.happened.happened.map { "\($0.1) \($0.0.rawValue)" }
        return """
            \(report.scenario.rawValue): \(report.scenario.summary); \(report.nodes) nodes, \
            \(report.records) records, seed \(report.seed)
            \(table(tableRows, results))
            happened: \(happened.isEmpty ? "nothing" : happened.joined(separator: ", "))
            \(holds(report.invariants))
            """
    }

    /// Figures in the order of the table; of a distribution its median and its 99th percentile.
    private static let tableRows: [(String, String)] = [
        ("first node has all, ms", "firstCompleteMilliseconds"),
        ("last node has all, ms", "lastCompleteMilliseconds"),
        ("each node has all, ms", "completeMilliseconds"),
        ("octets of each node until then", "octetsToComplete"),
        ("seen by half, us", "toldHalfMicroseconds"),
        ("seen by all, us", "toldEverywhereMicroseconds"),
        ("not seen by all", "untold"),
        ("at rest, ms", "settledMilliseconds"),
        ("octets of each node until then", "octetsToSettle"),
        ("never at rest", "unsettled"),
        ("lost records at the end", "lost"),
        ("zombies at the end", "zombies"),
        ("false deletions", "falseDeletions"),
        ("wrongly not shown, ms", "hiddenMilliseconds"),
        ("false deaths", "falseDeaths"),
        ("octets per node and s", "octetsPerNodeSecond"),
        ("  with heads", "octetsWithHeadsPerNodeSecond"),
        ("  of membership", "membershipOctetsPerNodeSecond"),
        ("  of exchanges", "exchangeOctetsPerNodeSecond"),
        ("  of rumours", "rumourOctetsPerNodeSecond"),
        ("  of digests", "digestOctetsPerNodeSecond"),
        ("  of streams", "streamOctetsPerNodeSecond"),
        ("all nodes in a late second", "lateOctetsPerSecond"),
        ("most of one node in a second", "busiestNodeSecondOctets"),
        ("datagrams", "datagrams"),
        ("streams", "streams"),
        ("longest queue", "queueDepthMax"),
        ("queued at the end", "queuedAtEnd"),
        ("differences looked into", "repairs"),
        ("whole tables asked for", "bulkSyncs"),
    ]
}
