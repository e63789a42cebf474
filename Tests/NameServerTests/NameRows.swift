import Base

/// Rows of names, case and malformed wire: dns.md §1.2.
extension Rows {
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
        Row(
            "N6 a length of 191",
            raw([191] + [UInt8](repeating: 97, count: 191) + [0, 0, 1, 0, 1]),
            .error(1, headerOnly: true)
        ),
        Row("N7 a literal asterisk", Query("*.svc.internal", .a), .nxDomain),
        Row("N3 a zero octet", labels([[97, 0, 98]]), .nxDomain),
        Row("N3 a dot inside a label", labels([[119, 46, 98]]), .nxDomain),
        Row("N3 255", labels([[255]]), .nxDomain),
        Row("N4 255 octets", named(octets: 255), .nxDomain),
        Row("N4 256 octets", named(octets: 256), .error(1, headerOnly: true)),
        Row("N7 an underscore", Query("_x.svc.internal", .a), .nxDomain),
        Row("N7 leading digits", Query("9web.svc.internal", .a), .nxDomain),
        Row("N7 the asterisk of a service", Query("*.web.svc.internal", .a), .nxDomain),
        Row("N8 xn--", Query("xn--bcher-kva.svc.internal", .a), .nxDomain),
        Row("M3 a header that announces", raw([]), .error(1, headerOnly: true)),
        Row("M4 a name cut in a label", raw([5, 97, 98]), .error(1, headerOnly: true)),
        Row("M4 no end of the name", raw([1, 97]), .error(1, headerOnly: true)),
        Row("M4 no type", raw([1, 97, 0]), .error(1, headerOnly: true)),
        Row("M4 half a type", raw([1, 97, 0, 0]), .error(1, headerOnly: true)),
        Row("M4 no class", raw([1, 97, 0, 0, 1]), .error(1, headerOnly: true)),
        Row("M5 a pointer to itself", raw([0xc0, 0x0c, 0, 1, 0, 1]), .error(1, headerOnly: true)),
        Row(
            "M6 a pointer into the header",
            raw([0xc0, 4, 0, 1, 0, 1]),
            .error(1, headerOnly: true)
        ),
        Row("M6 a pointer to 0", raw([0xc0, 0, 0, 1, 0, 1]), .error(1, headerOnly: true)),
        Row("M6 a pointer forwards", raw([0xc0, 0x20, 0, 1, 0, 1]), .error(1, headerOnly: true)),
        Row(
            "M6 a pointer past the end",
            raw([0xff, 0xff, 0, 1, 0, 1]),
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
        Row("M10 one octet at the end", Query(web, .a).edns().with(trailing: 1), .error(1)),
        Row("M10 500 octets at the end", Query(web, .a).with(trailing: 500), .error(1)),
        Row(
            "M12 an OPT whose data run past the end",
            Query(web, .a).with(counts: [1, 0, 0, 1], rest: [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 9]),
            .error(1)
        ),
        Row(
            "M13 a TSIG that is not last",
            Query(web, .a).with(counts: [1, 0, 0, 2], rest: record(type: 250) + record()),
            .error(1)
        ),
    ]

    /// A name below the fixture's network, of these labels.
    private static func labels(_ labels: [[UInt8]]) -> Query {
        var query = Query(web, .a)
        query.question =
            labels.flatMap { [UInt8($0.count)] + $0 } + Query.labels("svc.internal")
            + [0, 0, 1, 0, 1]
        return query
    }

    /// A name below the fixture's network of so many octets, its root's included.
    private static func named(octets: Int) -> Query {
        // svc.internal and the root are 14 octets; 60-octet labels are 61.
        var left = octets - 14
        var list: [[UInt8]] = []
        while left > 0 {
            let label = min(60, left - 1)
            // No label of no octets may remain.
            let used = left - label - 1 == 1 ? label - 1 : label
            list.append([UInt8](repeating: 120, count: used))
            left -= used + 1
        }
        return labels(list)
    }
}
