import Base
import DNSWire
import LDNS
import Testing

/// What an upstream may send, each row something that a known parser failed on: dns.md §4.4,
/// RFC 9267.
///
/// libldns judges beside the walker where it can: what the walker takes, it must take too.
@Suite("Attacks on the walker of replies")
struct ReplyAttackTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let octets: [UInt8]
        /// nil: the reply is accepted.
        let fault: ReplyFault?

        init(_ name: String, _ octets: [UInt8], _ fault: ReplyFault?) {
            testDescription = name
            self.octets = octets
            self.fault = fault
        }

        init(_ name: String, _ message: Message, _ fault: ReplyFault?) {
            self.init(name, message.octets, fault)
        }

        init(_ name: String, question: [UInt8], _ fault: ReplyFault?) {
            self.init(
                name,
                Message(flags: 0x8180, counts: [1, 0, 0, 0], body: question),
                fault
            )
        }
    }

    static let end = questionEnd

    static let framing: [Row] = [
        Row("one address", .reply([address]), nil),
        Row("no record", .reply([]), nil),
        Row("QR=0", Message.reply([address]).with(flags: 0x0100), .notReply),
        Row("opcode 4", Message.reply([address]).with(flags: 0xa180), .notReply),
        Row("QDCOUNT 0", Message(flags: 0x8180, counts: [0, 0, 0, 0]), .questionCount),
        Row(
            "QDCOUNT 2",
            Message(flags: 0x8180, counts: [2, 0, 0, 0], body: question() + question()),
            .questionCount
        ),
        Row("QDCOUNT 65535", Message.reply([]).with(counts: [65_535, 0, 0, 0]), .questionCount),
        Row(
            "100 octets behind",
            .reply([address + [UInt8](repeating: 0, count: 100)]),
            .trailing(offset: end + 16)
        ),
        Row("one octet behind", .reply([address + [0]]), .trailing(offset: end + 16)),
        Row(
            "a record too few",
            Message.reply([address]).with(counts: [1, 2, 0, 0]),
            .record(offset: end + 16)
        ),
        Row(
            "more records than octets allow",
            Message.reply([address]).with(counts: [1, 1, 1, 1]),
            .tooManyRecords(count: 3)
        ),
        Row(
            "65535 of everything",
            Message.reply([address]).with(counts: [1, 65_535, 65_535, 65_535]),
            .tooManyRecords(count: 196_605)
        ),
        Row(
            "RDLENGTH beyond the end",
            .reply([record(.txt, [0], length: 2)]),
            .record(offset: end)
        ),
        Row("RDLENGTH of 65535", .reply([record(.txt, [0], length: 65_535)]), .record(offset: end)),
        Row(
            "a record cut in its fixed part",
            .reply([Array(address.prefix(11))]),
            .record(offset: end)
        ),
    ]

    static let names: [Row] = [
        Row("a question that points to itself", question: pointer(12) + [0, 1, 0, 1], .question),
        Row(
            "a question that points forwards",
            question: pointer(18) + [0, 1, 0, 1] + name("a"),
            .question
        ),
        Row(
            "a question that points into the header",
            question: pointer(4) + [0, 1, 0, 1],
            .question
        ),
        Row("a question without its end", question: [1, 97], .question),
        Row("a question without its class", question: name("a") + [0, 1, 0], .question),
        Row("a question of 255 octets", question: question(labels([63, 63, 63, 61]) + [0]), nil),
        Row(
            "a question of 256 octets",
            question: question(labels([63, 63, 63, 62]) + [0]),
            .question
        ),
        Row("a label of 64 octets", question: question([64] + labels([63]) + [0]), .question),
        Row("a label with 0x80", question: question([0x80, 1, 0]), .question),
        Row(
            "an owner that points to itself",
            .reply([record(.a, [1, 2, 3, 4], owner: pointer(end))]),
            .record(offset: end)
        ),
        Row(
            "an owner that points forwards",
            .reply([record(.a, [1, 2, 3, 4], owner: pointer(end + 2))]),
            .record(offset: end)
        ),
        Row(
            "an owner that points into the header",
            .reply([record(.a, [1, 2, 3, 4], owner: pointer(4))]),
            .record(offset: end)
        ),
        Row(
            "an owner that points at its own labels",
            .reply([
                record(.a, [1, 2, 3, 4], owner: [1, 97] + pointer(end))
            ]),
            .record(offset: end)
        ),
        Row(
            "an owner whose labels run through its record",
            // The class of the question as a label of one octet, the pointer's second octet as one
            // of 25, and then a zero inside the OPT record that is cut off when it is passed on.
            .reply(
                [record(.a, [1, 2, 3, 4], owner: pointer(end - 1))],
                additional: [opt(option(10, [1, 2, 3, 4, 5, 6, 7, 8]))]
            ),
            .record(offset: end)
        ),
        Row(
            "owners that play ping-pong",
            .reply([
                record(.a, [1, 2, 3, 4], owner: pointer(end + 16)),
                record(.a, [1, 2, 3, 4], owner: pointer(end)),
            ]),
            .record(offset: end)
        ),
        Row(
            "an owner of 255 octets",
            .reply([
                record(.a, [1, 2, 3, 4], owner: labels([63, 63, 63, 52]) + pointer(12))
            ]),
            nil
        ),
        Row(
            "an owner of 256 octets",
            .reply([
                record(.a, [1, 2, 3, 4], owner: labels([63, 63, 63, 53]) + pointer(12))
            ]),
            .record(offset: end)
        ),
        Row(
            "a lone 0xC0 at the end",
            .reply([[0xc0] + [UInt8](repeating: 0, count: 9) + [0xc0]]),
            .record(offset: end)
        ),
    ]

    static let data: [Row] = [
        Row("A with RDLENGTH 0", .reply([record(.a, [])]), .data(offset: end)),
        Row("A with RDLENGTH 3", .reply([record(.a, [1, 2, 3])]), .data(offset: end)),
        Row(
            "A with RDLENGTH 20 that hides a record",
            .reply([
                record(.a, [192, 0, 2, 1] + address)
            ]).with(counts: [1, 1, 0, 0]),
            .data(offset: end)
        ),
        Row("AAAA with RDLENGTH 4", .reply([record(.aaaa, [1, 2, 3, 4])]), .data(offset: end)),
        Row("CNAME", .reply([record(.cname, name("a"))]), nil),
        Row("CNAME compressed", .reply([record(.cname, [1, 97] + pointer(12))]), nil),
        Row(
            "CNAME past its RDLENGTH",
            .reply([record(.cname, name("a"), length: 2), address]),
            .data(offset: end)
        ),
        Row(
            "CNAME into the next record",
            .reply([record(.cname, [3, 97]), address]),
            .data(offset: end)
        ),
        Row(
            "CNAME with an octet left",
            .reply([record(.cname, name("a") + [0])]),
            .data(offset: end)
        ),
        Row("CNAME without data", .reply([record(.cname, [])]), .data(offset: end)),
        Row(
            "CNAME that points to itself",
            .reply([record(.cname, pointer(end + 12))]),
            .data(offset: end)
        ),
        Row("PTR of the root", .reply([record(.ptr, [0])]), nil),
        Row(
            "NS of 256 octets",
            .reply([record(.ns, labels([63, 63, 63, 53]) + pointer(12))]),
            .data(offset: end)
        ),
        Row("MX", .reply([record(.mx, [0, 10] + pointer(12))]), nil),
        Row("MX without a name", .reply([record(.mx, [0, 10])]), .data(offset: end)),
        Row("MX of one octet", .reply([record(.mx, [0])]), .data(offset: end)),
        Row(
            "SRV with a compressed target",
            .reply([record(.srv, [0, 1, 0, 2, 0, 53] + pointer(12))]),
            nil
        ),
        Row(
            "SRV without a target",
            .reply([record(.srv, [0, 1, 0, 2, 0, 53])]),
            .data(offset: end)
        ),
        Row(
            "SOA",
            .reply([record(.soa, pointer(12) + pointer(12) + [UInt8](repeating: 0, count: 20))]),
            nil
        ),
        Row(
            "SOA that is 19 octets long",
            .reply([record(.soa, pointer(12) + pointer(12) + [UInt8](repeating: 0, count: 19))]),
            .data(offset: end)
        ),
        Row(
            "SOA of one name",
            .reply([record(.soa, pointer(12) + [UInt8](repeating: 0, count: 18))]),
            .data(offset: end)
        ),
        Row("TXT without a string", .reply([record(.txt, [])]), .data(offset: end)),
        Row(
            "TXT whose string overruns",
            .reply([record(.txt, [1, 97, 2, 98])]),
            .data(offset: end)
        ),
        Row("TXT of one empty string", .reply([record(.txt, [0])]), nil),
        Row(
            "TXT of 512 empty strings",
            .reply([record(.txt, [UInt8](repeating: 0, count: 512))]),
            nil
        ),
        Row(
            "TXT of 513 empty strings",
            .reply([record(.txt, [UInt8](repeating: 0, count: 513))]),
            .data(offset: end)
        ),
        Row(
            "TXT of 65000 empty strings",
            .reply([record(.txt, [UInt8](repeating: 0, count: 65_000))]),
            .data(offset: end)
        ),
        Row(
            "TXT of 65280 octets",
            .reply([record(.txt, [UInt8](repeating: 255, count: 65_280))]),
            nil
        ),
        Row(
            "an unknown type with any data",
            .reply([record(RecordType(65_280), [0xc0, 0xff, 0x40])]),
            nil
        ),
        Row("an unknown type without data", .reply([record(RecordType(65_280), [])]), nil),
        Row("TSIG", .reply([address], additional: [record(.tsig, [0])]), .data(offset: end + 16)),
        Row(
            "TSIG twice",
            .reply([], additional: [record(.tsig, [0]), record(.tsig, [0])]),
            .data(offset: end)
        ),
    ]

    static let edns: [Row] = [
        Row("OPT", .reply([address], additional: [opt()]), nil),
        Row("OPT before others", .reply([], additional: [opt(), address]), nil),
        Row("OPT with a code above 15", .reply([], additional: [opt(code: 1)]), nil),
        Row("OPT twice", .reply([], additional: [opt(), opt()]), .edns(offset: end + 11)),
        Row(
            "OPT 256 times",
            .reply([], additional: [[UInt8]](repeating: opt(), count: 256)),
            .edns(offset: end + 11)
        ),
        Row("OPT as an answer", .reply([opt()]), .edns(offset: end)),
        Row("OPT as authority", .reply([], authority: [opt()]), .edns(offset: end)),
        Row(
            "OPT with an owner",
            .reply([], additional: [opt(owner: name("a"))]),
            .edns(offset: end)
        ),
        Row(
            "OPT with a pointer to a root",
            .reply([], additional: [opt(owner: pointer(end - 5))]),
            .edns(offset: end)
        ),
        Row(
            "an option that overruns",
            .reply([], additional: [opt(option(3, [1], length: 2))]),
            .edns(offset: end)
        ),
        Row(
            "an option that overruns by far",
            .reply([], additional: [opt(option(3, [], length: 65_535)), address]),
            .edns(offset: end)
        ),
        Row("a stray octet", .reply([], additional: [opt([0])]), .edns(offset: end)),
    ]

    @Test("fewer octets than a header", arguments: 0..<12)
    func short(count: Int) {
        Self.expect(Row("\(count)", Array(Message.reply([]).octets.prefix(count)), .short))
    }

    @Test("framing and counts", arguments: framing)
    func frameRow(row: Row) { Self.expect(row) }

    @Test("names", arguments: names)
    func ownerRow(row: Row) { Self.expect(row) }

    @Test("record data", arguments: data)
    func dataRow(row: Row) { Self.expect(row) }

    @Test("EDNS", arguments: edns)
    func ednsRow(row: Row) { Self.expect(row) }

    @Test("no more than 4096 records are walked, whatever fits", arguments: [4096, 4097])
    func records(count: Int) {
        let root = record(RecordType(65_280), [], owner: [0])
        let message = Message.reply([[UInt8]](repeating: root, count: count))
        let fault = count > 4096 ? ReplyFault.tooManyRecords(count: count) : nil
        Self.expect(Row("\(count)", message, fault))
    }

    @Test(
        "a message has four pointers for each record and 64 more, not one over",
        arguments: [72, 73]
    )
    func hops(count: Int) {
        // Two records: 4 * 2 + 64. One hop for the first owner, the rest along the chain.
        let first = hidden(count - 2, owner: pointer(12), at: Self.end)
        let second = record(.a, [1, 2, 3, 4], owner: first.last)
        let fault =
            count > 72 ? ReplyFault.record(offset: Self.end + first.record.count) : nil
        Self.expect(Row("\(count)", .reply([first.record, second]), fault))
    }

    @Test("a chain of 8000 pointers followed by 4000 records ends at the third of them")
    func longChain() {
        let first = hidden(8000, owner: pointer(12), at: Self.end)
        let others = [[UInt8]](
            repeating: record(RecordType(65_280), [], owner: first.last),
            count: 4000
        )
        let message = Message.reply([first.record] + others)
        #expect(message.octets.count < 65_536)
        // 4 * 4001 + 64 hops: the first takes one, two of the others 8000 each.
        let third = Self.end + first.record.count + 2 * 12
        Self.expect(Row("chain", message, .record(offset: third)))
    }

    @Test("the code is that of header and OPT together, and the counts leave OPT out")
    func fields() throws {
        let message = Message.reply(
            [address, address],
            authority: [record(.ns, name("a"))],
            additional: [address, opt(code: 0xab), address]
        ).with(flags: 0x8183)
        let walked = try ReplyWalker(message.octets.span)
        #expect(walked.responseCode == 0xab3)
        #expect(walked.answerCount == 2 && walked.authorityCount == 1)
        #expect(walked.additionalCount == 2 && walked.additionalBeforeOPT == 1)
        let opt = try #require(walked.opt)
        #expect(Array(message.octets[opt]) == DNSWireTests.opt(code: 0xab))
        #expect(walked.questionEnd == questionEnd && walked.type == .a && walked.id == 0x1234)
        let plain = try ReplyWalker(Message.reply([], additional: [address]).octets.span)
        #expect(plain.additionalBeforeOPT == 1 && plain.opt == nil && plain.responseCode == 0)
    }

    private static func expect(_ row: Row) {
        var fault: ReplyFault?
        do throws(ReplyFault) { _ = try ReplyWalker(row.octets.span) } catch { fault = error }
        #expect(fault == row.fault, "\(row.testDescription)")
        if fault == nil {
            #expect(throws: Never.self, "libldns takes it: \(row.testDescription)") {
                try DecodedMessage(row.octets)
            }
        }
    }
}
