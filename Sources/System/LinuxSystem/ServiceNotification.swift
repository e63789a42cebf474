import CLinux
import Glibc

/// Tells systemd how the daemon is doing (sd_notify(3)); silent where nobody asked.
package enum ServiceNotification {
    package enum State: String, Sendable {
        case ready = "READY=1"
        case reloading = "RELOADING=1"
        case stopping = "STOPPING=1"
    }

    package static func send(_ state: State) {
        guard let path = unsafe getenv("NOTIFY_SOCKET") else { return }
        unsafe waggle_notify(path, state.rawValue, -1)
    }

    /// Whether there is somebody to be told.
    package static var isHeard: Bool { unsafe getenv("NOTIFY_SOCKET") != nil }

    /// How many descriptors the service manager keeps for this service; nil when it does not say,
    /// as before systemd 254.
    package static var storeMax: Int? {
        unsafe getenv("FDSTORE").flatMap { Int(unsafe String(cString: $0)) }
    }

    /// Gives the service manager a descriptor to keep over a restart, under a name that several may
    /// have.
    ///
    /// Throws: what the system says, EAGAIN when the manager does not read.
    package static func store(_ descriptor: Int32, name: String) throws(SystemError) {
        // Without FDPOLL=0 it lets go of a socket that an ICMP error has come for.
        try send("FDSTORE=1\nFDPOLL=0\nFDNAME=\(name)", attached: descriptor)
    }

    /// Has the service manager close what it keeps under a name.
    package static func removeStored(name: String) throws(SystemError) {
        try send("FDSTOREREMOVE=1\nFDNAME=\(name)", attached: -1)
    }

    private static func send(_ state: String, attached: Int32) throws(SystemError) {
        guard let path = unsafe getenv("NOTIFY_SOCKET") else { return }
        let code = unsafe waggle_notify(path, state, attached)
        if code != 0 { throw SystemError("sendmsg to the service manager", code: -code) }
    }
}

/// Facts about this process and its host that configuration defaults need.
package enum Host {
    package static var isRoot: Bool { geteuid() == 0 }

    package static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    private static let descriptorLimit = __rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue)

    package static var processID: Int32 { getpid() }

    /// Ends the process at once, as done, whatever its threads do.
    package static func exit() -> Never { _exit(EXIT_SUCCESS) }

    /// Raises the limit of open descriptors to what the kernel allows this process.
    package static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(descriptorLimit, &limit) == 0 else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(descriptorLimit, &limit)
    }

    /// How many descriptors this process may have open.
    package static var descriptorsMax: Int32 {
        var limit = rlimit()
        guard unsafe getrlimit(descriptorLimit, &limit) == 0 else { return .max }
        return Int32(clamping: limit.rlim_cur)
    }
}
