import Gossip
import Testing

@Suite("KeyRing: a ring's secrets, in order")
struct KeyRingTests {
    private func key(_ first: UInt8, octets: Int = 16) throws -> RingKey {
        try RingKey([UInt8](repeating: first, count: octets))
    }

    @Test("Keys have 16, 24 or 32 octets", arguments: 0...64)
    func lengths(octets: Int) throws {
        if RingKey.octetCounts.contains(octets) {
            #expect(try key(1, octets: octets).octets.count == octets)
        } else {
            #expect(throws: KeyRingFault.length(octets)) { try key(1, octets: octets) }
        }
    }

    @Test(
        "The first key that is added is the primary one; using another keeps the order of the rest"
    )
    func order() throws {
        var ring = KeyRing()
        #expect(ring.primary == nil)
        for first: UInt8 in 1...3 { try ring.add(try key(first)) }
        #expect(ring.primary == (try key(1)))
        try ring.use(try key(3))
        #expect(ring.keys == [try key(3), try key(1), try key(2)])
        try ring.remove(try key(1))
        #expect(ring.keys == [try key(3), try key(2)])
    }

    @Test("The primary key, an unknown one and a second copy are refused, and nothing changes")
    func refusals() throws {
        var ring = try KeyRing([try key(1), try key(2)])
        let before = ring
        let unknown = try key(9)
        #expect(throws: KeyRingFault.primary) { try ring.remove(before.keys[0]) }
        #expect(throws: KeyRingFault.unknown) { try ring.remove(unknown) }
        #expect(throws: KeyRingFault.unknown) { try ring.use(unknown) }
        #expect(throws: KeyRingFault.duplicate) { try ring.add(before.keys[1]) }
        #expect(ring == before)
    }

    @Test("Keys are bounded in number")
    func bound() throws {
        var ring = KeyRing()
        for first in 0..<KeyRing.keysMax { try ring.add(try key(UInt8(first))) }
        let more = try key(200)
        #expect(throws: KeyRingFault.full(limit: KeyRing.keysMax)) { try ring.add(more) }
    }

    @Test("Nothing that prints a key or a ring shows its octets")
    func secrecy() throws {
        let secret = try RingKey(Array("sixteen octets!!".utf8))
        let ring = try KeyRing([secret])
        var dumped = ""
        dump(ring, to: &dumped)
        for text in [
            "\(secret)", String(reflecting: secret), "\(ring)", String(reflecting: ring),
            dumped,
        ] {
            #expect(!text.contains("sixteen"))
            #expect(!text.contains("115, 105"))
            #expect(!text.contains("115"))
        }
    }
}
