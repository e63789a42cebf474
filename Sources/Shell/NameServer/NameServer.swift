package import Base
package import LinuxSystem
package import Names
import Synchronization

/// The name server's threads, and how the daemon opens sandboxes on them and publishes views.
///
/// `open`, `close`, `publish` and `stop` belong to one thread, the publisher; counters may be read
/// from anywhere.
package final class NameServer: Sendable {
    package struct Limits: Sendable {
        /// Worker threads, each with its own sockets of every sandbox.
        package let threads: Int
        /// Questions in flight to upstreams, over all workers.
        package let forwardLimit: Int
        /// Seed of the hashes of the name tables.
        package let nameSeed: UInt64

        package init(threads: Int, forwardLimit: Int, nameSeed: UInt64) {
            precondition(threads > 0 && forwardLimit > 0, "limits are positive")
            self.threads = threads
            self.forwardLimit = forwardLimit
            self.nameSeed = nameSeed
        }
    }

    /// Where a sandbox's resolver listens, seen from its clients.
    package struct Opened: Hashable, Sendable {
        package let endpoint: SocketEndpoint
        /// Whether port 53 is redirected to where the sockets really are.
        package let isRedirected: Bool
    }

    private let inboxes: [WorkerInbox]
    private let board: SnapshotBoard
    private let threads: [PinnedThread]
    private let nextToken = Atomic<UInt64>(1)

    /// Starts the worker threads.
    package init(limits: Limits) throws(SystemError) {
        var inboxes: [WorkerInbox] = []
        for _ in 0..<limits.threads { inboxes.append(try WorkerInbox()) }
        let board = SnapshotBoard(readerCount: limits.threads)
        var threads: [PinnedThread] = []
        for (index, inbox) in inboxes.enumerated() {
            let thread = try PinnedThread(name: "waggle-dns-\(index)") {
                do throws(SystemError) {
                    var worker = try Worker(
                        index: index,
                        inbox: inbox,
                        board: board,
                        limits: limits
                    )
                    worker.run()
                } catch {
                    inbox.report(error)
                }
            }
            threads.append(thread)
        }
        self.inboxes = inboxes
        self.board = board
        self.threads = threads
    }

    /// One set of counters per worker.
    package var counters: [WorkerCounters] { inboxes.map { $0.counters } }

    /// Opens a sandbox's sockets at `slot`.
    ///
    /// On failure nothing stays open.
    package func open(
        _ place: Sandbox.Place,
        slot: Int,
        redirect: Bool
    ) throws(SystemError) -> Opened {
        let threads = inboxes.count
        let sockets: OpenedSockets
        switch place {
        case .address(let endpoint):
            sockets = try SandboxSockets.open(at: endpoint, slot: slot, threads: threads)
        case .namespace(let path):
            sockets = try NetworkNamespace.inside(path: path) { () throws(SystemError) in
                try SandboxSockets.openResolver(slot: slot, threads: threads, redirect: redirect)
            }
        case .process(let pid, _, _):
            sockets = try NetworkNamespace.inside(path: "/proc/\(pid)/ns/net") {
                () throws(SystemError) in
                try SandboxSockets.openResolver(slot: slot, threads: threads, redirect: redirect)
            }
        }
        for (index, socket) in sockets.sockets.enumerated() {
            let token = nextToken.add(1, ordering: .relaxed).newValue
            inboxes[index % threads].post(.add(socket, token: token))
        }
        return Opened(endpoint: sockets.endpoint, isRedirected: sockets.isRedirected)
    }

    /// Closes a sandbox's sockets and connections; returns when they are closed.
    ///
    /// `place`: given for a redirected sandbox, whose rules are then removed.
    package func close(slot: Int, redirectedAt place: Sandbox.Place? = nil) {
        if let gate = try? Gate(count: inboxes.count) {
            for inbox in inboxes { inbox.post(.remove(slot: slot, done: gate)) }
            gate.wait()
        }
        if let place { SandboxSockets.removeRedirect(at: place) }
    }

    /// Makes these views the ones that questions are answered from; index is the slot.
    package func publish(_ views: [PublishedView?]) {
        board.publish(Snapshot(views: views))
    }

    /// Stops the workers and closes all sockets.
    package func stop() {
        for inbox in inboxes { inbox.post(.stop) }
        for thread in threads { thread.join() }
    }
}
