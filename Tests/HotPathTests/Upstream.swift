import Base
import LinuxSystem
import Synchronization

/// A resolver for tests: every name has one address, for five minutes.
final class Upstream {
    let port: UInt16
    private let shared: Shared
    private let thread: PinnedThread

    /// What the thread and its owner both see.
    private final class Shared: Sendable {
        let replies = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
    }

    init() throws {
        let any = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.datagram(boundTo: any, shared: false)
        port = try Sockets.localEndpoint(of: socket.raw).port
        let shared = Shared()
        self.shared = shared
        let holder = Holder(socket)
        thread = try PinnedThread(name: "upstream") { Self.run(holder.descriptor.raw, shared) }
    }

    deinit {
        shared.isOver.store(true, ordering: .relaxed)
        thread.join()
    }

    /// Replies so far.
    var replyCount: Int { shared.replies.load(ordering: .relaxed) }

    private final class Holder: Sendable {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private static func run(_ socket: Int32, _ shared: Shared) {
        guard let poller = try? Poller(),
            (try? poller.add(socket, token: 0, for: .read)) != nil,
            var batch = try? DatagramBatch(capacity: 32, receiveOctets: 512, sendOctets: 512)
        else { return }
        var events: [Poller.Event] = []
        while !shared.isOver.load(ordering: .relaxed) {
            _ = try? poller.wait(milliseconds: 50, into: &events)
            guard let count = try? batch.receive(from: socket, limit: 32) else { continue }
            for index in 0..<count { batch.reply(to: index) { answer($0.octets, &$1) } }
            shared.replies.add(batch.send(to: socket), ordering: .relaxed)
        }
    }

    private static func answer(_ query: Span<UInt8>, _ out: inout OutputSpan<UInt8>) {
        var end = 12
        while end < query.count, query[end] > 0 { end += 1 + Int(query[end]) }
        end += 5
        guard end <= query.count else { return }
        let header: [UInt8] = [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        let record: [UInt8] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1]
        for index in 0..<2 { out.append(query[index]) }
        for octet in header { out.append(octet) }
        for index in 12..<end { out.append(query[index]) }
        for octet in record { out.append(octet) }
    }
}
