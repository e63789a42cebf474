import Base
import Gossip
import GossipNode
import GossipWire
import Testing

@Suite("GossipNode: keys and labels", .serialized, .timeLimit(.minutes(3)))
struct KeyTests {
    @Test("A ring with keys of each length finds itself", arguments: [16, 24, 32])
    func sealed(octets: Int) async throws {
        let ringKey = try key(1, octets: octets)
        let nodes = try await ring(3) { $0.keys = try! KeyRing([ringKey]) }
        let counters = nodes[0].node.counters
        try await wait("datagrams go both ways") {
            counters[.sealed] > 0 && counters[.opened] > 0
        }
        #expect(counters[.openedByOlderKey] == 0)
        #expect(counters[.refusedSeal] == 0)
    }

    @Test("A ring sealed in the older way finds itself, and speaks with a newer node")
    func padded() async throws {
        let ringKey = try key(1)
        let nodes = try await ring(2) {
            $0.keys = try! KeyRing([ringKey])
            $0.sealVersion = .padded
        }
        let newer = try TestNode("newer") { $0.keys = try! KeyRing([ringKey]) }
        newer.node.join([nodes[0].address])
        try await wait("all") { try await allSeeAll(nodes + [newer]) }
    }

    @Test("A node with another key, or none, stays outside and is counted")
    func wrongKey() async throws {
        let ringKey = try key(1)
        let otherKey = try key(2)
        let nodes = try await ring(2) { $0.keys = try! KeyRing([ringKey]) }
        let stranger = try TestNode("stranger") { $0.keys = try! KeyRing([otherKey]) }
        let plain = try TestNode("plain")
        for outsider in [stranger, plain] { outsider.node.join([nodes[0].address]) }
        let counters = nodes[0].node.counters
        try await wait("refused") {
            counters[.streamFaultSeal] >= 2 && counters[.streamFaultPlain] >= 2
        }
        // The other end is told why.
        #expect(counters[.errorsSent] >= 4)
        // Sealed like everything in that ring: who has no key cannot read it.
        try await wait("told") { plain.node.counters[.streamFaultSeal] >= 1 }
        #expect(try await allSeeAll(nodes))
        #expect(try await stranger.sees([stranger]))
        #expect(try await plain.sees([plain]))
    }

    @Test("Keys are changed at run time and nobody is lost on the way")
    func rotation() async throws {
        let (old, new) = (try key(1), try key(2, octets: 32))
        let nodes = try await ring(4) { $0.keys = try! KeyRing([old]) }
        for node in nodes { _ = node.node.takeEvents() }
        for change in [KeyChange.add(new), .use(new), .remove(old)] {
            for node in nodes {
                _ = try await node.keys(change)
                // While some have done it and some have not.
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        let openedBefore = nodes.map { $0.node.counters[.opened] }
        try await wait("all speak with the new key") {
            zip(nodes, openedBefore).allSatisfy { $0.node.counters[.opened] > $1 + 4 }
        }
        #expect(try await allSeeAll(nodes))
        for node in nodes {
            #expect(node.node.counters[.refusedSeal] == 0)
            let losses = node.node.takeEvents().events.filter { event in
                switch event.event {
                case .died, .left: true
                default: false
                }
            }
            #expect(losses.isEmpty)
            let keys = try await node.keys()
            #expect(keys.map(\.bits) == [256])
            #expect(keys.map(\.isPrimary) == [true])
        }
        #expect(nodes.contains { $0.node.counters[.openedByOlderKey] > 0 })
    }

    @Test("What a ring of keys does not take is refused, and changes nothing")
    func refusals() async throws {
        let (first, second) = (try key(1), try key(2))
        let node = try TestNode("n") { $0.keys = try! KeyRing([first, second]) }
        for (change, fault) in [
            (KeyChange.add(second), KeyRingFault.duplicate), (.use(try key(3)), .unknown),
            (.remove(first), .primary), (.remove(try key(3)), .unknown),
        ] {
            await #expect(throws: GossipNodeError.keys(fault)) { try await node.keys(change) }
        }
        let keys = try await node.keys()
        // The first digits of SHA-256 over 01...10 and 02...11, by another hand.
        #expect(keys.map(\.fingerprint) == ["5dfbabee", "c86af8bd"])
        #expect(keys.map(\.isPrimary) == [true, false])
    }

    @Test("The first key turns encryption on")
    func firstKey() async throws {
        let ringKey = try key(7)
        let nodes = try await ring(2) { $0.acceptsPlain = true }
        #expect(nodes[0].node.counters[.sealed] == 0)
        for node in nodes { _ = try await node.keys(.add(ringKey)) }
        try await wait("sealed both ways") {
            nodes.allSatisfy { $0.node.counters[.sealed] > 2 && $0.node.counters[.opened] > 2 }
        }
        #expect(try await allSeeAll(nodes))
    }

    @Test(
        "Rings of different labels do not merge, with keys and without",
        arguments: [false, true]
    )
    func label(isSealed: Bool) async throws {
        let ringKey = try key(1)
        func dress(_ settings: inout GossipSettings, _ label: String) {
            settings.label = try! RingLabel(Array(label.utf8))
            if isSealed { settings.keys = try! KeyRing([ringKey]) }
        }
        let nodes = try await ring(2) { dress(&$0, "east") }
        for label in ["", "west"] {
            let other = try TestNode("other") { dress(&$0, label) }
            other.node.join([nodes[0].address])
            try await wait("refused") { nodes[0].node.counters[.streamFaultLabel] >= 1 }
            #expect(try await other.sees([other]))
        }
        #expect(try await allSeeAll(nodes))
        let member = try TestNode("member") { dress(&$0, "east") }
        member.node.join([nodes[0].address])
        try await wait("joined") { try await allSeeAll(nodes + [member]) }
    }
}
