import Base
import DNSWire
import Testing

/// What a stranger sends and what becomes of it: dns.md §1.1 to §1.3, RFC 9267.
@Suite("Attacks on the reader of queries")
struct QueryAttackTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let octets: [UInt8]
        /// nil: the query is accepted.
        let fault: QueryFault.Reason?
        /// Whether the reply may repeat the question.
        let isEchoed: Bool

        init(
            _ name: String,
            _ octets: [UInt8],
            _ fault: QueryFault.Reason?,
            echoed: Bool = false
        ) {
            testDescription = name
            self.octets = octets
            self.fault = fault
            isEchoed = echoed
        }

        /// A header that announces one question, and these octets behind it.
        init(_ name: String, question: [UInt8], _ fault: QueryFault.Reason?) {
            let message = Message(flags: 0x0100, counts: [1, 0, 0, 0], body: question)
            self.init(name, message.octets, fault)
        }

        /// A good question with this additional section.
        init(_ name: String, additional: [[UInt8]], _ fault: QueryFault.Reason?) {
            let message = Message.query(
                Array(additional.joined()),
                additional: UInt16(additional.count)
            )
            self.init(name, message.octets, fault, echoed: fault != nil)
        }
    }

    static let headers: [Row] = [
        Row("H10 opcode IQUERY", Message.query().with(flags: 0x0800).octets, .opcode),
        Row(
            "H15 opcode 15, the body unread",
            Message.query([1]).with(flags: 0x7800).octets,
            .opcode
        ),
        Row("H16 QR=1", Message.query().with(flags: 0x8100).octets, .response),
        Row("H16 QR=1 with another opcode", Message.query().with(flags: 0xf800).octets, .response),
        Row("H7 RCODE, TC, AA, RA, Z", Message.query().with(flags: 0x07cf).octets, nil),
        Row("H18 no question", Message(flags: 0, counts: [0, 0, 0, 0]).octets, .questionCount),
        Row(
            "H20 two questions",
            Message.query(question()).with(counts: [2, 0, 0, 0]).octets,
            .questionCount
        ),
        Row(
            "H21 65535 questions",
            Message.query().with(counts: [65_535, 0, 0, 0]).octets,
            .questionCount
        ),
        Row(
            "H21 65535 of everything",
            Message.query().with(counts: [65_535, 65_535, 65_535, 65_535]).octets,
            .questionCount
        ),
        Row(
            "H21 65535 additional records",
            Message.query().with(counts: [1, 0, 0, 65_535]).octets,
            .records,
            echoed: true
        ),
        Row(
            "H22 an answer",
            Message.query(address).with(counts: [1, 1, 0, 0]).octets,
            .sectionCounts,
            echoed: true
        ),
        Row(
            "H23 an authority record",
            Message.query(address).with(counts: [1, 0, 1, 0]).octets,
            .sectionCounts,
            echoed: true
        ),
        Row(
            "E14 OPT in the answer section",
            Message.query(opt()).with(counts: [1, 1, 0, 0]).octets,
            .sectionCounts,
            echoed: true
        ),
        Row(
            "M15 a stream message of 65535 zeros",
            [UInt8](repeating: 0, count: 65_535),
            .questionCount
        ),
    ]

    static let names: [Row] = [
        Row("M3 nothing behind the header", question: [], .question),
        Row("M4 a name cut inside a label", question: [5, 97, 98], .question),
        Row("M4 a name without its end", question: [1, 97], .question),
        Row("M4 a name and nothing more", question: name("a"), .question),
        Row("M4 one octet of the type", question: name("a") + [0], .question),
        Row("M4 no class", question: name("a") + [0, 1], .question),
        Row("M4 one octet of the class", question: name("a") + [0, 1, 0], .question),
        Row("M5 a pointer to itself", question: pointer(12) + [0, 1, 0, 1], .question),
        Row("M6 a pointer to 0", question: pointer(0) + [0, 1, 0, 1], .question),
        Row("M6 a pointer into the header", question: pointer(4) + [0, 1, 0, 1], .question),
        Row("M6 a pointer forwards", question: pointer(16) + [0, 1, 0, 1] + name("a"), .question),
        Row("M6 a pointer past the end", question: pointer(0x3fff) + [0, 1, 0, 1], .question),
        Row(
            "M7 a pointer as the last label",
            question: [1, 97] + pointer(12) + [0, 1, 0, 1],
            .question
        ),
        Row("M9 a lone 0xC0 at the end", question: [0xc0], .question),
        Row("N3 odd octets in labels", question: [4, 0, 32, 46, 255, 0, 0, 1, 0, 1], nil),
        Row("N4 a name of 255 octets", question: question(labels([63, 63, 63, 61]) + [0]), nil),
        Row(
            "N4 a name of 256 octets",
            question: question(labels([63, 63, 63, 62]) + [0]),
            .question
        ),
        Row(
            "N5 127 labels",
            question: question(labels([Int](repeating: 1, count: 127)) + [0]),
            nil
        ),
        Row(
            "N5 128 labels",
            question: question(labels([Int](repeating: 1, count: 128)) + [0]),
            .question
        ),
        Row("N6 a label of 63 octets", question: question(labels([63]) + [0]), nil),
        Row("N9 the root", question: question([0]), nil),
        Row("no end in 4096 octets", question: [UInt8](repeating: 1, count: 4084), .question),
    ]

    static let records: [Row] = [
        Row("H24 another record", additional: [address], nil),
        Row(
            "M8 pointers that play ping-pong",
            additional: [
                record(.a, [], owner: pointer(questionEnd + 12)),
                record(.a, [], owner: pointer(questionEnd)),
            ],
            .records
        ),
        Row(
            "M8 a pointer to itself",
            additional: [record(.a, [], owner: pointer(questionEnd))],
            .records
        ),
        Row(
            "M6 a pointer into the header",
            additional: [record(.a, [], owner: pointer(11))],
            .records
        ),
        Row(
            "labels that run into their pointer",
            additional: [
                record(.a, [], owner: [1, 98] + pointer(questionEnd))
            ],
            .records
        ),
        Row(
            "labels that run past their pointer",
            additional: [
                // As labels: the class of the question, the owner's own pointer, and so on to a
                // zero in the next record.
                record(.a, [1, 2, 3, 4], owner: pointer(questionEnd - 1)),
                opt(option(10, [1, 2, 3, 4, 5, 6, 7, 8])),
            ],
            .records
        ),
        Row("M9 a lone 0xC0 at the end", additional: [[0xc0]], .records),
        Row("M12 data beyond the end", additional: [record(.a, [1, 2, 3], length: 4)], .records),
        Row(
            "M12 data beyond the end by far",
            additional: [record(.a, [], length: 65_535)],
            .records
        ),
        Row("M13 TSIG", additional: [record(.tsig, [0])], .signed),
        Row("M13 TSIG behind OPT", additional: [opt(), record(.tsig, [0])], .signed),
        Row("M13 TSIG before the last", additional: [record(.tsig, [0]), opt()], .records),
        Row("M13 TSIG twice", additional: [record(.tsig, [0]), record(.tsig, [0])], .records),
        Row("M14 SIG(0)", additional: [record(.sig, [0])], nil),
        Row(
            "an owner of 255 octets",
            additional: [
                record(.a, [], owner: labels([63, 63, 63, 52]) + pointer(12))
            ],
            nil
        ),
        Row(
            "an owner of 256 octets",
            additional: [
                record(.a, [], owner: labels([63, 63, 63, 53]) + pointer(12))
            ],
            .records
        ),
    ]

    static let edns: [Row] = [
        Row("E2 OPT", additional: [opt()], nil),
        Row("E3 version 1", additional: [opt(version: 1)], .ednsVersion),
        Row(
            "E4 version 255 with options that overrun",
            additional: [opt([1, 2, 3], version: 255)],
            .ednsVersion
        ),
        Row("E5 an unknown option", additional: [opt(option(65_001, [1]))], nil),
        Row("E12 two OPT", additional: [opt(), opt()], .edns),
        Row("E12 256 OPT", additional: [[UInt8]](repeating: opt(), count: 256), .edns),
        Row("E13 OPT with an owner", additional: [opt(owner: name("a"))], .edns),
        Row(
            "E13 OPT with a pointer to a root",
            additional: [opt(owner: pointer(questionEnd - 5))],
            .edns
        ),
        Row("E15 OPT that overruns", additional: [opt(length: 1)], .records),
        Row("E15 an option that overruns", additional: [opt(option(3, [], length: 1))], .edns),
        Row("E15 one stray octet", additional: [opt([0])], .edns),
        Row("E15 three stray octets", additional: [opt(option(3, []) + [0, 3, 0])], .edns),
        Row("E16 OPT before others", additional: [opt(), address], nil),
    ]

    @Test("M1, M2: fewer octets than a header", arguments: 0..<12)
    func short(count: Int) {
        Self.expect(Row("\(count)", Array(Message.query().octets.prefix(count)), .short))
    }

    @Test("headers and counts", arguments: headers)
    func headerRow(row: Row) { Self.expect(row) }

    @Test("names", arguments: names)
    func nameRow(row: Row) { Self.expect(row) }

    @Test("N6: a length octet of 64 to 191 is no label and no pointer", arguments: 64..<192)
    func length(octet: UInt8) {
        let label = [UInt8](repeating: 97, count: Int(octet))
        Self.expect(Row("\(octet)", question: question([octet] + label + [0]), .question))
        let owner = record(.a, [], owner: [octet] + label + [0])
        Self.expect(Row("\(octet)", additional: [owner], .records))
    }

    @Test("additional records", arguments: records)
    func recordRow(row: Row) { Self.expect(row) }

    @Test("EDNS", arguments: edns)
    func optionRow(row: Row) { Self.expect(row) }

    @Test("M10: octets after the last record, however many", arguments: [1, 2, 11, 12, 100, 500])
    func trailing(count: Int) {
        let garbage = [UInt8](repeating: 0xff, count: count)
        let plain = Message.query(garbage)
        Self.expect(Row("\(count)", plain.octets, .trailingOctets, echoed: true))
        let extended = Message.query(opt() + garbage, additional: 1)
        Self.expect(Row("\(count)", extended.octets, .trailingOctets, echoed: true))
    }

    @Test("M11: fewer records than announced", arguments: [2, 3, 255, 65_535])
    func missing(count: UInt16) {
        let message = Message.query(opt(), additional: count)
        Self.expect(Row("\(count)", message.octets, .records, echoed: true))
    }

    @Test("M8: 127 pointers are followed in a whole message, not one more", arguments: [127, 128])
    func hops(count: Int) {
        // One for the owner of the record that hides the chain, the rest along the chain.
        let first = hidden(count - 2, owner: pointer(12), at: questionEnd)
        let second = record(.a, [], owner: first.last)
        Self.expect(
            Row("\(count)", additional: [first.record, second], count <= 127 ? nil : .records)
        )
        // The same number spread over many names.
        let owners = [[UInt8]](repeating: address, count: count)
        Self.expect(Row("\(count)", additional: owners, count <= 127 ? nil : .records))
    }

    @Test("every fault has the reply of the tables, and only two are met with silence")
    func codes() {
        let codes = QueryFault.Reason.allCases.map { reason in
            Self.sample(reason).flatMap { Self.fault($0)?.responseCode }
        }
        #expect(
            codes == [
                nil, nil, .notImp, .formErr, .formErr, .formErr, .formErr, .formErr, .formErr,
                .badVers, .notAuth,
            ]
        )
    }

    private static func sample(_ reason: QueryFault.Reason) -> [UInt8]? {
        let rows =
            headers + names + records + edns + [
                Row("", [], .short),
                Row("", Message.query([0]).octets, .trailingOctets, echoed: true),
            ]
        return rows.first { $0.fault == reason }?.octets
    }

    private static func fault(_ octets: [UInt8]) -> QueryFault? {
        do throws(QueryFault) {
            _ = try QueryView(octets.span)
            return nil
        } catch {
            return error
        }
    }

    private static func expect(_ row: Row) {
        let fault = fault(row.octets)
        let note = Comment("\(row.testDescription)")
        #expect(fault?.reason == row.fault, note)
        if let fault {
            #expect(fault.questionEnd == (row.isEchoed ? questionEnd : 12), note)
        }
    }
}
