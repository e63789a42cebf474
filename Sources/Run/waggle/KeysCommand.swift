import ArgumentParser
import Base
import HTTPAPI
import LinuxSystem

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "The ring's keys: one encrypts, all of them decrypt.",
        discussion: """
            To change keys without losing a node: add the new one on every node, then use it on \
            every node, then remove the old one on every node.
            """,
        subcommands: [List.self, Add.self, Use.self, Remove.self]
    )

    func run() throws { throw ValidationError("ls, add, use or rm is missing") }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the keys by their fingerprints."
        )

        @OptionGroup var json: JSONFlag
        @OptionGroup var socket: SocketOption

        func run() async throws {
            try await socket.daemon(for: "keys", "ls").show(["keys"], asJSON: json.json) {
                Views.keys($0)
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Decrypt with one more key; the first one encrypts, too."
        )

        @Argument(
            help: ArgumentHelp(
                "A file with the key in base64; standard input unless given.",
                valueName: "file"
            )
        )
        var file: String?
        @OptionGroup var socket: SocketOption

        func run() async throws {
            let text = try KeyText.read(file)
            let body: JSONValue = ["key": .string(text)]
            let daemon = socket.daemon(for: "keys", "add")
            let response = try await daemon.send("POST", ["keys"], body: body.octets)
            try daemon.print(response, asJSON: false) { Table.cell($0["fingerprint"]) }
        }
    }

    struct Use: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "use",
            abstract: "Encrypt with this key from now on."
        )

        @Argument(help: "The key's fingerprint.") var fingerprint: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            _ = try await socket.daemon(for: "keys", "use").send(
                "POST",
                ["keys", fingerprint, "use"]
            )
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Decrypt with this key no longer; not the one that encrypts."
        )

        @Argument(help: "The key's fingerprint.") var fingerprint: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            _ = try await socket.daemon(for: "keys", "rm").send("DELETE", ["keys", fingerprint])
        }
    }
}

/// A key as it comes from a file or a pipe; never from an argument, which every user can see.
private enum KeyText {
    private static let octetsMax = 4096

    static func read(_ file: String?) throws -> String {
        let octets: [UInt8]
        do throws(SystemError) {
            if let file {
                octets = try TextFile.octets(path: file, octetsMax: octetsMax)
            } else {
                octets = try TextFile.standardInput(octetsMax: octetsMax)
            }
        } catch {
            throw CommandFailure(
                .failed,
                what: "keys add",
                why: "\(file ?? "standard input"): \(error)",
                advice: "give a file with 16, 24 or 32 octets in base64"
            )
        }
        let text = String(decoding: octets, as: UTF8.self)
        return String(text.filter { !$0.isWhitespace })
    }
}
