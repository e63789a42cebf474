import Base
import LinuxSystem
import Synchronization

/// The control thread: owner of what this node knows.
///
/// It carries out one job after another, wakes for timers and for processes that end, and publishes
/// to the name server.
///
/// Others post jobs and await their results; nobody else touches `ControlState`. The inbox refuses
/// work beyond its limit, which callers see as "try again".
final class ControlLoop: Sendable {
    typealias Job = @Sendable (inout ControlState) -> Void

    /// Jobs waiting at once; the API answers 503 beyond.
    static let jobsMax = 4096

    private struct Inbox {
        var jobs: [Job] = []
        var isClosed = false
    }

    private let inbox = Mutex(Inbox())
    private let signal: WakeSignal
    private let nextWaiter = Atomic<UInt64>(0)
    private let thread = Mutex<PinnedThread?>(nil)

    enum Refusal: Error {
        case busy
        case stopped
    }

    /// Starts the thread; `start` makes the state there and says what went wrong, if anything did.
    static func start(
        _ start: @escaping @Sendable () throws -> ControlState
    ) async throws -> ControlLoop {
        let loop = ControlLoop(signal: try WakeSignal())
        try await withCheckedThrowingContinuation { (ready: CheckedContinuation<Void, any Error>) in
            do {
                let thread = try PinnedThread(name: "waggle-control") { loop.run(start, ready) }
                loop.thread.withLock { $0 = thread }
            } catch {
                ready.resume(throwing: error)
            }
        }
        return loop
    }

    private init(signal: WakeSignal) {
        self.signal = signal
    }

    /// Carries out `body` on the control thread and returns its result.
    ///
    /// Throws: `Refusal` when the inbox is full or the loop has stopped.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (inout ControlState) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let refusal = post { state in continuation.resume(returning: body(&state)) }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    /// Waits until the state's index is above `index`, at most `seconds`, or until the waiting
    /// task is cancelled.
    func change(after index: UInt64, seconds: UInt64) async throws {
        let number = nextWaiter.add(1, ordering: .relaxed).newValue
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (waiter: CheckedContinuation<Void, any Error>) in
                let refusal = post { state in
                    state.wait(number, after: index, seconds: seconds) { waiter.resume() }
                }
                if let refusal { waiter.resume(throwing: refusal) }
            }
        } onCancel: {
            _ = post { $0.stopWaiting(number) }
        }
    }

    /// Holds what is known against the ring's tables; returns how much was another way, nil when that could
    /// not be done.
    func audit() async throws -> Int? {
        try await withCheckedThrowingContinuation {
            (waiter: CheckedContinuation<Int?, any Error>) in
            let refusal = post { state in
                state.beginAudit(isComplete: true) { waiter.resume(returning: $0) }
            }
            if let refusal { waiter.resume(throwing: refusal) }
        }
    }

    /// Ends the thread after the jobs that are waiting.
    func stop() {
        _ = post { $0.isStopping = true }
        inbox.withLock { $0.isClosed = true }
        signal.raise()
        thread.withLock { $0 }?.join()
    }

    /// Has `body` carried out on the control thread, soon.
    ///
    /// Throws: `Refusal` when the inbox is full or the loop has stopped.
    func later(_ body: @escaping @Sendable (inout ControlState) -> Void) throws(Refusal) {
        if let refusal = post(body) { throw refusal }
    }

    private func post(_ job: @escaping Job) -> Refusal? {
        let refusal: Refusal? = inbox.withLock { inbox in
            if inbox.isClosed { return .stopped }
            if inbox.jobs.count >= Self.jobsMax { return .busy }
            inbox.jobs.append(job)
            return nil
        }
        if refusal == nil { signal.raise() }
        return refusal
    }

    private static let signalToken = UInt64.max

    private func run(
        _ start: () throws -> ControlState,
        _ ready: CheckedContinuation<Void, any Error>
    ) {
        do {
            var state = try start()
            try state.poller.add(signal.raw, token: Self.signalToken, for: .read)
            ready.resume()
            serve(&state)
            state.close()
        } catch {
            inbox.withLock { $0.isClosed = true }
            ready.resume(throwing: error)
        }
    }

    private func serve(_ state: inout ControlState) {
        var events: [Poller.Event] = []
        while !state.isStopping {
            var now = Clock.now()
            let wait = state.nextWake(at: now).map {
                Int32(clamping: $0.milliseconds(since: now) + 1)
            }
            // A failing epoll_wait means a bad descriptor, which ours is not.
            guard (try? state.poller.wait(milliseconds: wait ?? -1, into: &events)) != nil else {
                return
            }
            let tokens = events.map { $0.token }.filter { $0 != Self.signalToken }
            if !tokens.isEmpty { state.watched(tokens) }
            signal.clear()
            // Before the jobs: who renews in time is heard before its time is looked at, however
            // long the jobs before it take.
            now = Clock.now()
            let jobs = inbox.withLock { inbox in
                defer { inbox.jobs = [] }
                return inbox.jobs
            }
            for job in jobs { job(&state) }
            state.wake(at: now)
        }
    }
}
