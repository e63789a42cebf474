import Base

/// A query as the rows describe it, good or bad.
struct Query: Sendable {
    var id: UInt16 = 0x1234
    /// The header's second 16 bits; RD=1 unless told.
    var flags: UInt16 = 0x0100
    var counts: [UInt16] = [1, 0, 0, 0]
    /// The question's octets.
    var question: [UInt8] = []
    /// What follows the question.
    var rest: [UInt8] = []
    /// DO of the OPT record.
    private(set) var asksDNSSEC = false

    init(_ name: String, _ type: RecordType, class questionClass: UInt16 = 1, id: UInt16 = 0x1234) {
        self.id = id
        question = Self.labels(name) + [0] + Self.word(type.code) + Self.word(questionClass)
    }

    /// A header alone.
    init(flags: UInt16) {
        self.flags = flags
        counts = [0, 0, 0, 0]
    }

    var octets: [UInt8] {
        Self.word(id) + Self.word(flags) + counts.flatMap(Self.word) + question + rest
    }

    /// The same with an OPT record.
    func edns(
        size: UInt16 = 4096,
        version: UInt8 = 0,
        flags: UInt16 = 0,
        options: [UInt8] = [],
        owner: [UInt8] = [0]
    ) -> Query {
        var query = self
        query.counts[3] += 1
        query.asksDNSSEC = flags & 0x8000 != 0
        query.rest +=
            owner + Self.word(41) + Self.word(size) + [0, version] + Self.word(flags)
            + Self.word(UInt16(options.count)) + options
        return query
    }

    func with(flags: UInt16) -> Query {
        var query = self
        query.flags = flags
        return query
    }

    func with(counts: [UInt16], rest: [UInt8] = []) -> Query {
        var query = self
        query.counts = counts
        query.rest += rest
        return query
    }

    /// The same with octets that no record accounts for.
    func with(trailing count: Int) -> Query {
        var query = self
        query.rest += [UInt8](repeating: 0x41, count: count)
        return query
    }

    /// Labels as written, letters kept; no escapes.
    static func labels(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    }

    static func word(_ value: UInt16) -> [UInt8] {
        [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
    }
}
