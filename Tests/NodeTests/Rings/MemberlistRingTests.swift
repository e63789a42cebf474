import Base
import Gossip
import GossipNode
import GossipWire
import Testing

/// Our nodes in rings of memberlist nodes, which have a delegate of their own.
@Suite(
    "Rings with memberlist nodes",
    Requirement.namespaces,
    Requirement.memberlist,
    .timeLimit(.minutes(5))
)
struct MemberlistRingTests {
    /// How a ring speaks: what the peers are started with, and ours.
    struct Dialect: Sendable, CustomTestStringConvertible {
        let name: String
        var flags: [String] = []
        var keys: [[UInt8]] = []
        var adjust: @Sendable (inout GossipSettings) -> Void = { _ in }
        /// The address of the node with that number.
        var address: @Sendable (Int) -> String = { "127.0.0.\($0):7946" }

        var testDescription: String { name }
    }

    private static func key(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x5a, count: count) }

    private static func sealed(_ name: String, _ octets: Int, _ flags: String...) -> Dialect {
        let hex = String(repeating: "5a", count: octets)
        return Dialect(name: name, flags: ["-key", hex] + flags, keys: [key(octets)])
    }

    private static let padded: Dialect = {
        var dialect = sealed("AES-256, padded, protocol 1", 32, "-proto", "1")
        dialect.adjust = { $0.sealVersion = .padded }
        return dialect
    }()

    static let dialects: [Dialect] = [
        Dialect(name: "plain"),
        Dialect(
            name: "uncompressed, protocol 5",
            flags: ["-compress=false", "-proto", "5"],
            adjust: { $0.compressedFrom = nil }
        ),
        Dialect(name: "protocol 4 without checksums sent", flags: ["-proto", "4"]),
        sealed("AES-128", 16),
        sealed("AES-192", 24, "-compress=false"),
        padded,
        Dialect(name: "datagrams of 8000 octets", flags: ["-udp", "8000"]),
        Dialect(name: "IPv6", address: { "[::1]:\(7000 + $0)" }),
    ]

    private static func node(
        _ ring: RingSpace,
        _ name: String,
        _ number: Int,
        _ dialect: Dialect
    ) throws -> RingNode {
        let keys = try KeyRing(dialect.keys.map { try RingKey($0) })
        return try ring.node(name, at: dialect.address(number)) { settings in
            settings.keys = keys
            dialect.adjust(&settings)
        }
    }

    /// A whole life: joining either way, a crash of either, a frozen peer that comes to itself and speaks,
    /// updates, leaving and coming back.
    @Test("a ring of both kinds holds together, however it speaks", arguments: dialects)
    func life(dialect: Dialect) async throws {
        try await withRingSpace { ring in
            let one = try await ring.peer("g1", at: dialect.address(1), dialect.flags)
            let node = try Self.node(ring, "w1", 2, dialect)
            try node.up(dialect.address(1))
            // Joined by us and joined to us.
            let flags = dialect.flags + ["-join", dialect.address(2), "-meta", "m1"]
            let two = try await ring.peer("g2", at: dialect.address(3), flags)
            let all: Set = ["g1", "g2", "w1"]
            #expect(await node.shows(all))
            #expect(await one.shows(all))
            #expect(await two.shows(all))
            let joined = try await two.event("joined")
            #expect(joined["n"].number == 1 && joined["err"].isNull)
            #expect(try await node.reports()["g2"]?.meta == Array("m1".utf8))

            try node.update(meta: "w-meta")
            #expect(await one.says("update", of: "w1"))
            try await two.ask("meta m2", "meta")
            let isUpdated = await eventually(within: 10) {
                (try? await node.reports()["g2"]?.meta) == Array("m2".utf8)
            }
            #expect(isUpdated)
            let ping = try await one.ask("ping w1", "pinged")
            #expect(ping["err"].isNull)

            // Suspected and back: nobody was given up.
            try await Self.suspectAndRefute(node, one, two)

            await two.crash()
            #expect(await node.shows("g2", .dead, within: 30), "\(node.events.suffix(12))")
            #expect(await one.shows(["g1", "w1"]))
            try await two.up()
            #expect(await node.shows(all))
            #expect(await one.shows(all))
            node.crash()
            #expect(await one.shows(["g1", "g2"]))
            #expect(await two.shows(["g1", "g2"]))
            try node.up(dialect.address(3))
            #expect(await node.shows(all))
            #expect(await one.shows(all))

            try await node.leave()
            #expect(await one.shows(["g1", "g2"], within: 5))
            node.crash()
            try node.up(dialect.address(1))
            #expect(await node.shows(all))
            #expect(await one.shows(all))
            #expect(await two.shows(all))
            try await two.ask("leave", "left")
            #expect(await node.shows("g2", .left, within: 5))
            let counts = try await node.counts().membership
            #expect(counts.exchangesIncompatible == 0 && counts.conflicts == 0)
        }
    }

    /// A peer that sleeps for a moment is accused, hears of it when it wakes, and contradicts.
    private static func suspectAndRefute(
        _ node: RingNode,
        _ one: MemberlistPeer,
        _ two: MemberlistPeer
    ) async throws {
        let before = try await node.reports()["g2"]?.incarnation
        two.freeze(true)
        let isSuspected = await eventually(within: 8) {
            node.events.contains(.suspected(NodeName("g2")))
        }
        two.freeze(false)
        #expect(isSuspected)
        #expect(await node.shows("g2", .alive))
        let after = try await node.reports()["g2"]?.incarnation
        #expect(after.map { later in before.map { later > $0 } ?? false } == true)
        #expect(!node.events.contains(.died(NodeName("g2"))))
        #expect(try await one.members().contains("g2"))
    }

    @Test("a peer that only we can reach is kept alive through us, and we through a peer")
    func indirect() async throws {
        try await withRingSpace { ring in
            let one = try await ring.peer("g1", 1)
            let node = try ring.node("w1", at: "127.0.0.2:7946")
            try node.up("127.0.0.1")
            let two = try await ring.peer("g2", 3, "-join", "127.0.0.2:7946")
            let all: Set = ["g1", "g2", "w1"]
            #expect(await node.shows(all))
            #expect(await one.shows(all))
            #expect(await two.shows(all))
            try await ring.cut("127.0.0.1", "127.0.0.3")
            try await Task.sleep(for: .seconds(8))
            #expect(try await one.members() == all)
            #expect(try await two.members() == all)
            try await ring.heal()
            try await ring.cut("127.0.0.2", "127.0.0.3")
            try await Task.sleep(for: .seconds(8))
            #expect(try await one.members() == all)
            #expect(try await two.members() == all)
            #expect(await node.shows(all, within: 1))
        }
    }

    @Test("keys are changed one by one while everybody stays")
    func rotation() async throws {
        let (old, new) = (Self.key(16), [UInt8](repeating: 0x11, count: 32))
        let newHex = String(repeating: "11", count: 32)
        let oldHex = String(repeating: "5a", count: 16)
        try await withRingSpace { ring in
            let peer = try await ring.peer("g1", 1, "-key", oldHex)
            let ours = try KeyRing([RingKey(old)])
            let node = try ring.node("w1", at: "127.0.0.2:7946") { $0.keys = ours }
            try node.up("127.0.0.1")
            #expect(await node.shows(["g1", "w1"]))
            #expect(await peer.shows(["g1", "w1"]))
            let newKey = try RingKey(new)
            let oldKey = try RingKey(old)
            // Each step is taken by one before the other: both orders have to work.
            try await node.change(.add(newKey))
            try await peer.ask("key add \(newHex)", "key")
            try await peer.ask("key use \(newHex)", "key")
            #expect(try await peer.ask("ping w1", "pinged")["err"].isNull)
            try await node.change(.use(newKey))
            #expect(try await peer.ask("ping w1", "pinged")["err"].isNull)
            try await node.change(.remove(oldKey))
            #expect(try await peer.ask("key rm \(oldHex)", "key")["err"].isNull)
            try await Task.sleep(for: .seconds(4))
            #expect(try await peer.members() == ["g1", "w1"])
            #expect(await node.shows(["g1", "w1"], within: 1))
            // With the old key alone nobody gets in.
            let late = try await ring.peer("g3", 3, "-key", oldHex, "-join", "127.0.0.2:7946")
            #expect(try await late.event("joined")["n"].number == 0)
            #expect(try await node.reports()["g3"] == nil)
        }
    }

    @Test(
        "another ring's label, another delegate's versions and a missing key are refused by both sides"
    )
    func strangers() async throws {
        try await withRingSpace { ring in
            let peer = try await ring.peer("g1", 1)
            let label = try RingLabel(Array("other".utf8))
            let labelled = try ring.node("w1", at: "127.0.0.2:7946") { $0.label = label }
            let keys = try KeyRing([RingKey(Self.key(32))])
            let sealed = try ring.node("w2", at: "127.0.0.3:7946") { $0.keys = keys }
            let serf = try ring.node("w3", at: "127.0.0.4:7946") { $0.speakSerf() }
            for node in [labelled, sealed, serf] {
                try node.up("127.0.0.1")
                let isRefused = await eventually(within: 10) {
                    node.events.contains { event in
                        if case .joinFailed = event { true } else { false }
                    }
                }
                #expect(isRefused, "\(node.name): \(node.events)")
                #expect(try await node.reports().count == 1)
            }
            #expect(try await peer.members() == ["g1"])
            for host in 2...4 {
                let joined = try await peer.ask("join 127.0.0.\(host):7946", "joined", within: 20)
                #expect(joined["n"].number == 0, "\(joined)")
            }
            #expect(try await peer.members() == ["g1"])
            #expect(try await labelled.reports().count == 1)
            #expect(try await sealed.reports().count == 1)
        }
    }

    @Test("a name that is claimed at two addresses stays with who had it")
    func conflict() async throws {
        try await withRingSpace { ring in
            let peer = try await ring.peer("g1", 1)
            let node = try ring.node("w1", at: "127.0.0.2:7946")
            try node.up("127.0.0.1")
            #expect(await node.shows(["g1", "w1"]))
            #expect(await peer.shows(["g1", "w1"]))
            let other = try ring.node("g1", at: "127.0.0.3:7946")
            try other.up("127.0.0.2")
            let isSeen = await eventually(within: 10) {
                node.events.contains { event in
                    if case .conflict(NodeName("g1"), _) = event { true } else { false }
                }
            }
            #expect(isSeen, "\(node.events)")
            #expect(try await node.reports()["g1"]?.address?.description == "127.0.0.1:7946")
            #expect(try await peer.members() == ["g1", "w1"])
        }
    }
}
