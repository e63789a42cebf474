import Glibc

/// A system call that failed: which, and how.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call's name as in its manual page.
    package let call: String
    /// The value of `errno`.
    package let code: Int32

    package init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The failure of the call that has just returned.
    static func last(_ call: String) -> SystemError {
        SystemError(call, code: errno)
    }

    /// No descriptor was left for the call.
    package static func outOfDescriptors(_ call: String) -> SystemError {
        SystemError(call, code: EMFILE)
    }

    /// The thing that the call was to make exists, and `call` says whose it is.
    package static func taken(_ call: String) -> SystemError {
        SystemError(call, code: EADDRINUSE)
    }

    /// The process that the call was about is gone, or another one has its number.
    package static func noProcess(_ call: String) -> SystemError {
        SystemError(call, code: ESRCH)
    }

    package var isNoProcess: Bool { code == ESRCH }
    package var isNotPermitted: Bool { code == EPERM || code == EACCES }
    package var isInvalid: Bool { code == EINVAL }
    /// The other side ended a connection that was still needed.
    package static let connectionEnded = SystemError("recv", code: ECONNRESET)

    package var isNotConnected: Bool { code == ENOTCONN }
    package var isRefused: Bool { code == ECONNREFUSED }
    package var isAddressInUse: Bool { code == EADDRINUSE }
    package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
    package var isNoSuchFile: Bool { code == ENOENT }
    package var isTryAgain: Bool { code == EAGAIN || code == EINTR }
    package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }

    package var description: String {
        "\(call): \(Self.text(of: code))"
    }

    /// The system's words for an error number.
    package static func text(of code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: text, as: UTF8.self)
    }
}
