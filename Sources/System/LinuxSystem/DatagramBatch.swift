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
        let result = unsafe waggle_batch_receive(raw, socket, UInt32(clamping: limit))
        guard result >= 0 else {
            count = 0
            if result == -EAGAIN || result == -EINTR { return 0 }
            throw SystemError("recvmmsg", code: -result)
        }
        count = Int(result)
        return count
    }

    /// Who sent a datagram; nil for a family that is not IP.
    package borrowing func source(of index: Int) -> SocketEndpoint? {
        unsafe Self.source(datagram(index))
    }

    private borrowing func datagram(_ index: Int) -> waggle_datagram {
        precondition(index < count, "no such datagram in the batch")
        return unsafe waggle_batch_datagram(raw, UInt32(index))
    }

    private static func source(_ datagram: waggle_datagram) -> SocketEndpoint? {
        unsafe endpoint(datagram.family, datagram.port, datagram.high, datagram.low)
    }

    /// An address as the C library's shim writes it down; nil for a family that is not IP.
    static func endpoint(
        _ family: UInt16,
        _ port: UInt16,
        _ high: UInt64,
        _ low: UInt64
    ) -> SocketEndpoint? {
        switch family {
        case 4:
            let value = IPv4Address(UInt32(truncatingIfNeeded: low))
            return SocketEndpoint(address: .v4(value), port: port)
        case 6:
            return SocketEndpoint(address: .v6(IPv6Address(high: high, low: low)), port: port)
        default:
            return nil
        }
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

    /// What came in one place of a batch.
    package struct Datagram: ~Escapable {
        package let octets: Span<UInt8>
        /// Nil for a family that is not IP.
        package let source: SocketEndpoint?
        /// Whether it was longer than the buffer and has lost its end.
        package let isTooLong: Bool

        @_lifetime(copy octets)
        init(_ octets: Span<UInt8>, source: SocketEndpoint?, isTooLong: Bool) {
            self.octets = octets
            self.source = source
            self.isTooLong = isTooLong
        }
    }

    /// Lets `body` read a datagram.
    package borrowing func read(_ index: Int, _ body: (borrowing Datagram) -> Void) {
        let raw = unsafe datagram(index)
        let octets = unsafe UnsafeBufferPointer(
            start: raw.octets,
            count: max(0, min(Int(raw.length), receiveOctets))
        )
        // The buffers belong to the batch, and are written by `receive` alone, which cannot run
        // before this call has returned.
        body(
            unsafe Datagram(octets.span, source: Self.source(raw), isTooLong: raw.length < 0)
        )
    }

    /// Lets `body` read a datagram and write the reply to it, which is queued unless it is empty.
    package mutating func reply(
        to index: Int,
        _ body: (borrowing Datagram, inout OutputSpan<UInt8>) -> Void
    ) {
        let raw = unsafe datagram(index)
        let octets = unsafe UnsafeBufferPointer(
            start: raw.octets,
            count: max(0, min(Int(raw.length), receiveOctets))
        )
        let datagram = unsafe Datagram(
            // The buffers belong to the batch and are written by `receive` alone, which cannot run
            // before this call has returned.
            octets.span,
            source: Self.source(raw),
            isTooLong: raw.length < 0
        )
        let start = unsafe waggle_batch_reply(self.raw, UInt32(index))
        let buffer = unsafe UnsafeMutableBufferPointer(start: start, count: sendOctets)
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        body(datagram, &output)
        let written = unsafe output.finalize(for: buffer)
        if written > 0 { unsafe waggle_batch_queue(self.raw, UInt32(index), UInt32(written)) }
    }

    /// Sends the queued replies; returns how many the socket took.
    package mutating func send(to socket: Int32) -> Int {
        max(0, Int(unsafe waggle_batch_send(raw, socket)))
    }
}
