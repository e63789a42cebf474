/// A manager's number in its cluster's Raft group: never 0, never given to another node.
///
/// A node that comes back after it was removed gets a new one, so that nothing said to or by the old one
/// can be taken for the new. Source: raft.md §1.10.
package struct RaftID: Hashable, Comparable, Sendable {
    package let raw: UInt64

    package init(_ raw: UInt64) {
        self.raw = raw
    }

    package static func < (left: RaftID, right: RaftID) -> Bool { left.raw < right.raw }
}

/// A reign: each has at most one leader.
///
/// Source: Raft paper §5.1.
package struct Term: Hashable, Comparable, Sendable {
    package let raw: UInt64

    package init(_ raw: UInt64) {
        self.raw = raw
    }

    package static let zero = Term(0)

    package var next: Term { Term(raw &+ 1) }

    package static func < (left: Term, right: Term) -> Bool { left.raw < right.raw }
}

/// A place in the log; the first entry has 1, and 0 is before it.
///
/// Source: Raft paper §5.3.
package struct LogIndex: Hashable, Comparable, Sendable {
    package let raw: UInt64

    package init(_ raw: UInt64) {
        self.raw = raw
    }

    package static let zero = LogIndex(0)

    package var next: LogIndex { LogIndex(raw &+ 1) }

    /// The place before; 0 stays 0.
    package var previous: LogIndex { LogIndex(raw == 0 ? 0 : raw - 1) }

    package func advanced(by count: Int) -> LogIndex { LogIndex(raw &+ UInt64(count)) }

    /// How many places `earlier` is before this one; negative when it is behind it.
    package func distance(from earlier: LogIndex) -> Int {
        Int(truncatingIfNeeded: raw &- earlier.raw)
    }

    package static func < (left: LogIndex, right: LogIndex) -> Bool { left.raw < right.raw }
}

/// Which entry stands where: two logs that have one position in common are equal up to it.
///
/// Ordered as voters order logs: by term, then by index. Source: Raft paper §5.3, §5.4.1.
package struct LogPosition: Hashable, Comparable, Sendable {
    package var term: Term
    package var index: LogIndex

    package init(term: Term, index: LogIndex) {
        self.term = term
        self.index = index
    }

    package static let zero = LogPosition(term: .zero, index: .zero)

    package static func < (left: LogPosition, right: LogPosition) -> Bool {
        left.term == right.term ? left.index < right.index : left.term < right.term
    }
}

/// Which cluster a message belongs to; `epoch` rises when a cluster is recovered from lost managers.
///
/// Members of before the recovery have a lower epoch and are not heard. Source: raft.md §1.15, §6.1.
package struct ClusterIdentity: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64
    package let epoch: UInt32

    package init(high: UInt64, low: UInt64, epoch: UInt32) {
        self.high = high
        self.low = low
        self.epoch = epoch
    }
}
