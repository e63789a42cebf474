import NIOCore

/// Why a connection to a unix socket cannot be had.
package enum ConnectFailure: Hashable, Sendable, CustomStringConvertible {
    /// There is no such file.
    case absent
    /// The file is there, but nobody listens.
    case refused
    /// The caller may not open it.
    case denied
    /// In the system's words.
    case other(String)

    init(_ error: any Error) {
        // Numbers of Linux: NIO hands them out bare.
        switch (error as? IOError)?.errnoCode {
        case 2, 20: self = .absent
        case 111: self = .refused
        case 1, 13: self = .denied
        default: self = .other("\(error)")
        }
    }

    package var description: String {
        switch self {
        case .absent: "no such file"
        case .refused: "connection refused"
        case .denied: "permission denied"
        case .other(let cause): cause
        }
    }
}
