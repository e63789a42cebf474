import Base
import DNSWire
import LinuxSystem
import Logging
import NameServer
import Synchronization

/// Writes the query log down, on a thread of its own: a log that blocks must hold up neither the
/// workers nor the control thread.
final class QueryLogWriter: Sendable {
    /// How long an entry waits before it is written.
    private static let pauseMilliseconds: Int32 = 100
    /// Between two lines about entries that were dropped.
    private static let warningMilliseconds: UInt64 = 10_000

    private let server: NameServer
    private let logger: Logger
    private let signal: WakeSignal
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<PinnedThread?>(nil)

    /// Begins to write what the server's workers log; nil when they log nothing.
    static func start(for server: NameServer, _ logger: Logger) throws(SystemError) -> Self? {
        if server.queryLogs.isEmpty { return nil }
        let writer = Self(server, logger, try WakeSignal())
        let thread = try PinnedThread(name: "waggle-queries") { writer.run() }
        writer.thread.withLock { $0 = thread }
        return writer
    }

    private init(_ server: NameServer, _ logger: Logger, _ signal: WakeSignal) {
        self.server = server
        self.logger = logger
        self.signal = signal
    }

    /// Writes what is left and ends the thread.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        signal.raise()
        thread.withLock { $0 }?.join()
    }

    private func run() {
        guard let poller = try? Poller(),
            (try? poller.add(signal.raw, token: 0, for: .read)) != nil
        else {
            logger.error("no query log: no descriptor is left for it")
            return
        }
        var events: [Poller.Event] = []
        var dropped: UInt64 = 0
        var warnedAt: Moment?
        while !isStopping.load(ordering: .relaxed) {
            // A failing epoll_wait means a bad descriptor, which ours is not.
            guard
                (try? poller.wait(milliseconds: Self.pauseMilliseconds, into: &events)) != nil
            else { return }
            drain()
            let now = Clock.now()
            let sum = server.counters.reduce(0) { $0 &+ $1[.queryLogDropped] }
            if let warnedAt, now.milliseconds(since: warnedAt) < Self.warningMilliseconds {
                continue
            }
            if sum > dropped {
                logger.warning(
                    "queries were not logged, since the log is too slow; log fewer",
                    metadata: ["count": "\(sum - dropped)"]
                )
                dropped = sum
                warnedAt = now
            }
        }
        drain()
    }

    private func drain() {
        for ring in server.queryLogs {
            while let entry = ring.next() { write(entry) }
        }
    }

    private func write(_ entry: QueryLogEntry) {
        let code = ResponseCode(rawValue: entry.code)?.mnemonic ?? "RCODE\(entry.code)"
        var metadata: Logger.Metadata = [
            "sandbox": "\(entry.sandbox)", "client": "\(entry.client.address)",
            "name": "\(entry.name)", "type": "\(entry.type)", "rcode": "\(code)",
            "transport": entry.isStream ? "tcp" : "udp", "source": "\(entry.source)",
        ]
        if let microseconds = entry.microseconds {
            metadata["microseconds"] = "\(microseconds)"
        }
        logger.info("query", metadata: metadata)
    }
}
