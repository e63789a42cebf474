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
        unsafe waggle_notify(path, state.rawValue)
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
