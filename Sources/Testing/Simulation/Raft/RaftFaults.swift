/// What a simulated Raft cluster may be struck by.
package enum RaftFaultKind: String, Hashable, Sendable, CaseIterable {
    /// A message never arrives.
    case loss
    /// It arrives twice.
    case duplicate
    /// It takes so long that later ones overtake it.
    case delay
    /// One of a few kinds is held for seconds, and comes through although its link is cut by then.
    case hold
    /// Some kinds of messages to or from one node are lost, others not.
    case selective
    /// It arrives at another node than it was sent to.
    case misdelivery
    /// Nodes are cut into two parts.
    case partition
    /// They are cut where their terms, logs, commits or memberships differ.
    case rift
    /// One node hears and is not heard, or the reverse.
    case oneWay = "one-way"
    /// A node does nothing for a while, then goes on as if no time had passed.
    case pause
    /// Clocks go at different speeds.
    case skew
    /// A process ends; of what was being written all, or nothing, is on the disk.
    case crash
    /// All processes end, and start again one after the other.
    case blackout
    /// Writing takes seconds.
    case slowDisk = "slow-disk"
    /// Nothing that is written becomes durable, until it ends.
    case hungDisk = "hung-disk"
    /// What is committed is applied seconds later.
    case slowApply = "slow-apply"
    /// Nodes are added, promoted, demoted, removed and added again.
    case churn
    /// The leader is asked to hand over.
    case transfer
    /// Logs are compacted early, so that others need snapshots.
    case compaction
    /// The end of a log is damaged, of a minority at a time.
    case rot
    /// A dead process is noticed by others at once.
    case notice
    /// Something of the above happens just when something else did: an election, a commit, a write.
    case gambit
    /// For a while a majority works and everything else does not: it has to lead, commit and tell.
    case rest
}

/// How often each happened.
package struct RaftFaultCounts: Hashable, Sendable {
    private var counts = Array(repeating: 0, count: RaftFaultKind.allCases.count)

    package init() {}

    private static func place(of kind: RaftFaultKind) -> Int {
        RaftFaultKind.allCases.firstIndex(of: kind) ?? 0
    }

    package subscript(kind: RaftFaultKind) -> Int {
        get { counts[Self.place(of: kind)] }
        set { counts[Self.place(of: kind)] = newValue }
    }

    package mutating func add(_ other: RaftFaultCounts) {
        for place in counts.indices { counts[place] += other.counts[place] }
    }
}
