import CLinux
import Glibc
import Synchronization

/// Work inside another network namespace.
///
/// The thread that entered it is never used again, so nothing else ever runs there by accident.
package enum NetworkNamespace {
    /// Runs `body` on a fresh thread inside the namespace and waits for it.
    ///
    /// Throws: what opening the path, entering or `body` threw. Needs CAP_SYS_ADMIN.
    package static func inside<Value: Sendable>(
        path: String,
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        let namespace = try Descriptor.open(path: path)
        let raw = namespace.raw
        let result = Mutex<Result<Value, SystemError>?>(nil)
        let box = Box(result)
        let thread = try PinnedThread(name: "waggle-netns") {
            box.value.withLock { $0 = Self.attempt(raw, body) }
        }
        thread.join()
        // The descriptor has to stay open until the thread has entered.
        _ = namespace.raw
        guard let outcome = box.value.withLock({ $0 }) else {
            throw SystemError("setns", code: ECANCELED)
        }
        return try outcome.get()
    }

    /// The namespace that a socket was opened in, which it keeps alive; needs CAP_NET_ADMIN there.
    package static func descriptor(of socket: Int32) throws(SystemError) -> Descriptor {
        let raw = waggle_namespace_of(socket)
        if raw < 0 { throw SystemError("ioctl SIOCGSKNS", code: -raw) }
        return Descriptor(owning: raw)
    }

    /// Moves the calling thread into a namespace for good; false when it may not.
    ///
    /// For a thread that does nothing but work in namespaces.
    package static func enter(_ namespace: borrowing Descriptor) -> Bool {
        waggle_enter_network_namespace(namespace.raw) == 0
    }

    /// Brings the loopback interface of the calling thread's namespace up: in a new namespace it is
    /// down, and 127.0.0.11 cannot be bound.
    package static func raiseLoopback() throws(SystemError) {
        let code = waggle_raise_loopback()
        if code != 0 { throw SystemError("ioctl SIOCSIFFLAGS lo", code: -code) }
    }

    private static func attempt<Value: Sendable>(
        _ namespace: Int32,
        _ body: () throws(SystemError) -> Value
    ) -> Result<Value, SystemError> {
        let code = waggle_enter_network_namespace(namespace)
        if code != 0 { return .failure(SystemError("setns", code: -code)) }
        do throws(SystemError) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }

    private final class Box<Value: Sendable>: Sendable {
        let value: Mutex<Result<Value, SystemError>?>

        init(_ value: consuming Mutex<Result<Value, SystemError>?>) {
            self.value = value
        }
    }
}

/// A process watched by descriptor, so that a reused number is not taken for it.
package enum ProcessWatch {
    /// A descriptor that becomes readable when the process has ended.
    package static func open(pid: Int32) throws(SystemError) -> Descriptor {
        let raw = waggle_pidfd_open(pid)
        if raw < 0 { throw SystemError("pidfd_open \(pid)", code: -raw) }
        return Descriptor(owning: raw)
    }

    /// Clock ticks after boot at which the process started (proc(5), field 22 of `stat`).
    package static func startTime(pid: Int32) throws(SystemError) -> UInt64 {
        let text = try TextFile.read(path: "/proc/\(pid)/stat", octetsMax: 4096)
        // The command, field 2, may hold spaces and parentheses; the last one ends it.
        let fields = text.lastIndex(of: ")").map { text[$0...].split(separator: " ") } ?? []
        guard fields.count > 20, let ticks = UInt64(fields[20]) else {
            throw SystemError("read /proc/\(pid)/stat", code: EINVAL)
        }
        return ticks
    }
}
