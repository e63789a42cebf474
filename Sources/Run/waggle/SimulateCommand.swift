import ArgumentParser
import Simulation

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs in virtual time, the same for the same seed.",
        subcommands: [Gossip.self, Tables.self, Raft.self]
    )

    func run() throws { throw ValidationError("gossip, tables or raft is missing") }

    struct Gossip: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gossip",
            abstract: "A ring under faults, by several sets of rules side by side.",
            discussion: """
                Scenarios:
                \(Scenario.allCases.map { "  \($0.rawValue)  \($0.summary)" }.joined(separator: "\n"))
                Presets: \(Preset.all.map(\.name).joined(separator: ", ")).
                Models: full, the production engine in every node, up to 2000 of them; compact, its rules
                without its tables, from 32 to 100000 nodes and in D1 and S1 alone, the usual one above
                2000; both, the one held against the other on --seeds seeds each.
                """
        )

        @Option(help: ArgumentHelp("What happens.", valueName: "id"))
        var scenario = Scenario.crash.rawValue
        @Option(help: ArgumentHelp("Members, up to 100000.", valueName: "count"))
        var nodes: Int?
        @Option(help: ArgumentHelp("full, compact or both.", valueName: "name"))
        var model: String?
        @OptionGroup var options: SimulationOptions
        @Option(
            help: ArgumentHelp(
                "Crashes, rumours, restarts or cells of the grid.",
                valueName: "count"
            )
        )
        var cases: Int?
        @Flag(help: "One result for all seeds together.") var together = false
        @Flag(help: "Say on stderr what it took.") var cost = false

        func run() throws {
            let begun = ContinuousClock.now
            defer { if cost { Console.complain(SimulationCost.text(since: begun)) } }
            let (scenario, presets) = try checked()
            let sizes = Scenario.Sizes(nodes: nodes, loss: options.loss, cases: cases)
            guard let model = try chosenModel(for: scenario) else {
                try compare(scenario, sizes, presets)
                return
            }
            var failed: String?
            var sum: RunReport?
            for number in 0..<UInt64(options.seeds) {
                let seed = options.seed &+ number
                let report = RunReport(scenario, sizes, seed: seed, presets: presets, model: model)
                if together {
                    if sum == nil { sum = report } else { sum?.add(report) }
                } else {
                    show(report)
                }
                if !report.isGood, failed == nil { failed = replay(seed, report) }
            }
            if let sum { show(sum) }
            if let failed { throw CommandFailure(.failed, what: "simulate gossip", why: failed) }
        }

        private func show(_ report: RunReport) {
            Console.say(options.json.json ? report.document.json : SimulationView.text(of: report))
        }

        private func wrong(_ why: String, _ advice: String) -> CommandFailure {
            SimulationOptions.wrong("simulate gossip", why, advice)
        }

        private func checked() throws -> (Scenario, [Preset]) {
            guard let scenario = Scenario(rawValue: scenario) else {
                let known = Scenario.allCases.map(\.rawValue).joined(separator: ", ")
                throw wrong("\(self.scenario): no such scenario", "name one of \(known)")
            }
            let presets = try options.presets(
                of: Preset.all,
                usual: Preset.usual,
                name: \.name,
                for: "simulate gossip"
            )
            guard (1...100_000).contains(cases ?? 1) else {
                throw wrong("no such count", "give at least 1")
            }
            return (scenario, presets)
        }

        /// The model that plays the scenario; nil for both.
        private func chosenModel(for scenario: Scenario) throws -> Model? {
            let nodes = nodes ?? scenario.nodesUsual
            let isBoth = model == "both"
            guard
                let chosen = isBoth
                    ? .compact : model.map(Model.init(rawValue:)) ?? .usual(nodes: nodes)
            else {
                throw wrong("\(model ?? ""): no such model", "name one of full, compact, both")
            }
            for model in isBoth ? Model.allCases : [chosen] {
                guard model.plays(scenario) else {
                    let known = Scenario.allCases.filter(model.plays).map(\.rawValue)
                    throw wrong(
                        "the \(model.rawValue) model does not play \(scenario.rawValue)",
                        "name one of \(known.joined(separator: ", ")), or fewer nodes"
                    )
                }
                guard model.nodes.contains(nodes) else {
                    let (least, most) = (model.nodes.lowerBound, model.nodes.upperBound)
                    throw wrong(
                        "\(nodes) nodes",
                        "give from \(least) to \(most) for the \(model.rawValue) model"
                    )
                }
            }
            return isBoth ? nil : chosen
        }

        /// Holds the compact model against the full one.
        private func compare(
            _ scenario: Scenario,
            _ sizes: Scenario.Sizes,
            _ presets: [Preset]
        ) throws {
            let report = Equivalence(
                scenario,
                sizes,
                seed: options.seed,
                seeds: options.seeds,
                presets: presets
            )
            Console.say(options.json.json ? report.document.json : SimulationView.text(of: report))
            guard !report.isGood else { return }
            let apart = report.comparisons.filter { !$0.holds }.map { "\($0.preset): \($0.name)" }
            let why = "the models differ in \(apart.joined(separator: ", "))"
            throw CommandFailure(.failed, what: "simulate gossip", why: why)
        }

        private func replay(_ seed: UInt64, _ report: RunReport) -> String {
            options.replay(
                "simulate gossip",
                seed: seed,
                report.invariants,
                flags: [
                    ("--scenario", report.scenario.rawValue), ("--nodes", "\(report.nodes)"),
                    ("--cases", cases.map { "\($0)" }), ("--model", model),
                ]
            )
        }
    }
}
