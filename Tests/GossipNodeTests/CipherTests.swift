import Base
import Gossip
import GossipNode
import GossipWire
import Testing

/// Octets written as hexadecimal digits.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

@Suite("GossipNode: the cipher")
struct CipherTests {
    // E11 of gossip-wire.md §19: a nack, sealed with the key 00...0f and the nonce a0...ab.
    private static let key: [UInt8] = Array(0..<16)
    private static let nonce: [UInt8] = Array(0xa0...0xab)
    private static let nack = hex("0b81a55365714e6f01")
    private static let sealedBare =
        "01a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b482187cd472e54b74bf890f5376b6af3"
    private static let sealedPadded =
        "00a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b7fb2074115b767"
        + "a216e4a25ccf754efcf28bc59e1a59ed"
    private static let sealedLabelled =
        "f40364633101a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b2ef92a4355b7bf15cd05a7640b52b673"

    private static func cipher(_ keys: [[UInt8]] = [key]) throws -> KeyCipher {
        KeyCipher(try KeyRing(try keys.map { try RingKey($0) }))
    }

    @Test(
        "E11: datagrams of both versions are sealed and opened, octet for octet",
        arguments: [
            (SealVersion.bare, "", sealedBare), (.padded, "", sealedPadded),
            (.bare, "dc1", sealedLabelled),
        ]
    )
    func datagrams(version: SealVersion, text: String, sealed: String) throws {
        var cipher = try Self.cipher()
        let label = try RingLabel(Array(text.utf8))
        let frame = DatagramFrame(label: label, seal: version)
        let octets = frame.datagram(Self.nack, nonce: Self.nonce) { cipher.seal($0) }
        #expect(octets == hex(sealed))
        var reader = PacketReader(RingRules(label: label, encryption: .required))
        var messages: [GossipMessage] = []
        let report = reader.read(octets.span) { frame in
            cipher.open(frame)
        } each: { message, _ in
            messages.append(message)
        }
        #expect(report.refused == 0)
        #expect(messages == [.nack(Nack(sequence: SequenceNumber(1)))])
    }

    @Test(
        "E11: frames of streams are opened with their own associated data",
        arguments: [
            (
                "",
                "0a0000002601a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658ba71f2bf173a6b06791f943"
                    + "1417bb810e"
            ),
            (
                "dc1",
                "f4036463310a0000002601a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b55adb2d4365ead"
                    + "4b87694ce6286dd166"
            ),
        ]
    )
    func streams(text: String, sealed: String) throws {
        var cipher = try Self.cipher()
        let label = try RingLabel(Array(text.utf8))
        let rules = RingRules(label: label, encryption: .required)
        let octets = hex(sealed)
        var decoder = StreamDecoder(role: .accepting, rules: rules)
        // Opened, it is a nack, which may not come over a stream.
        #expect(throws: StreamFault.type(11)) {
            _ = try decoder.feed(octets.span) { cipher.open($0) }
        }
        var broken = octets
        broken[broken.count - 1] ^= 1
        var other = StreamDecoder(role: .accepting, rules: rules)
        #expect(throws: StreamFault.seal(.noKey)) {
            _ = try other.feed(broken.span) { cipher.open($0) }
        }
    }

    @Test("Every key opens, the first one seals, and one octet changed opens nothing")
    func order() throws {
        let (first, second): ([UInt8], [UInt8]) = (Array(1...16), Array(1...32))
        var both = try Self.cipher([first, second])
        var firstAlone = try Self.cipher([first])
        var secondAlone = try Self.cipher([second])
        let frame = DatagramFrame(seal: .bare)
        func read(_ octets: [UInt8], _ cipher: inout KeyCipher) -> Int {
            var reader = PacketReader(RingRules(encryption: .required))
            return reader.read(octets.span, open: { cipher.open($0) }, each: { _, _ in }).messages
        }
        let byFirst = frame.datagram(Self.nack, nonce: both.nonce()) { both.seal($0) }
        #expect(read(byFirst, &firstAlone) == 1)
        #expect(read(byFirst, &secondAlone) == 0)
        let bySecond = frame.datagram(Self.nack, nonce: both.nonce()) { secondAlone.seal($0) }
        #expect(read(bySecond, &both) == 1)
        for index in bySecond.indices {
            var changed = bySecond
            changed[index] ^= 0x10
            #expect(read(changed, &both) == 0)
        }
    }

    @Test("No nonce is given twice")
    func nonces() throws {
        var cipher = try Self.cipher()
        var seen: Set<[UInt8]> = []
        for _ in 0..<10_000 { seen.insert(cipher.nonce()) }
        #expect(seen.count == 10_000)
        #expect(seen.allSatisfy { $0.count == SealedFrame.nonceOctets })
    }
}
