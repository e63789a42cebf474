import Gossip
import GossipWire
import Testing

@Suite("What serf says")
struct SerfTests {
    private static let query = SerfQuery(
        time: LamportTime(1),
        id: 0x36a6_1cfe,
        address: Golden.address(127, 0, 0, 1),
        port: 17946,
        asker: NodeName("serf1"),
        name: Array("load".utf8),
        payload: Array("hello".utf8),
        wantsAck: true,
        timeoutNanoseconds: 2_000_000_000
    )

    private static let conflictAnswer = SerfMember(
        node: NodeName("serf1"),
        address: Golden.address(127, 0, 0, 1),
        port: 17946,
        tags: SerfTags(),
        status: .alive,
        versions: .serf
    )

    /// gossip-wire.md §20.6, without memberlist's type octet.
    static let examples: [(String, SerfMessage)] = [
        (
            "0083a54c54696d6514a44e6f6465a6737769667431a55072756e65c2",
            .leave(SerfLeave(time: LamportTime(20), node: NodeName("swift1")))
        ),
        (
            "0182a54c54696d6509a44e6f6465a6737769667431",
            .join(SerfJoin(time: LamportTime(9), node: NodeName("swift1")))
        ),
        (
            "0384a24343c2a54c54696d6501a44e616d65a66465706c6f79a75061796c6f6164a6616263313233",
            .userEvent(
                SerfEvent(
                    time: LamportTime(1),
                    name: Array("deploy".utf8),
                    payload: Array("abc123".utf8),
                    coalesces: false
                )
            )
        ),
        (
            """
            048ba441646472a47f000001a746696c74657273c0a5466c61677301a24944ce36a61cfea54c54696d6501a44e61
            6d65a46c6f6164a75061796c6f6164a568656c6c6fa4506f7274cd461aab52656c6179466163746f7200aa536f75
            7263654e6f6465a57365726631a754696d656f7574ce77359400
            """,
            .query(query)
        ),
        (
            """
            0585a5466c61677300a446726f6da6737769667431a24944ce4d450ebea54c54696d6502a75061796c6f6164da00
            7b068ba441646472a47f000001ab44656c656761746543757205ab44656c65676174654d617805ab44656c656761
            74654d696e02a44e616d65a57365726631a4506f7274cd461aab50726f746f636f6c43757202ab50726f746f636f
            6c4d617805ab50726f746f636f6c4d696e01a653746174757301a45461677380
            """,
            .queryResponse(
                SerfQueryResponse(
                    time: LamportTime(2),
                    id: 0x4d45_0ebe,
                    from: NodeName("swift1"),
                    isAck: false,
                    payload: SerfMember.conflictAnswer(conflictAnswer)
                )
            )
        ),
    ]

    @Test("20.6: a message says what it says, and is written as it was", arguments: examples)
    func messages(octets: String, message: SerfMessage) throws {
        let read = try SerfMessage(hex(octets).span)
        #expect(read == message)
        #expect(message.octets == hex(octets))
    }

    @Test("20.6: the least user state that serf merged")
    func state() throws {
        let octets = hex(
            """
            0286aa4576656e744c54696d6503a64576656e7473c0a54c54696d6505ab4c6566744d656d6265727390aa5175
            6572794c54696d6502ac5374617475734c54696d657382a5736572663101a673776966743105
            """
        )
        let state = try SerfState(octets.span)
        #expect(state.octets == octets)
        #expect(state.eventTime == LamportTime(3) && state.queryTime == LamportTime(2))
        #expect(state.time == LamportTime(5) && state.left == [] && state.events == [])
        #expect(
            state.statuses == [
                SerfState.Status(node: NodeName("serf1"), time: LamportTime(1)),
                SerfState.Status(node: NodeName("swift1"), time: LamportTime(5)),
            ]
        )
    }

    @Test("an answer to a conflict is read again, and may be that nobody is known")
    func conflicts() throws {
        let known = try SerfMember.read(
            conflictAnswer: SerfMember.conflictAnswer(Self.conflictAnswer).span
        )
        #expect(known == Self.conflictAnswer)
        #expect(SerfMember.conflictAnswer(nil) == hex("06c0"))
        let nobody = try SerfMember.read(conflictAnswer: hex("06c0").span)
        #expect(nobody == nil)
        #expect(throws: SerfFault.type(7)) { try SerfMember.read(conflictAnswer: hex("07c0").span) }
    }

    @Test("filters, relays, keys and tags come back as they went")
    func others() throws {
        for filter in [
            SerfFilter.nodes([NodeName("a"), NodeName("b")]), .nodes([]),
            .tag(Array("role".utf8), expression: Array("web.*".utf8)),
        ] {
            #expect(try SerfFilter(filter.octets) == filter)
        }
        #expect(throws: SerfFault.type(2)) { try SerfFilter([2, 0x90]) }
        let relay = SerfMessage.relay(
            SerfRelay(
                address: Golden.address(10, 0, 0, 1),
                port: 7946,
                node: NodeName("a"),
                inner: Self.examples[0].1.octets
            )
        )
        let relayed = try SerfMessage(relay.octets.span)
        #expect(relayed == relay)
        let key = try SerfKeyAnswer.key(request: SerfKeyAnswer.request(key: [1, 2]).span)
        #expect(key == [1, 2])
        let answer = SerfKeyAnswer(
            isSuccess: true,
            message: Array("ok".utf8),
            keys: [[65], [66]],
            primaryKey: [65]
        )
        let read = try SerfKeyAnswer(answer.octets.span)
        #expect(read == answer)
        let legacy = try SerfTags(meta: Array("web".utf8).span)
        #expect(legacy == SerfTags([tag("role", "web")]))
        let none = try SerfTags(meta: [UInt8]().span)
        #expect(none == SerfTags())
    }

    @Test("an event over 9 KiB, a query over it, or a state of too many slots is refused")
    func limits() {
        let long = [UInt8](repeating: 97, count: SerfEvent.octetsMax)
        let event = SerfEvent(time: LamportTime(1), name: [97], payload: long, coalesces: false)
        #expect(throws: SerfFault.body(.userEvent, .length(claimed: 9217, limit: 9216))) {
            _ = try SerfMessage(SerfMessage.userEvent(event).octets.span)
        }
        var query = Self.query
        query.payload = long
        #expect(throws: SerfFault.self) {
            _ = try SerfMessage(SerfMessage.query(query).octets.span)
        }
        var state = SerfState(
            time: LamportTime(1),
            eventTime: LamportTime(1),
            queryTime: LamportTime(1),
            events: [SerfState.Events?](repeating: nil, count: 513)
        )
        #expect(throws: SerfFault.body(.pushPull, .count(claimed: 513, limit: 512))) {
            _ = try SerfState(state.octets.span)
        }
        let event4 = SerfState.Event(name: [97], payload: [])
        let slot = SerfState.Events(
            time: LamportTime(1),
            events: [SerfState.Event](repeating: event4, count: 3000)
        )
        state.events = [slot, slot]
        #expect(throws: SerfFault.body(.pushPull, .count(claimed: 3000, limit: 1096))) {
            _ = try SerfState(state.octets.span)
        }
    }

    @Test("a table's state or a payload's type is no user message")
    func types() {
        for type: UInt8 in [2, 6, 7, 8, 10, 255] {
            #expect(throws: SerfFault.type(type)) { _ = try SerfMessage([type, 0x80].span) }
        }
        #expect(throws: SerfFault.empty) { _ = try SerfMessage([UInt8]().span) }
        #expect(throws: SerfFault.type(0)) { _ = try SerfState([0, 0x80].span) }
    }
}
