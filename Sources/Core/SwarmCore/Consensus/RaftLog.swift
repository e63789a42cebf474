import DequeModule

/// One node's log, and how far it is written, committed and applied.
///
/// All entries since the last compaction, in memory. Of them a front part is durable, the next part is
/// being written, the rest waits to be handed out. Holds always: applied <= applying <= committed <= last,
/// durable <= written <= last. What is committed is never changed. Source: Raft paper §5.3; raft.md §3.5.
package struct RaftLog: Sendable {
    /// What stands before the first entry.
    package private(set) var base: LogPosition
    private var entries: Deque<LogEntry>
    /// The last entry that is known to be durable here.
    package private(set) var durable: LogIndex
    /// The last entry that was handed out to be written.
    package private(set) var written: LogIndex
    package private(set) var committed: LogIndex
    /// The last entry that was handed out to be applied.
    package private(set) var applying: LogIndex
    package private(set) var applied: LogIndex
    /// Places of changes of the membership that are not applied.
    package private(set) var changes: [LogIndex] = []

    /// A snapshot that takes the place of the log, until it is durable.
    package private(set) var installing: SnapshotMark?
    private var isInstallingWritten = false

    /// Octets that are handed out to be applied.
    private var applyingOctets = 0
    private let applyOctetsMax: Int
    private var isApplyPaused = false

    /// A log as it was found: entries follow `base`, and all of it is durable.
    package init(
        base: LogPosition,
        entries: [LogEntry],
        committed: LogIndex,
        applied: LogIndex,
        applyOctetsMax: Int
    ) {
        self.base = base
        self.entries = Deque(entries)
        self.applyOctetsMax = max(1, applyOctetsMax)
        let last = base.index.advanced(by: entries.count)
        durable = last
        written = last
        let done = min(max(applied, base.index), last)
        self.applied = done
        applying = done
        self.committed = min(max(committed, done), last)
        changes = entries.filter { $0.content.isMembership && $0.index > done }.map(\.index)
    }

    package var first: LogIndex { base.index.next }
    package var last: LogPosition { entries.last?.position ?? base }
    package var lastIndex: LogIndex { base.index.advanced(by: entries.count) }
    package var count: Int { entries.count }

    /// The entry at `index`; nil when it is compacted or not there.
    package func entry(at index: LogIndex) -> LogEntry? {
        let offset = index.distance(from: first)
        return offset >= 0 && offset < entries.count ? entries[offset] : nil
    }

    /// The term at `index`; nil when it is not known any more, or not yet.
    package func term(at index: LogIndex) -> Term? {
        if index == base.index { return base.term }
        return entry(at: index)?.term
    }

    package func matches(_ position: LogPosition) -> Bool {
        term(at: position.index) == position.term
    }

    /// Whether a log that ends at `other` is at least as up to date as this one; source: §5.4.1.
    package func isUpToDate(_ other: LogPosition) -> Bool { other >= last }

    /// The last position at or before `index` with a term of at most `term`; term 0 when unknown.
    ///
    /// Where two logs differ it is the last at which they may agree.
    package func conflict(before index: LogIndex, term: Term) -> LogPosition {
        var at = index
        while at > .zero {
            guard let own = self.term(at: at) else { return LogPosition(term: .zero, index: at) }
            if own <= term { return LogPosition(term: own, index: at) }
            at = at.previous
        }
        return .zero
    }

    /// Entries from `from` on, up to `octetsMax`, at least one if there is any; nil when they are gone.
    package func slice(from: LogIndex, through end: LogIndex, octetsMax: Int) -> [LogEntry]? {
        let start = from.distance(from: first)
        if start < 0 { return nil }
        let stop = min(entries.count, end.next.distance(from: first))
        if start >= stop { return [] }
        var taken = start
        var octets = 0
        while taken < stop {
            octets += entries[taken].octets
            if octets > octetsMax, taken > start { break }
            taken += 1
        }
        return Array(entries[start..<taken])
    }

    /// The octets of the entries from `first` on that are before `end`.
    func octets(from first: LogIndex, before end: LogIndex) -> Int {
        var octets = 0
        var at = first
        while at < end, let entry = entry(at: at) {
            octets += entry.octets
            at = at.next
        }
        return octets
    }

    // MARK: - Changing

    /// A leader's own entries, after the last.
    mutating func append(_ new: consuming [LogEntry]) {
        for entry in new {
            if entry.content.isMembership { changes.append(entry.index) }
            entries.append(entry)
        }
    }

    /// What came of a leader's entries.
    enum Accepted {
        /// All up to here is the same now.
        case matched(LogIndex)
        /// What they follow is not here.
        case mismatch
        /// They contradict what is committed.
        case contradiction(LogIndex)
    }

    /// Takes a leader's entries.
    ///
    /// Entries that are here stay, whatever follows them: only one that differs ends what is
    /// here. Source: Raft paper Fig. 2, AppendEntries 3 and 4.
    mutating func accept(_ message: RaftMessage.Append) -> Accepted {
        if !matches(message.previous) { return .mismatch }
        let end = message.previous.index.advanced(by: message.entries.count)
        if let start = message.entries.firstIndex(where: { !matches($0.position) }) {
            let index = message.entries[start].index
            if index <= committed { return .contradiction(index) }
            truncate(from: index)
            append(Array(message.entries[start...]))
        }
        return .matched(end)
    }

    private mutating func truncate(from index: LogIndex) {
        let kept = index.distance(from: first)
        if kept >= entries.count { return }
        entries.removeLast(entries.count - kept)
        durable = min(durable, index.previous)
        written = min(written, index.previous)
        while let last = changes.last, last >= index { changes.removeLast() }
    }

    /// Raises the commit index; false when that is no news, nil when there is no such entry.
    mutating func commit(through index: LogIndex) -> Bool? {
        if index <= committed { return false }
        if index > lastIndex { return nil }
        committed = index
        return true
    }

    /// The log is what this snapshot says, and nothing else.
    mutating func restore(_ mark: SnapshotMark) {
        base = mark.position
        entries.removeAll()
        changes.removeAll()
        durable = base.index
        written = base.index
        committed = base.index
        installing = mark
        isInstallingWritten = false
        // Nobody says of what is gone that it was applied.
        applyingOctets = 0
        isApplyPaused = false
    }

    /// Forgets entries before `index`, as far as they are applied and durable.
    mutating func compact(before index: LogIndex) {
        let bound = min(index, min(applied, durable).next)
        let count = bound.distance(from: first)
        guard count > 0, let term = term(at: bound.previous) else { return }
        base = LogPosition(term: term, index: bound.previous)
        entries.removeFirst(count)
    }

    // MARK: - Writing

    /// Whether something waits to be written.
    var hasUnwritten: Bool { written < lastIndex || (installing != nil && !isInstallingWritten) }

    /// Whether something is not known to be durable.
    package var hasUndurable: Bool { durable < lastIndex || installing != nil }

    /// The end of the log, where something of it is not durable.
    var undurable: LogPosition? { durable < lastIndex ? last : nil }

    /// What is to be written now.
    mutating func takeUnwritten() -> (entries: [LogEntry], snapshot: SnapshotMark?) {
        let start = written.next.distance(from: first)
        let taken = start < entries.count ? Array(entries[start...]) : []
        let snapshot = isInstallingWritten ? nil : installing
        written = lastIndex
        isInstallingWritten = installing != nil
        return (taken, snapshot)
    }

    /// All up to `position` is durable, if it is still what stands there.
    mutating func didPersist(_ position: LogPosition) {
        if position.index > durable, matches(position) {
            durable = position.index
            written = max(written, durable)
        }
    }

    /// A snapshot is durable; false when another one has taken its place.
    mutating func didInstall(_ index: LogIndex) -> Bool {
        guard installing?.position.index == index else { return false }
        installing = nil
        return true
    }

    // MARK: - Applying

    /// The last entry that may be applied: committed, and durable here unless `isEarly`.
    private func appliable(isEarly: Bool) -> LogIndex {
        isEarly ? committed : min(committed, durable)
    }

    func hasAppliable(isEarly: Bool) -> Bool {
        !isApplyPaused && installing == nil && applying < appliable(isEarly: isEarly)
    }

    /// What is to be applied now.
    mutating func takeAppliable(isEarly: Bool) -> [LogEntry] {
        guard hasAppliable(isEarly: isEarly) else { return [] }
        let end = appliable(isEarly: isEarly)
        let budget = applyOctetsMax - applyingOctets
        let taken = slice(from: applying.next, through: end, octetsMax: budget) ?? []
        guard let last = taken.last else { return [] }
        applying = last.index
        for entry in taken { applyingOctets += entry.octets }
        isApplyPaused = applyingOctets >= applyOctetsMax || applying < end
        return taken
    }

    /// All up to `index` is applied; the sum of what the entries are charged that this says so of.
    mutating func didApply(through index: LogIndex) -> Int {
        guard index > applied, index <= committed else { return 0 }
        var charge = 0
        var octets = 0
        var at = applied.next
        while at <= index, let entry = entry(at: at) {
            charge += entry.content.charge
            octets += entry.octets
            at = at.next
        }
        applied = index
        applying = max(applying, index)
        applyingOctets = max(0, applyingOctets - octets)
        isApplyPaused = applyingOctets >= applyOctetsMax
        while let first = changes.first, first <= index { changes.removeFirst() }
        return charge
    }

    /// The state is that of a snapshot.
    mutating func didRestore(_ index: LogIndex) {
        if index > applied {
            applied = index
            applying = max(applying, index)
        }
    }

    /// The first unapplied change of the membership is taken.
    mutating func takeChange() { changes.removeFirst() }

    /// Whether a change of the membership is committed and not applied.
    package var hasUnappliedChange: Bool { changes.first.map { $0 <= committed } ?? false }
}
