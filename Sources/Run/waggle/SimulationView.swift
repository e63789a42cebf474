import Simulation

/// A simulated run for people: one line for each figure, one column for each set of rules.
enum SimulationView {
    static func text(of report: RunReport) -> String {
        let results = report.results.map { ($0.preset.name, $0.seen.figures) }
        let faults = report.faults.happened.map { "\($0.1) \($0.0.rawValue)" }
        return """
            \(report.scenario.rawValue): \(report.scenario.summary); \(report.nodes) nodes, \
            \(report.virtualSeconds) s of virtual time, seed \(report.seed)\
            \(report.seeds > 1 ? " and \(report.seeds - 1) more" : "")
            \(table(rows, results))
            faults: \(faults.isEmpty ? "none" : faults.joined(separator: ", "))
            \(holds(report.invariants))
            """
    }

    /// A line for each figure that any of the results has, a column for each result.
    static func table(_ rows: [(String, String)], _ results: [(String, Figure)]) -> String {
        var table = Table([""] + results.map(\.0))
        for (label, name) in rows {
            let cells = results.map { cell($0.1, name) }
            if cells.contains(where: { $0 != "-" }) { table.add([label] + cells) }
        }
        return table.text
    }

    static func holds(_ invariants: [RunReport.Invariant]) -> String {
        let broken = invariants.filter { $0.violations > 0 }
        return broken.isEmpty
            ? "every invariant held"
            : broken.map { "\($0.name): \($0.violations) of \($0.checked)" }
                .joined(separator: ", ")
    }

    /// Both models: one line for each figure of each set of rules.
    static func text(of report: Equivalence) -> String {
        var table = Table(["", "", "cases", "full", "compact", "apart", "at most", ""])
        for comparison in report.comparisons {
            table.add([
                comparison.preset, comparison.name,
                "\(comparison.counts.full), \(comparison.counts.compact)",
                String(comparison.full), String(comparison.compact),
                String(comparison.distance), String(comparison.critical),
                comparison.holds ? "holds" : "differs",
            ])
        }
        return """
            \(report.scenario.rawValue): \(report.scenario.summary); \(report.nodes) nodes in full \
            and compactly, seed \(report.seed)
            \(table.text)
            medians in ms, counts, octets per node and s; apart: ten-thousandths of the distance of \
            Kolmogorov and Smirnov or of the octets, thousandths of the square of a share's deviation
            """
    }

    /// Figures in the order of the table; of a distribution its median and its 99th percentile.
    private static let rows: [(String, String)] = [
        ("first suspicion, ms", "firstSuspicionMilliseconds"),
        ("first drain, ms", "firstDrainMilliseconds"),
        ("drained at half, ms", "halfDrainedMilliseconds"),
        ("first dead, ms", "firstDeadMilliseconds"),
        ("then dead at 99 %, ms", "dead99Milliseconds"),
        ("then dead everywhere, ms", "deadEverywhereMilliseconds"),
        ("crashes", "crashes"),
        ("not heard of everywhere", "crashesMissed"),
        ("told to half, ms", "told50Milliseconds"),
        ("told to 99 %, ms", "told99Milliseconds"),
        ("told to all, ms", "toldEverywhereMilliseconds"),
        ("rumours", "rumours"),
        ("not told to all", "rumoursMissed"),
        ("false deaths", "falseDeaths"),
        ("  at healthy nodes", "falseDeathsAtHealthy"),
        ("false suspicions", "falseSuspicions"),
        ("wrongly drained, millionths", "wronglyDrainedMillionths"),
        ("most drained, thousandths", "drainedAtOnceThousandths"),
        ("admitted again, ms", "readmissionMilliseconds"),
        ("  well ones", "readmissionOfWellMilliseconds"),
        ("full view, ms", "fullViewMilliseconds"),
        ("never a full view", "runsWithoutFullView"),
        ("distinct sizes", "distinctSizes"),
        ("changes of views", "viewChanges"),
        ("lacking at the end", "missingAtEnd"),
        ("gone and still there", "strangersAtEnd"),
        ("octets per node and s", "octetsPerNodeSecond"),
        ("  of probes", "probeOctetsPerNodeSecond"),
        ("  of gossip", "gossipOctetsPerNodeSecond"),
        ("  of exchanges", "exchangeOctetsPerNodeSecond"),
        ("datagrams", "datagrams"),
        ("answered over streams only", "answeredOverStreams"),
        ("longest queue", "queueDepthMax"),
    ]

    static func cell(_ figures: Figure, _ name: String) -> String {
        guard let figure = figures[name] else { return "-" }
        if let number = figure.number { return String(number) }
        guard let median = figure["median"]?.number, let p99 = figure["p99"]?.number else {
            return "-"
        }
        return "\(median) / \(p99)"
    }
}
