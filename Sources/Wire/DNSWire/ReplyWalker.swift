package import Base

/// Walks a reply from outside and tells whether its structure can be trusted, before anything else
/// looks at it: one pass, nothing allocated.
///
/// Source: dns.md §4.5; RFC 9267. Each limit is one that a known parser failed on.
package struct ReplyWalker: Sendable {
    package let id: UInt16
    package let flags: HeaderFlags
    /// End of the question section.
    package let questionEnd: Int
    package let type: RecordType
    package let answerCount: Int
    package let authorityCount: Int
    /// Without the OPT record.
    package let additionalCount: Int
    /// Those of them that stand before the OPT record; all where there is none.
    package let additionalBeforeOPT: Int
    /// The OPT record's octets.
    package let opt: Range<Int>?
    /// Response code with the OPT record's upper bits.
    package let responseCode: UInt16

    /// Walks a whole message of at most 65,535 octets.
    ///
    /// Throws: `ReplyFault` at the first thing that is not as it should be.
    package init(_ bytes: Span<UInt8>) throws(ReplyFault) {
        guard bytes.count >= MessageSize.header else { throw .short }
        id = bytes.uint16(at: 0)
        flags = HeaderFlags(rawValue: bytes.uint16(at: 2))
        guard flags.contains(.response), flags.opcode == 0 else { throw .notReply }
        guard bytes.uint16(at: 4) == 1 else { throw .questionCount }
        let counts =
            Int(bytes.uint16(at: 6)) + Int(bytes.uint16(at: 8)) + Int(bytes.uint16(at: 10))
        guard counts <= Self.recordsMax,
            counts <= (bytes.count - MessageSize.header) / Self.recordOctetsMin
        else { throw .tooManyRecords(count: counts) }
        var cursor = Cursor(bytes, at: MessageSize.header, hops: 4 * counts + 64)
        guard cursor.skipName(), cursor.left >= 4 else { throw .question }
        type = RecordType(bytes.uint16(at: cursor.at))
        questionEnd = cursor.at + 4
        cursor.at = questionEnd
        answerCount = Int(bytes.uint16(at: 6))
        authorityCount = Int(bytes.uint16(at: 8))
        var found: Range<Int>?
        var before: Int?
        for index in 0..<counts {
            let start = cursor.at
            guard let head = cursor.record() else { throw .record(offset: start) }
            if RecordType(head.type) == .opt {
                guard found == nil, head.ownerIsRoot, index >= answerCount + authorityCount,
                    EDNS(bytes, head) != nil
                else { throw .edns(offset: start) }
                found = start..<head.dataEnd
                before = index - answerCount - authorityCount
            }
            guard Self.dataFits(head, &cursor) else { throw .data(offset: start) }
            cursor.at = head.dataEnd
        }
        guard cursor.at == bytes.count else { throw .trailing(offset: cursor.at) }
        opt = found
        additionalCount = Int(bytes.uint16(at: 10)) - (found == nil ? 0 : 1)
        additionalBeforeOPT = before ?? additionalCount
        let upper = found.map { UInt16(bytes[$0.lowerBound + 5]) } ?? 0
        responseCode = upper << 4 | UInt16(flags.rcode)
    }

    private static let recordsMax = 4096
    private static let recordOctetsMin = 11
    private static let stringsMax = 512

    /// Whether the data of the types that name something fill RDLENGTH exactly.
    private static func dataFits(_ head: Cursor.RecordHead, _ cursor: inout Cursor) -> Bool {
        let length = head.dataEnd - cursor.at
        switch RecordType(head.type) {
        case .a: return length == 4
        case .aaaa: return length == 16
        case .ns, .cname, .ptr, RecordType(39):
            return cursor.skipName() && cursor.at == head.dataEnd
        case .mx:
            cursor.at += 2
            return length > 2 && cursor.skipName() && cursor.at == head.dataEnd
        case .srv:
            cursor.at += 6
            return length > 6 && cursor.skipName() && cursor.at == head.dataEnd
        case .soa:
            return cursor.skipName() && cursor.skipName() && cursor.at + 20 == head.dataEnd
        case .txt:
            return stringsFill(head, &cursor)
        case .tsig:
            return false
        default:
            return true
        }
    }

    private static func stringsFill(_ head: Cursor.RecordHead, _ cursor: inout Cursor) -> Bool {
        var strings = 0
        while cursor.at < head.dataEnd {
            cursor.at += 1 + Int(cursor.bytes[cursor.at])
            strings += 1
        }
        return strings > 0 && strings <= stringsMax && cursor.at == head.dataEnd
    }
}

/// What is wrong with a reply, and where.
package enum ReplyFault: Error, Hashable, Sendable {
    case short
    case notReply
    case questionCount
    case question
    case tooManyRecords(count: Int)
    case record(offset: Int)
    case data(offset: Int)
    case edns(offset: Int)
    case trailing(offset: Int)
}
