import JournalWire
import LinuxSystem

extension Journal where Disk: ~Copyable {
    /// Gives up what is damaged and all behind it, so that peers can send it again.
    ///
    /// The good part of the log stays. From now on the node may vote in no term that anything here speaks of,
    /// and in none at all before its owner says that it has caught up (`JournalHardState.isIncomplete`): both
    /// are durable before the first file is touched. Damaged files stay under other names. Not for a cluster
    /// in which nobody else has what is lost. Source: raft.md §3.7, policy for corrupt logs.
    package mutating func repair() throws(JournalError) {
        if isPoisoned { throw .poisoned }
        guard case .damaged(let damages) = report.condition else { return }
        fence()
        try touch { (journal) throws(SystemError) in try journal.flushWatermark() }
        if end == nil || damages.contains(where: { !$0.kind.leavesLog }) {
            try giveUpLog()
        } else if let end {
            try giveUp(behind: end)
        }
        report.condition = .open
        do throws(JournalError) {
            try append(JournalBatch(hardState: summary.hardState))
        } catch {
            report.condition = .damaged(damages)
            throw error
        }
        report.hardState = summary.hardState
        report.mark = summary.mark
        report.firstIndex = summary.firstIndex
        report.lastIndex = summary.lastIndex
        report.runs = summary.runs
        try touch { (journal) throws(SystemError) in
            try journal.writeWatermark(isClosed: false)
        }
    }

    /// The watermark still says which batches there were: until all is done the journal stays damaged.
    private mutating func fence() {
        var state = summary.hardState
        state.fence = max(state.fence, highestTerm)
        if state.term < highestTerm { (state.term, state.vote) = (highestTerm, 0) }
        state.commit = min(state.commit, summary.lastIndex)
        state.boots &+= 1
        state.isIncomplete = true
        summary.note(state)
        watermark.counter &+= 1
        watermark.term = state.term
        watermark.vote = state.vote
        watermark.fence = state.fence
        watermark.boots = state.boots
        watermark.isIncomplete = true
        watermark.isClosed = false
    }

    /// Keeps nothing but what the node may never forget.
    private mutating func giveUpLog() throws(JournalError) {
        for name in segments.reversed() { try discard(JournalPath.segment(name)) }
        segments = []
        try touch { (journal) throws(SystemError) in
            let names = try journal.disk.names(in: JournalPath.snapshots)
            for name in names.compactMap({ SnapshotName($0) }) {
                let path = JournalPath.snapshot(name)
                try journal.disk.rename(path, to: path + JournalPath.discarded)
            }
            try journal.disk.syncFolder(JournalPath.snapshots)
        }
        var state = summary.hardState
        state.commit = 0
        summary = LogSummary()
        summary.note(state)
        sequence = max(sequence, watermark.sequence)
        checksum = 0
        end = nil
    }

    private mutating func giveUp(behind end: JournalScan.End) throws(JournalError) {
        let last = end.header.name
        for name in segments.reversed() where name != last && !(name < last) {
            try discard(JournalPath.segment(name))
        }
        segments.removeAll { !($0 < last) && $0 != last }
        if end.isSealed { return }
        try keepCopy(of: JournalPath.segment(last))
        try rewrite(end)
    }

    /// Puts a file out of the way.
    private mutating func discard(_ path: String) throws(JournalError) {
        try touch { (journal) throws(SystemError) in
            try journal.disk.rename(path, to: path + JournalPath.discarded)
            try journal.disk.syncFolder(JournalPath.log)
        }
    }

    /// A copy of a damaged segment for whoever wants to look at it; without space there is none.
    private mutating func keepCopy(of path: String) throws(JournalError) {
        let isFull = try touch { (journal) throws(SystemError) -> Bool in
            let old = try journal.disk.open(path)
            defer { journal.disk.close(old) }
            let copy = try journal.disk.create(path + JournalPath.discarded)
            defer { journal.disk.close(copy) }
            do throws(SystemError) {
                try journal.copy(try journal.disk.size(of: old), of: old, to: copy)
                try journal.disk.sync(copy)
                return false
            } catch {
                guard error.isDiskFull else { throw error }
                try journal.disk.remove(path + JournalPath.discarded)
                return true
            }
        }
        if isFull { isLow = true }
    }
}

extension JournalDamage.Kind {
    /// Whether the part of the log before it can still be used.
    fileprivate var leavesLog: Bool {
        switch self {
        case .gap, .snapshot: false
        default: true
        }
    }
}
