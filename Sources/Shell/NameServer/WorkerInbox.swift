import Base
import LinuxSystem
import Synchronization

/// A sandbox's socket on its way to a worker.
final class SandboxSocket: Sendable {
    enum Kind: Sendable {
        case datagram
        case listener
    }

    let slot: Int
    let kind: Kind
    /// Where it is bound: a datagram from there is our own.
    let endpoint: SocketEndpoint
    let descriptor: Descriptor

    init(slot: Int, kind: Kind, endpoint: SocketEndpoint, descriptor: consuming Descriptor) {
        self.slot = slot
        self.kind = kind
        self.endpoint = endpoint
        self.descriptor = descriptor
    }
}

/// How others reach a worker.
///
/// Never overflows: the name server's one publisher posts at most two sockets per sandbox and waits
/// for each removal, and a worker has no more sockets opened for it than it has attempts under way.
final class WorkerInbox: Sendable {
    enum Command: Sendable {
        case add(SandboxSocket, token: UInt64)
        /// A socket for an attempt, from the thread that opens them in namespaces.
        case opened(SocketOpening)
        /// Closes the sockets and connections of slots, then raises the gate.
        case remove(slots: Set<Int>, done: Gate)
        /// Leaves what only the worker knows in `sight`, then raises the gate.
        case look(done: Gate)
        /// Ends the worker when nobody waits for an upstream any more.
        case stop(keepsReading: Bool)
    }

    let signal: WakeSignal
    let counters = WorkerCounters()
    private let commands = Mutex<[Command]>([])
    private let failures = Mutex<[SystemError]>([])
    private let sight = Mutex(WorkerSight())
    /// Nil when no question is logged.
    let queryLog: QueryLogRing?

    init(logsQueries: Bool) throws(SystemError) {
        signal = try WakeSignal()
        queryLog = logsQueries ? QueryLogRing() : nil
    }

    /// What the worker left there when it was last asked to.
    var lastSight: WorkerSight { sight.withLock { $0 } }

    func show(_ fresh: WorkerSight) {
        sight.withLock { $0 = fresh }
    }

    func post(_ command: Command) {
        commands.withLock { $0.append(command) }
        signal.raise()
    }

    func take() -> [Command] {
        signal.clear()
        return commands.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }

    /// What went wrong first, if anything did.
    var firstFailure: SystemError? { failures.withLock { $0.first } }

    func report(_ error: SystemError) {
        failures.withLock { if $0.count < 16 { $0.append(error) } }
    }
}

/// A thing that one thread waits for until others have raised it so many times.
///
/// Made once and lowered for each use: what closes descriptors must not need one when none is left.
final class Gate: Sendable {
    private let signal: WakeSignal
    private let poller: Poller
    private let left = Mutex(0)

    init() throws(SystemError) {
        let signal = try WakeSignal()
        let poller = try Poller()
        try poller.add(signal.raw, token: 0, for: .read)
        self.signal = signal
        self.poller = poller
    }

    /// Closes the gate until it has been raised `count` times.
    func lower(for count: Int) {
        left.withLock { $0 = count }
    }

    func raise() {
        let isLast = left.withLock { count in
            count -= 1
            return count == 0
        }
        if isLast { signal.raise() }
    }

    func wait() {
        var events: [Poller.Event] = []
        while events.isEmpty {
            // A failing epoll_wait means a bad descriptor, which ours is not.
            guard (try? poller.wait(milliseconds: -1, into: &events)) != nil else { return }
        }
        signal.clear()
    }
}
