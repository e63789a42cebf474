import Base
import LDNS
import Testing

/// A reply made by hand: `web.svc. A` with two answers, a SOA and, at its end, an OPT record.
private enum Reply {
    static let question = ZoneTextTests.octets("03576562 03737663 00 0001 0001")
    static let answer = ZoneTextTests.octets(
        """
        c00c 0001 0001 00000005 0004 0a00000b
        c00c 0010 0001 00000007 0008 016103 622063 0100
        """
    )
    static let soa = ZoneTextTests.octets(
        """
        c010 0006 0001 00000005 001a
        026e73c010 00 00000001 00000002 00000003 00000004 00000005
        """
    )
    /// Version 0, size 1232, DO, extended code 1, option 15 with two octets.
    static let opt = ZoneTextTests.octets("00 0029 04d0 01008000 0006 000f 0002 0016")
    static let plainOPT = ZoneTextTests.octets("00 0029 1000 00000000 0000")

    static func header(
        flags: UInt16,
        counts: (question: UInt8, answer: UInt8, authority: UInt8, rest: UInt8)
    ) -> [UInt8] {
        [
            0x12, 0x34, UInt8(flags >> 8), UInt8(truncatingIfNeeded: flags),
            0, counts.question, 0, counts.answer, 0, counts.authority, 0, counts.rest,
        ]
    }

    static var whole: [UInt8] {
        header(flags: 0x8580, counts: (1, 2, 1, 1)) + question + answer + soa + opt
    }
}

@Suite("Messages through libldns")
struct MessageTests {
    @Test("every field of a reply is seen")
    func decode() throws {
        let message = try DecodedMessage(Reply.whole)
        #expect(message.id == 0x1234)
        #expect(message.isReply && message.isAuthoritative && message.recursionDesired)
        #expect(message.recursionAvailable && !message.isTruncated)
        #expect(!message.authenticData && !message.checkingDisabled)
        #expect(message.opcode == 0)
        #expect(message.rcode == 16)
        #expect(
            message.question.map { "\($0.name) \($0.type) \($0.recordClass)" } == ["Web.svc. A 1"]
        )
        #expect(
            message.answer.map { "\($0.owner) \($0.ttl) \($0.type) \($0.dataText)" }
                == ["Web.svc. 5 A 10.0.0.11", "Web.svc. 7 TXT \"a\" \"b c\" \"\\000\""]
        )
        #expect(message.authority.map(\.dataText) == ["ns.svc. . 1 2 3 4 5"])
        #expect(message.authority.first?.data.count == 29)
        #expect(message.additional.isEmpty)
        #expect(message.hasOPT && message.doBit && !message.hasTSIG)
        #expect(message.udpSize == 1232)
        #expect(message.ednsVersion == 0)
        #expect(message.edns?.reservedFlags == 0)
        #expect(message.edns?.options.map(\.code) == [15])
        #expect(message.edns?.options.map(\.data) == [[0, 22]])
    }

    @Test("flags are told apart")
    func flags() throws {
        let octets = Reply.header(flags: 0x2235, counts: (0, 0, 0, 0))
        let message = try DecodedMessage(octets)
        #expect(!message.isReply && message.isTruncated && !message.recursionDesired)
        #expect(message.authenticData && message.checkingDisabled)
        #expect(message.opcode == 4)
        #expect(message.rcode == 5)
        #expect(!message.hasOPT && message.udpSize == nil && !message.doBit)
    }

    @Test("every prefix of a reply is refused", arguments: 0..<Reply.whole.count)
    func prefixes(count: Int) {
        #expect(throws: MessageError.self) { try DecodedMessage(Array(Reply.whole.prefix(count))) }
    }

    @Test("no flipped octet brings the judge down")
    func flips() {
        for index in Reply.whole.indices {
            for mask: UInt8 in [0x01, 0x40, 0x80, 0xc0, 0xff] {
                var octets = Reply.whole
                octets[index] ^= mask
                _ = try? DecodedMessage(octets)
            }
        }
    }

    @Test("what libldns lets pass is refused")
    func framing() {
        let one = Reply.header(flags: 0x8000, counts: (1, 1, 0, 0)) + Reply.question
        let start = one.count
        let long = one + ZoneTextTests.octets("c00c 0001 0001 00000005 0005 0a00000b00")
        #expect(throws: MessageError.recordLength(offset: start)) { try DecodedMessage(long) }
        let name = one + ZoneTextTests.octets("c00c 0005 0001 00000005 0002 016100")
        #expect(throws: MessageError.recordLength(offset: start)) { try DecodedMessage(name) }
        #expect(throws: MessageError.trailing(octets: 2)) {
            try DecodedMessage(Reply.whole + [0, 0])
        }
        let rest = { (count: UInt8) in Reply.header(flags: 0, counts: (0, 0, 0, count)) }
        #expect(throws: MessageError.optPlace(offset: 23)) {
            try DecodedMessage(rest(2) + Reply.plainOPT + Reply.plainOPT)
        }
        #expect(throws: MessageError.optPlace(offset: start)) {
            try DecodedMessage(one + Reply.plainOPT)
        }
        #expect(throws: MessageError.optOwner(offset: 12)) {
            try DecodedMessage(rest(1) + [1, 0x61] + Reply.plainOPT)
        }
        let stray = ZoneTextTests.octets("00 0029 1000 00000000 0003 000f00")
        #expect(throws: MessageError.optionLength) { try DecodedMessage(rest(1) + stray) }
        let tsig = ZoneTextTests.octets(
            "00 00fa 00ff 00000000 0011 00 000000000000 0000 0000 0000 0000 0000"
        )
        #expect(throws: MessageError.tsigPlace(offset: 12 + tsig.count)) {
            try DecodedMessage(rest(2) + tsig + tsig)
        }
    }

    @Test("a reply is printed for people")
    func printing() throws {
        let expected = """
            ;; ->>HEADER<<- opcode: QUERY, rcode: NOERROR, id: 4660
            ;; flags: qr aa rd ra ; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 0 
            ;; QUESTION SECTION:
            ;; Web.svc.\tIN\tA

            ;; ANSWER SECTION:
            Web.svc.\t5\tIN\tA\t10.0.0.11
            Web.svc.\t7\tIN\tTXT\t"a" "b c" "\\000"

            ;; AUTHORITY SECTION:
            svc.\t5\tIN\tSOA\tns.svc. . 1 2 3 4 5

            ;; ADDITIONAL SECTION:

            ;; EDNS: version 0; flags: do ; ext-rcode: 16 ; udp: 1232
            ; EDE: 22 (No Reachable Authority)
            ;; MSG SIZE  rcvd: \(Reply.whole.count)

            """
        let text = try MessagePrinter.text(of: Reply.whole)
        #expect(text == expected)
        #expect(
            try MessagePrinter.answers(of: Reply.whole) == "10.0.0.11\n\"a\" \"b c\" \"\\000\"\n"
        )
    }

    @Test(
        "options of a stranger are printed without libldns, which would read past some",
        arguments: [
            ("000d 0000", "OPTION 13: "), ("000d 0002 0161", "OPTION 13: 0161"),
            ("0003 0003 6e731b", "NSID: 6e731b (ns.)"), ("000b 0002 0064", "TCP-KEEPALIVE: 10.0 s"),
            ("000b 0000", "OPTION 11: "), ("000c 0003 000000", "PADDING: 3 octets"),
            ("000f 0002 0018", "EDE: 24 (Invalid Data)"), ("000f 0001 00", "OPTION 15: 00"),
            ("000f 0004 ffff 6f1b", "EDE: 65535: o."), ("000a 0001 07", "COOKIE: 07"),
            ("0008 0004 00010000", "CLIENT-SUBNET: 00010000"),
        ]
    )
    func options(hex: String, text: String) throws {
        let option = ZoneTextTests.octets(hex)
        let opt = ZoneTextTests.octets("00 0029 04d0 00000000 00") + [UInt8(option.count)]
        let head = Reply.header(flags: 0x8180, counts: (1, 0, 0, 1)) + Reply.question
        let printed = try MessagePrinter.text(of: head + opt + option)
        #expect(printed.contains("\n; \(text)\n;; MSG SIZE"), "\(printed)")
    }

    @Test("an empty answer prints nothing, and no message is an error")
    func printingNothing() throws {
        let empty = Reply.header(flags: 0x8183, counts: (1, 0, 0, 0)) + Reply.question
        #expect(try MessagePrinter.answers(of: empty) == "")
        #expect(throws: MessageError.refused(status: 46)) {
            try MessagePrinter.text(of: [1, 2, 3])
        }
    }
}
