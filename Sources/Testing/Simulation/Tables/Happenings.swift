/// What really happened in a run, by kind: a fault that was asked for and never came proves nothing.
package enum Happening: String, Hashable, Sendable, CaseIterable {
    case drop, duplicate, walled, overflow, crash, restart, leave, stop, partition
    case attach, detach, write, delete
    /// Changes while walls stood.
    case writeInSplit, deleteInSplit
    /// Deletions on one side of a wall of what the other side had still when it fell.
    case crossedTombstone
    /// Records that a new run of a node wrote again.
    case rewrite
    /// Processes that ended and said before that they would be back.
    case terminate
}

package struct Happenings: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: Happening.allCases.count)

    package init() {}

    package mutating func count(_ happening: Happening, _ times: Int = 1) {
        counts[Self.index(happening)] += UInt64(times)
    }

    package mutating func add(_ other: Happenings) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    package subscript(happening: Happening) -> UInt64 { counts[Self.index(happening)] }

    /// Those that happened, in the order of the kinds.
    package var happened: [(Happening, UInt64)] {
        Happening.allCases.enumerated().compactMap { index, happening in
            counts[index] == 0 ? nil : (happening, counts[index])
        }
    }

    private static func index(_ happening: Happening) -> Int {
        Happening.allCases.firstIndex(of: happening) ?? 0
    }
}
