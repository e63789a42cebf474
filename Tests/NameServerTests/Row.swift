import Base
import LDNS
import Testing

/// One row of the conformance table: what is sent, and what has to come back.
struct Row: Sendable, CustomTestStringConvertible {
    let id: String
    let query: Query
    let expect: Expect

    init(_ id: String, _ query: Query, _ expect: Expect) {
        self.id = id
        self.query = query
        self.expect = expect
    }

    var testDescription: String { id }
}

/// What a reply has to be.
///
/// What is nil is not looked at.
struct Expect: Sendable {
    var code: Int
    var isAuthoritative: Bool?
    var answers: Int?
    /// Types of the answers, in any order.
    var types: [UInt16]?
    var hasSOA: Bool?
    var hasOPT: Bool?
    var hasOptions: Bool?
    var isTruncated: Bool?
    /// Nothing but a header (and an OPT record where one is allowed).
    var isHeaderOnly = false
    /// Data of the answers, as libldns writes them, in any order.
    var data: Set<String>?
    var extendedError: UInt16?
    var isDropped = false

    static let drop: Expect = {
        var expect = Expect(code: 0)
        expect.isDropped = true
        return expect
    }()

    static func answer(_ count: Int, _ types: [UInt16]? = nil) -> Expect {
        Expect(code: 0, isAuthoritative: true, answers: count, types: types, hasSOA: false)
    }

    static func data(_ data: Set<String>) -> Expect {
        Expect(code: 0, isAuthoritative: true, answers: data.count, data: data)
    }

    static let noData = Expect(code: 0, isAuthoritative: true, answers: 0, hasSOA: true)
    static let nxDomain = Expect(code: 3, isAuthoritative: true, answers: 0, hasSOA: true)

    static func error(_ code: Int, headerOnly: Bool = false, extended: UInt16? = nil) -> Expect {
        var expect = Expect(code: code, isAuthoritative: false, answers: 0, hasSOA: false)
        expect.isHeaderOnly = headerOnly
        expect.extendedError = extended
        return expect
    }
}

extension Row {
    /// Judges a reply, with libldns as the judge of its structure.
    func judge(_ reply: [UInt8], over transport: String) throws {
        let note = Comment("\(id) over \(transport)")
        let decoded = try DecodedMessage(reply)
        #expect(decoded.id == query.id, note)
        #expect(decoded.isReply, note)
        #expect(decoded.rcode == expect.code, note)
        #expect(!decoded.authenticData, note)
        #expect(decoded.opcode == Int(query.flags >> 11 & 15), note)
        #expect(decoded.recursionDesired == (query.flags & 0x0100 != 0), note)
        #expect(reply[3] & 0x40 == 0, "Z is clear: \(id)")
        if let isAuthoritative = expect.isAuthoritative {
            #expect(decoded.isAuthoritative == isAuthoritative, note)
        }
        if let answers = expect.answers { #expect(decoded.answer.count == answers, note) }
        if let types = expect.types {
            #expect(decoded.answer.map { $0.type.code }.sorted() == types.sorted(), note)
        }
        if let hasSOA = expect.hasSOA {
            #expect(decoded.authority.contains { $0.type == .soa } == hasSOA, note)
        }
        if let hasOPT = expect.hasOPT { #expect(decoded.hasOPT == hasOPT, note) }
        if let hasOptions = expect.hasOptions {
            #expect(decoded.edns?.options.isEmpty != hasOptions, note)
        }
        if decoded.hasOPT {
            #expect(decoded.edns?.udpSize == 1232, "our own size, not the client's: \(id)")
            #expect(decoded.edns?.version == 0, note)
            #expect(decoded.edns?.reservedFlags == 0, note)
            #expect(decoded.edns?.doBit == query.asksDNSSEC, "DO is repeated: \(id)")
        }
        if let isTruncated = expect.isTruncated {
            #expect(decoded.isTruncated == isTruncated, note)
        }
        if let data = expect.data { #expect(Set(decoded.answer.map { $0.dataText }) == data, note) }
        if let code = expect.extendedError {
            let option = decoded.edns?.options.first { $0.code == 15 }
            #expect(option.map { Array($0.data.prefix(2)) } == Query.word(code), note)
        }
        if expect.isHeaderOnly {
            #expect(decoded.question.isEmpty, note)
            #expect(reply.count <= 23, note)
        } else if expect.code != 1, query.counts[0] == 1 {
            // The question comes back octet by octet, letters as they were.
            #expect(Array(reply[12..<12 + query.question.count]) == query.question, note)
        }
        let ttls = Set(decoded.answer.map { $0.ttl })
        #expect(ttls.count <= 1 || expect.types != nil, "one TTL in a set: \(id)")
    }
}
