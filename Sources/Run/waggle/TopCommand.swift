import ArgumentParser
import HTTPAPI
import LinuxSystem

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "The busiest names, sandboxes and upstreams.",
        discussion: """
            On a terminal the tables are shown anew every few seconds, with rates since they were \
            shown last; interrupt to leave. In a pipe they are printed once, with counts since the \
            daemon's start.
            """
    )

    @Flag(help: "Print once and end.") var once = false
    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
    var interval: Int = 2
    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func validate() throws {
        guard (1...3600).contains(interval) else {
            throw ValidationError("--interval: found \(interval); allowed is 1 to 3600 seconds")
        }
    }

    func run() async throws {
        let daemon = socket.daemon(for: "top")
        let isLive = !once && !json.json && StandardStream.output.isTerminal
        guard isLive else {
            try await daemon.show(["top"], asJSON: json.json) { Views.top($0, since: nil) }
            return
        }
        var last: JSONValue?
        while true {
            let response = try await daemon.send("GET", ["top"])
            try daemon.print(response, asJSON: false) { document in
                defer { last = document }
                // Home, the text with the rest of each line cleared, and what is below cleared.
                let lines = Views.top(document, since: last).split(
                    separator: "\n",
                    omittingEmptySubsequences: false
                )
                return "\u{1b}[H" + lines.map { "\($0)\u{1b}[K" }.joined(separator: "\n")
                    + "\u{1b}[J"
            }
            try await Task.sleep(for: .seconds(interval))
        }
    }
}
