import Base
import Gossip
import GossipWire
import Testing

/// The worked examples of networkdb-dns.md A16, H4 and H5, both ways.
@Suite("NetworkDB's octets")
struct TableGoldenTests {
    static let network = NetworkID("net1")
    static let n1 = NodeName("n1")
    static let key = EntryKey(.endpoints, Array("ep1".utf8))

    static let endpoint = hex(
        """
        0a097765622e312e61626312037765621a0473766331220831302e302e312e322a0831302e302e312e333a037777
        77420c633066666565313233343536
        """
    )
    static let disabledEndpoint = endpoint + hex("4801")

    static var record: EndpointRecord {
        var record = EndpointRecord(name: Array("web.1.abc".utf8))
        record.serviceName = Array("web".utf8)
        record.serviceID = Array("svc1".utf8)
        record.virtualAddress = IPv4Address(10, 0, 1, 2)
        record.address = IPv4Address(10, 0, 1, 3)
        record.aliases = [Array("www".utf8)]
        record.taskAliases = [Array("c0ffee123456".utf8)]
        return record
    }

    static func event(
        _ kind: TableEvent.Kind,
        at time: UInt64,
        value: [UInt8] = endpoint,
        residualSeconds: UInt32 = 0
    ) -> TableEvent {
        TableEvent(
            kind,
            key,
            in: network,
            owner: n1,
            at: LamportTime(time),
            value: value,
            residualSeconds: residualSeconds
        )
    }

    private static let eventHead =
        "1a026e3122046e6574312a0e656e64706f696e745f7461626c6532036570313a"
    static let created = hex("08021262" + "0801100c" + eventHead + "3d") + endpoint
    static let joined = hex("0801120e080110091a026e3122046e657431")

    /// A whole `GossipMessage`, and what it says.
    static let examples: [([UInt8], TableRumour.Content)] = [
        (hex("08061208080110071a026e31"), .node(NodeEvent(.join, n1, at: LamportTime(7)))),
        (hex("080612080802100c1a026e31"), .node(NodeEvent(.leave, n1, at: LamportTime(12)))),
        (
            hex("0806120b0801100d1a026e31a0061e"),
            .node(NodeEvent(.join, n1, at: LamportTime(13), backSeconds: 30))
        ),
        (joined, .network(NetworkEvent(.join, n1, network, at: LamportTime(9)))),
        (
            hex("0801120e0802100b1a026e3122046e657431"),
            .network(NetworkEvent(.leave, n1, network, at: LamportTime(11)))
        ),
        (created, .table(event(.create, at: 12))),
        (
            hex("08021264" + "08021014" + eventHead + "3f") + disabledEndpoint,
            .table(event(.update, at: 20, value: disabledEndpoint))
        ),
        (
            hex("08021267" + "08031015" + eventHead + "3f") + disabledEndpoint + hex("40880e"),
            .table(event(.delete, at: 21, value: disabledEndpoint, residualSeconds: 1800))
        ),
        (
            hex("08021265" + "0803100d" + eventHead + "3d") + endpoint + hex("40880e"),
            .table(event(.delete, at: 13, residualSeconds: 1800))
        ),
    ]

    static let compound = hex("0805126a0a680a66") + created
    static let sync = hex("0804127e080e10011a026e3122046e6574312a6e") + compound
    static let emptyAnswer = hex("08041210080f1a026e3222046e6574312a020805")
    static let attachmentFirst =
        hex("0804129601080e10011a026e3122046e6574312a85010805128001")
        + hex("0a140a12") + joined + hex("0a680a66") + created
    static let state = hex("08031214080f120c0a046e65743110091a026e311a026e31")
    static let peer = hex(
        """
        0a0b31302e302e312e332f3234121130323a34323a30613a30303a30313a30331a0c3139322e3136382e312e3130
        """
    )

    @Test("A16, H5: a rumour says what it says, and is written as it was", arguments: examples)
    func rumours(octets: [UInt8], content: TableRumour.Content) throws {
        let reading = try TableReading(octets.span)
        #expect(reading.message == .rumours([TableRumour(content, octets: octets)]))
        #expect(reading.malformed == 0)
        #expect(reading.message.octets == octets)
        #expect(TableRumour(writing: content).octets == octets)
        #expect(TableCodec.wire.rumour(content).octets == octets)
        #expect(TableCodec.wire.read(octets)?.message == reading.message)
    }

    @Test("A16: lengths are as they are said to be")
    func lengths() {
        #expect(Self.endpoint.count == 61 && Self.created.count == 102)
        #expect(Self.disabledEndpoint.count == 63 && Self.sync.count == 130)
        #expect(Self.attachmentFirst.count == 155 && Self.emptyAnswer.count == 20)
    }

    @Test("A16: a compound of one rumour is that rumour, and none is two octets")
    func compounds() throws {
        let rumour = TableRumour(writing: .table(Self.event(.create, at: 12)))
        let reading = try TableReading(Self.compound.span)
        #expect(reading.message == .rumours([rumour]) && reading.malformed == 0)
        #expect(reading.message.octets == Self.created)
        let none = try TableReading(hex("0805").span)
        #expect(none.message == .rumours([]) && none.malformed == 0)
        #expect(none.message.octets == hex("0805"))
    }

    @Test("A16, H5: bulk syncs, with an attachment at the head, or with nothing")
    func syncs() throws {
        let attachment = TableRumour(
            writing: .network(NetworkEvent(.join, Self.n1, Self.network, at: LamportTime(9)))
        )
        let entry = TableRumour(writing: .table(Self.event(.create, at: 12)))
        var sync = BulkSync(
            time: LamportTime(14),
            isUnsolicited: true,
            node: Self.n1,
            networks: [Self.network],
            rumours: [entry]
        )
        try Self.expect(.bulkSync(sync), Self.sync)
        sync.rumours = [attachment, entry]
        try Self.expect(.bulkSync(sync), Self.attachmentFirst)
        let answer = BulkSync(
            time: LamportTime(15),
            isUnsolicited: false,
            node: NodeName("n2"),
            networks: [Self.network],
            rumours: []
        )
        try Self.expect(.bulkSync(answer), Self.emptyAnswer)
        // Ours: how many others were given the same.
        var reaching = answer
        reaching.reach = 3
        try Self.expect(
            .bulkSync(reaching),
            hex("08041213080f1a026e3222046e6574312a020805a00603")
        )
    }

    private static func expect(_ message: TableMessage, _ octets: [UInt8]) throws {
        let reading = try TableReading(octets.span)
        #expect(reading.message == message)
        #expect(reading.malformed == 0)
        #expect(message.octets == octets)
        #expect(TableCodec.wire.message(message) == octets)
        #expect(TableCodec.wire.read(octets)?.message == message)
    }

    @Test("A16: the state of an exchange")
    func state() throws {
        let state = TableState(
            time: LamportTime(15),
            node: Self.n1,
            attachments: [
                Attachment(Self.n1, Self.network, at: LamportTime(9), isLeaving: false)
            ]
        )
        let read = try TableState(Self.state.span)
        #expect(read == state)
        #expect(state.octets == Self.state)
        #expect(TableCodec.wire.state(state) == Self.state)
        #expect(TableCodec.wire.readState(Self.state) == state)
    }

    @Test("A16, H4: an endpoint's record, enabled and disabled, with our fields behind it")
    func endpoints() throws {
        var record = Self.record
        try Self.expect(record, Self.endpoint)
        record.isDisabled = true
        try Self.expect(record, Self.disabledEndpoint)
        record.moreAddresses = [.v6(try #require(IPv6Address("fd00::5")))]
        record.weight = 50
        try Self.expect(record, Self.disabledEndpoint + hex("a20607666430303a3a35a80632"))
        let port = EndpointRecord.Port(.tcp, target: 80, published: 8080)
        record = EndpointRecord(name: Array("a".utf8))
        record.address = IPv4Address(10, 0, 1, 3)
        record.ingressPorts = [port]
        // Docker writes `<nil>` where there is no VIP.
        try Self.expect(record, hex("0a016122053c6e696c3e2a0831302e302e312e333205185020903f"))
    }

    private static func expect(_ record: EndpointRecord, _ octets: [UInt8]) throws {
        let read = try EndpointRecord(octets.span)
        #expect(read == record)
        #expect(record.octets == octets)
    }

    @Test("A16: a peer's record")
    func peers() throws {
        let record = PeerRecord(
            address: IPv4Address(10, 0, 1, 3),
            prefixBits: 24,
            hardwareAddress: hex("02420a000103"),
            tunnelAddress: .v4(IPv4Address(192, 168, 1, 10))
        )
        let read = try PeerRecord(Self.peer.span)
        #expect(read == record)
        #expect(record.octets == Self.peer)
    }
}
