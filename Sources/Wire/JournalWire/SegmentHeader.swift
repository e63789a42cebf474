/// The first octets of a segment: whose it is, and where in the journal it stands.
package struct SegmentHeader: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64
    package var node: UInt64
    /// Chosen anew at each use of the file, so that what an earlier use left is never taken for this one's.
    package var salt: UInt64
    /// The number of its first batch.
    package var firstSequence: UInt64
    /// The index that the next entry had when it was begun.
    package var firstIndex: UInt64
    /// The term of the entry before that.
    package var previousTerm: UInt64
    /// The size of the file, which never changes.
    package var octets: UInt64

    package init(
        identity: JournalIdentity,
        salt: UInt64,
        firstSequence: UInt64,
        firstIndex: UInt64,
        previousTerm: UInt64,
        octets: UInt64
    ) {
        high = identity.high
        low = identity.low
        node = identity.node
        self.salt = salt
        self.firstSequence = firstSequence
        self.firstIndex = firstIndex
        self.previousTerm = previousTerm
        self.octets = octets
    }

    package var name: SegmentName {
        SegmentName(firstSequence: firstSequence, firstIndex: firstIndex)
    }

    package func belongs(to identity: JournalIdentity) -> Bool {
        high == identity.high && low == identity.low && node == identity.node
    }

    /// The header as it stands in the file.
    package var encoded: [UInt8] {
        var out: [UInt8] = []
        out.put(JournalFormat.segmentMagic)
        out.put(UInt32(JournalFormat.version))
        out.put(UInt32(0))
        for number in [high, low, node, salt, firstSequence, firstIndex, previousTerm, octets] {
            out.put(number)
        }
        out.fill(to: Self.checkedOctets)
        out.put(CRC32C.of(out.span))
        out.fill(to: JournalFormat.headerOctets)
        return out
    }

    private static let checkedOctets = 120

    package init(_ span: Span<UInt8>) throws(FileFault) {
        guard span.count >= JournalFormat.headerOctets else {
            throw .short(needed: JournalFormat.headerOctets, have: span.count)
        }
        guard span.number64(at: 0) == JournalFormat.segmentMagic else { throw .notOurs }
        guard CRC32C.of(span.extracting(0..<Self.checkedOctets)) == span.number32(at: 120) else {
            throw .checksum
        }
        guard span.number16(at: 8) == JournalFormat.version else {
            throw .version(span.number16(at: 8))
        }
        high = span.number64(at: 16)
        low = span.number64(at: 24)
        node = span.number64(at: 32)
        salt = span.number64(at: 40)
        firstSequence = span.number64(at: 48)
        firstIndex = span.number64(at: 56)
        previousTerm = span.number64(at: 64)
        octets = span.number64(at: 72)
        guard firstSequence > 0, firstIndex > 0 else { throw .notOurs }
    }
}

/// A segment's file name: two numbers of sixteen hexadecimal digits, so that names sort as segments do.
package struct SegmentName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var firstSequence: UInt64
    package var firstIndex: UInt64

    package init(firstSequence: UInt64, firstIndex: UInt64) {
        self.firstSequence = firstSequence
        self.firstIndex = firstIndex
    }

    /// Nil for what is no segment's name.
    package init?(_ text: String) {
        guard let numbers = HexName.numbers(text, count: 2, suffix: ".seg") else { return nil }
        self.init(firstSequence: numbers[0], firstIndex: numbers[1])
    }

    package var description: String { HexName.text([firstSequence, firstIndex], suffix: ".seg") }

    package static func < (left: SegmentName, right: SegmentName) -> Bool {
        (left.firstSequence, left.firstIndex) < (right.firstSequence, right.firstIndex)
    }
}

/// A snapshot's file name, sorted by how much is in it.
package struct SnapshotName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var index: UInt64
    package var term: UInt64
    package var id: UInt64

    package init(_ mark: JournalMark) {
        index = mark.index
        term = mark.term
        id = mark.id
    }

    /// Nil for what is no snapshot's name.
    package init?(_ text: String) {
        guard let numbers = HexName.numbers(text, count: 3, suffix: ".snap") else { return nil }
        (index, term, id) = (numbers[0], numbers[1], numbers[2])
    }

    package var description: String { HexName.text([index, term, id], suffix: ".snap") }

    package static func < (left: SnapshotName, right: SnapshotName) -> Bool {
        (left.index, left.term, left.id) < (right.index, right.term, right.id)
    }
}

/// Names made of numbers.
enum HexName {
    static func text(_ numbers: [UInt64], suffix: String) -> String {
        numbers.map { number in
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined(separator: "-") + suffix
    }

    /// Only what `text` writes is read.
    static func numbers(_ text: String, count: Int, suffix: String) -> [UInt64]? {
        guard text.hasSuffix(suffix) else { return nil }
        let parts = text.dropLast(suffix.count).split(
            separator: "-",
            omittingEmptySubsequences: false
        )
        let numbers = parts.compactMap { UInt64($0, radix: 16) }
        guard numbers.count == count, self.text(numbers, suffix: suffix) == text else { return nil }
        return numbers
    }
}
