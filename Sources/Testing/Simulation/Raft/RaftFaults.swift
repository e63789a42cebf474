/// What a simulated Raft cluster may be struck by.
package enum RaftFaultKind: String, Hashable, Sendable, CaseIterable {
    /// A message never arrives.
    case loss
    /// It arrives twice.
    case duplicate
    /// It takes so long that later ones overtake it.
    case delay
    /// It arrives at another node than it was sent to.
    case misdelivery
    /// Nodes are cut into two parts.
    case partition
    /// One node hears and is not heard, or the reverse.
    case oneWay = "one-way"
    /// A node does nothing for a while, then goes on as if no time had passed.
    case pause
    /// Clocks go at different speeds.
    case skew
    /// A process ends; of what was being written all, or nothing, is on the disk.
    case crash
    /// Writing takes seconds.
    case slowDisk = "slow-disk"
    /// Nodes are added, promoted, demoted and removed.
    case churn
    /// The leader is asked to hand over.
    case transfer
    /// Logs are compacted early, so that others need snapshots.
    case compaction
    /// A dead process is noticed by others at once.
    case notice
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
