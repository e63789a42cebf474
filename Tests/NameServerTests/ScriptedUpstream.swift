import Base
import Glibc
import LinuxSystem
import Synchronization

/// An upstream on loopback that answers as scripts say: over UDP, and over TCP where one is given.
final class ScriptedUpstream: Sendable {
    /// What to send back for a query, in order; nothing for silence.
    typealias Script = @Sendable (_ query: [UInt8], _ number: Int) -> [[UInt8]]

    let endpoint: SocketEndpoint
    private let stopping = Atomic<Bool>(false)
    private let seen = Mutex<[[UInt8]]>([])

    /// Queries so far, in order of arrival.
    var queries: [[UInt8]] { seen.withLock { $0 } }

    init(
        stream: (@Sendable (_ query: [UInt8]) -> [UInt8])? = nil,
        _ script: @escaping Script
    ) throws {
        let (box, listener) = try Self.sockets(withStream: stream != nil)
        endpoint = try Sockets.localEndpoint(of: box.socket.raw)
        if let stream, let listener {
            _ = try PinnedThread(name: "upstream-tcp") { [weak self] in
                while let self, !self.stopping.load(ordering: .relaxed) {
                    try? self.serveStream(listener.socket.raw, stream)
                }
            }
        }
        _ = try PinnedThread(name: "upstream") { [weak self] in
            do {
                var batch = try DatagramBatch(capacity: 1, receiveOctets: 4096, sendOctets: 65_507)
                let poller = try Poller()
                try poller.add(box.socket.raw, token: 0, for: .read)
                var events: [Poller.Event] = []
                while let self, !self.stopping.load(ordering: .relaxed) {
                    try poller.wait(milliseconds: 20, into: &events)
                    if try batch.receive(from: box.socket.raw, limit: 1) == 0 { continue }
                    self.answer(&batch, box.socket.raw, script)
                }
            } catch {
                return
            }
        }
    }

    deinit { stopping.store(true, ordering: .relaxed) }

    /// A socket at a free port, and a listener at the same port, which another test may just have
    /// taken.
    private static func sockets(withStream: Bool) throws -> (Box, Box?) {
        let any = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        for _ in 0..<20 {
            let socket = Box(try Sockets.datagram(boundTo: any, shared: false))
            if !withStream { return (socket, nil) }
            let endpoint = try Sockets.localEndpoint(of: socket.socket.raw)
            if let listener = try? Sockets.listener(boundTo: endpoint, shared: false) {
                return (socket, Box(listener))
            }
        }
        throw SystemError("bind", code: EADDRINUSE)
    }

    /// Takes one connection, one query of it, and answers in two pieces.
    private func serveStream(_ listener: Int32, _ script: ([UInt8]) -> [UInt8]) throws {
        let poller = try Poller()
        var events: [Poller.Event] = []
        try poller.add(listener, token: 0, for: .read)
        try poller.wait(milliseconds: 20, into: &events)
        guard let accepted = try Sockets.accept(listener) else { return }
        let connection = accepted.takeDescriptor()
        try poller.add(connection.raw, token: 1, for: .read)
        var inbox: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while inbox.count < 2 || inbox.count < 2 + Int(inbox[0]) << 8 + Int(inbox[1]) {
            try poller.wait(milliseconds: 1000, into: &events)
            let count = try Sockets.receive(connection.raw, into: &buffer, octetsMax: 4096)
            guard let count, count > 0 else { return }
            inbox += buffer[..<count]
        }
        let reply = framed(script(Array(inbox.dropFirst(2))))
        _ = try Sockets.send(connection.raw, Array(reply.prefix(5)))
        try poller.wait(milliseconds: 5, into: &events)
        _ = try Sockets.send(connection.raw, reply, from: 5)
    }

    private func answer(_ batch: inout DatagramBatch, _ socket: Int32, _ script: Script) {
        var query: [UInt8] = []
        batch.reply(to: 0) { datagram, _ in
            for index in datagram.octets.indices { query.append(datagram.octets[index]) }
        }
        let number = seen.withLock { seen in
            seen.append(query)
            return seen.count - 1
        }
        guard let client = batch.source(of: 0) else { return }
        for reply in script(query, number) {
            try? Sockets.send(socket, reply, to: client, control: [])
        }
    }

    private final class Box: Sendable {
        let socket: Descriptor
        init(_ socket: consuming Descriptor) { self.socket = socket }
    }
}

/// Replies made of queries.
enum Reply {
    /// The question of a query, its type and class included.
    static func question(_ query: [UInt8]) -> [UInt8] {
        var end = 12
        while query[end] != 0 { end += Int(query[end]) + 1 }
        return Array(query[12..<end + 5])
    }

    /// A whole reply: the query's id and question, these flags, records as octets.
    static func to(
        _ query: [UInt8],
        flags: UInt16 = 0x8180,
        answers: [[UInt8]] = [],
        authorities: [[UInt8]] = [],
        additionals: [[UInt8]] = []
    ) -> [UInt8] {
        let counts = [answers.count, authorities.count, additionals.count].map { UInt16($0) }
        return Array(query[..<2]) + Query.word(flags) + [0, 1] + counts.flatMap(Query.word)
            + question(query) + (answers + authorities + additionals).flatMap { $0 }
    }

    /// A record at the question's name, TTL 300.
    static func record(_ type: RecordType, _ data: [UInt8]) -> [UInt8] {
        [0xc0, 0x0c] + Query.word(type.code) + [0, 1, 0, 0, 1, 44] + Query.word(UInt16(data.count))
            + data
    }

    static func address(_ last: UInt8) -> [UInt8] { record(.a, [192, 0, 2, last]) }
}
