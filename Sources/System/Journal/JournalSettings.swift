package import JournalWire

/// Sizes that an operator may want to be others.
package struct JournalSettings: Hashable, Sendable {
    /// Octets of a segment.
    package var segmentOctets = JournalFormat.segmentOctets
    /// Segments made before they are needed, so that none has to be when the disk is full.
    package var spares = 2
    /// A file given up when the disk is full, so that a snapshot can still be taken; source: raft.md §3.7.
    package var reserveOctets = 64 << 20
    /// With less free space than this no further proposals should be taken; source: raft.md §6, O6.
    package var lowOctets = 256 << 20
    /// Snapshots that are kept.
    package var snapshots = 2
    /// What one call of `prepare` writes.
    package var prepareOctets = 1 << 20
    /// Whether payloads are sealed with the key in the journal's folder.
    package var isSealed = true

    package init() {}

    /// The smallest segment that holds its own head and an entry.
    package static let segmentOctetsMin = 1024
}

/// What was found when a journal was opened.
package struct JournalReport: Hashable, Sendable {
    package enum Condition: Hashable, Sendable {
        /// There was none.
        case new
        /// It was closed.
        case closed
        /// It was not closed, and nothing was being written.
        case open
        /// A batch was being written when the process ended; it was never said to be durable.
        case torn(file: String, offset: Int)
        /// Something durable is gone; nothing is written before `repair`.
        case damaged([JournalDamage])
    }

    package var condition: Condition
    package var hardState: JournalHardState
    /// The snapshot that the state machine starts from; an older one where the newest is damaged.
    package var mark: JournalMark?
    package var firstIndex: UInt64
    package var lastIndex: UInt64
    package var runs: [LogSummary.TermRun]
    /// Damage that cost nothing.
    package var notes: [JournalDamage]
    /// Whether there was a watermark.
    package var hasWitness: Bool
    package var batches: Int
}

/// What is written as one unit, or in several where it does not fit into a segment.
///
/// Nothing of it may be relied on before all of it is durable, so the parts need not be one.
package struct JournalBatch: Hashable, Sendable {
    /// `fence` and `boots` are the journal's own and not looked at; `isIncomplete` is for the owner to end.
    package var hardState: JournalHardState?
    /// A snapshot that is durable.
    package var mark: JournalMark?
    /// Whether the mark takes the place of the whole log.
    package var replacesLog = false
    /// Without gaps; they take the place of those at their indexes and of all behind.
    package var entries: [JournalEntry] = []

    package init(
        hardState: JournalHardState? = nil,
        mark: JournalMark? = nil,
        replacesLog: Bool = false,
        entries: [JournalEntry] = []
    ) {
        self.hardState = hardState
        self.mark = mark
        self.replacesLog = replacesLog
        self.entries = entries
    }
}

/// Names in a journal's folder.
enum JournalPath {
    static let node = "node.id"
    static let key = "key"
    static let reserve = "reserve"
    static let log = "wal"
    static let snapshots = "snap"
    static let watermark = "wal/durable"
    static let unfinished = ".tmp"
    /// What damage left, out of the way.
    static let discarded = ".bad"
    static let spareSuffix = ".spare"

    static func segment(_ name: SegmentName) -> String { "\(log)/\(name)" }
    static func snapshot(_ name: SnapshotName) -> String { "\(snapshots)/\(name)" }
    static func spare(_ number: UInt64) -> String { "\(log)/\(number)\(spareSuffix)" }
}
