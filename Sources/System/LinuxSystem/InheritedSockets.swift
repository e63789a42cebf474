import CLinux
import Glibc
import Synchronization

/// A socket that the service manager kept while the service was started again.
package final class InheritedSocket: Sendable {
    /// The name that it was given to keep under.
    package let name: String
    /// Its number, until it has been taken and closed.
    package let raw: Int32
    private let descriptor: Mutex<Descriptor?>

    fileprivate init(name: String, _ descriptor: consuming Descriptor) {
        self.name = name
        raw = descriptor.raw
        self.descriptor = Mutex(descriptor)
    }

    /// The socket, once; nobody who takes it leaves it to be closed with this.
    package func take() -> Descriptor? {
        descriptor.withLock { $0.take() }
    }

    /// Closes it unless it has been taken, whoever else still refers to it.
    package func close() {
        _ = take()
    }
}

/// What a service manager hands over at the start (sd_listen_fds(3)).
package enum InheritedSockets {
    private static let first: Int32 = 3
    private static let countMax: Int32 = 1 << 17

    /// All that came, once: the variables that tell of them are gone then.
    ///
    /// To be called before anything else opens descriptors or starts programs.
    package static func take() -> [InheritedSocket] {
        defer {
            for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
        }
        guard variable("LISTEN_PID").flatMap({ Int32($0) }) == getpid(),
            let count = variable("LISTEN_FDS").flatMap({ Int32($0) }), count > 0,
            count <= countMax
        else { return [] }
        let names = (variable("LISTEN_FDNAMES") ?? "")
            .split(separator: ":", omittingEmptySubsequences: false)
        var sockets: [InheritedSocket] = []
        for index in 0..<count {
            let raw = first + index
            // One that is not there is nobody's to close.
            guard waggle_close_on_exec(raw) == 0 else { continue }
            let name = Int(index) < names.count ? String(names[Int(index)]) : ""
            sockets.append(InheritedSocket(name: name, Descriptor(owning: raw)))
        }
        return sockets
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
