/// The situations in which sets of rules are held against each other.
///
/// Each makes its episodes from a seed and a few sizes, and says which faults have to have happened.
/// Source: gossip-scale.md §1.9.
package enum Scenario: String, Hashable, Sendable, CaseIterable {
    /// Machines crash.
    case crash = "D1"
    /// Nodes are blocked once (Lifeguard's Threshold).
    case threshold = "D2"
    /// Nodes are blocked again and again (Lifeguard's Interval).
    case interval = "F1"
    /// Processes stop again and again.
    case starvation = "F2"
    /// Nodes that hear and are not heard, and such that lose most datagrams (Rapid).
    case flipFlop = "F3"
    /// One rumour.
    case rumour = "S1"
    /// All join through one.
    case joinStorm = "J1"
    /// The ring is cut in two.
    case partition = "P1"
    /// A quarter of the ring is heard and hears nobody.
    case oneWay = "P2"
    /// Datagrams of some nodes get nowhere, streams pass.
    case streamsOnly = "U1"
    /// Clocks are set and jump, and datagrams come twice.
    case clocks = "H1"
    /// One node after the other starts again.
    case rollingRestart = "R1"
    /// All start again.
    case massRestart = "R2"
    /// Nodes come and go.
    case churn = "C1"
    /// Nothing happens.
    case rest = "I1"

    /// What a run may be told.
    package struct Sizes: Hashable, Sendable {
        package var nodes: Int?
        /// Per cent of datagrams that are lost.
        package var loss: UInt32 = 0
        /// Crashes, rumours or cells of the grid; nil for a few.
        package var cases: Int?

        package init(nodes: Int? = nil, loss: UInt32 = 0, cases: Int? = nil) {
            self.nodes = nodes
            self.loss = loss
            self.cases = cases
        }
    }

    package var summary: String {
        switch self {
        case .crash: "machines crash without a word"
        case .threshold: "nodes are blocked once"
        case .interval: "nodes are blocked again and again"
        case .starvation: "processes stop again and again"
        case .flipFlop: "nodes are half cut off, then lose most datagrams"
        case .rumour: "one rumour at a time"
        case .joinStorm: "all join through one seed"
        case .partition: "the ring is cut in two"
        case .oneWay: "a quarter of the ring is heard and hears nobody"
        case .streamsOnly: "some nodes have streams and no datagrams"
        case .clocks: "clocks are set and jump, datagrams come twice"
        case .rollingRestart: "one node after the other starts again"
        case .massRestart: "all nodes start again within a minute"
        case .churn: "nodes join, leave and crash"
        case .rest: "a ring at rest"
        }
    }

    /// Nodes where none are asked for: a run of all usual presets takes a few seconds.
    package var nodesUsual: Int {
        switch self {
        case .crash, .interval, .threshold: 128
        case .starvation: 100
        case .flipFlop: 100
        case .rumour: 99
        case .joinStorm: 100
        case .partition, .rollingRestart, .massRestart: 64
        case .oneWay, .streamsOnly, .clocks: 64
        case .churn, .rest: 100
        }
    }

    /// Faults that have to have happened, or the run proves nothing.
    package func expected(_ sizes: Sizes) -> [FaultName] {
        let lost: [FaultName] = sizes.loss > 0 ? [.drop] : []
        switch self {
        case .crash: return [.crash] + lost
        case .threshold, .interval: return [.block] + lost
        case .starvation: return [.stop] + lost
        case .flipFlop: return [.nodeLoss, .drop]
        case .rumour, .joinStorm, .rest: return lost
        case .partition: return [.partition, .walled] + lost
        case .oneWay: return [.partition, .walled, .oneWay] + lost
        case .streamsOnly: return [.noDatagrams, .walled] + lost
        case .clocks: return [.setClock, .jump, .duplicate, .crash, .restart] + lost
        case .rollingRestart, .massRestart: return [.crash, .restart] + lost
        case .churn: return [.crash, .leave] + lost
        }
    }

    package func episodes(_ sizes: Sizes, seed: UInt64) -> [Episode] {
        let nodes = sizes.nodes ?? nodesUsual
        var maker = EpisodeMaker(nodes: nodes, seed: seed, loss: sizes.loss)
        var episodes: [Episode]
        switch self {
        case .crash: episodes = [maker.crash(sizes.cases ?? max(1, nodes / 64))]
        case .threshold: episodes = [maker.threshold(blocked: max(1, nodes / 16), for: 16_384)]
        case .interval: episodes = maker.interval(cells: sizes.cases ?? 2)
        case .starvation: episodes = [maker.starvation(stopped: sizes.cases ?? 8)]
        case .flipFlop: episodes = [maker.flipFlop(), maker.heavyLoss()]
        case .rumour: episodes = [maker.rumours(sizes.cases ?? 50)]
        case .joinStorm: episodes = [maker.joinStorm()]
        case .partition: episodes = [maker.partition(milliseconds: 30_000)]
        case .oneWay: episodes = [maker.oneWay(milliseconds: 30_000)]
        case .streamsOnly: episodes = [maker.streamsOnly()]
        case .clocks: episodes = [maker.clocks()]
        case .rollingRestart: episodes = [maker.rollingRestart(sizes.cases ?? min(nodes / 2, 24))]
        case .massRestart: episodes = [maker.massRestart()]
        case .churn: episodes = [maker.churn(minutes: sizes.cases ?? 2)]
        case .rest: episodes = [maker.rest()]
        }
        for index in episodes.indices { episodes[index].arrange() }
        return episodes
    }
}
