import Foundation
import Synchronization
import Testing

/// A namespace for one ring, with all that takes part in it.
///
/// Loopback has more addresses than anybody needs, so every node has one, and the usual port.
final class RingSpace: Sendable {
    let space: Namespace
    private let ends = Mutex<[@Sendable () async -> Void]>([])

    fileprivate init(_ space: Namespace) {
        self.space = space
    }

    /// Starts a serf agent at 127.0.0.`host`.
    func serf(_ name: String, _ host: Int, _ flags: String...) async throws -> SerfAgent {
        let agent = try SerfAgent(name, at: "127.0.0.\(host)", in: space, flags: flags)
        atEnd { await agent.discard() }
        try await agent.up()
        return agent
    }

    /// Starts a memberlist node at 127.0.0.`host`.
    func peer(_ name: String, _ host: Int, _ flags: String...) async throws -> MemberlistPeer {
        try await peer(name, at: "127.0.0.\(host):7946", flags)
    }

    func peer(_ name: String, at address: String, _ flags: [String]) async throws -> MemberlistPeer
    {
        let peer = try MemberlistPeer(name, at: address, in: space, flags: flags)
        atEnd { await peer.discard() }
        try await peer.up()
        return peer
    }

    /// Neither of the two hears the other from now on, and no stream reaches either: those of everybody
    /// come from loopback's first address.
    func cut(_ one: String, _ other: String) async throws {
        var rules = "table inet cut { chain input { type filter hook input priority 0;\n"
        for (from, to) in [(one, other), (other, one)] {
            rules += "ip saddr \(from) ip daddr \(to) udp dport 7946 drop\n"
            rules += "ip daddr \(to) tcp dport 7946 drop\n"
        }
        try await NodeTests.require(
            "ip netns exec \(space.name) nft -f -",
            input: rules + "}\n}\n"
        )
    }

    /// Everybody hears everybody again.
    func heal() async throws {
        try await NodeTests.require("ip netns exec \(space.name) nft delete table inet cut")
    }

    func atEnd(_ end: @escaping @Sendable () async -> Void) {
        ends.withLock { $0.append(end) }
    }

    fileprivate func discard() async {
        for end in ends.withLock({ $0 }).reversed() { await end() }
    }
}

/// Runs `body` with a ring in a namespace of its own, and ends all of it in every case.
func withRingSpace<Result: Sendable>(
    _ body: (RingSpace) async throws -> Result
) async throws -> Result {
    try await withNamespace { space in
        let ring = RingSpace(space)
        do {
            let result = try await body(ring)
            await ring.discard()
            return result
        } catch {
            await ring.discard()
            throw error
        }
    }
}

/// How long it may take until all members of a ring of the profile `local` know something.
///
/// There everybody tells a thing twice: of five members one or more hear nothing in a quarter of all
/// cases, and of three where both tellings go to whom it is about. They hear it when tables are
/// exchanged, which peers begin within 30 s of their start and do every 15 s.
enum Spread {
    static let seconds = 40.0
}

extension Requirement {
    /// serf, whose agents the rings of its tests are made of.
    static let serf: ConditionTrait = tools("serf")

    /// The memberlist node, which is built here.
    static let memberlist: ConditionTrait = .enabled("a Go compiler and memberlist's sources") {
        guard Tool.has("go") else { return false }
        if case .success = await MemberlistPeer.program.value { return true }
        return false
    }
}
