/// The situations in which sets of rules for tables are held against each other.
///
/// Each makes its episodes from a seed and a few sizes, and says what has to have happened. Source:
/// gossip-scale.md §1.9.
package enum TableScenario: String, Hashable, Sendable, CaseIterable {
    /// One node writes many records at once.
    case burst = "T1"
    /// Nodes write again and again.
    case sustained = "T2"
    /// Nothing happens.
    case idle = "T3"
    /// All nodes join through one.
    case boot = "J1"
    /// Nodes attach themselves to a network with many records.
    case attachStorm = "J2"
    /// The ring is cut.
    case partition = "P1"
    /// One node after the other starts again.
    case rollingRestart = "R1"
    /// Nodes come and go.
    case churn = "C1"
    /// What moby's own tests do to a small ring, one after the other.
    case perturbations = "A1"

    /// What a run may be told.
    package struct Sizes: Hashable, Sendable {
        package var nodes: Int?
        package var records: Int?
        /// Per cent of datagrams that are lost.
        package var loss: UInt32 = 0
        /// Updates in 1,000 s.
        package var updates: Int?
        /// Seconds of what lasts: a cut, idleness, updates.
        package var seconds: Int?
        /// Which kind of a cut or of a restart; see the scenario.
        package var kind: Int?

        package init() {}
    }

    package var summary: String {
        switch self {
        case .burst: "one node writes all records at once"
        case .sustained: "nodes update their records again and again"
        case .idle: "nothing happens"
        case .boot: "all nodes join through one and attach themselves"
        case .attachStorm: "a tenth of the nodes attach themselves to a network with records"
        case .partition: "the ring is cut, and both sides go on"
        case .rollingRestart: "one node after the other starts again"
        case .churn: "nodes join, leave and crash while others write"
        case .perturbations: "one thing happens to a small ring, then the next"
        }
    }

    /// Nodes where none are asked for: a run of the usual presets takes some seconds.
    package var nodesUsual: Int {
        switch self {
        case .burst: 5
        case .sustained, .idle, .attachStorm, .boot: 100
        case .partition, .rollingRestart, .churn: 32
        case .perturbations: 25
        }
    }

    package var recordsUsual: Int {
        switch self {
        case .burst, .sustained: 200
        case .idle, .attachStorm: 1000
        case .partition, .rollingRestart, .churn: 320
        case .boot: 1
        case .perturbations: 100
        }
    }

    /// What has to have happened, or the run proves nothing.
    package func expected(_ sizes: Sizes) -> [Happening] {
        let lost: [Happening] = sizes.loss > 0 ? [.drop] : []
        switch self {
        case .burst, .sustained: return [.write] + lost
        case .idle: return lost
        case .boot, .attachStorm: return [.attach] + lost
        case .partition:
            return [.partition, .walled, .writeInSplit, .deleteInSplit, .crossedTombstone] + lost
        case .rollingRestart:
            return [sizes.kind == 2 ? .terminate : .crash, .restart, .attach]
                + (sizes.kind == 1 ? [] : [.rewrite]) + lost
        case .churn: return [.crash, .leave, .write, .delete, .attach] + lost
        case .perturbations: return [.write, .delete, .attach, .detach, .leave] + lost
        }
    }

    package func episodes(_ sizes: Sizes, seed: UInt64) -> [TableEpisode] {
        var maker = TableEpisodeMaker(
            nodes: sizes.nodes ?? nodesUsual,
            records: sizes.records ?? recordsUsual,
            seed: seed,
            loss: sizes.loss
        )
        var episodes: [TableEpisode]
        switch self {
        case .burst: episodes = [maker.burst(kind: sizes.kind ?? 0, seconds: sizes.seconds)]
        case .sustained:
            episodes = [
                maker.sustained(updates: sizes.updates ?? 2000, seconds: sizes.seconds ?? 60)
            ]
        case .idle: episodes = [maker.idle(seconds: sizes.seconds ?? 120)]
        case .boot: episodes = [maker.boot()]
        case .attachStorm: episodes = [maker.attachStorm()]
        case .partition:
            let kinds = sizes.kind.map { [$0] } ?? [0, 1, 2, 3]
            episodes = kinds.map { maker.partition(kind: $0, seconds: sizes.seconds ?? 30) }
        case .rollingRestart: episodes = [maker.rollingRestart(kind: sizes.kind ?? 0)]
        case .churn: episodes = [maker.churn(seconds: sizes.seconds ?? 120)]
        case .perturbations: episodes = maker.perturbations()
        }
        for index in episodes.indices { episodes[index].arrange() }
        return episodes
    }
}
