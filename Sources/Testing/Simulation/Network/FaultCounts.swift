/// Faults that really happened, by kind.
package struct FaultCounts: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: FaultName.allCases.count)

    package init() {}

    package mutating func count(_ name: FaultName) {
        counts[Self.index(name)] += 1
    }

    package mutating func add(_ other: FaultCounts) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    package subscript(name: FaultName) -> UInt64 { counts[Self.index(name)] }

    private static func index(_ name: FaultName) -> Int {
        FaultName.allCases.firstIndex(of: name) ?? 0
    }

    /// Those that happened, in the order of the kinds.
    package var happened: [(FaultName, UInt64)] {
        FaultName.allCases.enumerated().compactMap { index, name in
            counts[index] == 0 ? nil : (name, counts[index])
        }
    }
}
