/// Whether what clients saw of one register can have happened in one order.
///
/// Each operation has to take effect at one instant between its call and its return; one without an answer
/// may take effect at any time after its call, or never. Wing and Gong's search with Lowe's memory.
/// Source: Wing & Gong, "Testing and verifying concurrent objects", 1993; Lowe, "Testing for
/// linearizability", 2017; raft.md §4.6.
package struct Linearizability: Sendable {
    /// What one client did.
    package struct Operation: Hashable, Sendable {
        package var call: UInt64
        /// Later than everything when no answer came.
        package var end: UInt64
        package var operation: KeyValueMachine.Operation
        /// What it read, or 1 where a swap took place; of no meaning for a put, and without an answer.
        package var result: UInt64

        package init(
            call: UInt64,
            end: UInt64 = .max,
            operation: KeyValueMachine.Operation,
            result: UInt64 = 0
        ) {
            self.call = call
            self.end = end
            self.operation = operation
            self.result = result
        }
    }

    /// What came of the search.
    package enum Verdict: Hashable, Sendable {
        case linearizable
        case impossible
        /// It was given up after so many states.
        case tooLong
    }

    /// States after which a search is given up.
    static let statesMax = 2_000_000

    private struct State: Hashable {
        /// Of the operations that are done: the first that is not, and the done ones behind it.
        var first: Int
        var done: [Int]
        var value: UInt64
    }

    private let operations: [Operation]
    private var seen: Set<State> = []

    private init(_ operations: [Operation]) {
        self.operations = operations.sorted { ($0.call, $0.end) < ($1.call, $1.end) }
    }

    /// Judges what was done to one key, which began with 0.
    package static func check(_ operations: [Operation]) -> Verdict {
        var search = Linearizability(operations)
        return search.run()
    }

    private mutating func run() -> Verdict {
        var stack = [State(first: 0, done: [], value: 0)]
        while let state = stack.popLast() {
            if isComplete(state) { return .linearizable }
            if seen.count > Self.statesMax { return .tooLong }
            // The last that is pushed is looked at first: what was called first is the best guess.
            for next in successors(of: state).reversed() where seen.insert(next).inserted {
                stack.append(next)
            }
        }
        return .impossible
    }

    /// Whether all that was answered is done.
    private func isComplete(_ state: State) -> Bool {
        var place = state.first
        while place < operations.count {
            if operations[place].end != .max, !state.done.contains(place) { return false }
            place += 1
        }
        return true
    }

    /// What each operation may lead to that was called before any undone one was answered.
    private func successors(of state: State) -> [State] {
        var limit = UInt64.max
        var candidates: [Int] = []
        var place = state.first
        while place < operations.count, operations[place].call <= limit {
            if !state.done.contains(place) {
                candidates.append(place)
                limit = min(limit, operations[place].end)
            }
            place += 1
        }
        var states: [State] = []
        for candidate in candidates where operations[candidate].call <= limit {
            guard let value = value(after: operations[candidate], from: state.value) else {
                continue
            }
            states.append(advance(state, by: candidate, to: value))
        }
        return states
    }

    /// The value afterwards; nil when the answer cannot be.
    private func value(after operation: Operation, from value: UInt64) -> UInt64? {
        let isAnswered = operation.end != .max
        switch operation.operation {
        case .put(let new): return new
        case .get: return !isAnswered || operation.result == value ? value : nil
        case .swap(let old, let new):
            let isDone = value == old
            if isAnswered, isDone != (operation.result == 1) { return nil }
            return isDone ? new : value
        }
    }

    private func advance(_ state: State, by place: Int, to value: UInt64) -> State {
        var next = state
        next.value = value
        let position = next.done.firstIndex { $0 > place } ?? next.done.count
        next.done.insert(place, at: position)
        while next.done.first == next.first {
            next.done.removeFirst()
            next.first += 1
        }
        return next
    }
}
