import Base

/// The conformance table, in the order of the specification: what is sent, and what has to come
/// back, over UDP and over TCP.
enum Rows {
    static let web = "web.svc.internal"

    // What rows are made of.
    static let reverse6 = "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."

    static func record(type: UInt16 = 1) -> [UInt8] {
        [0] + Query.word(type) + [0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]
    }

    /// A header that announces one question, and these octets behind it.
    static func raw(_ octets: [UInt8]) -> Query {
        var query = Query(web, .a)
        query.question = []
        query.rest = octets
        return query
    }

    static func expecting(_ base: Expect, _ change: (inout Expect) -> Void) -> Expect {
        var expect = base
        change(&expect)
        return expect
    }
}
