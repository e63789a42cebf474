import ArgumentParser
import Simulation

extension SimulateCommand {
    struct Raft: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "raft",
            abstract: "A cluster of managers under faults, checked after every event.",
            discussion: """
                Each seed has some of the faults, one in ten has none. Now and then, in a rest, only a
                majority works, which has to lead, commit and tell within bounds. After the given seconds all
                heals, and the cluster has to come to rest. What clients saw has to be linearizable.
                Faults: \(RaftFaultKind.allCases.map(\.rawValue).joined(separator: ", ")).
                """
        )

        @Option(help: ArgumentHelp("Voters to begin with, up to 9.", valueName: "count"))
        var nodes = 3
        @Option(help: ArgumentHelp("Any number of 64 bits.", valueName: "number"))
        var seed: UInt64 = 1
        @Option(help: ArgumentHelp("As many seeds from this one on.", valueName: "count"))
        var seeds = 1
        @Option(help: ArgumentHelp("Virtual seconds of faults, up to 100000.", valueName: "count"))
        var seconds: UInt64 = 30
        @Option(
            help: ArgumentHelp(
                "These faults alone, each for certain; none for none.",
                valueName: "name,name"
            )
        )
        var faults: String?
        @Flag(help: "2 % loss, round trips of 50 ms and slow disks, always the same.")
        var everyday = false
        @Flag(
            help: "The seed chooses the nodes and their limits, too; two of three runs are short."
        )
        var wild = false
        @OptionGroup var json: JSONFlag

        func run() throws {
            let report = RaftReport(try plan(), seeds: seeds)
            if json.json {
                Console.say(report.document.json)
            } else {
                Console.say(SimulationView.text(of: report))
            }
            if let failure = report.failure {
                if !json.json { Console.say(failure.transcript.joined(separator: "\n")) }
                throw CommandFailure(
                    .failed,
                    what: "simulate raft",
                    why: "\(failure.violation); replay with '\(replay(failure.seed))'"
                )
            }
            let missing = report.missing.map(\.rawValue)
            if !missing.isEmpty, seeds >= 20 || faults != nil {
                throw CommandFailure(
                    .failed,
                    what: "simulate raft",
                    why: "never happened: \(missing.joined(separator: ", "))",
                    advice: "give more seeds or seconds"
                )
            }
        }

        private func plan() throws -> RaftCluster.Plan {
            func wrong(_ why: String, _ advice: String) -> CommandFailure {
                CommandFailure(.usage, what: "simulate raft", why: why, advice: advice)
            }
            guard (1...9).contains(nodes) else { throw wrong("\(nodes) nodes", "give from 1 to 9") }
            guard (1...1_000_000).contains(seeds), (1...100_000).contains(seconds) else {
                throw wrong("no such count", "see --help")
            }
            var plan = RaftCluster.Plan()
            plan.nodes = nodes
            plan.seed = seed
            plan.seconds = seconds
            plan.isEveryday = everyday
            plan.isWild = wild
            guard let faults else { return plan }
            plan.isCertain = true
            plan.faults = []
            for name in faults.split(separator: ",") where name != "none" {
                guard let kind = RaftFaultKind(rawValue: String(name)) else {
                    let known = RaftFaultKind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw wrong("\(name): no such fault", "name some of \(known), or none")
                }
                plan.faults.insert(kind)
            }
            return plan
        }

        private func replay(_ seed: UInt64) -> String {
            var command =
                "waggle simulate raft --nodes \(nodes) --seed \(seed) --seconds \(seconds)"
            if let faults { command += " --faults \(faults)" }
            if everyday { command += " --everyday" }
            if wild { command += " --wild" }
            return command
        }
    }
}

extension SimulationView {
    private static func milliseconds(_ samples: Samples) -> String {
        if samples.isEmpty { return "-" }
        let tails = [500, 990].map { samples.quantile(thousandths: $0) / 1_000_000 }
        return "\(tails[0]), \(tails[1]) of \(samples.count)"
    }

    static func text(of report: RaftReport) -> String {
        let figures = report.figures
        var table = Table(["", ""])
        let rows: [(String, String)] = [
            ("elections", "\(figures.elections)"),
            ("entries applied", "\(figures.applied)"),
            ("snapshots taken, installed", "\(figures.snapshots), \(figures.restores)"),
            ("messages about their octets", "\(figures.pieces)"),
            ("logs repaired; left to an operator", "\(figures.repairs); \(figures.stuck)"),
            ("messages, syncs", "\(figures.messages), \(figures.syncs)"),
            (
                "operations answered, refused, in doubt",
                "\(figures.answered), \(figures.refused), \(figures.doubtful)"
            ),
            ("of them reads without an entry", "\(figures.reads)"),
            (
                "answered after ms, median and 99th", milliseconds(figures.latencies)
            ),
            ("a leader after a crash, ms, median and 99th", milliseconds(figures.silentFailovers)),
            ("where others were told", milliseconds(figures.noticedFailovers)),
            ("histories judged, too long to judge", "\(figures.keys), \(figures.unjudged)"),
        ]
        for row in rows { table.add([row.0, row.1]) }
        let faults = RaftFaultKind.allCases.filter { figures.faults[$0] > 0 }
            .map { "\(figures.faults[$0]) \($0.rawValue)" }
        let holds =
            report.failures == 0
            ? "\(figures.invariants) checks, all held"
            : "\(report.failures) of \(report.seeds) runs broke an invariant"
        return """
            \(report.plan.nodes) nodes, \(figures.virtualSeconds) s of virtual time, seed \
            \(report.plan.seed)\(report.seeds > 1 ? " and \(report.seeds - 1) more" : "")
            \(table.text)
            faults: \(faults.isEmpty ? "none" : faults.joined(separator: ", "))
            \(holds)
            """
    }
}
