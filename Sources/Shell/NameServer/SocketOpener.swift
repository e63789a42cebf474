import Base
import LinuxSystem
import Names
import Synchronization

/// A socket for one attempt, on its way from the thread that opens it to the worker that uses it.
final class SocketOpening: Sendable {
    let attempt: Forwarder.Attempt
    let port: UInt16
    private let inbox: WorkerInbox
    private let opened = Mutex<Descriptor?>(nil)

    init(_ attempt: Forwarder.Attempt, port: UInt16, for inbox: WorkerInbox) {
        self.attempt = attempt
        self.port = port
        self.inbox = inbox
    }

    /// A socket to the attempt's upstream, in the calling thread's namespace.
    static func socket(
        _ attempt: Forwarder.Attempt,
        port: UInt16
    ) throws(SystemError) -> Descriptor {
        switch attempt.transport {
        case .datagram:
            try Sockets.datagram(connectedTo: attempt.upstream.address, fromPort: port)
        case .stream:
            try Sockets.stream(connectedTo: attempt.upstream.address)
        }
    }

    /// Opens the socket here and hands it to the worker; without one where that fails.
    func carryOut() {
        opened.withLock { $0 = try? Self.socket(attempt, port: port) }
        inbox.post(.opened(self))
    }

    /// Hands the worker nothing: the namespace is gone.
    func giveUp() { inbox.post(.opened(self)) }

    /// The socket, once.
    func take() -> Descriptor? {
        opened.withLock { $0.take() }
    }
}

/// Opens the sockets of upstreams that are asked from sandboxes' own namespaces.
///
/// One thread, which enters a namespace, opens what waits for it and goes on to the next; it runs
/// nothing else, so nothing ever happens in a namespace by accident. What waits is bounded by the
/// forwarders' exchanges.
final class SocketOpener: Sendable {
    private struct Job: Sendable {
        let opening: SocketOpening
        let slot: Int
    }

    private struct State {
        var sandboxes: [Int: SandboxSocket] = [:]
        var jobs: [Job] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let signal: WakeSignal
    private let thread = Mutex<PinnedThread?>(nil)

    init() throws(SystemError) {
        signal = try WakeSignal()
    }

    /// Keeps a socket of the sandbox at a slot, until it is forgotten: its namespace is known by it,
    /// whatever becomes of the path.
    func remember(_ socket: SandboxSocket) {
        state.withLock { $0.sandboxes[socket.slot] = socket }
    }

    func forget(slot: Int) {
        state.withLock { $0.sandboxes[slot] = nil }
    }

    func open(_ opening: SocketOpening, slot: Int) {
        state.withLock { $0.jobs.append(Job(opening: opening, slot: slot)) }
        // Most nodes never ask from inside, and need no thread for it.
        thread.withLock { running in
            if running == nil {
                running = try? PinnedThread(name: "waggle-opener") { [self] in run() }
            }
        }
        signal.raise()
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        signal.raise()
        thread.withLock { $0 }?.join()
    }

    private func run() {
        guard let poller = try? Poller(),
            (try? poller.add(signal.raw, token: 0, for: .read)) != nil
        else { return }
        var events: [Poller.Event] = []
        while true {
            guard (try? poller.wait(milliseconds: -1, into: &events)) != nil else { return }
            signal.clear()
            let (jobs, isStopping) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isStopping)
            }
            for job in jobs {
                let socket = state.withLock { $0.sandboxes[job.slot] }
                if let socket, Self.enter(socket) {
                    job.opening.carryOut()
                } else {
                    job.opening.giveUp()
                }
            }
            if isStopping { return }
        }
    }

    private static func enter(_ socket: SandboxSocket) -> Bool {
        guard let namespace = try? NetworkNamespace.descriptor(of: socket.descriptor.raw) else {
            return false
        }
        return NetworkNamespace.enter(namespace)
    }
}
