import Base

/// Rows of EDNS(0): dns.md §1.3.
extension Rows {
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
        Row(
            "E4 version 1, reserved flags",
            Query(web, .a).edns(version: 1, flags: 0x80),
            .error(16)
        ),
        Row("E4 version 1, DO", Query(web, .a).edns(version: 1, flags: 0x8000), .error(16)),
        Row(
            "E4 version 1, an option that overruns is not ours to judge",
            Query(web, .a).edns(version: 1, options: [0, 3, 0, 9]),
            .error(16)
        ),
        Row("E5 option 100", Query(web, .a).edns(options: [0, 100, 0, 0]), .answer(3)),
        Row("E8 size 1", Query(web, .a).edns(size: 1), .answer(3)),
        Row(
            "E8 size 511 counts as 512",
            Query("big.svc.internal", .a).edns(size: 511),
            expecting(.answer(29)) { $0.isTruncated = true }
        ),
        Row(
            "E9 size 65535 is our 1232",
            Query("big.svc.internal", .a).edns(size: 65535),
            expecting(.answer(74)) { $0.isTruncated = true }
        ),
        Row(
            "E14 OPT in the answer section",
            Query(web, .a).edns().with(counts: [1, 1, 0, 0]),
            .error(1)
        ),
        Row(
            "E14 OPT in the authority section",
            Query(web, .a).edns().with(counts: [1, 0, 1, 0]),
            .error(1)
        ),
        Row("E15 one stray octet", Query(web, .a).edns(options: [0]), .error(1)),
        Row(
            "E16 OPT is not last",
            Query(web, .a).edns().with(counts: [1, 0, 0, 2], rest: record()),
            expecting(.answer(3)) { $0.hasOPT = true }
        ),
        Row("E17 NSID", Query(web, .a).edns(options: [0, 3, 0, 0]), bare(.answer(3))),
        Row(
            "E18 a cookie, cookies off",
            Query(web, .a).edns(options: [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
            bare(.answer(3))
        ),
        Row(
            "E21 ECS is not used for local data",
            Query(web, .a).edns(options: [0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0]),
            bare(.answer(3))
        ),
        Row(
            "E23 padding",
            Query(web, .a).edns(options: [0, 12, 0, 4, 0, 0, 0, 0]),
            bare(.answer(3))
        ),
        Row("E24 EXPIRE", Query(web, .a).edns(options: [0, 9, 0, 0]), bare(.answer(3))),
        Row(
            "E24 CHAIN, KEY-TAG, ZONEVERSION, REPORT-CHANNEL",
            Query(web, .a).edns(
                options: [0, 13, 0, 1, 0, 0, 14, 0, 2, 0, 1, 0, 19, 0, 0, 0, 18, 0, 1, 0]
            ),
            bare(.answer(3))
        ),
    ]

    /// With an OPT record that carries no option.
    private static func bare(_ base: Expect) -> Expect {
        expecting(base) { expect in
            expect.hasOPT = true
            expect.hasOptions = false
        }
    }
}
