/// One frame as it lies in a segment.
package struct FrameView: Hashable, Sendable {
    package var kind: FrameKind
    package var flags: FrameFlags
    /// Where its payload is.
    package var payload: Range<Int>

    package var end: Int {
        payload.lowerBound + JournalFormat.padded(payload.count)
    }
}

/// One valid batch as it lies in a segment.
package struct BatchView: Hashable, Sendable {
    /// All of it, the commit frame included.
    package var range: Range<Int>
    package var sequence: UInt64
    /// The checksum of the batch before it, as it says.
    package var previous: UInt32
    package var checksum: UInt32
    /// The first entry's index; 0 where it has none.
    package var firstIndex: UInt64
    /// The log's last index after it.
    package var lastIndex: UInt64
}

/// Why there is no valid batch at a place.
package enum BatchFault: Error, Hashable, Sendable {
    /// Nothing was begun there.
    case nothing
    /// It was begun, and what is there is not what was to be written.
    case damaged
    /// A valid one that does not follow on the one before: the number or the checksum is another.
    case strange
}

/// Reads a segment's batches: bounds first, then checksums; nothing is copied.
package struct BatchReader: Sendable {
    package let salt: UInt64
    private let tag: UInt16
    /// The first eight octets of each commit frame of this segment.
    private let commitWord: UInt64

    package init(salt: UInt64) {
        self.salt = salt
        tag = BatchWriter.tag(of: salt)
        let length = JournalFormat.commitOctets - JournalFormat.frameOctets
        commitWord =
            UInt64(length) | UInt64(FrameKind.commit.rawValue) << 32 | UInt64(tag) << 48
    }

    /// The frame at a place; nil when none of this segment's is there.
    package func frame(at start: Int, in span: Span<UInt8>) -> FrameView? {
        guard start + JournalFormat.frameOctets <= span.count else { return nil }
        let word = span.number64(at: start)
        guard UInt16(truncatingIfNeeded: word >> 48) == tag,
            let kind = FrameKind(rawValue: UInt8(truncatingIfNeeded: word >> 32))
        else { return nil }
        let flags = FrameFlags(rawValue: UInt8(truncatingIfNeeded: word >> 40))
        let length = Int(UInt32(truncatingIfNeeded: word))
        let payload = start + JournalFormat.frameOctets
        guard JournalFormat.padded(length) <= span.count - payload,
            Self.fits(kind, length: length)
        else { return nil }
        return FrameView(kind: kind, flags: flags, payload: payload..<payload + length)
    }

    /// The batch at a place, whatever its number is.
    package func batch(at start: Int, in span: Span<UInt8>) throws(BatchFault) -> BatchView {
        var place = start
        var frames: UInt32 = 0
        while let frame = frame(at: place, in: span) {
            if frame.kind == .commit {
                guard let batch = commit(at: place, in: span), batch.range.lowerBound == start,
                    span.number32(at: place + 32) == frames, isWhole(batch, in: span)
                else { throw .damaged }
                return batch
            }
            frames += 1
            place = frame.end
        }
        throw place == start ? .nothing : .damaged
    }

    /// The next valid commit frame at or behind a place whose number is higher than `sequence`.
    ///
    /// A batch is only begun when the one before is durable, so it proves that all before it was.
    package func commit(
        after sequence: UInt64,
        from start: Int,
        in span: Span<UInt8>
    ) -> BatchView? {
        var place = JournalFormat.padded(start)
        while place + JournalFormat.commitOctets <= span.count {
            if span.number64(at: place) == commitWord,
                let batch = commit(at: place, in: span), batch.sequence > sequence
            {
                return batch
            }
            place += JournalFormat.alignment
        }
        return nil
    }

    /// What a commit frame says, if it is valid by itself.
    private func commit(at place: Int, in span: Span<UInt8>) -> BatchView? {
        let end = place + JournalFormat.commitOctets
        guard span.number64(at: place) == commitWord, span.number32(at: place + 52) == 0,
            BatchSum.commit(span.extracting(place..<place + 48), salt: salt)
                == span.number32(at: place + 48)
        else { return nil }
        let octets = Int(span.number32(at: place + 36))
        guard octets >= JournalFormat.commitOctets, octets <= end
        else { return nil }
        return BatchView(
            range: end - octets..<end,
            sequence: span.number64(at: place + 8),
            previous: span.number32(at: place + 40),
            checksum: span.number32(at: place + 44),
            firstIndex: span.number64(at: place + 16),
            lastIndex: span.number64(at: place + 24)
        )
    }

    /// Whether all octets of a batch are as they were written.
    package func isWhole(_ batch: BatchView, in span: Span<UInt8>) -> Bool {
        let checked = batch.range.lowerBound..<batch.range.upperBound - 12
        return BatchSum.all(span.extracting(checked), salt: salt) == batch.checksum
    }

    private static func fits(_ kind: FrameKind, length: Int) -> Bool {
        switch kind {
        case .entry: length >= JournalFormat.entryOctets
        case .hardState: length == JournalFormat.hardStateOctets
        case .mark:
            length >= JournalFormat.markOctets
                && length <= JournalFormat.markOctets + JournalMark.membershipOctetsMax
        case .commit: length == JournalFormat.commitOctets - JournalFormat.frameOctets
        case .seal: length == 0
        case .chunk, .footer: false
        }
    }
}

extension FrameView {
    /// The term and the index of an entry, or of a mark.
    func position(in span: Span<UInt8>) -> (term: UInt64, index: UInt64) {
        let start = payload.lowerBound
        return kind == .entry
            ? (span.number64(at: start), span.number64(at: start + 8))
            : (span.number64(at: start + 8), span.number64(at: start))
    }

    /// An entry with its payload as it lies there; `key` is 0 where that is not sealed.
    package func entry(in span: Span<UInt8>) -> (entry: JournalEntry, key: UInt32) {
        let (term, index) = position(in: span)
        let start = payload.lowerBound
        let kind = UInt8(truncatingIfNeeded: span.number32(at: start + 16))
        let octets = span.copy(start + JournalFormat.entryOctets..<payload.upperBound)
        let entry = JournalEntry(term: term, index: index, kind: kind, payload: octets)
        return (entry, span.number32(at: start + 20))
    }

    package func hardState(in span: Span<UInt8>) -> JournalHardState {
        let start = payload.lowerBound
        return JournalHardState(
            term: span.number64(at: start),
            vote: span.number64(at: start + 8),
            commit: span.number64(at: start + 16),
            fence: span.number64(at: start + 24),
            boots: span.number32(at: start + 32),
            isIncomplete: span.number32(at: start + 36) & 1 == 1
        )
    }

    package func mark(in span: Span<UInt8>) -> JournalMark {
        let start = payload.lowerBound
        return JournalMark(
            index: span.number64(at: start),
            term: span.number64(at: start + 8),
            id: span.number64(at: start + 16),
            octets: span.number64(at: start + 24),
            membership: span.copy(start + JournalFormat.markOctets..<payload.upperBound)
        )
    }
}
