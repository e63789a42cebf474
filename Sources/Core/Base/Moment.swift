/// A point on the machine's boot-time clock (`CLOCK_BOOTTIME`), in nanoseconds.
///
/// Cores never read a clock: a `Moment` always arrives as an argument, from the system in a real
/// process and from the simulator in a virtual one. Range: 0 ... 2^64-1 ns (584 years).
package struct Moment: Hashable, Comparable, Sendable {
    /// Nanoseconds since boot.
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    package static let zero = Moment(nanoseconds: 0)
    /// Later than every deadline that can occur.
    package static let distantFuture = Moment(nanoseconds: .max)

    package static func < (left: Moment, right: Moment) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    // The usual ones of every comparable type cannot be seen through from another module, and
    // moments are compared many times for each question.
    package static func <= (left: Moment, right: Moment) -> Bool {
        left.nanoseconds <= right.nanoseconds
    }

    package static func > (left: Moment, right: Moment) -> Bool {
        left.nanoseconds > right.nanoseconds
    }

    package static func >= (left: Moment, right: Moment) -> Bool {
        left.nanoseconds >= right.nanoseconds
    }

    /// The moment `milliseconds` later; saturates at `distantFuture`.
    package func advanced(milliseconds: UInt64) -> Moment {
        let (step, tooLong) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow) = nanoseconds.addingReportingOverflow(step)
        return tooLong || overflow ? .distantFuture : Moment(nanoseconds: sum)
    }

    /// Whole milliseconds from `earlier` to here; 0 when `earlier` is later.
    package func milliseconds(since earlier: Moment) -> UInt64 {
        earlier < self ? (nanoseconds - earlier.nanoseconds) / 1_000_000 : 0
    }
}
