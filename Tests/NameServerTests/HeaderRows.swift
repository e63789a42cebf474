import Base

/// Rows of header, opcode, class and type: dns.md §1.1, and §1.8 as RFC 8906 asks it.
extension Rows {
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
        Row("C2 id.server", Query("id.server", .txt, class: 3), .error(5)),
        Row("C3 CH A", Query(web, .a, class: 3), .error(5)),
        Row("C4 class 0", Query(web, .a, class: 0), .error(5)),
        Row("C4 class 65535", Query(web, .a, class: 65535), .error(5)),
        Row("H15 opcode 7", Query(flags: 0x3800), .error(4, headerOnly: true)),
        Row("H15 opcode 14", Query(flags: 0x7000), .error(4, headerOnly: true)),
        Row("T1 ANY where there is only AAAA", Query("v6", .any), .answer(1, [28])),
        Row("T1 ANY where there is only SRV", Query("_http._tcp.web", .any), .answer(3)),
        Row("T1 ANY where there is only TXT", Query("t", .any), .answer(1, [16])),
        Row("T5 MD of a local name", Query(web, RecordType(3)), .noData),
        Row("T5 MAILA elsewhere", Query("www.example.net", .maila), .error(4)),
        Row("T9 RRSIG", Query(web, RecordType(46)), .noData),
        Row("T9 NSEC", Query(web, RecordType(47)), .noData),
        Row("T10 AAAA of the NS", Query("ns.svc.internal", .aaaa), .noData),
        Row("RFC 8906 SOA", Query("svc.internal", .soa).with(flags: 0), .answer(1, [6])),
        Row("RFC 8906 opcode 15 with flags", Query(flags: 0x7ff0), .error(4, headerOnly: true)),
        Row("RFC 8906 type 666", Query("svc.internal", RecordType(666)), .noData),
    ]
}
