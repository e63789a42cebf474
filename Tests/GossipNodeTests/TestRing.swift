import Base
import Gossip
import GossipNode
import GossipWire
import LinuxSystem
import Testing

/// A node on loopback that lives as long as its test, and what a test asks it.
final class TestNode: Sendable {
    let node: GossipNode
    let name: NodeName
    var address: PeerAddress { node.endpoint }

    /// memberlist's times, three times as fast: busy machines keep threads waiting.
    static let rules: MembershipRules = {
        var rules = MembershipRules(
            probeInterval: 300,
            probeTimeout: 200,
            indirectProbes: 3,
            suspicion: Suspicion.Rules(
                multiplier: 4,
                maxMultiplier: 2,
                probeIntervalMilliseconds: 300
            ),
            retransmitMultiplier: 4,
            gossipInterval: 30,
            gossipFanout: 3,
            gossipToTheDead: 3000,
            pushPullInterval: 2000,
            streamTimeout: 1500
        )
        rules.joinRetry = 100
        rules.leaveTimeout = 1500
        return rules
    }()

    init(
        _ name: String,
        port: UInt16 = 0,
        incarnation: UInt32 = 1,
        _ change: (inout GossipSettings) -> Void = { _ in },
        onEvents: @escaping @Sendable () -> Void = {}
    ) throws {
        self.name = NodeName(name)
        var settings = GossipSettings(
            name: self.name,
            bind: SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: port),
            incarnation: Incarnation(incarnation)
        )
        settings.rules = Self.rules
        change(&settings)
        node = try GossipNode(settings, onEvents: onEvents)
    }

    deinit { node.stop() }

    func members() async throws -> [MemberReport] {
        try await GossipNode.answer { node.members($0) }
    }

    func counts() async throws -> NodeCounts {
        try await GossipNode.answer { node.counts($0) }
    }

    func keys(_ change: KeyChange? = nil) async throws -> [KeyReport] {
        try await GossipNode.answer { node.keys(change, $0) }
    }

    func leave() async throws {
        try await GossipNode.answer { node.leave($0) }
    }

    func state(of other: TestNode) async throws -> MemberState? {
        try await members().first { $0.name == other.name }?.state
    }

    /// Whether it sees all of `others` alive, and nobody else.
    func sees(_ others: [TestNode]) async throws -> Bool {
        let alive = try await members().filter { $0.state == .alive }.map(\.name)
        return Set(alive) == Set(others.map(\.name)) && alive.count == others.count
    }
}

/// Nodes that have found each other through the first of them.
func ring(
    _ count: Int,
    _ change: (inout GossipSettings) -> Void = { _ in }
) async throws -> [TestNode] {
    let nodes = try (0..<count).map { try TestNode("n\($0)", change) }
    for node in nodes.dropFirst() { node.node.join([nodes[0].address]) }
    try await wait("all see all") { try await allSeeAll(nodes) }
    return nodes
}

func allSeeAll(_ nodes: [TestNode]) async throws -> Bool {
    for node in nodes {
        guard try await node.sees(nodes) else { return false }
    }
    return true
}

struct TimeIsOver: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `isSo`, at most so long.
func wait(
    _ what: String,
    seconds: Double = 45,
    _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if try await isSo() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw TimeIsOver(description: "not within \(seconds) s: \(what)")
}

func key(_ first: UInt8, octets: Int = 16) throws -> RingKey {
    try RingKey((0..<octets).map { first &+ UInt8($0) })
}
