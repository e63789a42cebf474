import CLinux
import Glibc

/// An epoll instance: which descriptors are ready, told by a token that the owner chose.
package struct Poller: ~Copyable, Sendable {
    /// What to wait for and what has come.
    package struct Interest: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: UInt32(WAGGLE_READ))
        package static let write = Interest(rawValue: UInt32(WAGGLE_WRITE))
        package static let priority = Interest(rawValue: UInt32(WAGGLE_PRIORITY))
        /// Always reported.
        package static let failed = Interest(rawValue: UInt32(WAGGLE_FAILED))

        /// Whether a read would tell something: octets, the end, or what has failed.
        package var isReadable: Bool { rawValue & UInt32(WAGGLE_READ | WAGGLE_FAILED) != 0 }
        package var isWritable: Bool { rawValue & UInt32(WAGGLE_WRITE) != 0 }
    }

    package struct Event: Sendable {
        package let token: UInt64
        package let ready: Interest
    }

    private let descriptor: Descriptor

    package init() throws(SystemError) {
        let raw = waggle_epoll_create()
        if raw < 0 { throw SystemError("epoll_create1", code: -raw) }
        descriptor = Descriptor(owning: raw)
    }

    package func add(_ watched: Int32, token: UInt64, for interest: Interest) throws(SystemError) {
        try control(Change.add, watched, token, interest)
    }

    package func change(
        _ watched: Int32,
        token: UInt64,
        to interest: Interest
    ) throws(SystemError) {
        try control(Change.modify, watched, token, interest)
    }

    /// Forgets a descriptor; one that is closed already is no error.
    package func remove(_ watched: Int32) {
        _ = waggle_epoll_control(descriptor.raw, Change.remove.rawValue, watched, 0, 0)
    }

    /// Waits up to `milliseconds` (-1: for ever, 0: not at all) and replaces `events`.
    package func wait(milliseconds: Int32, into events: inout [Event]) throws(SystemError) {
        events.removeAll(keepingCapacity: true)
        var raw = InlineArray<64, waggle_event>(repeating: waggle_event())
        var span = raw.mutableSpan
        let count = unsafe span.withUnsafeMutableBufferPointer { buffer -> Int32 in
            guard let start = buffer.baseAddress else { return 0 }
            return unsafe waggle_epoll_wait(
                descriptor.raw,
                start,
                Int32(buffer.count),
                milliseconds
            )
        }
        if count == -EINTR { return }
        if count < 0 { throw SystemError("epoll_wait", code: -count) }
        let ready = raw.span
        for index in 0..<Int(count) {
            events.append(
                Event(token: ready[index].token, ready: Interest(rawValue: ready[index].ready))
            )
        }
    }

    private enum Change: Int32 {
        case add = 1
        case remove = 2
        case modify = 3
    }

    private func control(
        _ change: Change,
        _ watched: Int32,
        _ token: UInt64,
        _ interest: Interest
    ) throws(SystemError) {
        let code = waggle_epoll_control(
            descriptor.raw,
            change.rawValue,
            watched,
            token,
            interest.rawValue
        )
        if code != 0 { throw SystemError("epoll_ctl", code: -code) }
    }
}

/// Wakes a thread that waits in its poller, from any other thread.
package final class WakeSignal: Sendable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        let raw = waggle_eventfd()
        if raw < 0 { throw SystemError("eventfd", code: -raw) }
        descriptor = Descriptor(owning: raw)
    }

    package var raw: Int32 { descriptor.raw }

    package func raise() {
        var one: UInt64 = 1
        unsafe write(descriptor.raw, &one, MemoryLayout<UInt64>.size)
    }

    /// Takes back what was raised.
    package func clear() {
        var value: UInt64 = 0
        unsafe read(descriptor.raw, &value, MemoryLayout<UInt64>.size)
    }
}
