import Base
import Synchronization

/// How long things took, counted in fixed steps; written by one worker, read by anybody.
package final class DurationHistogram: Sendable {
    /// The upper ends of the steps in nanoseconds, for replies of microseconds and upstreams of
    /// seconds alike; what is longer than the last is counted apart.
    package static let bounds: [UInt64] = [
        2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 2_500_000_000, 5_000_000_000,
    ]

    /// One for each bound, one for what is longer, one for the sum.
    private let values: InlineArray<22, Atomic<UInt64>>
    private static let sumPlace = 21

    package init() {
        precondition(Self.bounds.count == Self.sumPlace - 1, "a place for every step")
        values = InlineArray { _ in Atomic(0) }
    }

    /// Counts `count` things that took so long; the owning worker only.
    func note(nanoseconds: UInt64, count: UInt64 = 1) {
        let place = Self.bounds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.count
        add(count, at: place)
        add(nanoseconds &* count, at: Self.sumPlace)
    }

    func note(from start: Moment, to end: Moment) {
        note(nanoseconds: end.nanoseconds &- min(start, end).nanoseconds)
    }

    private func add(_ amount: UInt64, at place: Int) {
        let sum = values[place].load(ordering: .relaxed) &+ amount
        values[place].store(sum, ordering: .relaxed)
    }

    /// What was counted, over one histogram or several.
    package struct Reading: Hashable, Sendable {
        /// How many ended within each bound and not within the one before; the last is beyond all.
        package private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
        package private(set) var nanoseconds: UInt64 = 0

        package init() {}

        package mutating func add(_ histogram: DurationHistogram) {
            for place in counts.indices {
                counts[place] &+= histogram.values[place].load(ordering: .relaxed)
            }
            nanoseconds &+= histogram.values[sumPlace].load(ordering: .relaxed)
        }
    }
}
