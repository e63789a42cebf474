import JournalWire
import LinuxSystem

extension Journal where Disk: ~Copyable {
    /// Writes a batch and waits until it is on the disk.
    ///
    /// A commit index alone waits for the next batch unless `mustSync` says otherwise. Throws `full` when
    /// there is no room for another segment, with nothing written of the part that did not fit; what is
    /// `isFatal` ends the journal.
    package mutating func append(
        _ batch: JournalBatch,
        mustSync: Bool = true
    ) throws(JournalError) {
        if isPoisoned { throw .poisoned }
        if case .damaged(let damages) = report.condition, let first = damages.first {
            throw .damaged(first)
        }
        try check(batch)
        var state = batch.hardState ?? waiting ?? summary.hardState
        state.fence = summary.hardState.fence
        state.boots = summary.hardState.boots
        let before = summary.hardState
        let isVote =
            (state.term, state.vote) != (before.term, before.vote)
            || state.isIncomplete != before.isIncomplete
        if !mustSync, !isVote, batch.entries.isEmpty, batch.mark == nil {
            waiting = state
            return
        }
        var first = 0
        var mark = batch.mark
        let head = headOctets(batch.mark)
        repeat {
            let room = settings.segmentOctets - JournalFormat.headerOctets - 2 * head
            let next = part(of: batch.entries, from: first, room: room)
            let part = Array(batch.entries[first..<next.end])
            try makeRoom(for: next.octets + head)
            try write(part, mark, replacesLog: batch.replacesLog, state)
            mark = nil
            first = next.end
        } while first < batch.entries.count
        waiting = nil
        if isVote {
            try touch { (journal) throws(SystemError) in
                try journal.writeWatermark(isClosed: false)
            }
        }
    }

    /// What cannot be written is refused before anything is.
    private func check(_ batch: JournalBatch) throws(JournalError) {
        let replaced = batch.replacesLog ? batch.mark : nil
        var next = (replaced?.index ?? summary.lastIndex) &+ 1
        let mark = batch.mark ?? summary.mark
        let limit =
            settings.segmentOctets - JournalFormat.headerOctets - 2 * headOctets(batch.mark)
        if let mark, mark.membership.count > JournalMark.membershipOctetsMax || limit < 0 {
            throw .tooLarge(octets: mark.membership.count, limit: max(0, limit))
        }
        if let mark = batch.mark, !batch.replacesLog, mark.index > summary.lastIndex {
            throw .gap(expected: summary.lastIndex, got: mark.index)
        }
        for (place, entry) in batch.entries.enumerated() {
            let isOverride =
                place == 0 && replaced == nil && entry.index < next
                && entry.index >= max(summary.firstIndex, (mark?.index ?? 0) &+ 1)
            guard entry.index == next || isOverride else {
                throw .gap(expected: next, got: entry.index)
            }
            next = entry.index &+ 1
            let octets = BatchWriter.octets(of: entry, isSealed: cipher != nil)
            if octets > limit { throw .tooLarge(octets: octets, limit: limit) }
        }
    }

    /// What a batch takes beside its entries, and the head of a segment, at most; with room for the seal.
    private func headOctets(_ mark: JournalMark?) -> Int {
        let frames = 2 * JournalFormat.frameOctets + JournalFormat.hardStateOctets
        let longest = max(mark?.membership.count ?? 0, summary.mark?.membership.count ?? 0)
        let membership = (longest + 7) & ~7
        return frames + JournalFormat.markOctets + membership + JournalFormat.commitOctets
            + JournalFormat.sealOctets
    }

    /// As many entries as fit.
    private func part(
        of entries: [JournalEntry],
        from first: Int,
        room: Int
    ) -> (end: Int, octets: Int) {
        var octets = 0
        var end = first
        while end < entries.count {
            let more = BatchWriter.octets(of: entries[end], isSealed: cipher != nil)
            if octets + more > room { break }
            octets += more
            end += 1
        }
        return (end, octets)
    }

    private mutating func makeRoom(for octets: Int) throws(JournalError) {
        if let current, !current.isSealed, current.offset + octets <= current.octets {
            return
        }
        try rotate()
    }

    /// Writes one batch into the current segment, where there is room for it.
    private mutating func write(
        _ entries: [JournalEntry],
        _ mark: JournalMark?,
        replacesLog: Bool,
        _ wanted: JournalHardState
    ) throws(JournalError) {
        var state = wanted
        let replacedIndex = replacesLog ? mark?.index : nil
        let last = entries.last?.index ?? replacedIndex ?? summary.lastIndex
        // What is committed beyond this part is in the parts to come.
        state.commit = min(state.commit, last)
        writer.begin(sequence: sequence &+ 1, previous: checksum)
        if let mark { writer.add(mark, replacesLog: replacesLog) }
        for entry in entries { add(entry) }
        writer.add(state)
        let sum = writer.commit(lastIndex: last)
        try put(sum)
        if let mark { summary.note(mark, replacesLog: replacesLog) }
        for entry in entries { summary.noteEntry(term: entry.term, index: entry.index) }
        summary.note(state)
        notePlace(firstIndex: entries.first?.index ?? 0)
    }

    private mutating func add(_ entry: JournalEntry) {
        guard let key = cipher?.number else {
            writer.add(entry)
            return
        }
        let additional = BatchWriter.additional(entry, key: key)
        let sealed = cipher?.seal(entry.payload, additional: additional) ?? []
        writer.add(entry, key: key, sealed: sealed)
    }

    /// Writes what is laid out behind the last batch, and waits for it.
    mutating func put(_ sum: UInt32) throws(JournalError) {
        try touch { (journal) throws(SystemError) in
            guard let current = journal.current else { preconditionFailure("no segment is open") }
            precondition(
                current.offset + journal.writer.octets.count <= current.octets,
                "a batch beyond the end of \(current.name)"
            )
            try journal.disk.write(
                journal.writer.octets,
                to: current.file,
                at: current.offset
            )
            try journal.disk.sync(current.file)
        }
        sequence &+= 1
        checksum = sum
        current?.offset += writer.octets.count
    }

    /// Says where the last batch lies, as a scan would; 0 for one without entries.
    mutating func notePlace(firstIndex: UInt64) {
        guard let current else { return }
        summary.noteBatch(
            firstIndex: firstIndex,
            segment: current.name.firstSequence,
            octets: current.offset - writer.octets.count..<current.offset
        )
    }
}
