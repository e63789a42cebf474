/// Reads a journal's segments in their order and says what they come to.
///
/// A batch that is not whole ends the log where nothing shows that it was ever on the disk: a crash left it
/// unfinished. It is damage where a later batch is there, since none is begun before the one before it is
/// durable; where the watermark knows of it; and in every segment but the last. Behind damage nothing
/// counts but terms, so that the node votes in none of them again. Source: raft.md §3.7, recovery.
package struct JournalScan: Sendable {
    /// Where the good batches end.
    package struct End: Hashable, Sendable {
        package var header: SegmentHeader
        package var offset: Int
        package var isSealed: Bool
        /// Something was begun behind it.
        package var isTorn: Bool
    }

    package let identity: JournalIdentity
    package let watermark: Watermark?
    package private(set) var summary = LogSummary()
    /// The number of the last good batch, and its checksum; nil before the first.
    package private(set) var sequence: UInt64 = 0
    package private(set) var checksum: UInt32?
    /// Nil where not even a header was good.
    package private(set) var end: End?
    /// In the order in which they were found; the first is where the good part ends.
    package private(set) var damages: [JournalDamage] = []
    /// The highest term in any whole batch, behind damage too.
    package private(set) var highestTerm: UInt64 = 0
    package private(set) var batches = 0
    /// Where the log began when the first segment was: an entry of it that took the place of an earlier one
    /// does not bring back what was before.
    private var base: UInt64 = 0

    package init(identity: JournalIdentity, watermark: Watermark?) {
        self.identity = identity
        self.watermark = watermark
    }

    package var isDamaged: Bool { !damages.isEmpty }

    /// The next segment: all octets of the file.
    package mutating func add(_ span: Span<UInt8>, named name: String, isLast: Bool) {
        guard let header = header(of: span, named: name) else { return }
        let octets = Int(clamping: header.octets)
        if span.count != octets {
            damage(name, span.count, 0, .size(expected: octets))
        } else {
            begin(header, name)
        }
        let reader = BatchReader(salt: header.salt)
        var place = JournalFormat.headerOctets
        if !isDamaged {
            place = read(span, reader, header, name)
            if end?.isSealed == true { return }
            if judge(span, reader, name, place, isLast: isLast) { return }
        }
        harvest(span, reader, from: place)
    }

    /// Judges the whole once all segments were added.
    package mutating func finish() {
        let name = end?.header.name.description ?? "wal"
        let offset = end?.offset ?? 0
        if !isDamaged, let watermark, watermark.sequence > sequence {
            damage(name, offset, 0, .lost(through: watermark.sequence))
        }
        let first = (summary.mark?.index ?? 0) &+ 1
        if summary.firstIndex < base { summary.drop(before: base) }
        if !isDamaged, first < summary.firstIndex {
            damage(name, 0, 0, .gap(from: first, to: summary.firstIndex - 1))
        }
        var state = summary.hardState
        state.boots = max(state.boots, watermark?.boots ?? 0)
        state.fence = max(state.fence, watermark?.fence ?? 0)
        state.isIncomplete = state.isIncomplete || watermark?.isIncomplete == true
        if let watermark, (watermark.term, watermark.vote) > (state.term, state.vote) {
            (state.term, state.vote) = (watermark.term, watermark.vote)
        }
        summary.note(state)
        highestTerm = max(highestTerm, state.term)
    }

    /// The header, where the file is this journal's.
    private mutating func header(of span: Span<UInt8>, named name: String) -> SegmentHeader? {
        do throws(FileFault) {
            let header = try SegmentHeader(span)
            guard header.belongs(to: identity) else { throw .foreign }
            guard header.name.description == name else { throw .misnamed }
            return header
        } catch {
            damage(name, 0, min(span.count, JournalFormat.headerOctets), .header(error))
            return nil
        }
    }

    /// A segment with a good header: it has to follow on what was read before it.
    private mutating func begin(_ header: SegmentHeader, _ name: String) {
        if isDamaged { return }
        if let end {
            guard end.isSealed, header.firstSequence == sequence &+ 1,
                header.firstIndex == summary.lastIndex &+ 1
            else {
                damage(name, 0, 0, .missing(sequence: sequence &+ 1))
                return
            }
        } else {
            sequence = header.firstSequence &- 1
            base = header.firstIndex
            summary = LogSummary(
                firstIndex: header.firstIndex,
                previousTerm: header.previousTerm
            )
            // The first batch of all names no other; of a later one what it names was dropped.
            checksum = header.firstSequence == 1 ? 0 : nil
        }
        end = End(
            header: header,
            offset: JournalFormat.headerOctets,
            isSealed: false,
            isTorn: false
        )
    }

    /// Takes all batches that are whole and follow on each other; returns where they end.
    private mutating func read(
        _ span: Span<UInt8>,
        _ reader: BatchReader,
        _ header: SegmentHeader,
        _ name: String
    ) -> Int {
        var place = JournalFormat.headerOctets
        while let batch = try? reader.batch(at: place, in: span) {
            guard batch.sequence == sequence &+ 1, checksum.map({ $0 == batch.previous }) ?? true,
                let isSeal = take(batch, span, reader, segment: header.firstSequence)
            else {
                damage(
                    name,
                    place,
                    batch.range.count,
                    .contradiction(sequence: batch.sequence)
                )
                return place
            }
            sequence = batch.sequence
            checksum = batch.checksum
            batches += 1
            place = batch.range.upperBound
            end?.offset = place
            end?.isSealed = isSeal
            if isSeal { return place }
        }
        return place
    }

    /// Whether the log ends here as after a crash or a clean stop; damage is noted otherwise.
    private mutating func judge(
        _ span: Span<UInt8>,
        _ reader: BatchReader,
        _ name: String,
        _ place: Int,
        isLast: Bool
    ) -> Bool {
        if isDamaged { return false }
        let next = sequence &+ 1
        let later = reader.commit(after: next, from: place, in: span)
        let range = place..<max(place, later?.range.lowerBound ?? span.count)
        guard isLast, later == nil, (watermark?.sequence ?? 0) < next else {
            damage(name, range.lowerBound, range.count, .batch(sequence: next))
            return false
        }
        end?.isTorn =
            reader.frame(at: place, in: span) != nil
            || reader.commit(after: sequence, from: place, in: span) != nil
        return true
    }

    /// Looks for terms alone.
    private mutating func harvest(_ span: Span<UInt8>, _ reader: BatchReader, from start: Int) {
        var place = start
        while let batch = reader.commit(after: 0, from: place, in: span) {
            place = batch.range.upperBound
            guard reader.isWhole(batch, in: span) else { continue }
            var frameStart = batch.range.lowerBound
            while frameStart < place, let frame = reader.frame(at: frameStart, in: span) {
                frameStart = frame.end
                noteTerm(of: frame, in: span)
            }
        }
    }

    private mutating func noteTerm(of frame: FrameView, in span: Span<UInt8>) {
        switch frame.kind {
        case .entry, .mark: highestTerm = max(highestTerm, frame.position(in: span).term)
        case .hardState: highestTerm = max(highestTerm, frame.hardState(in: span).term)
        default: break
        }
    }

    private mutating func damage(
        _ file: String,
        _ offset: Int,
        _ octets: Int,
        _ kind: JournalDamage.Kind
    ) {
        damages.append(
            JournalDamage(
                file: file,
                offset: offset,
                octets: octets,
                kind: kind,
                lastIndex: summary.lastIndex
            )
        )
    }
}

extension JournalScan {
    /// Takes a batch's frames into the summary; nil, and nothing taken, where they cannot follow on it.
    private mutating func take(
        _ batch: BatchView,
        _ span: Span<UInt8>,
        _ reader: BatchReader,
        segment: UInt64
    ) -> Bool? {
        guard follows(batch, span, reader) else { return nil }
        var isSeal = false
        var place = batch.range.lowerBound
        while let frame = reader.frame(at: place, in: span) {
            switch frame.kind {
            case .entry:
                let (term, index) = frame.position(in: span)
                summary.noteEntry(term: term, index: index)
                highestTerm = max(highestTerm, term)
            case .hardState:
                let state = frame.hardState(in: span)
                summary.note(state)
                highestTerm = max(highestTerm, state.term)
            case .mark:
                let replaces = frame.flags.contains(.replacesLog)
                summary.note(frame.mark(in: span), replacesLog: replaces)
            case .seal: isSeal = true
            case .commit:
                summary.noteBatch(
                    firstIndex: batch.firstIndex,
                    segment: segment,
                    octets: batch.range
                )
                return isSeal
            case .chunk, .footer: return nil
            }
            place = frame.end
        }
        return nil
    }

    /// Whether a batch's frames can follow on the summary: no gap, no commit beyond the log, and its commit
    /// frame says the same.
    private func follows(_ batch: BatchView, _ span: Span<UInt8>, _ reader: BatchReader) -> Bool {
        var last = summary.lastIndex
        var marked = summary.mark?.index ?? 0
        var firstEntry: UInt64 = 0
        var commit: UInt64 = 0
        var place = batch.range.lowerBound
        while let frame = reader.frame(at: place, in: span) {
            switch frame.kind {
            case .entry:
                let index = frame.position(in: span).index
                guard index > marked, index <= last &+ 1, index > 0 else { return false }
                if firstEntry == 0 { firstEntry = index }
                last = index
            case .mark:
                let index = frame.position(in: span).index
                if frame.flags.contains(.replacesLog) {
                    guard firstEntry == 0, index < .max else { return false }
                    last = index
                } else if index > last {
                    return false
                }
                marked = index
            case .hardState: commit = frame.hardState(in: span).commit
            case .commit:
                return last == batch.lastIndex && firstEntry == batch.firstIndex && commit <= last
            case .seal: break
            case .chunk, .footer: return false
            }
            place = frame.end
        }
        return false
    }
}
