import Base
import LDNS
import NameServer
import Testing

/// The rows of the conformance table, each over UDP and TCP against a real server.
@Suite("Conformance")
struct ConformanceTests {
    private func check(_ row: Row) throws {
        let fixture = try Fixture()
        if row.expect.isDropped {
            #expect(try fixture.isDropped(row.query.octets), "\(row.id) is dropped")
            return
        }
        let datagram = try #require(try fixture.datagram(row.query.octets), "\(row.id) over UDP")
        try row.judge(datagram, over: "UDP")
        let limit = max(row.query.octets.count, 1232)
        #expect(datagram.count <= limit, "\(row.id): no amplification")
        if [1, 4, 5].contains(row.expect.code) {
            #expect(datagram.count <= row.query.octets.count + 11, "\(row.id): small errors")
        }
        // Cutting is UDP's alone.
        if row.expect.isTruncated == true || row.query.octets.count < 12 { return }
        let replies = try fixture.stream(framed(row.query.octets), messages: 1)
        try row.judge(try #require(replies.first, "\(row.id) over TCP"), over: "TCP")
    }

    static let web = "web.svc.internal"

    static let headers: [Row] = [
        Row("H1 RD=0", Query(web, .a).with(flags: 0), .answer(3, [1, 1, 1])),
        Row("H2 RD=1", Query(web, .a), .answer(3)),
        Row("H3 AD is never echoed", Query(web, .a).with(flags: 0x0120), .answer(3)),
        Row("H4 CD", Query(web, .a).with(flags: 0x0110), .answer(3)),
        Row("H5 Z", Query(web, .a).with(flags: 0x0140), .answer(3)),
        Row("H6 TC, AA, RA in a query", Query(web, .a).with(flags: 0x0780), .answer(3)),
        Row("H7 RCODE in a query", Query(web, .a).with(flags: 0x0105), .answer(3)),
        Row("H8 opcode 15", Query(flags: 0x7800), .error(4, headerOnly: true)),
        Row(
            "H9 opcode 15 with a question",
            Query(web, .a).with(flags: 0x7800),
            .error(4, headerOnly: true)
        ),
        Row("H10 IQUERY", Query(flags: 0x0800), .error(4, headerOnly: true)),
        Row("H11 STATUS", Query(flags: 0x1000), .error(4, headerOnly: true)),
        Row(
            "H12 NOTIFY",
            Query("svc.internal", .soa).with(flags: 0x2000),
            .error(4, headerOnly: true)
        ),
        Row(
            "H13 UPDATE",
            Query("svc.internal", .soa).with(flags: 0x2800),
            .error(4, headerOnly: true)
        ),
        Row("H14 DSO", Query(flags: 0x3000), .error(4, headerOnly: true)),
        Row("H15 opcode 9", Query(flags: 0x4800), .error(4, headerOnly: true)),
        Row("H16 QR=1", Query(web, .a).with(flags: 0x8100), .drop),
        Row("H18 no question", Query(flags: 0), .error(1, headerOnly: true)),
        Row("H19 no question, OPT", Query(flags: 0).edns(), .error(1, headerOnly: true)),
        Row(
            "H20 two questions",
            Query(web, .a).with(counts: [2, 0, 0, 0]),
            .error(1, headerOnly: true)
        ),
        Row(
            "H21 65535 questions",
            Query(web, .a).with(counts: [65535, 0, 0, 0]),
            .error(1, headerOnly: true)
        ),
        Row(
            "H22 a record in the answer section",
            Query(web, .a).with(counts: [1, 1, 0, 0], rest: record()),
            .error(1)
        ),
        Row(
            "H23 a record in the authority section",
            Query(web, .a).with(counts: [1, 0, 1, 0], rest: record()),
            .error(1)
        ),
        Row(
            "H24 another record in the additional section",
            Query(web, .a).with(counts: [1, 0, 0, 1], rest: record()),
            .answer(3)
        ),
        Row("C1 version.bind", Query("version.bind", .txt, class: 3), .error(5)),
        Row("C3 CH with EDNS", Query(web, .a, class: 3).edns(), .error(5, extended: 21)),
        Row("C4 HS", Query(web, .a, class: 4), .error(5)),
        Row("C4 NONE", Query(web, .a, class: 254), .error(5)),
        Row("C5 ANY", Query(web, .a, class: 255), .error(5)),
        Row("T1 ANY of a local name", Query(web, .any), .answer(3, [1, 1, 1])),
        Row("T3 AXFR", Query("svc.internal", .axfr).edns(), .error(5, extended: 18)),
        Row("T3 IXFR", Query("svc.internal", .ixfr), .error(5)),
        Row("T4 type 0", Query(web, RecordType(0)), .error(1)),
        Row("T4 OPT", Query(web, .opt), .error(1)),
        Row("T4 TSIG", Query(web, .tsig), .error(1)),
        Row("T4 TKEY", Query(web, .tkey), .error(4)),
        Row("T5 MAILA of a local name", Query(web, .maila), .noData),
        Row("T5 MAILB elsewhere", Query("www.example.net", .mailb), .error(4)),
        Row("T6 TYPE1000", Query(web, RecordType(1000)), .noData),
        Row("T6 TYPE65280", Query(web, RecordType(65280)), .noData),
        Row("T7 HTTPS", Query(web, .https), .noData),
        Row("T7 SVCB", Query(web, .svcb), .noData),
        Row("T8 DS", Query("svc.internal", .ds), .noData),
        Row("T9 DNSKEY", Query("svc.internal", RecordType(48)), .noData),
        Row("T10 SOA", Query("svc.internal", .soa), .answer(1, [6])),
        Row("T10 NS", Query("svc.internal", .ns), .data(["ns.svc.internal."])),
        Row("T10 A of the NS", Query("ns.svc.internal", .a), .data(["127.0.0.1"])),
    ]

    static let names: [Row] = [
        Row("N1 case is kept", Query("WeB.sVc.InTeRnAl", .a), .answer(3)),
        Row("N3 a space in a label", Query("a b.svc.internal", .a), .nxDomain),
        Row(
            "N5 127 labels",
            Query(String(repeating: "a.", count: 120) + "svc.internal", .a),
            .nxDomain
        ),
        Row(
            "N6 63 octets",
            Query(String(repeating: "x", count: 63) + ".svc.internal", .a),
            .nxDomain
        ),
        Row(
            "N6 a length of 64",
            raw([64] + [UInt8](repeating: 97, count: 64) + [0, 0, 1, 0, 1]),
            .error(1, headerOnly: true)
        ),
        Row("N7 a literal asterisk", Query("*.svc.internal", .a), .nxDomain),
        Row("N8 xn--", Query("xn--bcher-kva.svc.internal", .a), .nxDomain),
        Row("M3 a header that announces", raw([]), .error(1, headerOnly: true)),
        Row("M4 a name cut in a label", raw([5, 97, 98]), .error(1, headerOnly: true)),
        Row("M4 no class", raw([1, 97, 0, 0, 1]), .error(1, headerOnly: true)),
        Row("M5 a pointer to itself", raw([0xc0, 0x0c, 0, 1, 0, 1]), .error(1, headerOnly: true)),
        Row(
            "M6 a pointer into the header",
            raw([0xc0, 4, 0, 1, 0, 1]),
            .error(1, headerOnly: true)
        ),
        Row(
            "M7 a pointer as last label",
            raw([1, 97, 0xc0, 12, 0, 1, 0, 1]),
            .error(1, headerOnly: true)
        ),
        Row(
            "M8 pointers that play ping-pong",
            Query(web, .a).with(
                counts: [1, 0, 0, 2],
                rest: [0xc0, 0x30, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
                    + [0xc0, 0x22, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
            ),
            .error(1)
        ),
        Row(
            "M9 a lone 0xC0 at the end",
            Query(web, .a).with(counts: [1, 0, 0, 1], rest: [0xc0]),
            .error(1)
        ),
        Row(
            "M10 garbage at the end",
            Query(web, .a).with(counts: [1, 0, 0, 0], rest: [1, 2, 3, 4]),
            .error(1)
        ),
        Row(
            "M11 fewer records than announced",
            Query(web, .a).edns().with(counts: [1, 0, 0, 2]),
            .error(1)
        ),
        Row(
            "M12 data beyond the end",
            Query(web, .a).with(
                counts: [1, 0, 0, 1],
                rest: [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 9]
            ),
            .error(1)
        ),
        Row(
            "M13 TSIG",
            Query(web, .a).with(counts: [1, 0, 0, 1], rest: record(type: 250)),
            .error(9)
        ),
        Row(
            "M13 TSIG twice",
            Query(web, .a).with(
                counts: [1, 0, 0, 2],
                rest: record(type: 250) + record(type: 250)
            ),
            .error(1)
        ),
        Row(
            "M14 SIG(0)",
            Query(web, .a).with(counts: [1, 0, 0, 1], rest: record(type: 24)),
            .answer(3)
        ),
    ]

    static let edns: [Row] = [
        Row("E1 no OPT", Query(web, .a), expecting(.answer(3)) { $0.hasOPT = false }),
        Row("E2 OPT", Query(web, .a).edns(), expecting(.answer(3)) { $0.hasOPT = true }),
        Row("E3 version 1", Query(web, .a).edns(version: 1), .error(16)),
        Row(
            "E4 version 1, unknown option",
            Query(web, .a).edns(version: 1, options: [0, 100, 0, 0]),
            .error(16)
        ),
        Row(
            "E5 unknown option",
            Query(web, .a).edns(options: [0xfd, 0xe9, 0, 2, 1, 2]),
            .answer(3)
        ),
        Row("E6 a reserved flag", Query(web, .a).edns(flags: 0x4000), .answer(3)),
        Row("E7 DO", Query(web, .a).edns(flags: 0x8000), .answer(3)),
        Row("E8 size 0", Query(web, .a).edns(size: 0), .answer(3)),
        Row(
            "E10 200 records, no OPT",
            Query("big.svc.internal", .a),
            expecting(.answer(29)) { $0.isTruncated = true }
        ),
        Row(
            "E10 200 records at 512",
            Query("big.svc.internal", .a).edns(size: 512),
            expecting(.answer(29)) { $0.isTruncated = true }
        ),
        Row(
            "E11 200 records at 1232",
            Query("big.svc.internal", .a).edns(size: 1232),
            expecting(.answer(74)) { $0.isTruncated = true }
        ),
        Row("E12 two OPT", Query(web, .a).edns().edns(), .error(1)),
        Row("E13 OPT with an owner", Query(web, .a).edns(owner: [1, 97, 0]), .error(1)),
        Row("E15 an option that overruns", Query(web, .a).edns(options: [0, 3, 0, 9]), .error(1)),
        Row("E15 stray octets", Query(web, .a).edns(options: [0, 3, 0]), .error(1)),
        Row(
            "E20 a short cookie, cookies off",
            Query(web, .a).edns(options: [0, 10, 0, 3, 1, 2, 3]),
            .answer(3)
        ),
        Row(
            "E25 NSID, ECS, EXPIRE, COOKIE",
            Query(web, .a).edns(
                options: [0, 3, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0, 9, 0, 0, 0, 10, 0, 8]
                    + [UInt8](repeating: 7, count: 8)
            ),
            .answer(3)
        ),
    ]

    static let local: [Row] = [
        Row("L1 single label", Query("web", .a), .data(["10.0.0.11", "10.0.0.12", "10.0.0.13"])),
        Row("L2 AAAA of an IPv4 service", Query(web, .aaaa), .noData),
        Row("L3 no such name", Query("nope.svc.internal", .a), .nxDomain),
        Row("L4 below which names are", Query("_tcp.web.svc.internal", .a), .noData),
        Row("L4 ANY", Query("_tcp.web", .any), .noData),
        Row("L5 below a leaf", Query("x.y.web.svc.internal", .a), .nxDomain),
        Row("L6 a service without tasks", Query("zero.svc.internal", .a), .noData),
        Row("L6 its tasks", Query("tasks.zero", .a), .noData),
        Row("L8 CNAME", Query("ext.svc.internal", .cname), .data(["www.example.net."])),
        Row("L9 aliases in a circle", Query("loop.svc.internal", .a), .error(2)),
        Row("L15 A of both", Query("dual", .a), .data(["10.0.0.20"])),
        Row("L15 AAAA of both", Query("dual", .aaaa), .data(["fd00::6"])),
        Row("an alias to a local name", Query("near", .a), .answer(4, [1, 1, 1, 5])),
        Row("TXT", Query("t", .txt), .data(["\"one\" \"two\""])),
        Row("S1 SRV", Query("_http._tcp.web.svc.internal", .srv), .answer(3, [33, 33, 33])),
        Row("S4 SRV in capitals", Query("_HTTP._TCP.WEB", .srv), .answer(3)),
        Row("S6 SRV of no port", Query("_gopher._tcp.web", .srv), .nxDomain),
        Row("P1 PTR", Query("11.0.0.10.in-addr.arpa", .ptr), .data(["i1.web.svc.internal."])),
        Row("P2 PTR inside the block", Query("77.0.0.10.in-addr.arpa", .ptr), .nxDomain),
        Row("P3 above addresses", Query("0.0.10.in-addr.arpa", .ptr), .noData),
        Row("P3 the block", Query("0.10.in-addr.arpa", .ptr), .noData),
        Row("P4 a letter", Query("x.0.0.10.in-addr.arpa", .ptr), .nxDomain),
        Row("P4 256", Query("256.0.0.10.in-addr.arpa", .ptr), .nxDomain),
        Row("P4 five labels", Query("1.11.0.0.10.in-addr.arpa", .ptr), .nxDomain),
        Row("P4 a leading zero", Query("01.0.0.10.in-addr.arpa", .ptr), .nxDomain),
        Row("P5 ip6.arpa", Query(reverse6 + "ip6.arpa", .ptr), .data(["six.svc.internal."])),
        Row(
            "P5 capitals",
            Query(reverse6.uppercased() + "IP6.ARPA", .ptr),
            .data(["six.svc.internal."])
        ),
        Row("P5 31 nibbles", Query(String(reverse6.dropFirst(2)) + "ip6.arpa", .ptr), .noData),
        Row("P5 no nibble", Query("g." + reverse6.dropFirst(2) + "ip6.arpa", .ptr), .nxDomain),
        Row("V1 AAAA", Query("v6.svc.internal", .aaaa), .data(["fd00::5"])),
        Row("V1 A", Query("v6.svc.internal", .a), .noData),
        Row("tasks of a name that is none", Query("tasks.nope", .a), .nxDomain),
        Row("X1 localhost", Query("localhost", .a), .data(["127.0.0.1"])),
        Row("X1 below localhost", Query("a.b.localhost", .aaaa), .data(["::1"])),
        Row("X1 localhost MX", Query("localhost", .mx), .noData),
        Row("X2 PTR of loopback", Query("1.0.0.127.in-addr.arpa", .ptr), .data(["localhost."])),
        Row("X3 TEST-NET", Query("1.2.0.192.in-addr.arpa", .ptr), .nxDomain),
        Row("X4 invalid", Query("a.invalid", .a), .nxDomain),
        Row("X4 test", Query("a.test", .a), .nxDomain),
        Row("X5 local", Query("printer.local", .a), .nxDomain),
        Row("X6 onion", Query("x.onion", .a), .nxDomain),
        Row("X6 alt", Query("x.alt", .a), .nxDomain),
        Row("X7 home.arpa", Query("x.home.arpa", .a), .nxDomain),
        Row("X8 resolver.arpa", Query("_dns.resolver.arpa", .svcb), .noData),
        Row("X11 internal", Query("x.internal", .a), .nxDomain),
        Row(
            "F7 RD=0 elsewhere",
            Query("www.example.net", .a).with(flags: 0).edns(),
            .error(5, extended: 20)
        ),
        Row("no upstream", Query("www.example.net", .a).edns(), .error(2, extended: 22)),
    ]

    @Test("header, opcode, class, type (§1.1)", arguments: headers)
    func headerRows(row: Row) throws { try check(row) }

    @Test("names and malformed wire (§1.2)", arguments: names)
    func nameRows(row: Row) throws { try check(row) }

    @Test("EDNS (§1.3)", arguments: edns)
    func ednsRows(row: Row) throws { try check(row) }

    @Test("local data and special names (§1.4, §1.5)", arguments: local)
    func localRows(row: Row) throws { try check(row) }

    @Test(
        "M1, M2: what has no header is dropped, and the next question answered",
        arguments: 0..<12
    )
    func short(length: Int) throws {
        let fixture = try Fixture()
        let octets = Array(Query(Self.web, .a).octets.prefix(length))
        #expect(try fixture.isDropped(octets))
        #expect(fixture.count(.droppedShort) == 1)
    }

    @Test("T2: ANY of a name that is not ours gets the minimal answer")
    func minimalAny() throws {
        let fixture = try Fixture()
        let query = Query("www.example.net", .any)
        let reply = try #require(try fixture.datagram(query.octets))
        let decoded = try DecodedMessage(reply)
        #expect(decoded.answer.map { $0.type } == [.hinfo])
        #expect(!decoded.isAuthoritative)
    }

    private static let reverse6 = "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."

    private static func record(type: UInt16 = 1) -> [UInt8] {
        [0] + Query.word(type) + [0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]
    }

    /// A header that announces one question, and these octets behind it.
    private static func raw(_ octets: [UInt8]) -> Query {
        var query = Query(web, .a)
        query.question = []
        query.rest = octets
        return query
    }

    private static func expecting(_ base: Expect, _ change: (inout Expect) -> Void) -> Expect {
        var expect = base
        change(&expect)
        return expect
    }
}
