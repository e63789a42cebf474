import Base
import LinuxSystem
import Testing

@Suite("DatagramSender: many datagrams with one call")
struct DatagramSenderTests {
    private static let loopback = IPAddress.v4(IPv4Address(127, 0, 0, 1))

    private static func socket() throws -> Descriptor {
        try Sockets.datagram(
            boundTo: SocketEndpoint(address: loopback, port: 0),
            shared: false
        )
    }

    private static func received(_ socket: Int32) throws -> [[UInt8]] {
        var batch = try DatagramBatch(capacity: 8, receiveOctets: 2000, sendOctets: 1)
        let count = try batch.receive(from: socket, limit: 8)
        var all: [[UInt8]] = []
        for index in 0..<count {
            batch.read(index) { datagram in
                all.append(datagram.octets.indices.map { datagram.octets[$0] })
            }
        }
        return all
    }

    @Test("What is queued goes out in order, and the queue is empty again")
    func order() throws {
        let from = try Self.socket()
        let to = try Self.socket()
        let target = try Sockets.localEndpoint(of: to.raw)
        var sender = try DatagramSender(capacity: 4, octetsMax: 1000)
        for number: UInt8 in 1...4 { sender.queue([number, 9], to: target) }
        let (wasFull, sent) = (sender.isFull, sender.send(from: from.raw))
        let left = sender.queued
        #expect(wasFull)
        #expect(sent == 4)
        #expect(left == 0)
        #expect(try Self.received(to.raw) == (1...4).map { [$0, 9] })
    }

    @Test("An address that cannot be reached costs the others nothing")
    func unreachable() throws {
        let from = try Self.socket()
        let to = try Self.socket()
        let target = try Sockets.localEndpoint(of: to.raw)
        let v6 = SocketEndpoint(address: .v6(IPv6Address(high: 0, low: 1)), port: 7)
        var sender = try DatagramSender(capacity: 4, octetsMax: 1000)
        sender.queue([1], to: target)
        sender.queue([2], to: v6)
        sender.queue([3], to: target)
        let sent = sender.send(from: from.raw)
        #expect(sent == 2)
        #expect(try Self.received(to.raw) == [[1], [3]])
    }

    @Test("A port that refuses is told once, with its address, and costs no datagram")
    func refused() throws {
        let from = try Self.socket()
        let to = try Self.socket()
        try Sockets.keepErrors(from.raw)
        let target = try Sockets.localEndpoint(of: to.raw)
        // Nobody listens there once it is closed.
        let closed = try Self.socket()
        let gone = try Sockets.localEndpoint(of: closed.raw)
        _ = consume closed
        var sender = try DatagramSender(capacity: 4, octetsMax: 1000)
        sender.queue([1], to: gone)
        let first = sender.send(from: from.raw)
        // On loopback the refusal is there before the call returns.
        sender.queue([2], to: target)
        sender.queue([3], to: target)
        let others = sender.send(from: from.raw)
        #expect(first == 1)
        #expect(others == 2)
        #expect(try Self.received(to.raw) == [[2], [3]])
        let failure = try #require(Sockets.takeError(from.raw))
        #expect(failure.destination == gone)
        #expect(failure.error.isRefused)
        #expect(Sockets.takeError(from.raw) == nil)
    }
}
