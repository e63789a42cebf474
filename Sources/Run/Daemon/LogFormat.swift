import HTTPAPI
import LinuxSystem
import Logging

/// Writes log lines to standard error, as text for people or as JSON for collectors.
struct LineLogHandler: LogHandler {
    let format: Configuration.Log.Format
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let pairs = details.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
            StandardStream.error.write("\(event.level) \(event.message)\(pairs)\n")
        case .json:
            var line: JSONValue = [
                "time": .integer(Clock.unixSeconds()), "level": .string(event.level.rawValue),
                "message": .string("\(event.message)"),
            ]
            for (key, value) in details { line[key] = .string("\(value)") }
            StandardStream.error.write(String(decoding: line.octets, as: UTF8.self) + "\n")
        }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 < 0x7f }
        return isPlain ? text : JSONValue.string(text).octets.withText { $0 }
    }
}

extension [UInt8] {
    fileprivate func withText<Result>(_ body: (String) -> Result) -> Result {
        body(String(decoding: self, as: UTF8.self))
    }
}
