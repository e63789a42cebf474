package import Base
import CLinux
import Glibc

/// Datagrams to many addresses, in buffers that live as long as this: sent with one system call.
@safe package struct DatagramSender: ~Copyable {
    private let raw: OpaquePointer
    private let capacity: Int
    /// The longest datagram that is queued, in octets.
    package let octetsMax: Int

    /// Takes buffers for `capacity` datagrams of up to `octetsMax` octets.
    package init(capacity: Int, octetsMax: Int) throws(SystemError) {
        guard
            let raw = unsafe waggle_sender_create(UInt32(capacity), UInt32(octetsMax))
        else { throw SystemError("calloc", code: ENOMEM) }
        unsafe self.raw = unsafe raw
        self.capacity = capacity
        self.octetsMax = octetsMax
    }

    deinit {
        unsafe waggle_sender_destroy(raw)
    }

    /// Datagrams waiting for `send`.
    package var queued: Int { Int(unsafe waggle_sender_queued(raw)) }
    package var isFull: Bool { queued == capacity }

    /// Copies a datagram to the end of the queue, which is not full; it is not empty, and no longer
    /// than `octetsMax`.
    package mutating func queue(_ octets: [UInt8], to endpoint: SocketEndpoint) {
        precondition(!isFull && octets.count <= octetsMax, "no room for a datagram")
        unsafe octets.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe Sockets.withAddress(of: endpoint) { address, length in
                unsafe waggle_sender_queue(raw, start, UInt32(bytes.count), address, length)
            }
        }
    }

    /// Sends what is queued and empties the queue; returns how many datagrams the socket took.
    package mutating func send(from socket: Int32) -> Int {
        Int(unsafe waggle_sender_send(raw, socket))
    }
}

extension Sockets {
    /// Has the kernel keep what it hears of datagrams that do not arrive, for `takeError`.
    package static func keepErrors(_ socket: Int32) throws(SystemError) {
        let code = waggle_keep_errors(socket)
        if code != 0 { throw SystemError("setsockopt IP_RECVERR", code: -code) }
    }

    /// What the kernel heard of one datagram that did not arrive.
    package struct DatagramError: Hashable, Sendable {
        /// Where it was sent; nil for a family that is not IP.
        package let destination: SocketEndpoint?
        package let error: SystemError
    }

    /// Takes the oldest thing that the kernel heard; nil when there is none.
    package static func takeError(_ socket: Int32) -> DatagramError? {
        let taken = waggle_take_error(socket)
        if taken.code == 0 { return nil }
        return DatagramError(
            destination: DatagramBatch.endpoint(taken.family, taken.port, taken.high, taken.low),
            error: SystemError("sendmmsg", code: taken.code)
        )
    }
}
