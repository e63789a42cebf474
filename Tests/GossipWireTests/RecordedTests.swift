import Gossip
import GossipWire
import Testing

/// What memberlist and serf sent, held against what would be sent here.
@Suite("Recorded gossip")
struct RecordedTests {
    private static func rules(_ recording: Recording) -> RingRules {
        RingRules(encryption: recording.key == nil ? .none : .required)
    }

    /// What a message is written as here: a nil meta as an empty one.
    static func canonical(_ octets: [UInt8]) -> [UInt8] {
        let meta = hex("a44d657461c0")
        var out = octets
        for start in out.indices.dropLast(meta.count - 1)
        where Array(out[start..<start + meta.count]) == meta {
            out[start + meta.count - 1] = 0xa0
        }
        return out
    }

    @Test("every datagram is read, and packed again it is the same", arguments: Recording.all)
    func datagrams(recording: Recording) throws {
        #expect(recording.datagrams.count >= 20)
        let cipher = recording.key.map { Cipher(key: $0) }
        var writer = PacketWriter()
        for datagram in recording.datagrams {
            let reading = Reading(datagram, rules: Self.rules(recording), cipher: cipher)
            #expect(reading.report.refused == 0 && reading.report.truncatedParts == 0)
            #expect(!reading.messages.isEmpty)
            for (message, octets) in zip(reading.messages, reading.octets) {
                #expect(message.octets == Self.canonical(octets))
            }
            let isPacked = Self.framings(recording, datagram).contains { frame in
                let content = writer.pack(reading.octets, in: frame)
                guard let cipher else { return frame.datagram(content.octets) == datagram }
                let nonce = Array(datagram[1..<13])
                return frame.datagram(content.octets, nonce: nonce, seal: cipher.seal) == datagram
            }
            #expect(isPacked, "\(digits(datagram))")
        }
    }

    /// How that recording's datagrams may be framed; a checksum is there or not.
    private static func framings(
        _ recording: Recording,
        _ datagram: [UInt8]
    ) -> [DatagramFrame] {
        let seal = recording.key == nil ? nil : SealVersion(rawValue: datagram[0])
        let isCompressed = !recording.name.hasSuffix("uncompressed")
        return [false, true].map { hasChecksum in
            DatagramFrame(
                octetsMax: 9000,
                seal: seal,
                hasChecksum: hasChecksum,
                compressedFrom: isCompressed ? 0 : nil
            )
        }
    }

    @Test("every stream is read whole, in pieces, and written again", arguments: Recording.all)
    func streams(recording: Recording) throws {
        #expect(recording.asks.count >= 4)
        let cipher = recording.key.map { Cipher(key: $0) }
        for (octets, role) in recording.asks.map({ ($0, StreamRole.accepting) })
            + recording.answers.map({ ($0, StreamRole.initiating) })
        {
            let rules = Self.rules(recording)
            let read = try streamed(octets, as: role, rules: rules, cipher: cipher)
            let message = try #require(read)
            let slowly = try streamed(octets, as: role, step: 3, rules: rules, cipher: cipher)
            #expect(slowly == message)
            let seal = recording.key == nil ? nil : SealVersion(rawValue: octets[5])
            let frame = StreamFrame(role: .accepting, seal: seal, compressedFrom: 0)
            let nonce = seal == nil ? [] : Array(octets[6..<18])
            let again = frame.octets(message, nonce: nonce) { request in
                cipher?.seal(request) ?? []
            }
            let back = try streamed(again, as: role, rules: rules, cipher: cipher)
            #expect(back == message)
            // Peers compress even what grows; metas that they relay are nil.
            let plain = message.octets
            if let packed = packedOctets(plain), packed.count + 20 < plain.count,
                !recording.name.hasSuffix("uncompressed"), !Self.hasEmptyMeta(message)
            {
                #expect(again == octets)
            }
            if recording.name == "memberlist-uncompressed" {
                #expect(plain == Self.canonical(octets))
            }
        }
    }

    private static func hasEmptyMeta(_ message: StreamMessage) -> Bool {
        guard case .exchange(let exchange) = message else { return false }
        return exchange.members.contains { $0.meta.isEmpty }
    }

    @Test("the recordings have every kind of message")
    func kinds() throws {
        var types: Set<MessageType> = []
        var streamTypes: Set<MessageType> = []
        for recording in Recording.all {
            let cipher = recording.key.map { Cipher(key: $0) }
            for datagram in recording.datagrams {
                let reading = Reading(datagram, rules: Self.rules(recording), cipher: cipher)
                types.formUnion(reading.messages.map(\.type))
            }
            for octets in recording.asks {
                let rules = Self.rules(recording)
                let read = try streamed(octets, as: .accepting, rules: rules, cipher: cipher)
                streamTypes.formUnion(read.map { [$0.type] } ?? [])
            }
        }
        #expect(
            types == [
                .ping, .indirectPing, .ack, .nack, .suspect, .alive, .dead, .user,
            ]
        )
        #expect(streamTypes.isSuperset(of: [.pushPull, .user]))
    }

    @Test(
        "what serf says over memberlist is read, and written again it is the same",
        arguments: Recording.all.filter(\.isSerf)
    )
    func serf(recording: Recording) throws {
        let cipher = recording.key.map { Cipher(key: $0) }
        var types: Set<SerfMessageType> = []
        var tagged = 0
        for datagram in recording.datagrams {
            let reading = Reading(datagram, rules: Self.rules(recording), cipher: cipher)
            for message in reading.messages {
                switch message {
                case .user(let octets):
                    let said = try SerfMessage(octets.span)
                    #expect(said.octets == octets, "\(digits(octets))")
                    types.insert(said.type)
                case .ack(let ack):
                    let coordinate = try SerfCoordinate(ackPayload: ack.payload.span)
                    #expect(coordinate.ackPayload == ack.payload)
                    #expect(coordinate.vector.count == 8)
                case .alive(let alive):
                    let tags = try SerfTags(meta: alive.meta.span)
                    #expect(tags.meta == alive.meta)
                    tagged += tags.tags.isEmpty ? 0 : 1
                default: break
                }
            }
        }
        #expect(types.isSuperset(of: [.leave, .join, .userEvent, .query, .queryResponse]))
        #expect(tagged > 0)
        for octets in recording.asks + recording.answers {
            let role: StreamRole = recording.asks.contains(octets) ? .accepting : .initiating
            let rules = Self.rules(recording)
            let read = try streamed(octets, as: role, rules: rules, cipher: cipher)
            guard case .exchange(let exchange) = read else { continue }
            let state = try SerfState(exchange.userState.span)
            #expect(state.octets == exchange.userState)
            #expect(state.events.count == SerfState.slotsMax)
        }
    }
}
