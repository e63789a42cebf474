import Base
import LDNS
import Testing

@Suite("Zone text")
struct ZoneTextTests {
    private static let origin = "zone.test"

    static func records(_ text: String) throws -> [ZoneRecord] {
        try ZoneText.records(
            in: text,
            origin: DomainName(origin),
            defaultTTL: 60,
            file: "z"
        )
    }

    static func fault(_ text: String) -> ZoneTextError? {
        do {
            _ = try records(text)
            return nil
        } catch {
            return error as? ZoneTextError
        }
    }

    /// Record data as text, and the octets that RFC 1035 and its followers give for them.
    static let forms: [(text: String, type: UInt16, hex: String)] = [
        ("A 192.0.2.1", 1, "c0000201"),
        ("NS ns", 2, "026e73047a6f6e65047465737400"),
        ("NS ns.", 2, "026e7300"),
        ("NS @", 2, "047a6f6e65047465737400"),
        ("CNAME Www.Example.", 5, "035777770745 78616d706c6500"),
        ("PTR a\\.b.", 12, "03612e6200"),
        ("SOA ns. h. 1 1h 900 1w 5", 6, "026e73000168000000000100000e1000000384 00093a8000000005"),
        ("HINFO \"RFC8482\" \"\"", 13, "075246433834383200"),
        ("MX 10 .", 15, "000a00"),
        ("TXT one \"two three\"", 16, "036f6e650974776f207468726565"),
        ("TXT \"a;b(c)\\\"\\\\\"", 16, "08613b62286329225c"),
        ("TXT \"\\000\\255\"", 16, "0200ff"),
        ("TXT \"é\"", 16, "02c3a9"),
        ("TXT a \\#", 16, "01610123"),
        ("TXT \"\"", 16, "00"),
        ("AAAA 2001:db8::1", 28, "20010db8000000000000000000000001"),
        ("SRV 1 2 53 ns.", 33, "000100020035026e7300"),
        (
            "NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!x!\" .", 35,
            "0001000201750745 32552b7369700821 5e2e2a2421782100"
        ),
        ("DNAME b.", 39, "016200"),
        ("DS 1 8 2 ab cd", 43, "00010802abcd"),
        ("SSHFP 4 2 ABCD", 44, "0402abcd"),
        ("TLSA 3 1 1 00ff", 52, "03010100ff"),
        ("HTTPS 1 . alpn=\"h2,h3\" port=8443", 65, "000100000100060268320268330003000220fb"),
        ("SVCB 0 b.", 64, "0000016200"),
        ("CAA 0 issue \"ca.test\"", 257, "00056973737565 63612e74657374"),
        (
            "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", 29,
            "000016138b3cf018810cbce0009895b8"
        ),
        ("EUI48 00-00-5e-00-53-2a", 108, "00005e00532a"),
        ("TYPE1 \\# 4 C0 000201", 1, "c0000201"),
        ("TYPE65280 \\# 3 0102 03", 65_280, "010203"),
        ("TYPE731 \\# 0", 731, ""),
        ("HIP \\# 2 0102", 55, "0102"),
    ]

    @Test("record data become the octets of their RFCs", arguments: forms)
    func form(text: String, type: UInt16, hex: String) throws {
        let record = try ZoneText.record(
            "a 5 IN \(text)",
            origin: DomainName(Self.origin),
            defaultTTL: 60
        )
        #expect(record.owner == (try DomainName("a.zone.test")))
        #expect(record.type == RecordType(type))
        #expect(record.ttl == 5)
        #expect(record.data == Self.octets(hex))
    }

    @Test("directives, omitted owners, parentheses and comments carry over lines")
    func file() throws {
        let text = """
            ; a comment ( with " and (
            $TTL 1h30m
            @   IN SOA ns.zone.test. ( hostmaster ; who
                    7 ; serial
                    3600 900 604800 5 )
                    NS  ns
            ns  30  A   192.0.2.53

                IN 40 AAAA 2001:db8::53
            $ORIGIN sub
            www A 192.0.2.1\t; tail
            *.wild TXT ( "one"
              "two" )
            $ORIGIN other.
            @ 2d MX 10 mail
            Www IN CNAME www.sub.zone.test.\r
            """
        let records = try Self.records(text)
        let seen = records.map { "\($0.line) \($0.owner) \($0.ttl) \($0.type)" }
        #expect(
            seen == [
                "3 zone.test 5400 SOA", "6 zone.test 5400 NS", "7 ns.zone.test 30 A",
                "9 ns.zone.test 40 AAAA", "11 www.sub.zone.test 5400 A",
                "12 *.wild.sub.zone.test 5400 TXT", "15 other 172800 MX",
                "16 www.other 5400 CNAME",
            ]
        )
        #expect(records[6].data == Self.octets("000a 046d61696c 056f74686572 00"))
        #expect(records[5].data == Self.octets("036f6e650374776f"))
    }

    @Test("marks of zone text inside a name stay parts of the name")
    func marks() throws {
        let text = "$ORIGIN a\\;b\\(c\\)\\\"d\\@.\nx NS n\n"
        let record = try #require(try Self.records(text).first)
        let origin = Array("\u{9}a;b(c)\"d@".utf8)
        #expect(record.owner.octets == [1, 120] + origin)
        #expect(record.data == [1, 110] + origin + [0])
        let again = try #require(try Self.records("\(record.owner). NS .").first)
        #expect(again.owner == record.owner)
    }

    @Test("an empty last field is refused as text and as octets")
    func emptyField() throws {
        let words = "A 8 2 30 20300101000000 20200101000000 1 a."
        #expect(Self.fault("r RRSIG \(words) 0")?.reason == .malformed(RecordType(46)))
        let octets = "0001 08 02 0000001e 70dbd880 5e0be100 0001 016100"
        let digits = octets.filter { $0 != " " }
        let fault = try #require(Self.fault("r TYPE46 \\# \(digits.count / 2) \(digits)"))
        #expect("\(fault)".contains("Syntax error, value expected"))
    }

    @Test("a text without a TTL takes the default, and nothing yields nothing")
    func defaults() throws {
        #expect(try Self.records("a A 192.0.2.1").map(\.ttl) == [60])
        #expect(try Self.records("\n ; nothing\n\t\n").isEmpty)
        #expect(try Self.records("a A 192.0.2.1\nA 9 IN A 192.0.2.1").count == 1)
    }

    static let faults: [(text: String, line: Int, reason: ZoneTextFault)] = [
        ("\na IN A 192.0.2.256", 2, .data(.a, status: 57)),
        ("a A", 1, .data(.a, status: 67)),
        ("a A 192.0.2.1 5", 1, .data(.a, status: 104)),
        ("a TYPE1 \\# 0", 1, .data(.a, status: 67)),
        ("a MX \\# 2 0001", 1, .data(.mx, status: 67)),
        ("a A \\# 8 c0000201c0000201", 1, .generic(.a)),
        ("a TYPE731 \\# 3 0102", 1, .generic(RecordType(731))),
        ("a TYPE731 \\# 1 0x", 1, .generic(RecordType(731))),
        ("a TYPE731 \\#", 1, .generic(RecordType(731))),
        ("a TYPE731 \\# 16385", 1, .generic(RecordType(731))),
        ("a TXT \\# 256 00", 1, .generic(.txt)),
        ("a TYPE731 x", 1, .typeGenericOnly(RecordType(731))),
        ("a HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAb", 1, .typeGenericOnly(RecordType(55))),
        ("a WKS 192.0.2.1 6 smtp", 1, .typeGenericOnly(RecordType(11))),
        ("\n\n A 192.0.2.1", 3, .ownerMissing),
        ("a CH TXT x", 1, .recordClass("CH")),
        ("a CLASS3 TXT x", 1, .recordClass("CLASS3")),
        ("a IN CH TXT x", 1, .recordClass("CH")),
        ("a 4294967296 A 192.0.2.1", 1, .ttl("4294967296")),
        ("a 2147483648 A 192.0.2.1", 1, .ttl("2147483648")),
        ("a 1x A 192.0.2.1", 1, .ttl("1x")),
        ("a 5 IN", 1, .typeMissing),
        ("a BOGUS x", 1, .typeUnknown("BOGUS")),
        ("a TYPE1x 192.0.2.1", 1, .typeUnknown("TYPE1x")),
        ("a TYPE70000 \\# 0", 1, .typeUnknown("TYPE70000")),
        ("a OPT \\# 0", 1, .typeMeta(.opt)),
        ("a AXFR x", 1, .typeMeta(.axfr)),
        ("a TYPE0 \\# 0", 1, .typeMeta(RecordType(0))),
        ("$INCLUDE other.zone", 1, .directive("$INCLUDE")),
        ("$GENERATE 1-9 a A 192.0.2.$", 1, .directive("$GENERATE")),
        ("$TTL", 1, .directiveValue("$TTL")),
        ("$ORIGIN a b", 1, .directiveValue("$ORIGIN")),
        ("$TTL soon", 1, .ttl("soon")),
        ("a TXT (\n\"x\"\n", 1, .parenthesis),
        ("\na TXT x )", 2, .parenthesis),
        ("a TXT \"x\ny\"", 1, .quote),
        ("a TXT x\"y\"", 1, .quotedWord("x\"y\"")),
        ("a TXT \"x\"\"y\"", 1, .quotedWord("\"x\"\"y\"")),
        ("a A \"192.0.2.1\"", 1, .quotedWord("\"192.0.2.1\"")),
        ("\"a\" A 192.0.2.1", 1, .quotedWord("\"a\"")),
        ("a TXT \\256", 1, .escape),
        ("a TXT x\\", 1, .escape),
        ("a TXT \\25", 1, .escape),
        ("\na TXT \u{0}", 2, .controlOctet(0)),
        ("a..b A 192.0.2.1", 1, .owner(text: "a..b", .label(octets: 0))),
        ("a NS b..c", 1, .name(text: "b..c", .label(octets: 0))),
        ("a NS @.b.", 1, .nameAt(text: "@.b.")),
        ("a NS \\@x.b. ; fine", 0, .typeMissing),
        ("a MX 65536 b", 1, .number(text: "65536", max: 65_535)),
        ("a MX -1 b", 1, .number(text: "-1", max: 65_535)),
        ("a CAA 256 issue \"x\"", 1, .number(text: "256", max: 255)),
        ("a SOA n h 4294967296 1 1 1 1", 1, .number(text: "4294967296", max: .max)),
        ("a SOA n h 1 1 1 1 1y", 1, .ttl("1y")),
        ("a DS 1 300 2 abcd", 1, .number(text: "300", max: 255)),
        ("a DS 1 8 2 ab c", 1, .hexadecimal),
        (
            "a NSEC3 1 1 12 aabb 2t7b4g4vsa5smi47k61mv5b=v1a22bojr A", 1,
            .malformed(RecordType(50))
        ),
        ("a HTTPS 1 . key65=a port=1 key65=b", 1, .malformed(.https)),
        (
            "a RRSIG A 5 3 1 200303221731031 20030220173103 1 e. AA==", 1,
            .number(text: "200303221731031", max: .max)
        ),
    ]

    @Test("each fault names its line and itself", arguments: faults)
    func fault(text: String, line: Int, reason: ZoneTextFault) throws {
        let error = Self.fault(text)
        guard line > 0 else {
            #expect(error == nil)
            return
        }
        #expect(error == ZoneTextError(file: "z", line: line, reason: reason))
        #expect(error?.description.hasPrefix("z:\(line): ") == true)
    }

    @Test("a CNAME stands alone, whichever comes first")
    func aliases() throws {
        let owner = try DomainName("a.zone.test")
        let clash = { (line: Int, other: Int) in
            ZoneTextError(
                file: "z",
                line: line,
                reason: .aliasClash(owner: owner, otherLine: other)
            )
        }
        #expect(Self.fault("a CNAME b\nb A 192.0.2.1\nA A 192.0.2.1") == clash(3, 1))
        #expect(Self.fault("\na A 192.0.2.1\n TXT x\n CNAME b") == clash(4, 2))
        #expect(Self.fault("a CNAME b\na CNAME c") == clash(2, 1))
        #expect(Self.fault("a CNAME b\na CNAME b\na NSEC b A\nb A 192.0.2.1") == nil)
        #expect(
            clash(4, 2).description
                == "z:4: a.zone.test has a CNAME and another record (line 2); keep one of them"
        )
    }

    @Test("every limit holds at its edge")
    func limits() throws {
        let string = String(repeating: "x", count: 255)
        #expect(try Self.records("a TXT \(string)").first?.data.count == 256)
        #expect(Self.fault("a TXT x\(string)")?.reason == .data(.txt, status: 57))
        let most = Array(repeating: "x", count: 255).joined(separator: " ")
        #expect(try Self.records("a TXT \(most)").first?.data.count == 510)
        #expect(Self.fault("a TXT \(most) x")?.reason == .strings(limit: 255))

        let line = String(repeating: ";", count: ZoneText.lineOctetsMax)
        #expect(Self.fault(line) == nil)
        #expect(Self.fault("\n\(line);") == error(2, .lineOctets(limit: ZoneText.lineOctetsMax)))
        let part = String(repeating: "x", count: 8_000) + "\n"
        #expect(
            Self.fault("a TXT ( " + String(repeating: part, count: 5))
                == error(5, .recordOctets(limit: ZoneText.recordOctetsMax))
        )
        let size = ZoneText.fileOctetsMax
        #expect(
            Self.fault(String(repeating: "\n", count: size + 1))
                == error(1, .fileOctets(have: size + 1, limit: size))
        )

        let label = String(repeating: "a", count: 60)
        let long = "\(label).\(label).\(label).\(label)"
        #expect(try Self.records("\(long) NS \(long)").count == 1)
        #expect(
            Self.fault("a NS x.\(long)b")?.reason
                == .name(text: "x.\(long)b", .length(octets: 257))
        )
    }

    @Test("no more records than allowed are taken")
    func recordLimit() throws {
        let limit = ZoneText.recordsMax
        var text = ""
        for index in 0..<limit { text += "\(index) TYPE731 \\# 0\n" }
        #expect(try Self.records(text).count == limit)
        #expect(Self.fault(text + "x TYPE731 \\# 0") == error(limit + 1, .records(limit: limit)))
    }

    @Test("changed octets never bring the reader down, and what it takes stays well-formed")
    func mutations() throws {
        var dice = SeededGenerator(seed: 7)
        let marks = Array("\"\\();@#$. \n\t019aZ\u{1}\u{e9}".utf8)
        for _ in 0..<4_000 {
            guard let form = Self.forms.randomElement(using: &dice) else { return }
            var octets = Array("$TTL 5\na 1h IN \(form.text)\n b A 192.0.2.1".utf8)
            for _ in 0..<Int.random(in: 1...4, using: &dice) {
                let index = Int.random(in: octets.indices, using: &dice)
                let mark = marks[Int.random(in: marks.indices, using: &dice)]
                if Bool.random(using: &dice) {
                    octets[index] = mark
                } else {
                    octets.insert(mark, at: index)
                }
            }
            let records = (try? Self.records(String(decoding: octets, as: UTF8.self))) ?? []
            for record in records where record.type == .a { #expect(record.data.count == 4) }
        }
    }

    @Test("a single record is exactly one")
    func single() throws {
        let origin = try DomainName("zone.test")
        let error = { (count: Int) in
            ZoneTextError(file: "record", line: 1, reason: .recordCount(count))
        }
        #expect(throws: error(0)) {
            try ZoneText.record("; none", origin: origin, defaultTTL: 1)
        }
        #expect(throws: error(2)) {
            try ZoneText.record("a A 192.0.2.1\n A 192.0.2.2", origin: origin, defaultTTL: 1)
        }
    }

    private func error(_ line: Int, _ reason: ZoneTextFault) -> ZoneTextError {
        ZoneTextError(file: "z", line: line, reason: reason)
    }

    static func octets(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
