import Base
import Gossip
import GossipWire
import Testing

/// What is not as our own nodes write it, and is read all the same, or not.
@Suite("NetworkDB as others write it")
struct TableToleranceTests {
    private static let created = TableGoldenTests.created
    private static let joined = TableGoldenTests.joined

    /// A whole `GossipMessage`, or any field of octets.
    private static func field(_ tag: String, _ content: [UInt8]) -> [UInt8] {
        precondition(content.count < 16_384)
        let count = content.count
        let length = count < 128 ? [UInt8(count)] : [UInt8(count & 127 | 128), UInt8(count >> 7)]
        return hex(tag) + length + content
    }

    private static func compound(_ parts: [[UInt8]]) -> [UInt8] {
        field("080512", parts.flatMap { field("0a", field("0a", $0)) })
    }

    private static func rumours(_ octets: [UInt8]) throws -> (rumours: [TableRumour], Int) {
        let reading = try TableReading(octets.span)
        guard case .rumours(let rumours) = reading.message else { return ([], -1) }
        return (rumours, reading.malformed)
    }

    @Test("fields in any order, the last of a repeated one, and unknown ones of every form")
    func fields() throws {
        let event = NetworkEvent(
            .join,
            TableGoldenTests.n1,
            TableGoldenTests.network,
            at: LamportTime(9)
        )
        for octets in [
            "22046e6574311a026e3110090801", "08021063080110091a01781a026e3122046e657431",
            "080110091a026e3122046e657431" + "a006ff01" + "a20603616263" + "a50601020304"
                + "a1060102030405060708", "0881808080808080808000" + "10091a026e3122046e657431",
        ] {
            let whole = Self.field("080112", hex(octets))
            let reading = try Self.rumours(whole)
            #expect(reading.rumours.map(\.content) == [.network(event)], "\(octets)")
            // What nobody here knows is passed on with it.
            #expect(reading.rumours.map(\.octets) == [whole])
            let mixed = try Self.rumours(Self.compound([whole, Self.created]))
            #expect(mixed.rumours.map(\.octets) == [whole, Self.created])
        }
        // The content before its type, and the last of two contents.
        let swapped = try Self.rumours(hex("120100") + Self.joined.dropFirst(2) + hex("0801"))
        #expect(swapped.rumours.map(\.content) == [.network(event)])
    }

    @Test("a number of more than 64 bits, a group, field 0 and another form are refused")
    func faults() {
        for (octets, fault) in [
            ("", TableFault.empty),
            ("0801120b08ffffffffffffffffff02", .number(offset: 5)),
            ("0801120c08ffffffffffffffffffff01", .number(offset: 5)),
            ("08011202" + "0b0c", .tag(offset: 4)), ("08011202" + "0001", .tag(offset: 4)),
            ("08011201" + "0e", .tag(offset: 4)),
            ("08011203" + "0a0161", .form(field: 1, offset: 4)),
            ("08011202" + "1801", .form(field: 3, offset: 4)),
            ("0801120508011a0561", .truncated(needed: 13, have: 9)),
            ("08011205", .truncated(needed: 9, have: 4)), ("0800", .type(0)),
            ("0807", .type(7)), ("08ffff03", .type(65_535)), ("0803", .type(3)),
            ("080112020801", .name(field: 3, octets: 0)),
            ("080112050801" + "1a0161", .name(field: 4, octets: 0)),
            ("080412020801", .name(field: 3, octets: 0)),
            ("08011208" + "1a016122" + "03612f62", .name(field: 4, octets: 3)),
        ] {
            #expect(throws: fault, "\(octets)") { _ = try TableReading(hex(octets).span) }
        }
    }

    @Test("names too long, or with a / where paths are cut, are refused; at the limit they are not")
    func names() throws {
        func event(_ node: Int, _ network: Int, _ table: Int, _ key: Int) -> [UInt8] {
            let event = TableEvent(
                .create,
                EntryKey(
                    TableName(octets: [UInt8](repeating: 97, count: table)),
                    [UInt8](repeating: 97, count: key)
                ),
                in: NetworkID(octets: [UInt8](repeating: 97, count: network)),
                owner: NodeName(octets: [UInt8](repeating: 97, count: node)),
                at: LamportTime(1),
                value: [1]
            )
            return TableRumour(writing: .table(event)).octets
        }
        let longest = event(255, 255, 64, 255)
        let good = try Self.rumours(longest)
        #expect(good.rumours.count == 1)
        for (bad, field, octets) in [
            (event(256, 1, 1, 1), 3, 256), (event(1, 256, 1, 1), 4, 256),
            (event(1, 1, 65, 1), 5, 65), (event(1, 1, 1, 256), 6, 256), (event(0, 1, 1, 1), 3, 0),
            (event(1, 0, 1, 1), 4, 0), (event(1, 1, 0, 1), 5, 0), (event(1, 1, 1, 0), 6, 0),
        ] {
            #expect(throws: TableFault.name(field: UInt32(field), octets: octets)) {
                _ = try TableReading(bad.span)
            }
            let others = try Self.rumours(Self.compound([Self.joined, bad, longest]))
            #expect(others.rumours.map(\.octets) == [Self.joined, longest])
            #expect(others.1 == 1)
        }
    }

    @Test("a value over 8 KiB costs its own event alone")
    func values() throws {
        func event(_ octets: Int) -> [UInt8] {
            let value = [UInt8](repeating: 1, count: octets)
            let event = TableGoldenTests.event(.create, at: 1, value: value)
            return TableRumour(writing: .table(event)).octets
        }
        let limit = TableLimits.valueOctetsMax
        let reading = try Self.rumours(Self.compound([event(limit), Self.joined]))
        #expect(reading.rumours.count == 2 && reading.1 == 0)
        let other = try Self.rumours(Self.compound([event(limit + 1), Self.joined]))
        #expect(other.rumours.map(\.octets) == [Self.joined] && other.1 == 1)
        #expect(throws: TableFault.length(claimed: limit + 1, limit: limit)) {
            _ = try TableReading(event(limit + 1).span)
        }
    }

    @Test("a residual time below zero is none")
    func residual() throws {
        let octets = hex("08021219" + "08031a016122016e2a017432016b40ffffffffffffffffff01")
        let reading = try Self.rumours(octets)
        guard case .table(let event) = reading.rumours.first?.content else {
            Issue.record("no event")
            return
        }
        #expect(event.residualSeconds == 0 && event.kind == .delete && event.value == [])
    }

    @Test("one part of a compound that cannot be read leaves the others")
    func parts() throws {
        let bulk = TableGoldenTests.sync
        let bad: [[UInt8]] = [
            [], [0], hex("0807"), hex("08011205"), bulk, TableGoldenTests.state, hex("0b"),
        ]
        for part in bad {
            let reading = try Self.rumours(Self.compound([Self.joined, part, Self.created]))
            #expect(reading.rumours.map(\.octets) == [Self.joined, Self.created])
            #expect(reading.1 == 1, "\(digits(part))")
        }
        // The compound itself breaks: what stood before stays.
        let broken = Self.field("080512", Self.field("0a", Self.field("0a", Self.joined)) + [0x0b])
        let reading = try Self.rumours(broken)
        #expect(reading.rumours.map(\.octets) == [Self.joined] && reading.1 == 1)
        let all = try Self.rumours(Self.compound(bad))
        #expect(all.rumours == [] && all.1 == bad.count)
    }

    @Test("compounds within compounds are undone, four deep and no deeper")
    func nesting() throws {
        var octets = Self.compound([Self.joined])
        for depth in 1..<TableLimits.depthMax {
            octets = Self.compound([octets, Self.created])
            let reading = try Self.rumours(octets)
            #expect(reading.rumours.count == depth + 1 && reading.1 == 0)
            #expect(reading.rumours.first?.octets == Self.joined)
        }
        let deeper = try Self.rumours(Self.compound([octets, Self.created]))
        #expect(deeper.rumours.count == TableLimits.depthMax && deeper.1 == 1)
    }

    @Test("as many rumours as octets pay for, networks and attachments up to their limits")
    func counts() throws {
        let least = TableRumour(writing: .node(NodeEvent(.join, NodeName("a"), at: LamportTime(1))))
        let rumours = [TableRumour](repeating: least, count: 90_000)
        let sync = BulkSync(
            time: LamportTime(1),
            isUnsolicited: false,
            node: NodeName("a"),
            networks: [],
            rumours: rumours
        )
        let octets = TableMessage.bulkSync(sync).octets
        let reading = try TableReading(octets.span)
        guard case .bulkSync(let read) = reading.message else {
            Issue.record("no bulk sync")
            return
        }
        let most = max(TableLimits.rumoursMax, octets.count / TableLimits.octetsPerRumour)
        #expect(most < 90_000)
        #expect(read.rumours.count == most && reading.malformed == 90_000 - most)

        let network = TableGoldenTests.network
        var asking = sync
        asking.rumours = []
        asking.networks = [NetworkID](repeating: network, count: TableLimits.networksMax)
        let message = TableMessage.bulkSync(asking)
        #expect(TableCodec.wire.read(message.octets)?.message == message)
        asking.networks.append(network)
        #expect(throws: TableFault.count(limit: TableLimits.networksMax)) {
            _ = try TableReading(TableMessage.bulkSync(asking).octets.span)
        }
    }

    @Test("a network of a bulk sync or an attachment that cannot be leaves the others")
    func lines() throws {
        let sync = try TableReading(
            hex("08041213" + "1a016122036e2f31" + "22016e" + "2200" + "2a020805" + "7801").span
        )
        guard case .bulkSync(let read) = sync.message else {
            Issue.record("no bulk sync")
            return
        }
        #expect(read.networks == [NetworkID("n")] && sync.malformed == 2 && read.reach == 0)
        let state = try TableState(
            hex("08031217" + "12060a016e1a0161" + "12030a016e" + "1a0162" + "12030a0178" + "7801")
                .span
        )
        #expect(state.node == NodeName("b"))
        #expect(state.attachments.map(\.network) == [NetworkID("n")])
        #expect(throws: TableFault.type(5)) { _ = try TableState(hex("0805").span) }
        #expect(throws: TableFault.empty) { _ = try TableState([UInt8]().span) }
    }

    @Test("digests of other kinds, with too many owners, cut or longer, are refused")
    func digests() throws {
        let owner = TableDigest.Owner(NodeName("a"), EntrySum(count: 1, sum: 2))
        let digest = TableDigest(
            from: NodeName("s"),
            of: NetworkID("n"),
            wantsAnswer: false,
            .owners([owner], isWhole: true)
        )
        let octets = TableMessage.digest(digest).octets
        #expect(octets == hex("f701020173016e01016101000200000000000000"))
        #expect(throws: TableFault.length(claimed: 21, limit: 20)) {
            _ = try TableReading((octets + [0]).span)
        }
        #expect(throws: TableFault.type(3)) {
            _ = try TableReading(hex("f703020173016e00").span)
        }
        #expect(throws: TableFault.count(limit: 65_536)) {
            _ = try TableReading(hex("f701000173016e818004").span)
        }
        #expect(throws: TableFault.name(field: 0, octets: 1)) {
            _ = try TableReading(hex("f701000173012f00").span)
        }
        #expect(throws: TableFault.name(field: 0, octets: 0)) {
            _ = try TableReading(hex("f7010001730000").span)
        }
    }

    @Test("an ack's digest of another version, or of other octets, is none")
    func acks() {
        let ack = AckDigest(
            fill: 9,
            members: 0x0102_0304_0506_0708,
            roots: [AckDigest.Root(network: 0x0a0b_0c0d, root: 1)]
        )
        let octets = hex("01090807060504030201" + "0d0c0b0a0100000000000000")
        #expect(ack.octets == octets)
        #expect(TableCodec.wire.ack(ack) == octets && TableCodec.wire.readAck(octets) == ack)
        for count in octets.indices where count != 10 {
            #expect(TableCodec.wire.readAck(Array(octets[..<count])) == nil)
        }
        #expect(TableCodec.wire.readAck([2] + octets.dropFirst()) == nil)
        let four = octets + octets[10...] + octets[10...] + octets[10...]
        #expect(TableCodec.wire.readAck(four) == nil)
        #expect(TableCodec.wire.readAck(Array(four.dropLast(12)))?.roots.count == 3)
    }
}
