package import Base

/// The records of a reply that `ReplyWalker` has accepted.
extension ReplyWalker {
    package enum Section: Hashable, Sendable {
        case answer
        case authority
        case additional
    }

    /// Where one record stands in the message.
    package struct Record: Hashable, Sendable {
        package let section: Section
        package let type: RecordType
        /// Offset of its owner's name.
        package let ownerAt: Int
        package let ttlAt: Int
        package let dataAt: Int
        package let end: Int
    }

    /// Every record in order, OPT included.
    package func records(_ bytes: Span<UInt8>, _ body: (Record) -> Void) {
        let opts = opt == nil ? 0 : 1
        let total = answerCount + authorityCount + additionalCount + opts
        var cursor = Cursor(bytes, at: questionEnd, hops: 4 * total + 64)
        for index in 0..<total {
            let start = cursor.at
            guard let head = cursor.record() else { return }
            let section: Section =
                if index < answerCount { .answer } else if index < answerCount + authorityCount {
                    .authority
                } else { .additional }
            body(
                Record(
                    section: section,
                    type: RecordType(head.type),
                    ownerAt: start,
                    ttlAt: head.ttlAt,
                    dataAt: cursor.at,
                    end: head.dataEnd
                )
            )
            cursor.at = head.dataEnd
        }
    }

    /// The INFO-CODE of the reply's first extended error (RFC 8914 §2).
    package func extendedError(_ bytes: Span<UInt8>) -> UInt16? {
        guard let opt else { return nil }
        var at = opt.lowerBound + MessageSize.opt
        while at + 4 <= opt.upperBound {
            let length = Int(bytes.uint16(at: at + 2))
            // The options of another version of EDNS have not been looked at before.
            guard at + 4 + length <= opt.upperBound else { return nil }
            if bytes.uint16(at: at) == 15, length >= 2 { return bytes.uint16(at: at + 4) }
            at += 4 + length
        }
        return nil
    }
}

/// Names inside a message whose every name has been walked: they are read without fear of loops.
package enum MessageName {
    /// Whether the names at two places are the same but for the case of letters.
    package static func same(_ bytes: Span<UInt8>, _ left: Int, _ right: Int) -> Bool {
        var (left, right) = (left, right)
        while true {
            left = label(bytes, left)
            right = label(bytes, right)
            // The same place from here on, as compressed names mostly are.
            if left == right { return true }
            let length = bytes[left]
            if length != bytes[right] { return false }
            if length == 0 { return true }
            for step in 1...Int(length)
            where bytes[left + step].foldedLetter != bytes[right + step].foldedLetter {
                return false
            }
            left += 1 + Int(length)
            right += 1 + Int(length)
        }
    }

    /// Whether the name at `below` ends in the name at `above` and has more labels.
    package static func isBelow(_ bytes: Span<UInt8>, _ below: Int, _ above: Int) -> Bool {
        // The two can only be the same where as many labels are left.
        let more = labelCount(bytes, below) - labelCount(bytes, above)
        guard more > 0 else { return false }
        var at = label(bytes, below)
        for _ in 0..<more { at = label(bytes, at + 1 + Int(bytes[at])) }
        return same(bytes, at, above)
    }

    private static func labelCount(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var count = 0
        var at = label(bytes, start)
        while bytes[at] != 0 {
            count += 1
            at = label(bytes, at + 1 + Int(bytes[at]))
        }
        return count
    }

    /// The labels of the name at a place and its root octet, without pointers.
    package static func expanded(_ bytes: Span<UInt8>, _ start: Int) -> [UInt8] {
        var octets: [UInt8] = []
        var at = label(bytes, start)
        while bytes[at] != 0 {
            let length = Int(bytes[at])
            for step in 0...length { octets.append(bytes[at + step]) }
            at = label(bytes, at + 1 + length)
        }
        octets.append(0)
        return octets
    }

    /// All octets that a name is made of: its labels and pointers, and what those lead to.
    package static func parts(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ body: (Range<Int>) -> Void
    ) {
        var at = start
        while bytes[at] != 0 {
            let isPointer = bytes[at] >= 0xc0
            let end = isPointer ? at + 2 : at + 1 + Int(bytes[at])
            body(at..<end)
            at = isPointer ? Int(bytes.uint16(at: at) & 0x3fff) : end
        }
        body(at..<at + 1)
    }

    /// Where the octets after the name at a place begin.
    package static func end(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var at = start
        while true {
            let length = bytes[at]
            if length == 0 { return at + 1 }
            if length >= 0xc0 { return at + 2 }
            at += 1 + Int(length)
        }
    }

    /// Follows pointers to a length octet; they go strictly backwards, as the walker has seen to.
    static func label(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var at = start
        while bytes[at] >= 0xc0 { at = Int(bytes.uint16(at: at) & 0x3fff) }
        return at
    }
}
