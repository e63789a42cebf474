/// What came of a simulated Raft cluster at several seeds.
package struct RaftReport: Sendable {
    /// The first run in which something did not hold.
    package struct Failure: Sendable {
        package let seed: UInt64
        package let violation: String
        /// The last things that happened.
        package let transcript: [String]
    }

    package let plan: RaftCluster.Plan
    package let seeds: Int
    package private(set) var figures = RaftFigures()
    package private(set) var failure: Failure?
    /// Runs in which something did not hold.
    package private(set) var failures = 0

    /// Runs the plan at its seed and those after it.
    package init(_ plan: RaftCluster.Plan, seeds: Int) {
        self.plan = plan
        self.seeds = seeds
        for number in 0..<UInt64(seeds) {
            var run = plan
            run.seed = plan.seed &+ number
            let cluster = RaftCluster(run)
            cluster.run()
            figures.add(cluster.figures)
            guard let violation = cluster.violation else { continue }
            failures += 1
            if failure == nil {
                failure = Failure(
                    seed: run.seed,
                    violation: violation,
                    transcript: cluster.transcript
                )
            }
        }
    }

    /// Faults that were to happen and never did.
    package var missing: [RaftFaultKind] {
        RaftFaultKind.allCases.filter { plan.faults.contains($0) && figures.faults[$0] == 0 }
    }

    package var document: Figure {
        let counts: [(String, Int)] = [
            ("events", figures.events), ("messages", figures.messages), ("syncs", figures.syncs),
            ("elections", figures.elections), ("applied", figures.applied),
            ("snapshots", figures.snapshots), ("restores", figures.restores),
            ("pieces", figures.pieces), ("repairs", figures.repairs), ("stuck", figures.stuck),
            ("answered", figures.answered), ("refused", figures.refused),
            ("doubtful", figures.doubtful), ("reads", figures.reads), ("keys", figures.keys),
            ("unjudged", figures.unjudged), ("invariants", figures.invariants),
            ("violations", failures), ("digest", Int(figures.digest >> 1)),
        ]
        let faults = RaftFaultKind.allCases.map { kind in
            (kind.rawValue, Figure.number(UInt64(figures.faults[kind])))
        }
        var members: [(String, Figure)] = [
            ("nodes", .number(UInt64(plan.nodes))), ("seed", .number(plan.seed)),
            ("seeds", .number(UInt64(seeds))), ("virtualSeconds", .number(figures.virtualSeconds)),
        ]
        members += counts.map { ($0.0, .number(UInt64($0.1))) }
        members += [
            ("answerMicroseconds", .group(figures.latencies.figures(unit: 1000))),
            (
                "silentFailoverMilliseconds",
                .group(figures.silentFailovers.figures(unit: 1_000_000))
            ),
            (
                "noticedFailoverMilliseconds",
                .group(figures.noticedFailovers.figures(unit: 1_000_000))
            ),
            ("faults", .group(faults)),
        ]
        if let failure {
            members += [
                ("failedSeed", .number(failure.seed)), ("violation", .text(failure.violation)),
            ]
        }
        return .group(members)
    }
}
