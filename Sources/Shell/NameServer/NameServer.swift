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
        /// Replies of upstreams that are kept, over all workers.
        package let cacheEntries: Int
        /// Seed of the hashes of the name tables.
        package let nameSeed: UInt64
        /// The highest number that a connection or a socket to an upstream may have; those above
        /// are kept for others.
        package let clientDescriptorMax: Int32
        package let watch: WatchLimits

        package init(
            threads: Int,
            forwardLimit: Int,
            cacheEntries: Int,
            nameSeed: UInt64,
            clientDescriptorMax: Int32 = .max,
            watch: WatchLimits = WatchLimits()
        ) {
            precondition(threads > 0 && forwardLimit > 0, "limits are positive")
            self.threads = threads
            self.forwardLimit = forwardLimit
            self.cacheEntries = cacheEntries
            self.nameSeed = nameSeed
            self.clientDescriptorMax = clientDescriptorMax
            self.watch = watch
        }
    }

    /// Where a sandbox's resolver listens, seen from its clients.
    package struct Opened: Hashable, Sendable {
        package let endpoint: SocketEndpoint
        /// Whether port 53 is redirected to where the sockets really are.
        package let isRedirected: Bool
        /// Whether the sockets are an earlier process's.
        package let isAdopted: Bool
    }

    private let inboxes: [WorkerInbox]
    private let board: SnapshotBoard
    /// Opens the sockets of upstreams that are asked from inside sandboxes.
    private let opener: SocketOpener
    private let threads: [PinnedThread]
    private let nextToken = Atomic<UInt64>(1)
    /// Lowered for what all workers have to have done before the publisher goes on.
    private let gate: Gate
    /// What slots had counted before the sandboxes that are in them now.
    private let earlierTallies = Mutex<[Int: SandboxTally]>([:])

    /// Starts the worker threads; they are ready to serve when this returns.
    package init(limits: Limits) throws(SystemError) {
        let gate = try Gate()
        gate.lower(for: limits.threads)
        var inboxes: [WorkerInbox] = []
        for _ in 0..<limits.threads {
            inboxes.append(try WorkerInbox(logsQueries: limits.watch.querySample > 0))
        }
        let board = SnapshotBoard(readerCount: limits.threads)
        let opener = try SocketOpener()
        var threads: [PinnedThread] = []
        for (index, inbox) in inboxes.enumerated() {
            let thread = try PinnedThread(name: "waggle-dns-\(index)") {
                do throws(SystemError) {
                    var worker = try Worker(
                        index: index,
                        inbox: inbox,
                        board: board,
                        opener: opener,
                        limits: limits
                    )
                    gate.raise()
                    worker.run()
                } catch {
                    inbox.report(error)
                    gate.raise()
                }
            }
            threads.append(thread)
        }
        gate.wait()
        if let failure = inboxes.compactMap({ $0.firstFailure }).first {
            for inbox in inboxes { inbox.post(.stop(keepsReading: false)) }
            for thread in threads { thread.join() }
            throw failure
        }
        self.gate = gate
        self.inboxes = inboxes
        self.board = board
        self.opener = opener
        self.threads = threads
    }

    /// Sockets that each open sandbox has: one for datagrams and one for streams per worker.
    package var socketsPerSandbox: Int { 2 * inboxes.count }

    /// One set of counters per worker.
    package var counters: [WorkerCounters] { inboxes.map { $0.counters } }

    /// The query logs of the workers, each with one reader; empty when nothing is logged.
    package var queryLogs: [QueryLogRing] { inboxes.compactMap { $0.queryLog } }

    /// Asks every worker for what only it knows, and waits for them.
    package func look() -> [WorkerSight] {
        gate.lower(for: inboxes.count)
        for inbox in inboxes { inbox.post(.look(done: gate)) }
        gate.wait()
        return inboxes.map { $0.lastSight }
    }

    /// What was counted for the sandbox in a slot; nil for slots that are counted together.
    package func tally(slot: Int) -> SandboxTally? {
        if slot >= SandboxCounters.slotsMax { return nil }
        let earlier = earlierTallies.withLock { $0[slot] }
        return total(slot: slot).since(earlier ?? SandboxTally())
    }

    /// What was counted for all sandboxes that have no slot of their own.
    package var otherTally: SandboxTally { total(slot: SandboxCounters.slotsMax) }

    private func total(slot: Int) -> SandboxTally {
        var total = SandboxTally()
        for counters in counters {
            for counter in SandboxCounters.Counter.allCases {
                total[counter] &+= counters.sandboxes[counter, slot]
            }
        }
        return total
    }

    /// Counts for the slot begin at zero: what comes into it is another sandbox.
    private func beginTally(slot: Int) {
        if slot >= SandboxCounters.slotsMax { return }
        let total = total(slot: slot)
        earlierTallies.withLock { $0[slot] = total }
    }

    /// Opens a sandbox's sockets at `slot`.
    ///
    /// On failure nothing stays open. `inherited`: those of an earlier process, taken up where
    /// they fit. `each`: is shown the number of each socket.
    package func open(
        _ place: Sandbox.Place,
        slot: Int,
        redirect: Bool,
        inherited: [InheritedSocket] = [],
        each: (_ socket: Int32) -> Void = { _ in }
    ) throws(SystemError) -> Opened {
        beginTally(slot: slot)
        var opening = SandboxSockets(slot: slot, threads: inboxes.count)
        var plain: SocketEndpoint?
        if case .address(let endpoint) = place { plain = endpoint }
        let adopted = opening.adopt(inherited, at: plain, redirect: redirect)
        let sockets: OpenedSockets
        if let adopted {
            sockets = adopted
        } else {
            opening.replace(inherited)
            sockets =
                if let plain { try opening.open(at: plain) } else {
                    try openInside(place, opening, redirect: redirect)
                }
        }
        if plain == nil, let first = sockets.sockets.first { opener.remember(first) }
        for (index, socket) in sockets.sockets.enumerated() {
            each(socket.descriptor.raw)
            let token = nextToken.add(1, ordering: .relaxed).newValue
            inboxes[index % inboxes.count].post(.add(socket, token: token))
        }
        return Opened(
            endpoint: sockets.endpoint,
            isRedirected: sockets.isRedirected,
            isAdopted: adopted != nil
        )
    }

    private func openInside(
        _ place: Sandbox.Place,
        _ opening: SandboxSockets,
        redirect: Bool
    ) throws(SystemError) -> OpenedSockets {
        try NetworkNamespace.inside(path: place.namespacePath) { () throws(SystemError) in
            try opening.openResolver(redirect: redirect)
        }
    }

    /// Closes sandboxes' sockets and connections; returns when they are closed.
    package func close(slots: Set<Int>) {
        if slots.isEmpty { return }
        for slot in slots.sorted() { opener.forget(slot: slot) }
        defer { for slot in slots.sorted() { beginTally(slot: slot) } }
        gate.lower(for: inboxes.count)
        for inbox in inboxes { inbox.post(.remove(slots: slots, done: gate)) }
        gate.wait()
    }

    /// Removes the rules of a sandbox that was redirected.
    package func removeRedirect(at place: Sandbox.Place) {
        SandboxSockets.removeRedirect(at: place)
    }

    /// Makes these views and names the ones that questions are answered from; the index of a view is
    /// its slot.
    package func publish(_ views: [PublishedView?], _ tables: NameTables) {
        board.publish(Snapshot(views: views, tables: tables))
    }

    /// Stops the workers and closes all sockets, once those who wait for an upstream have their
    /// answers, which takes a quarter of a second at most.
    ///
    /// `keepsReading`: whether further questions are taken meanwhile; not when another process
    /// finds them in the sockets.
    package func stop(keepsReading: Bool = true) {
        for inbox in inboxes { inbox.post(.stop(keepsReading: keepsReading)) }
        for thread in threads { thread.join() }
        opener.stop()
    }
}
