import Base
import Gossip
import GossipWire
import Testing

/// What holds for every message: it is read as it was written, and written as it was read.
@Suite("Gossip there and back")
struct RoundTripTests {
    /// Any values: short and long, empty, and of any octets.
    struct Dice {
        var dice: SeededGenerator

        init(seed: UInt64) {
            dice = SeededGenerator(seed: seed)
        }

        mutating func below(_ bound: Int) -> Int { Int(dice.below(UInt32(bound))) }

        mutating func octets(_ max: Int = 300) -> [UInt8] {
            let count = below(3) == 0 ? 0 : below(below(4) == 0 ? max : 40)
            return (0..<count).map { _ in UInt8(below(256)) }
        }

        mutating func name() -> NodeName { NodeName(octets: octets()) }
        mutating func number() -> UInt64 { dice.next() >> UInt64(below(64)) }
        mutating func number32() -> UInt32 { UInt32(truncatingIfNeeded: number()) }
        mutating func port() -> UInt16 { UInt16(truncatingIfNeeded: number()) }
        mutating func flag() -> Bool { below(2) == 0 }

        mutating func address() -> AddressOctets {
            let count = [0, 4, 4, 4, 16, 16, 7][below(7)]
            return AddressOctets(ShortOctets((0..<count).map { _ in UInt8(below(256)) }))
        }

        mutating func versions() -> VersionVector {
            let count = [6, 6, 6, 0, 3, 9][below(6)]
            return VersionVector(ShortOctets((0..<count).map { _ in UInt8(below(256)) }))
        }

        mutating func source() -> ProbeSource {
            ProbeSource(address: address(), port: flag() ? 0 : port(), node: name())
        }

        mutating func incarnation() -> Incarnation { Incarnation(number32()) }
        mutating func sequence() -> SequenceNumber { SequenceNumber(number32()) }
        mutating func time() -> LamportTime { LamportTime(number()) }

        mutating func message() -> GossipMessage {
            switch below(8) {
            case 0: .ping(Ping(sequence: sequence(), node: name(), source: source()))
            case 1:
                .indirectPing(
                    IndirectPing(
                        sequence: sequence(),
                        node: name(),
                        target: address(),
                        port: port(),
                        wantsNack: flag(),
                        source: source()
                    )
                )
            case 2: .ack(Ack(sequence: sequence(), payload: octets()))
            case 3: .nack(Nack(sequence: sequence()))
            case 4: .suspect(Suspect(node: name(), incarnation: incarnation(), accuser: name()))
            case 5: .dead(Dead(node: name(), incarnation: incarnation(), accuser: name()))
            case 6: .alive(alive())
            default: .user(octets(70_000))
            }
        }

        mutating func alive() -> Alive {
            Alive(
                node: name(),
                incarnation: incarnation(),
                address: address(),
                port: port(),
                meta: octets(513),
                versions: versions()
            )
        }

        mutating func member() -> MemberEntry {
            let alive = alive()
            return MemberEntry(
                node: alive.node.isEmpty ? NodeName("x") : alive.node,
                incarnation: alive.incarnation,
                state: [.alive, .suspect, .dead, .left, nil][below(5)],
                address: alive.address,
                port: alive.port,
                meta: alive.meta,
                versions: alive.versions
            )
        }

        mutating func query() -> SerfQuery {
            SerfQuery(
                time: time(),
                id: number32(),
                address: address(),
                port: port(),
                asker: name(),
                name: octets(),
                payload: octets(),
                filters: (0..<below(4)).map { _ in octets() },
                wantsAck: flag(),
                isQuiet: flag(),
                otherFlags: number32() & ~3,
                relayFactor: UInt8(below(256)),
                timeoutNanoseconds: Int64(bitPattern: number())
            )
        }

        mutating func serf() -> SerfMessage {
            switch below(6) {
            case 0: .leave(SerfLeave(time: time(), node: name(), isPrune: flag()))
            case 1: .join(SerfJoin(time: time(), node: name()))
            case 2:
                .userEvent(
                    SerfEvent(time: time(), name: octets(), payload: octets(), coalesces: flag())
                )
            case 3: .query(query())
            case 4:
                .queryResponse(
                    SerfQueryResponse(
                        time: time(),
                        id: number32(),
                        from: name(),
                        isAck: flag(),
                        payload: octets()
                    )
                )
            default:
                .relay(
                    SerfRelay(
                        address: address(),
                        port: port(),
                        zone: octets(),
                        node: name(),
                        inner: octets()
                    )
                )
            }
        }

        mutating func state() -> SerfState {
            SerfState(
                time: time(),
                eventTime: time(),
                queryTime: time(),
                statuses: (0..<below(50)).map { _ in
                    SerfState.Status(node: NodeName(octets: [1] + octets()), time: time())
                },
                left: (0..<below(20)).map { _ in name() },
                events: (0..<below(30)).map { _ in
                    guard flag() else { return nil }
                    let events = (0..<below(4)).map { _ in
                        SerfState.Event(name: octets(), payload: octets())
                    }
                    return SerfState.Events(time: time(), events: events)
                }
            )
        }
    }

    @Test("a message written, read and written again is the same")
    func messages() throws {
        var dice = Dice(seed: 1)
        for _ in 0..<3000 {
            let message = dice.message()
            let written = message.octets
            let read = try GossipMessage(written.span)
            #expect(read == message)
            #expect(read.octets == written)
        }
    }

    @Test("no prefix of a message is one, but of a user message, which says no length")
    func prefixes() {
        var dice = Dice(seed: 2)
        for _ in 0..<120 {
            let octets = dice.message().octets
            if octets[0] == 8 { continue }
            for count in octets.indices {
                #expect(throws: MessageFault.self) {
                    _ = try GossipMessage(Array(octets[..<count]).span)
                }
            }
        }
    }

    @Test("a table, a user message, a probe, written to a stream, read and written again")
    func streams() throws {
        var dice = Dice(seed: 3)
        let cipher = Cipher.quick
        for round in 0..<250 {
            let message: StreamMessage =
                switch round % 3 {
                case 0:
                    .exchange(
                        StateExchange(
                            isJoin: dice.flag(),
                            members: (0..<dice.below(60)).map { _ in dice.member() },
                            userState: dice.octets(5000)
                        )
                    )
                case 1: .user(dice.octets(5000))
                default:
                    .ping(
                        Ping(
                            sequence: dice.sequence(),
                            node: dice.name(),
                            source: dice.source()
                        )
                    )
                }
            let seal = [nil, SealVersion.bare, .padded][dice.below(3)]
            let frame = StreamFrame(
                role: .initiating,
                seal: seal,
                compressedFrom: dice.flag() ? nil : 0
            )
            let written = frame.octets(message, nonce: Golden.nonce, encrypt: cipher.seal)
            let read = try streamed(
                written,
                as: .accepting,
                step: 1 + dice.below(700),
                rules: RingRules(encryption: seal == nil ? .none : .required),
                cipher: cipher
            )
            #expect(read == message)
            #expect(read?.octets == message.octets)
        }
    }

    @Test("what serf says, its state and its tags, written, read and written again")
    func serf() throws {
        var dice = Dice(seed: 4)
        for _ in 0..<2000 {
            let message = dice.serf()
            let read = try SerfMessage(message.octets.span)
            #expect(read == message)
            #expect(read.octets == message.octets)
        }
        for _ in 0..<150 {
            let state = dice.state()
            let read = try SerfState(state.octets.span)
            #expect(read == state)
            let tags = SerfTags(
                (0..<dice.below(20)).map { _ in
                    SerfTags.Tag(name: dice.octets(), value: dice.octets())
                }
            )
            let tagged = try SerfTags(meta: tags.meta.span)
            #expect(tagged == tags)
        }
    }

    @Test("any messages, packed any way, arrive as they were, in order, until they no longer fit")
    func packing() {
        var dice = Dice(seed: 5)
        let cipher = Cipher.quick
        var writer = PacketWriter()
        for _ in 0..<300 {
            let messages = (0..<dice.below(60)).map { _ in dice.message().octets }
                .filter { $0.count < 4000 }
            let frame = DatagramFrame(
                octetsMax: 500 + dice.below(2000),
                seal: [nil, SealVersion.bare, .padded][dice.below(3)],
                hasChecksum: dice.flag(),
                compressedFrom: dice.flag() ? nil : dice.below(600)
            )
            let content = writer.pack([], candidates: messages, in: frame)
            let datagram = frame.datagram(content.octets, nonce: Golden.nonce, seal: cipher.seal)
            #expect(datagram.count <= frame.octetsMax)
            if content.taken == 0 { continue }
            let rules = RingRules(encryption: frame.seal == nil ? .none : .required)
            let reading = Reading(datagram, rules: rules, cipher: cipher)
            #expect(reading.octets == Array(messages[..<content.taken]))
        }
    }
}
