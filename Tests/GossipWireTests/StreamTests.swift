import Base
import Gossip
import GossipWire
import Testing

@Suite("Streams")
struct StreamTests {
    private static let cipher = Cipher.quick

    private static let table = StateExchange(
        isJoin: true,
        members: (0..<40).map { index in
            MemberEntry(
                node: NodeName("node-\(index)"),
                incarnation: Incarnation(UInt32(index * 7)),
                state: MemberState.allCases[index % 4],
                address: Golden.address(10, 0, 0, UInt8(index)),
                port: 7946,
                meta: [UInt8](repeating: 7, count: index),
                versions: .serf
            )
        },
        userState: [UInt8]("state".utf8)
    )

    private static let messages: [(StreamMessage, StreamRole)] = [
        (.exchange(table), .accepting), (.exchange(table), .initiating),
        (.exchange(StateExchange(isJoin: false, members: [])), .accepting),
        (.user([UInt8](repeating: 3, count: 700)), .accepting), (.user([]), .accepting),
        (.ping(Ping(sequence: SequenceNumber(9), node: NodeName("x"), source: .none)), .accepting),
        (.ack(Ack(sequence: SequenceNumber(9), payload: [1, 2])), .initiating),
        (.error("why"), .initiating),
    ]

    @Test("every message arrives in pieces of any size, plain, compressed, sealed and labelled")
    func pieces() throws {
        for (message, role) in Self.messages {
            for (ring, seal, from) in [
                (RingLabel.none, SealVersion?.none, Int?.none), (.none, nil, 0),
                (try label("dc1"), nil, 0), (.none, .bare, 0), (try label("dc1"), .padded, nil),
            ] {
                let sender: StreamRole = role == .accepting ? .initiating : .accepting
                let frame = StreamFrame(role: sender, label: ring, seal: seal, compressedFrom: from)
                let octets = frame.octets(message, nonce: Golden.nonce, encrypt: Self.cipher.seal)
                let rules = RingRules(label: ring, encryption: seal == nil ? .none : .required)
                for step in [1, 2, 7, 64, .max] {
                    let read = try streamed(
                        octets,
                        as: role,
                        step: step,
                        rules: rules,
                        cipher: Self.cipher
                    )
                    #expect(read == message)
                }
                // Nothing comes before the last octet, and a stream that ends early is cut.
                for count in stride(from: 1, to: octets.count, by: 13) {
                    #expect(throws: StreamFault.cut) {
                        _ = try streamed(
                            Array(octets.prefix(count)),
                            as: role,
                            rules: rules,
                            cipher: Self.cipher
                        )
                    }
                }
            }
        }
    }

    @Test("what follows the message is not looked at, and nothing at all is no fault")
    func ends() throws {
        var decoder = StreamDecoder(role: .accepting, rules: RingRules())
        let octets = Golden.streamUser + [0xc1, 0xc1]
        let message = try decoder.feed(octets.span)
        #expect(message == .user(Array("abc".utf8)))
        let more = try decoder.feed(octets.span)
        #expect(more == nil)
        try decoder.end()
        let untouched = StreamDecoder(role: .accepting, rules: RingRules())
        try untouched.end()
    }

    @Test("a message that may not come this way is refused by its type")
    func types() {
        for type in UInt8.min...UInt8.max where ![9, 10, 244].contains(type) {
            for role in [StreamRole.accepting, .initiating] {
                let takes: [UInt8] = role == .accepting ? [0, 6, 8] : [2, 6, 13]
                if takes.contains(type) { continue }
                #expect(throws: StreamFault.type(type)) {
                    _ = try streamed([type, 0x80], as: role)
                }
            }
        }
        #expect(throws: StreamFault.label(.other)) {
            _ = try streamed(hex("f40178") + Golden.streamUser, as: .accepting)
        }
        #expect(throws: StreamFault.type(244)) {
            _ = try streamed(hex("f40178") + Golden.error, as: .initiating)
        }
    }

    @Test("keys where there are none, and none where there should be")
    func encryption() {
        let keyed = RingRules(encryption: .required)
        #expect(throws: StreamFault.noKeys) {
            _ = try streamed(Golden.sealedStream, as: .accepting)
        }
        #expect(throws: StreamFault.notSealed) {
            _ = try streamed(Golden.exchange, as: .accepting, rules: keyed)
        }
        #expect(throws: StreamFault.seal(.noKey)) {
            _ = try streamed(Golden.sealedStream, as: .accepting, rules: keyed)
        }
        for frame in ["0a00000000", "0a0000001d" + String(repeating: "00", count: 29)] {
            #expect(throws: StreamFault.self) {
                _ = try streamed(hex(frame), as: .accepting, rules: keyed, cipher: Self.cipher)
            }
        }
        #expect(StreamFault.seal(.noKey).reply != nil && StreamFault.notSealed.reply != nil)
        #expect(StreamFault.cut.reply == nil && StreamFault.type(3).reply == nil)
    }

    @Test("claims beyond the limits are refused at the octet that makes them")
    func limits() throws {
        func head(_ fields: String, _ type: UInt8 = 6) -> [UInt8] { [type] + hex(fields) }
        let nodes = "a54e6f646573"
        let state = "ac5573657253746174654c656e"
        let user = "aa557365724d73674c656e"
        for (octets, fault) in [
            (
                head("81" + nodes + "ce00020001"),
                StreamFault.members(claimed: 131_073, limit: 131_072)
            ),
            (head("81" + nodes + "ff"), .members(claimed: -1, limit: 131_072)),
            (head("81" + state + "ce01400001"), .octets(claimed: 20_971_521, limit: 20_971_520)),
            (head("81" + state + "d0ff"), .octets(claimed: -1, limit: 20_971_520)),
            (head("81" + user + "ce01400001", 8), .octets(claimed: 20_971_521, limit: 20_971_520)),
        ] {
            #expect(throws: fault) { _ = try streamed(octets, as: .accepting) }
        }
        let keyed = RingRules(encryption: .required)
        #expect(throws: StreamFault.octets(claimed: 20_971_521, limit: 20_971_520)) {
            _ = try streamed(hex("0a01400001"), as: .accepting, rules: keyed)
        }
        var small = StreamLimits()
        small.memberOctetsMax = 60
        #expect(throws: StreamFault.message(.body(.pushPull, .length(claimed: 64, limit: 60)))) {
            _ = try streamed(Golden.exchange, as: .accepting, limits: small)
        }
    }

    @Test("lines of nobody are let go, lines of no known state are kept as such")
    func lines() throws {
        var table = Self.table
        table.members = Array(table.members.prefix(3))
        table.members[1].state = nil
        var withNobody = table
        withNobody.members.insert(withNobody.members[0], at: 1)
        withNobody.members[1].node = .anyone
        let read = try streamed(StreamMessage.exchange(withNobody).octets, as: .accepting)
        #expect(read == .exchange(table))
    }

    @Test(
        "a long state arrives in small pieces in time that grows with it alone",
        .timeLimit(.minutes(1))
    )
    func large() throws {
        let state = [UInt8](repeating: 5, count: 4 << 20)
        let message = StreamMessage.exchange(
            StateExchange(isJoin: false, members: Self.table.members, userState: state)
        )
        #expect(try streamed(message.octets, as: .accepting, step: 256) == message)
        // A map of 30,000 unknown fields, octet by octet: looked at again each time it would take
        // 10^9 steps.
        let fields = hex("de7530") + (0..<30_000).flatMap { _ in hex("a0c0") }
        let ping = [0] + fields
        let read = try streamed(ping, as: .accepting, step: 1)
        #expect(read == .ping(Ping(sequence: SequenceNumber(0), node: .anyone, source: .none)))
    }
}
