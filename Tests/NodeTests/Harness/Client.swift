import Base
import DNSWire
import Glibc
import LinuxSystem
import Synchronization

/// Runs blocking work on a thread of its own, so that tests that wait do not hold up others.
func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        do {
            _ = try PinnedThread(name: "test") {
                continuation.resume(with: Result { try body() })
            }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}

/// One reply, as far as these tests look.
struct Reply: Hashable, Sendable {
    let responseCode: Int
    let answerCount: Int
}

/// A plain DNS client over UDP, for what the real resolvers are too slow or too patient for.
struct Client: Sendable {
    let endpoint: SocketEndpoint
    /// The path of the namespace that it asks from; the test's own when nil.
    var namespace: String?

    /// `text`: `ADDRESS:PORT`.
    init(_ text: String) throws {
        guard let endpoint = SocketEndpoint(text) else { throw HarnessError("address \(text)") }
        self.endpoint = endpoint
    }

    /// One that asks a container's resolver.
    init(inside space: Namespace) throws {
        try self.init(inside: space.path)
    }

    init(inside path: String) throws {
        try self.init("127.0.0.11:53")
        namespace = path
    }

    /// The reply to one question; nil when none comes in time.
    func ask(
        _ name: String,
        _ type: RecordType = .a,
        milliseconds: Int32 = 2000
    ) async throws -> Reply? {
        try await onThread {
            let exchange = try Exchange(self)
            return try exchange.ask(DomainName(name), type, milliseconds: milliseconds)
        }
    }

    /// Whether the name is answered with records.
    func resolves(_ name: String) async throws -> Bool {
        try await ask(name).map { $0.responseCode == 0 && $0.answerCount > 0 } ?? false
    }
}

/// One socket that asks one question after the other.
private struct Exchange: ~Copyable {
    private let socket: Descriptor
    private let poller: Poller

    init(_ client: Client) throws {
        let endpoint = client.endpoint
        let raw =
            if let space = client.namespace {
                try NetworkNamespace.inside(path: space) { () throws(SystemError) in
                    try Sockets.datagram(connectedTo: endpoint).release()
                }
            } else {
                try Sockets.datagram(connectedTo: endpoint).release()
            }
        let socket = Descriptor(owning: raw)
        let poller = try Poller()
        try poller.add(socket.raw, token: 0, for: .read)
        self.socket = socket
        self.poller = poller
    }

    func ask(_ name: DomainName, _ type: RecordType, milliseconds: Int32) throws -> Reply? {
        let id = UInt16(truncatingIfNeeded: KernelRandom.uint64())
        let query = QueryWriter.query(id: id, labels: name.octets, type: type)
        // A port that nobody listens on says so here or at the next read.
        _ = try? Sockets.send(socket.raw, query)
        let end = Clock.now().advanced(milliseconds: UInt64(milliseconds))
        var events: [Poller.Event] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let now = Clock.now()
            if now >= end { return nil }
            try poller.wait(milliseconds: Int32(end.milliseconds(since: now) + 1), into: &events)
            if events.isEmpty { continue }
            let read = try? Sockets.receive(socket.raw, into: &buffer, octetsMax: buffer.count)
            guard let count = read ?? nil, count >= 12 else { return nil }
            if UInt16(buffer[0]) << 8 | UInt16(buffer[1]) == id {
                return Reply(
                    responseCode: Int(buffer[3] & 15),
                    answerCount: Int(buffer[6]) << 8 | Int(buffer[7])
                )
            }
        }
    }
}

/// One question after the other until it is told to stop: what a busy client would notice.
final class QueryStream: Sendable {
    struct Report: Sendable {
        var asked = 0
        /// Questions without a reply in time.
        var lost = 0
        /// The longest time from one reply to the next.
        var longestGap = Duration.zero
        /// Every reply that came, and how often.
        var replies: [Reply: Int] = [:]

        /// Replies other than NOERROR with at least one record.
        var wrong: Int {
            replies.filter { $0.key.responseCode != 0 || $0.key.answerCount == 0 }.values
                .reduce(0, +)
        }
    }

    private let isStopping = Atomic<Bool>(false)
    private let count = Atomic<Int>(0)

    /// Questions asked so far.
    var asked: Int { count.load(ordering: .relaxed) }

    /// Asks for `name` all through `body`; what came of it.
    ///
    /// `patience`: milliseconds until a question is given up.
    static func during(
        _ client: Client,
        _ name: String,
        patience: Int32 = 2000,
        _ body: (QueryStream) async throws -> Void
    ) async throws -> Report {
        let stream = QueryStream()
        async let report = stream.run(client, name, patience)
        do {
            try await body(stream)
        } catch {
            stream.isStopping.store(true, ordering: .relaxed)
            _ = try await report
            throw error
        }
        stream.isStopping.store(true, ordering: .relaxed)
        return try await report
    }

    private func run(
        _ client: Client,
        _ name: String,
        _ patience: Int32
    ) async throws -> Report {
        try await onThread { [self] in
            let exchange = try Exchange(client)
            let wanted = try DomainName(name)
            var report = Report()
            let clock = ContinuousClock()
            var last = clock.now
            while !isStopping.load(ordering: .relaxed) {
                report.asked += 1
                if let reply = try exchange.ask(wanted, .a, milliseconds: patience) {
                    report.replies[reply, default: 0] += 1
                    report.longestGap = max(report.longestGap, clock.now - last)
                    last = clock.now
                } else {
                    report.lost += 1
                }
                count.store(report.asked, ordering: .relaxed)
                // A pause, so that what is being looked at gets its share of the processor.
                usleep(200)
            }
            return report
        }
    }
}
