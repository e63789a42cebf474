import FoundationEssentials
import LinuxSystem

/// The two streams of a command and what it knows of its surroundings.
enum Console {
    /// A result, on stdout.
    static func say(_ text: String) {
        print(text)
    }

    /// An error, on stderr.
    ///
    /// A stderr that cannot be written to leaves the exit status to speak.
    static func complain(_ line: String) {
        StandardStream.error.write(line + "\n")
    }

    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    static var isRoot: Bool { Host.isRoot }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// The path as seen from the daemon: absolute.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// The octets of a file, or of stdin for `-`.
    ///
    /// Throws: `CommandFailure` when it cannot be read or is larger than `octetsMax`.
    static func read(_ path: String, octetsMax: Int) throws -> [UInt8] {
        var octets: [UInt8] = []
        if path == "-" {
            while octets.count <= octetsMax, let line = readLine(strippingNewline: false) {
                octets += line.utf8
            }
        } else {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandFailure(
                    .usage,
                    what: "",
                    why: "\(path): cannot be read",
                    advice: "check that it is there and may be read"
                )
            }
            octets = Array(data)
        }
        guard octets.count <= octetsMax else {
            throw CommandFailure(
                .usage,
                what: "",
                why: "\(path): has more than \(octetsMax) octets",
                advice: "split it"
            )
        }
        return octets
    }
}
