import Base
import Gossip
import GossipWire
import Testing

@Suite("Datagrams filled to the octet")
struct PackingTests {
    private static let cipher = Cipher.quick

    /// Every way of framing, at several sizes.
    static let frames: [DatagramFrame] = [500, 1400, 1401, 1407, 9000].flatMap { octetsMax in
        [RingLabel.none, (try? RingLabel([100, 99])) ?? .none].flatMap { label in
            [nil, SealVersion.padded, .bare].flatMap { seal in
                [false, true].map { hasChecksum in
                    DatagramFrame(
                        octetsMax: octetsMax,
                        label: label,
                        seal: seal,
                        hasChecksum: hasChecksum,
                        compressedFrom: nil
                    )
                }
            }
        }
    }

    private static func datagram(
        _ messages: [[UInt8]],
        _ candidates: [[UInt8]],
        _ frame: DatagramFrame
    ) -> (octets: [UInt8], taken: Int) {
        var writer = PacketWriter()
        let content = writer.pack(messages, candidates: candidates, in: frame)
        let octets = frame.datagram(content.octets, nonce: Golden.nonce, seal: cipher.seal)
        return (octets, content.taken)
    }

    private static func read(_ octets: [UInt8], _ frame: DatagramFrame) -> Reading {
        let rules = RingRules(
            label: frame.label,
            encryption: frame.seal == nil ? .none : .required
        )
        return Reading(octets, rules: rules, cipher: cipher)
    }

    /// A user message of so many octets, its type among them; never two alike.
    private static func user(_ count: Int, _ fill: UInt8 = 1) -> [UInt8] {
        [8] + (0..<count - 1).map { UInt8(truncatingIfNeeded: $0) &* fill }
    }

    @Test("what is said to be left is left: one octet more does not fit", arguments: frames)
    func left(frame: DatagramFrame) {
        let ping = Golden.ping.octets
        for before in [[], [ping], [ping, Golden.suspect.octets, Golden.alive.octets]] {
            let octets = before.reduce(0) { $0 + $1.count }
            let left = frame.octetsLeft(after: before.count, octets: octets)
            let (full, taken) = Self.datagram(before, [Self.user(left)], frame)
            #expect(taken == 1)
            // Padding goes up in blocks of 16, so the last octet cannot always be used.
            let slack = frame.seal == .padded ? 15 : 0
            #expect((frame.octetsMax - slack...frame.octetsMax).contains(full.count))
            #expect(Self.read(full, frame).octets == before + [Self.user(left)])
            let (rest, none) = Self.datagram(before, [Self.user(left + 1)], frame)
            #expect(none == 0 && rest.count <= frame.octetsMax)
            #expect(Self.read(rest, frame).octets == before)
            let content = DatagramFrame.contentOctets(
                count: before.count + 1,
                octets: octets + left + 1
            )
            #expect(frame.datagramOctets(content: content) > frame.octetsMax)
        }
    }

    @Test("1400 octets are exactly that without padding", arguments: [nil, SealVersion.bare])
    func exact(seal: SealVersion?) {
        for hasChecksum in [false, true] {
            let frame = DatagramFrame(seal: seal, hasChecksum: hasChecksum, compressedFrom: nil)
            let left = frame.octetsLeft(after: 1, octets: Golden.ping.octets.count)
            let (octets, _) = Self.datagram([Golden.ping.octets], [Self.user(left)], frame)
            #expect(octets.count == 1400)
        }
    }

    @Test(
        "any candidates: the longest beginning that fits is taken, and arrives",
        arguments: frames
    )
    func beginnings(frame: DatagramFrame) {
        var dice = SeededGenerator(seed: 11)
        for _ in 0..<6 {
            let first = (0..<dice.below(3)).map { _ in Self.user(1 + Int(dice.below(90)), 3) }
            let candidates = (0..<dice.below(300)).map { _ in
                Self.user(1 + Int(dice.below(dice.below(8) == 0 ? 1500 : 60)), 5)
            }
            let (octets, taken) = Self.datagram(first, candidates, frame)
            #expect(octets.count <= frame.octetsMax)
            #expect(Self.read(octets, frame).octets == first + candidates[..<taken])
            guard taken < candidates.count, first.count + taken > 0 else { continue }
            let total = (first + candidates[...taken]).reduce(0) { $0 + $1.count }
            let count = first.count + taken + 1
            let content = DatagramFrame.contentOctets(count: count, octets: total)
            #expect(count > 255 || frame.datagramOctets(content: content) > frame.octetsMax)
        }
    }

    @Test("no compound has more than 255 parts, and none has one")
    func parts() {
        let frame = DatagramFrame(compressedFrom: nil)
        let small = [[UInt8]](repeating: [8], count: 300)
        let (octets, taken) = Self.datagram([], small, frame)
        #expect(
            taken == 255 && octets.prefix(2) == [7, 255]
                && Self.read(octets, frame).octets.count == 255
        )
        #expect(frame.octetsLeft(after: 255, octets: 255) == 0)
        #expect(Self.datagram([[8, 1]], [], frame).octets == [8, 1])
        #expect(Self.datagram([], [[8, 1]], frame).octets == [8, 1])
        #expect(Self.datagram([], [], frame).octets == [])
        #expect(Self.datagram([], [Self.user(1401), [8]], frame).taken == 0)
    }

    /// Rumours about nodes of one ring, as a burst brings them.
    static func rumours(_ count: Int) -> [[UInt8]] {
        (0..<count).map { index in
            let alive = Alive(
                node: NodeName("worker-\(index)"),
                incarnation: Incarnation(UInt32(index)),
                address: Golden.address(10, 0, UInt8(index / 256), UInt8(index % 256)),
                port: 7946,
                meta: [],
                versions: .networkDB
            )
            return GossipMessage.alive(alive).octets
        }
    }

    @Test(
        "compressed, a datagram takes more rumours than plain, within the same octets",
        arguments: frames
    )
    func compressed(plain: DatagramFrame) {
        let frame = DatagramFrame(
            octetsMax: plain.octetsMax,
            label: plain.label,
            seal: plain.seal,
            hasChecksum: plain.hasChecksum
        )
        let rumours = Self.rumours(250)
        let (octets, taken) = Self.datagram([Golden.ping.octets], rumours, frame)
        let (_, takenPlain) = Self.datagram([Golden.ping.octets], rumours, plain)
        #expect(octets.count <= frame.octetsMax)
        #expect(taken == 250 || taken > takenPlain * 3 / 2, "\(taken) instead of \(takenPlain)")
        #expect(Self.read(octets, frame).octets == [Golden.ping.octets] + rumours[..<taken])
    }

    @Test("what compression does not shorten goes out plain, as does what is short")
    func incompressible() {
        var dice = SeededGenerator(seed: 12)
        let noise = [8] + (0..<1000).map { _ in UInt8(dice.below(256)) }
        #expect(Self.datagram([noise], [], DatagramFrame()).octets == noise)
        let short = [8] + [UInt8](repeating: 0, count: 200)
        #expect(Self.datagram([short], [], DatagramFrame()).octets == short)
        let long = [8] + [UInt8](repeating: 0, count: 300)
        let (octets, _) = Self.datagram([long], [], DatagramFrame())
        #expect(
            octets.count < 100 && octets[0] == 9
                && Self.read(octets, DatagramFrame()).octets == [long]
        )
    }
}
