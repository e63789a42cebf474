/// The page beside the segments that says which batches are known to be on the disk.
///
/// Without such a witness a rotten last batch could not be told from one that a crash left unfinished.
/// Two slots are written in turn, so that one is always whole. The term and the vote stand here for a
/// second time: a node whose record of them is rotten must not vote twice. Source: raft.md §3.7, recovery 5.
package struct Watermark: Hashable, Sendable {
    /// Of two slots the one with the higher number is in force.
    package var counter: UInt64
    /// Every batch up to this one was on the disk.
    package var sequence: UInt64
    package var term: UInt64
    package var vote: UInt64
    package var fence: UInt64
    package var boots: UInt32
    package var isIncomplete: Bool
    /// The journal was closed behind the batch `sequence`.
    package var isClosed: Bool

    package static let slotOctets = 4096
    package static let fileOctets = 2 * slotOctets

    package init(
        counter: UInt64 = 0,
        sequence: UInt64 = 0,
        term: UInt64 = 0,
        vote: UInt64 = 0,
        fence: UInt64 = 0,
        boots: UInt32 = 0,
        isIncomplete: Bool = false,
        isClosed: Bool = false
    ) {
        self.counter = counter
        self.sequence = sequence
        self.term = term
        self.vote = vote
        self.fence = fence
        self.boots = boots
        self.isIncomplete = isIncomplete
        self.isClosed = isClosed
    }

    /// Where the slot of this counter is in the file.
    package var offset: Int { counter % 2 == 0 ? 0 : Self.slotOctets }

    private static let checkedOctets = 96

    /// A whole slot.
    package func encoded(for identity: JournalIdentity) -> [UInt8] {
        var out: [UInt8] = []
        out.put(JournalFormat.watermarkMagic)
        out.put(UInt32(JournalFormat.version))
        out.put(UInt32((isClosed ? 1 : 0) | (isIncomplete ? 2 : 0)))
        for number in [identity.high, identity.low, identity.node] { out.put(number) }
        for number in [counter, sequence, term, vote, fence] { out.put(number) }
        out.put(boots)
        out.fill(to: Self.checkedOctets)
        out.put(CRC32C.of(out.span))
        out.fill(to: Self.slotOctets)
        return out
    }

    /// The slot in force; nil where neither is whole and this journal's.
    package static func newest(in span: Span<UInt8>, of identity: JournalIdentity) -> Watermark? {
        var newest: Watermark?
        for start in stride(from: 0, to: span.count - checkedOctets - 3, by: slotOctets) {
            guard let slot = Watermark(span.extracting(start..<span.count), of: identity)
            else { continue }
            if newest.map({ $0.counter < slot.counter }) ?? true { newest = slot }
        }
        return newest
    }

    private init?(_ span: Span<UInt8>, of identity: JournalIdentity) {
        guard span.number64(at: 0) == JournalFormat.watermarkMagic,
            CRC32C.of(span.extracting(0..<Self.checkedOctets))
                == span.number32(at: Self.checkedOctets),
            span.number16(at: 8) == JournalFormat.version,
            span.number64(at: 16) == identity.high, span.number64(at: 24) == identity.low,
            span.number64(at: 32) == identity.node
        else { return nil }
        isClosed = span.number32(at: 12) & 1 == 1
        isIncomplete = span.number32(at: 12) & 2 == 2
        counter = span.number64(at: 40)
        sequence = span.number64(at: 48)
        term = span.number64(at: 56)
        vote = span.number64(at: 64)
        fence = span.number64(at: 72)
        boots = span.number32(at: 80)
    }
}
