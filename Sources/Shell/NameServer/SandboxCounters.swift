import Synchronization

/// What one worker has done for each sandbox; written by that worker, read by anybody.
///
/// Bounded: slots beyond the last are counted together.
package final class SandboxCounters: Sendable {
    /// Slots that are counted one by one.
    package static let slotsMax = 256

    package enum Counter: Int, CaseIterable, Sendable {
        /// Messages received.
        case questions
        /// Answers from local names.
        case local
        /// Answers from kept replies.
        case kept
        /// Questions given to the forwarder.
        case forwarded
        /// Replies with that response code, whoever made them.
        case nxDomain, servFail, refused
    }

    private static let width = 7
    private let values: InlineArray<1799, Atomic<UInt64>>

    init() {
        precondition(Counter.allCases.count == Self.width, "a place for every counter")
        values = InlineArray { _ in Atomic(0) }
        precondition(values.count == (Self.slotsMax + 1) * Self.width, "a row for every slot")
    }

    func add(_ counter: Counter, _ count: UInt64, slot: Int) {
        if count == 0 { return }
        let place = Self.place(counter, slot)
        let sum = values[place].load(ordering: .relaxed) &+ count
        values[place].store(sum, ordering: .relaxed)
    }

    subscript(counter: Counter, slot: Int) -> UInt64 {
        values[Self.place(counter, slot)].load(ordering: .relaxed)
    }

    private static func place(_ counter: Counter, _ slot: Int) -> Int {
        min(slot, slotsMax) * width + counter.rawValue
    }
}

/// The counts of one sandbox.
package struct SandboxTally: Hashable, Sendable {
    private var values = [UInt64](repeating: 0, count: SandboxCounters.Counter.allCases.count)

    package init() {}

    package internal(set) subscript(counter: SandboxCounters.Counter) -> UInt64 {
        get { values[counter.rawValue] }
        set { values[counter.rawValue] = newValue }
    }

    /// What has come since `earlier`.
    func since(_ earlier: SandboxTally) -> SandboxTally {
        var difference = self
        for place in values.indices { difference.values[place] &-= earlier.values[place] }
        return difference
    }
}

/// What a worker's own counters say of the batch between two readings, all of it one sandbox's: so
/// that no question pays for being counted twice.
struct BatchTally {
    private let local: UInt64
    private let nxDomain: UInt64
    private let servFail: UInt64
    private let refused: UInt64

    init(_ counters: WorkerCounters) {
        local = counters[.localAnswers]
        nxDomain = counters[.nxDomain]
        servFail = counters[.servFail]
        refused = counters[.refused]
    }

    /// Counts what has come since for a sandbox.
    func close(_ counters: WorkerCounters, slot: Int, questions: Int, forwarded: Int) {
        let sandboxes = counters.sandboxes
        sandboxes.add(.questions, UInt64(questions), slot: slot)
        sandboxes.add(.forwarded, UInt64(forwarded), slot: slot)
        sandboxes.add(.local, counters[.localAnswers] &- local, slot: slot)
        sandboxes.add(.nxDomain, counters[.nxDomain] &- nxDomain, slot: slot)
        sandboxes.add(.servFail, counters[.servFail] &- servFail, slot: slot)
        sandboxes.add(.refused, counters[.refused] &- refused, slot: slot)
    }
}
