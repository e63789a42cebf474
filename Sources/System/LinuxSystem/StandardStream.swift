import Glibc

/// Standard output and standard error, written at once and whole.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Whether somebody looks at it as it is written.
    package var isTerminal: Bool { isatty(rawValue) == 1 }

    package func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(rawValue, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            // A reader that is gone is no reason to stop.
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}
