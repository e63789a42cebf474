import Gossip

/// What came of one scenario at one seed, for all presets that ran.
package struct RunReport: Sendable {
    package let scenario: Scenario
    package let model: Model
    package let sizes: Scenario.Sizes
    package let seed: UInt64
    package let nodes: Int
    package private(set) var virtualSeconds: UInt64
    /// Seeds from `seed` on that are in it.
    package private(set) var seeds = 1
    /// Of all presets together.
    package private(set) var faults: FaultCounts
    package private(set) var results: [(preset: Preset, seen: Observations)]

    /// Runs every preset through the scenario's episodes.
    package init(
        _ scenario: Scenario,
        _ sizes: Scenario.Sizes,
        seed: UInt64,
        presets: [Preset],
        model: Model = .full
    ) {
        self.scenario = scenario
        self.model = model
        self.sizes = sizes
        self.seed = seed
        let episodes = model.episodes(scenario, sizes, seed: seed)
        nodes = sizes.nodes ?? scenario.nodesUsual
        virtualSeconds = episodes.reduce(0) { $0 + $1.milliseconds } / 1000
        var faults = FaultCounts()
        results = presets.map { preset in
            var total = Observations()
            for episode in episodes {
                let (seen, happened) = model.run(episode, by: preset)
                total.add(seen)
                faults.add(happened)
            }
            return (preset, total)
        }
        self.faults = faults
    }

    /// Adds what came of the next seed, for the same presets.
    package mutating func add(_ next: RunReport) {
        precondition(next.results.map(\.preset) == results.map(\.preset), "other presets")
        seeds += next.seeds
        virtualSeconds += next.virtualSeconds
        faults.add(next.faults)
        for index in results.indices { results[index].seen.add(next.results[index].seen) }
    }

    // MARK: What must hold

    package struct Invariant: Hashable, Sendable {
        package let name: String
        package let checked: Int
        package let violations: Int
    }

    package var invariants: [Invariant] {
        let expected = scenario.expected(sizes)
        // Rules that never look for the lost cannot be asked to find them.
        let healing = results.filter { $0.preset.rules.habits.contains(.rejoin) }
        let draining = results.filter { $0.preset.rules.habits.contains(.drain) }
        func sum(
            _ name: String,
            of results: [(preset: Preset, seen: Observations)],
            _ checked: (Observations) -> Int,
            _ violations: (Observations) -> Int
        ) -> Invariant {
            Invariant(
                name: name,
                checked: results.reduce(0) { $0 + checked($1.seen) },
                violations: results.reduce(0) { $0 + violations($1.seen) }
            )
        }
        return [
            sum("ringHeals", of: healing, { $0.pairsChecked }, { $0.missingAtEnd }),
            sum(
                "incarnationsRise",
                of: results,
                { $0.incarnationsChecked },
                { $0.incarnationsBackwards }
            ),
            sum("memoryBounded", of: results, { $0.boundsChecked }, { $0.boundsBroken }),
            sum("encodingAgrees", of: results, { $0.codecChecked }, { $0.codecBroken }),
            sum("drainedAtMostHalf", of: draining, { $0.drainChecked }, { $0.drainBroken }),
            Invariant(
                name: "faultsHappened",
                checked: expected.count,
                violations: expected.filter { faults[$0] == 0 }.count
            ),
        ]
    }

    package var isGood: Bool { invariants.allSatisfy { $0.violations == 0 } }

    // MARK: As a document

    /// Source: interface.md §7.
    package var document: Figure {
        let happened = faults.happened.map { ($0.0.rawValue, Figure.number($0.1)) }
        let checks = invariants.map { invariant in
            (
                invariant.name,
                Figure.group([
                    ("checked", .number(UInt64(invariant.checked))),
                    ("violations", .number(UInt64(invariant.violations))),
                ])
            )
        }
        let several = seeds > 1 ? [("seeds", Figure.number(UInt64(seeds)))] : []
        return .group(
            [
                ("scenario", .text(scenario.rawValue)), ("model", .text(model.rawValue)),
                ("seed", .number(seed)),
                ("nodes", .number(UInt64(nodes))), ("virtualSeconds", .number(virtualSeconds)),
                ("lossPercent", .number(UInt64(sizes.loss))), ("faults", .group(happened)),
                ("invariants", .group(checks)),
                ("figures", .group(results.map { ($0.preset.name, $0.seen.figures) })),
            ] + several
        )
    }
}
