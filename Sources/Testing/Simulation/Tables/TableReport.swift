/// What came of one scenario at one seed, for all presets that ran.
package struct TableReport: Sendable {
    package let scenario: TableScenario
    package let sizes: TableScenario.Sizes
    package let seed: UInt64
    package let nodes: Int
    package let records: Int
    /// Of all presets together.
    package let happened: Happenings
    package let results: [(preset: TablePreset, seen: TableObservations)]

    /// Runs every preset through the scenario's episodes.
    package init(
        _ scenario: TableScenario,
        _ sizes: TableScenario.Sizes,
        seed: UInt64,
        presets: [TablePreset]
    ) {
        self.scenario = scenario
        self.sizes = sizes
        self.seed = seed
        let episodes = scenario.episodes(sizes, seed: seed)
        nodes = sizes.nodes ?? scenario.nodesUsual
        records = sizes.records ?? scenario.recordsUsual
        var happened = Happenings()
        results = presets.map { preset in
            var total = TableObservations()
            for episode in episodes {
                let (seen, what) = episode.run(by: preset)
                total.add(seen)
                happened.add(what)
            }
            return (preset, total)
        }
        self.happened = happened
    }

    // MARK: What must hold

    package var invariants: [RunReport.Invariant] {
        let safe = results.filter { $0.preset.isSafe }
        func sum(
            _ name: String,
            of results: [(preset: TablePreset, seen: TableObservations)],
            _ checked: (TableObservations) -> Int,
            _ violations: (TableObservations) -> Int
        ) -> RunReport.Invariant {
            RunReport.Invariant(
                name: name,
                checked: results.reduce(0) { $0 + checked($1.seen) },
                violations: results.reduce(0) { $0 + violations($1.seen) }
            )
        }
        let expected = scenario.expected(sizes)
        return [
            // NetworkDB's own rules lose and revive records; ours may not.
            sum("noneLost", of: safe, { $0.judged.checked }, { $0.judged.lost }),
            sum("noZombies", of: safe, { $0.judged.checked }, { $0.judged.zombies }),
            sum(
                "noneLostNorZombieMeanwhile",
                of: safe,
                { $0.sampled.checked },
                { $0.sampled.lost + $0.sampled.zombies }
            ),
            sum("comesToRest", of: safe, { $0.runs }, { $0.unsettled }),
            sum("versionsRise", of: safe, { $0.changes }, { $0.backwards }),
            sum("changesFold", of: results, { $0.streamChecked }, { $0.streamBroken }),
            sum("memoryBounded", of: results, { $0.boundsChecked }, { $0.boundsBroken }),
            sum("encodingAgrees", of: results, { $0.codecChecked }, { $0.codecBroken }),
            RunReport.Invariant(
                name: "faultsHappened",
                checked: expected.count,
                violations: expected.filter { happened[$0] == 0 }.count
            ),
        ]
    }

    package var isGood: Bool { invariants.allSatisfy { $0.violations == 0 } }

    package var document: Figure {
        .group([
            ("scenario", .text(scenario.rawValue)), ("seed", .number(seed)),
            ("nodes", .number(UInt64(nodes))), ("records", .number(UInt64(records))),
            (
                "happened",
                .group(happened.happened.map { ($0.0.rawValue, .number($0.1)) })
            ),
            (
                "invariants",
                .group(
                    invariants.map { invariant in
                        (
                            invariant.name,
                            .group([
                                ("checked", .number(UInt64(invariant.checked))),
                                ("violations", .number(UInt64(invariant.violations))),
                            ])
                        )
                    }
                )
            ),
            ("figures", .group(results.map { ($0.preset.name, $0.seen.figures) })),
        ])
    }
}
