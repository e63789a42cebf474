/// How a ring is played: by the production engine in every node, or by its rules without its tables.
package enum Model: String, Hashable, Sendable, CaseIterable {
    case full
    case compact

    /// Crashes where none are asked for, among more nodes than a full ring has.
    private static let crashesUsual = 16
    /// Milliseconds that a ring of more nodes than that is looked at.
    private static let millisecondsLarge: UInt64 = 120_000

    /// Nodes that it plays.
    package var nodes: ClosedRange<Int> {
        switch self {
        case .full: 2...2000
        // Of fewer the engine makes exceptions that a compact ring does not have.
        case .compact: 32...SimulatedName.nodesMax
        }
    }

    /// The one for so many nodes where none is asked for.
    package static func usual(nodes: Int) -> Model {
        nodes > Model.full.nodes.upperBound ? .compact : .full
    }

    package func plays(_ scenario: Scenario) -> Bool {
        switch self {
        case .full: true
        case .compact: scenario == .crash || scenario == .rumour
        }
    }

    /// The scenario's episodes; longer ones of fewer crashes where the ring is too large for a full one.
    func episodes(_ scenario: Scenario, _ sizes: Scenario.Sizes, seed: UInt64) -> [Episode] {
        var sizes = sizes
        let isLarge = (sizes.nodes ?? 0) > Model.full.nodes.upperBound
        if isLarge, scenario == .crash { sizes.cases = sizes.cases ?? Self.crashesUsual }
        var episodes = scenario.episodes(sizes, seed: seed)
        if isLarge, scenario == .crash {
            for index in episodes.indices {
                episodes[index].milliseconds = Self.millisecondsLarge
            }
        }
        return episodes
    }

    /// Plays an episode by one set of rules: what was seen, and which faults happened.
    package func run(
        _ episode: Episode,
        by preset: Preset
    ) -> (seen: Observations, faults: FaultCounts) {
        switch self {
        case .full: episode.run(by: preset)
        case .compact: CompactRing(episode, preset).run()
        }
    }
}
