import Gossip
import GossipWire
import Testing

/// What a peer may send that we would not: gossip-wire.md §3.
@Suite("Msgpack as peers may send it")
struct ToleranceTests {
    private static func name(_ text: String) -> [UInt8] {
        [0xa0 | UInt8(text.utf8.count)] + Array(text.utf8)
    }

    /// An ack of a map with these fields.
    private static func ack(_ fields: [(String, [UInt8])]) -> [UInt8] {
        [2, 0x80 | UInt8(fields.count)] + fields.flatMap { name($0.0) + $0.1 }
    }

    private static func read(_ octets: [UInt8]) throws -> Ack? {
        guard case .ack(let ack) = try GossipMessage(octets.span) else { return nil }
        return ack
    }

    @Test(
        "an integer may come in any family that fits",
        arguments: [
            "07", "cc07", "cd0007", "ce00000007", "cf0000000000000007", "d007", "d10007",
            "d200000007",
            "d30000000000000007",
        ]
    )
    func integers(octets: String) throws {
        let ack = try Self.read(Self.ack([("SeqNo", hex(octets))]))
        #expect(ack == Ack(sequence: SequenceNumber(7)))
    }

    @Test(
        "an integer that does not fit, or is none, is a fault of the whole message",
        arguments: [
            "ff", "d0ff", "d2ffffffff", "cf0000000100000000", "d30000000100000000", "a137",
            "ca40e00000",
            "cb401c000000000000", "c2", "9107", "8107c0", "c1", "d40107",
        ]
    )
    func wrongIntegers(octets: String) {
        #expect(throws: MessageFault.self) {
            _ = try Self.read(Self.ack([("SeqNo", hex(octets))]))
        }
    }

    @Test(
        "octets and strings may come in either family, as an array of numbers, or as nil",
        arguments: [
            ("a161", "a"), ("d90161", "a"), ("da000161", "a"), ("db0000000161", "a"),
            ("c40161", "a"),
            ("c5000161", "a"), ("c60000000161", "a"), ("9161", "a"), ("91cc61", "a"),
            ("dc000161", "a"),
            ("dd0000000161", "a"), ("c0", ""), ("a0", ""), ("90", ""), ("c400", ""),
        ]
    )
    func octets(octets: String, text: String) throws {
        let ack = try Self.read(Self.ack([("Payload", hex(octets))]))
        #expect(ack?.payload == Array(text.utf8))
    }

    @Test("fields come in any order, are missing, come twice, or are nobody's")
    func fields() throws {
        let swapped = try Self.read(Self.ack([("SeqNo", [5]), ("Payload", hex("a161"))]))
        #expect(swapped == Ack(sequence: SequenceNumber(5), payload: [97]))
        #expect(try Self.read(hex("0280")) == Ack(sequence: SequenceNumber(0)))
        #expect(try Self.read(hex("02c0")) == Ack(sequence: SequenceNumber(0)))
        let twice = try Self.read(Self.ack([("SeqNo", [5]), ("SeqNo", [6])]))
        #expect(twice == Ack(sequence: SequenceNumber(6)))
        // Letters count: `seqno` is another field.
        let strangers = try Self.read(
            Self.ack([
                ("seqno", [9]), ("SeqNo", [7]),
                ("New", hex("82a16193c001cb0000000000000000a162d60100000000")),
                ("AVeryLongNameOfAField!", hex("c70301010203")),
                ("Sixteen-Octets-!", hex("ca00000000")),
            ])
        )
        #expect(strangers == Ack(sequence: SequenceNumber(7)))
        let longMap = hex("02de0001") + Self.name("SeqNo") + [7]
        #expect(try Self.read(longMap) == Ack(sequence: SequenceNumber(7)))
        #expect(
            try Self.read(hex("02df00000001d905") + Array("SeqNo".utf8) + [7])?.sequence.value == 7
        )
    }

    @Test("what follows the map is not looked at")
    func trailing() throws {
        for message in Golden.messages where message.message.type != .user {
            let longer = try GossipMessage((message.octets + [0xc1, 0xff]).span)
            #expect(longer == message.message)
        }
    }

    @Test("a truth is nothing else, and nil is none")
    func truths() throws {
        func wantsNack(_ octets: String) throws -> Bool? {
            let message = [1, 0x81] + Self.name("Nack") + hex(octets)
            guard case .indirectPing(let ping) = try GossipMessage(message.span) else { return nil }
            return ping.wantsNack
        }
        #expect(try wantsNack("c3") == true)
        #expect(try wantsNack("c2") == false)
        #expect(try wantsNack("c0") == false)
        #expect(throws: MessageFault.self) { _ = try wantsNack("01") }
    }

    @Test("addresses and versions of any length are read, and are what they are")
    func lengths() throws {
        for count in [0, 1, 4, 5, 6, 7, 15, 16, 17, 40, 300] {
            let run =
                [0xda, UInt8(count >> 8), UInt8(count & 255)] + [UInt8](repeating: 9, count: count)
            let message =
                [4, 0x83] + Self.name("Addr") + run + Self.name("Vsn") + run + Self.name("Node")
                + Self.name("n")
            guard case .alive(let alive) = try GossipMessage(message.span) else { return }
            #expect(alive.address.octets.count == count && alive.versions.octets.count == count)
            #expect((alive.address.address != nil) == (count == 4 || count == 16))
            #expect(alive.versions.isWhole == (count == 6))
            #expect(alive.address.octets.octets == (count <= 16 ? Array(run.dropFirst(3)) : []))
        }
    }

    @Test("what is too long for an address is not written again, as if it were missing")
    func tooLong() throws {
        let source = Self.name("SourceAddr") + hex("b4") + [UInt8](repeating: 1, count: 20)
        let octets = [0, 0x81] + source
        let ping = try GossipMessage(octets.span)
        let written = ping.octets
        let again = try GossipMessage(written.span)
        #expect(again.octets == written && written == hex("0082a44e6f6465a0a55365714e6f00"))
    }

    @Test("an IPv4 address keeps its spelling, and is one address in both")
    func spellings() throws {
        let mapped = AddressOctets(
            ShortOctets([UInt8](repeating: 0, count: 10) + [255, 255, 10, 0, 0, 6])
        )
        let short = Golden.address(10, 0, 0, 6)
        #expect(mapped != short && mapped.address == short.address)
        guard case .alive(var alive) = Golden.alive.message else { return }
        alive.address = mapped
        let octets = GossipMessage.alive(alive).octets
        let again = try GossipMessage(octets.span)
        #expect(again == .alive(alive))
        #expect(octets.count == Golden.alive.octets.count + 12)
    }
}
