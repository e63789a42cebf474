import Base
import Gossip
import GossipWire
import Testing

@Suite("Golden octets of gossip")
struct GoldenTests {
    @Test("a message says what it says, and is written as it was", arguments: Golden.messages)
    func messages(example: Golden.Example) throws {
        let message = try GossipMessage(example.octets.span)
        #expect(message == example.message)
        #expect(example.message.octets == example.octets)
        let reading = Reading(example.octets)
        #expect(reading.messages == [example.message])
        #expect(reading.octets == [example.octets])
        #expect(reading.report.refused == 0)
    }

    @Test("E8: a compound holds its parts, and is packed from them")
    func compound() {
        let reading = Reading(Golden.compound)
        #expect(reading.messages == [Golden.ping.message, Golden.suspect.message])
        #expect(reading.octets == [Golden.ping.octets, Golden.suspect.octets])
        var writer = PacketWriter()
        let frame = DatagramFrame(compressedFrom: nil)
        let packed = writer.pack([Golden.ping.octets, Golden.suspect.octets], in: frame)
        #expect(frame.datagram(packed.octets) == Golden.compound)
    }

    @Test("E9: a checksum lets what it covers through, and nothing else")
    func checksummed() {
        #expect(Reading(Golden.checksummed).messages == [Golden.alive.message])
        var writer = PacketWriter()
        let packed = writer.pack([Golden.alive.octets], in: DatagramFrame(hasChecksum: true))
        #expect(packed.octets == Golden.checksummed)
        for index in Golden.checksummed.indices.dropFirst() {
            var octets = Golden.checksummed
            octets[index] ^= 1
            let report = Reading(octets).report
            #expect(report.messages == 0 && report.refused == 1)
        }
    }

    @Test(
        "E12: LZW is octet for octet Go's",
        arguments: [
            ("", "000302"), ("ab", "00c3880908"), ("aaaaaaaa", "00c3081c283020"),
            ("TOBEORNOTTOBE", "00a93c1152e48914274fa808241810"),
        ]
    )
    func lzw(text: String, packed: String) throws {
        #expect(packedOctets(Array(text.utf8)) == hex(packed))
        #expect(try plainOctets(hex(packed)) == Array(text.utf8))
    }

    @Test("E13: what is compressed is read; a sender keeps what would grow plain")
    func compressed() {
        let reading = Reading(Golden.compressed)
        #expect(reading.messages == [Golden.ping.message, Golden.suspect.message])
        var writer = PacketWriter()
        let frame = DatagramFrame(compressedFrom: 0)
        let packed = writer.pack([Golden.ping.octets, Golden.suspect.octets], in: frame)
        #expect(packed.octets == Golden.compound)
        #expect(packedOctets(Golden.compound) == Array(Golden.compressed.dropFirst(15)))
    }

    @Test("20.2: a nil meta is an empty one")
    func relayedAlive() throws {
        let reading = Reading(Golden.relayedAlive)
        guard case .alive(let alive) = try #require(reading.messages.first) else {
            Issue.record("\(reading.messages)")
            return
        }
        #expect(alive.node == NodeName("swift1") && alive.meta == [])
        #expect(alive.versions == .serf && alive.port == 18001)
        #expect(alive.address == Golden.address(127, 0, 0, 1))
        #expect(reading.messages.first?.octets == reading.octets[0].map { $0 == 0xc0 ? 0xa0 : $0 })
    }

    @Test("20.3: a ping with a refutation behind it")
    func pingWithAlive() throws {
        let reading = Reading(Golden.pingWithAlive)
        #expect(reading.messages.map(\.octets) == reading.octets)
        #expect(reading.messages.map(\.type) == [.ping, .alive])
        guard case .alive(let alive) = try #require(reading.messages.last) else { return }
        #expect(alive.incarnation == Incarnation(2))
        let tags = try SerfTags(meta: alive.meta.span)
        #expect(tags == SerfTags([tag("v", "1"), tag("role", "web")]))
        #expect(
            tags.meta == hex("ff82a176a131a4726f6c65a3776562") && SerfTags().meta == hex("ff80")
        )
    }

    @Test("20.4: an ack with where its sender stands")
    func ackWithCoordinate() throws {
        let reading = Reading(Golden.ackWithCoordinate)
        guard case .ack(let ack) = try #require(reading.messages.first) else { return }
        #expect(ack.sequence == SequenceNumber(7))
        let coordinate = try SerfCoordinate(ackPayload: ack.payload.span)
        #expect(coordinate == .origin)
        #expect(SerfCoordinate.origin.ackPayload == ack.payload)
        #expect(reading.octets == [GossipMessage.ack(ack).octets] && reading.octets[0].count == 150)
    }

    @Test("E10, E14, E15, 20.5: messages of streams")
    func streams() throws {
        #expect(try streamed(Golden.error, as: .initiating) == .error("boom"))
        #expect(StreamMessage.error("boom").octets == Golden.error)
        let member = MemberEntry(
            node: NodeName("n1"),
            incarnation: Incarnation(1),
            state: .alive,
            address: Golden.address(10, 0, 0, 5),
            port: 7946,
            meta: [],
            versions: .networkDB
        )
        let exchange = StreamMessage.exchange(StateExchange(isJoin: true, members: [member]))
        #expect(try streamed(Golden.exchange, as: .accepting) == exchange)
        #expect(exchange.octets == Golden.exchange)
        #expect(try streamed(Golden.streamUser, as: .accepting) == .user(Array("abc".utf8)))
        #expect(StreamMessage.user(Array("abc".utf8)).octets == Golden.streamUser)
        let ack = Ack(sequence: SequenceNumber(99))
        #expect(try streamed(Golden.streamAck, as: .initiating) == .ack(ack))
        let refusal = "Cannot decompress unknown algorithm 7"
        #expect(try streamed(Golden.streamError, as: .initiating) == .error(refusal))
        #expect(StreamFault.message(.algorithm(7)).reply == .error(refusal))
    }

    @Test("E11: sealed frames of both versions, over UDP and TCP, with and without a label")
    func sealed() throws {
        let cipher = Cipher(key: Golden.key)
        let content = Golden.nack.octets
        for (version, ring, datagram) in [
            (SealVersion.bare, RingLabel.none, Golden.sealedBare),
            (.padded, .none, Golden.sealedPadded),
            (.bare, try label("dc1"), Golden.sealedLabelled),
        ] {
            let frame = DatagramFrame(label: ring, seal: version)
            let made = frame.datagram(content, nonce: Golden.nonce, seal: cipher.seal)
            #expect(made == datagram)
            #expect(frame.datagramOctets(content: content.count) == datagram.count)
            let rules = RingRules(label: ring, encryption: .required)
            #expect(
                Reading(datagram, rules: rules, cipher: cipher).messages == [Golden.nack.message]
            )
        }
        // Over a stream a nack is nothing that may come, once it has been opened.
        for (ring, octets) in [
            (RingLabel.none, Golden.sealedStream), (try label("dc1"), Golden.sealedLabelledStream),
        ] {
            let rules = RingRules(label: ring, encryption: .required)
            #expect(throws: StreamFault.type(11)) {
                _ = try streamed(octets, as: .accepting, rules: rules, cipher: cipher)
            }
        }
    }

    @Test("a stream's frame is laid out as E11, and opens again", arguments: ["", "dc1"])
    func sealedStream(text: String) throws {
        let ring = try label(text)
        let cipher = Cipher(key: Golden.key)
        let frame = StreamFrame(role: .initiating, label: ring, seal: .bare)
        let octets = frame.octets(
            .user(Array("abc".utf8)),
            nonce: Golden.nonce,
            encrypt: cipher.seal
        )
        let head = ring.octets.isEmpty ? [] : [0xf4, UInt8(ring.octets.count)] + ring.octets
        #expect(Array(octets.prefix(head.count + 6)) == head + hex("0a0000002e01"))
        #expect(octets.count == head.count + 5 + 0x2e)
        let rules = RingRules(label: ring, encryption: .required)
        let user = StreamMessage.user(Array("abc".utf8))
        #expect(try streamed(octets, as: .accepting, rules: rules, cipher: cipher) == user)
    }
}

/// LZW there, in one call.
func packedOctets(_ plain: [UInt8], octetsMax: Int = .max) -> [UInt8]? {
    var encoder = LZWEncoder()
    return encoder.encode(plain.span, octetsMax: octetsMax)
}

/// LZW and back, in one call.
func plainOctets(_ packed: [UInt8], octetsMax: Int = 1 << 20) throws(LZWFault) -> [UInt8] {
    var decoder = LZWDecoder()
    return try decoder.decode(packed.span, octetsMax: octetsMax)
}

func tag(_ name: String, _ value: String) -> SerfTags.Tag {
    SerfTags.Tag(name: Array(name.utf8), value: Array(value.utf8))
}
