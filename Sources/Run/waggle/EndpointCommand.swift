import ArgumentParser
import HTTPAPI

struct EndpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoint",
        abstract: "Names and addresses on a network.",
        subcommands: [Add.self, Drain.self, Renew.self, Remove.self, List.self]
    )

    func run() throws { throw ValidationError("add, drain, renew, rm or ls is missing") }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "drain",
            abstract: "Take an endpoint out of answers while others of its service remain."
        )

        @Argument(help: "The endpoint's id.") var id: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            let daemon = socket.daemon(for: "endpoint", "drain")
            _ = try await daemon.send("POST", ["endpoints", id, "drain"])
        }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "renew",
            abstract: "Start the time of an endpoint with --ttl anew."
        )

        @Argument(help: "The endpoint's id.") var id: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            let daemon = socket.daemon(for: "endpoint", "renew")
            _ = try await daemon.send("POST", ["endpoints", id, "renew"])
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove an endpoint and its names."
        )

        @Argument(help: "The endpoint's id.") var id: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            _ = try await socket.daemon(for: "endpoint", "rm").send("DELETE", ["endpoints", id])
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the endpoints of this node."
        )

        @Option(help: ArgumentHelp("Only those of this network.", valueName: "net"))
        var network: String?
        @OptionGroup var json: JSONFlag
        @OptionGroup var socket: SocketOption

        func run() async throws {
            let query = network.map { [APIRequest.Parameter("network", $0)] } ?? []
            try await socket.daemon(for: "endpoint", "ls").show(
                ["endpoints"],
                query: query,
                asJSON: json.json
            ) { Views.endpoints($0) }
        }
    }
}
