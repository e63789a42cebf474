package import Base
import CLinux
import Glibc

/// A batch of datagrams in buffers that live as long as the batch: one system call in, one out,
/// no allocation between.
@safe package struct DatagramBatch: ~Copyable {
    private let raw: OpaquePointer
    private let receiveOctets: Int
    private let sendOctets: Int
    /// How many datagrams the last `receive` brought.
    package private(set) var count = 0
    /// Calls of recvmmsg and sendmmsg so far: what guards the cost of a query in tests.
    package private(set) var systemCalls = 0

    /// Takes buffers for `capacity` datagrams.
    ///
    /// Datagrams longer than `receiveOctets` are reported as too long.
    package init(capacity: Int, receiveOctets: Int, sendOctets: Int) throws(SystemError) {
        guard
            let raw = unsafe waggle_batch_create(
                UInt32(capacity),
                UInt32(receiveOctets),
                UInt32(sendOctets)
            )
        else { throw SystemError("calloc", code: ENOMEM) }
        unsafe self.raw = unsafe raw
        self.receiveOctets = receiveOctets
        self.sendOctets = sendOctets
    }

    deinit {
        unsafe waggle_batch_destroy(raw)
    }

    /// Takes what waits, at most `limit` datagrams; returns how many.
    package mutating func receive(from socket: Int32, limit: Int) throws(SystemError) -> Int {
        systemCalls += 1
        let result = unsafe waggle_batch_receive(raw, socket, UInt32(limit))
        guard result >= 0 else {
            count = 0
            if result == -EAGAIN || result == -EINTR { return 0 }
            throw SystemError("recvmmsg", code: -result)
        }
        count = Int(result)
        return count
    }

    /// The octets of one datagram of the batch; empty for one that was too long.
    package subscript(index: Int) -> Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            precondition(index < count, "no such datagram in the batch")
            var length: Int32 = 0
            let start = unsafe waggle_batch_datagram(raw, UInt32(index), &length)
            // The buffers belong to the batch and are written by `receive` alone, which is
            // mutating: no span can be alive then.
            let span = unsafe Span(
                _unsafeStart: start,
                count: max(0, min(Int(length), receiveOctets))
            )
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Whether a datagram was longer than the buffer and has lost its end.
    package borrowing func isTooLong(_ index: Int) -> Bool {
        var length: Int32 = 0
        _ = unsafe waggle_batch_datagram(raw, UInt32(index), &length)
        return length < 0
    }

    /// Replies waiting for `send`.
    package var queued: Int { Int(unsafe waggle_batch_queued(raw)) }

    /// What the kernel said about a datagram's arrival, for a reply that is sent later; empty for
    /// sockets bound to one address.
    package borrowing func control(of index: Int) -> [UInt8] {
        var length: UInt32 = 0
        let start = unsafe waggle_batch_control(raw, UInt32(index), &length)
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(length)))
    }

    /// Who sent a datagram; nil for a family that is not IP.
    package borrowing func source(of index: Int) -> SocketEndpoint? {
        precondition(index < count, "no such datagram in the batch")
        var address = InlineArray<16, UInt8>(repeating: 0)
        var port: UInt16 = 0
        var span = address.mutableSpan
        let family = unsafe span.withUnsafeMutableBufferPointer { buffer -> Int32 in
            guard let start = buffer.baseAddress else { return 0 }
            return unsafe waggle_batch_source(raw, UInt32(index), start, &port)
        }
        switch family {
        case 4:
            let value = IPv4Address(address[0], address[1], address[2], address[3])
            return SocketEndpoint(address: .v4(value), port: port)
        case 6:
            var high: UInt64 = 0
            var low: UInt64 = 0
            for index in 0..<8 {
                high = high << 8 | UInt64(address[index])
                low = low << 8 | UInt64(address[index + 8])
            }
            return SocketEndpoint(address: .v6(IPv6Address(high: high, low: low)), port: port)
        default:
            return nil
        }
    }

    /// Lets `body` write the reply to a datagram and queues it, unless nothing was written.
    package mutating func reply<Result>(
        to index: Int,
        _ body: (Span<UInt8>, inout OutputSpan<UInt8>) -> Result
    ) -> Result {
        let start = unsafe waggle_batch_reply(raw, UInt32(index))
        let buffer = unsafe UnsafeMutableBufferPointer(start: start, count: sendOctets)
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        let result = body(self[index], &output)
        let written = unsafe output.finalize(for: buffer)
        if written > 0 { unsafe waggle_batch_queue(raw, UInt32(index), UInt32(written)) }
        return result
    }

    /// Sends the queued replies; returns how many the socket took.
    package mutating func send(to socket: Int32) -> Int {
        systemCalls += 1
        return max(0, Int(unsafe waggle_batch_send(raw, socket)))
    }
}
