package import Base
import Synchronization

/// Those who asked to join and are not answered yet.
///
/// Each waits for the first of its addresses that answers, for the last that does not, or for its time;
/// whichever comes, it is forgotten, though an address may never settle, as this node's own.
package final class JoinDesk: Sendable {
    /// What became of one address.
    package enum Fate: Hashable, Sendable {
        case joined
        /// Nobody answered there; it is tried again.
        case silent
        /// Nobody is asked there: so many addresses are held already.
        case refused
    }

    /// What became of all of them.
    package enum Answer: Hashable, Sendable {
        case joined(SocketEndpoint)
        case silent
        /// Not one of them is asked.
        case refused
    }

    private struct Waiter {
        let number: UInt64
        var pending: [SocketEndpoint]
        var isAsked = false
        let outcome: Outcome<Answer>

        /// What it is answered now, if it is.
        mutating func hear(_ address: SocketEndpoint, _ fate: Fate) -> Answer? {
            guard pending.contains(address) else { return nil }
            if fate == .joined { return .joined(address) }
            pending.removeAll { $0 == address }
            if fate == .silent { isAsked = true }
            guard pending.isEmpty else { return nil }
            return isAsked ? .silent : .refused
        }
    }

    private struct State {
        var waiters: [Waiter] = []
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// How many wait.
    package var count: Int { state.withLock { $0.waiters.count } }

    /// Has `ask` ask for `addresses`, and waits for what becomes of them.
    ///
    /// A waiter whose task is cancelled hears `silent`.
    package func wait(
        for addresses: [SocketEndpoint],
        seconds: Int64,
        ask: () -> Void
    ) async -> Answer {
        let outcome = Outcome<Answer>()
        let number = state.withLock { state in
            state.nextNumber += 1
            state.waiters.append(
                Waiter(number: state.nextNumber, pending: addresses, outcome: outcome)
            )
            return state.nextNumber
        }
        defer { state.withLock { state in state.waiters.removeAll { $0.number == number } } }
        ask()
        let timeout = Task {
            try? await Task.sleep(for: .seconds(seconds))
            outcome.settle(.silent)
        }
        defer { timeout.cancel() }
        // A daemon that ends does not wait for those who wait for others.
        return await withTaskCancellationHandler {
            await outcome.value
        } onCancel: {
            outcome.settle(.silent)
        }
    }

    /// Takes what became of an address, for all who asked for it.
    package func settle(_ address: SocketEndpoint, _ fate: Fate) {
        state.withLock { state in
            for index in state.waiters.indices {
                guard let answer = state.waiters[index].hear(address, fate) else { continue }
                state.waiters[index].outcome.settle(answer)
            }
        }
    }
}
