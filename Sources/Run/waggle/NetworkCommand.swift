import ArgumentParser
import Base
import HTTPAPI

struct NetworkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "The networks that this node knows.",
        subcommands: [List.self, Attach.self, Detach.self]
    )

    func run() throws { throw ValidationError("ls, attach or detach is missing") }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the networks."
        )

        @OptionGroup var json: JSONFlag
        @OptionGroup var socket: SocketOption

        func run() async throws {
            try await socket.daemon(for: "network", "ls").show(["networks"], asJSON: json.json) {
                Views.networks($0)
            }
        }
    }

    struct Attach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "attach",
            abstract: "Take part in a network without an endpoint on it."
        )

        @Argument(help: "The network's name.") var name: String?
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("Its subnets.", valueName: "cidr")
        )
        var subnet: [String] = []
        @OptionGroup var socket: SocketOption

        mutating func run() async throws {
            // `--subnet A NAME` reads as two subnets, of which the name is none.
            if name == nil, let last = subnet.last, CIDR(last) == nil {
                name = subnet.removeLast()
            }
            var body: JSONValue = [:]
            body["name"] = name.map { .string($0) }
            if !subnet.isEmpty { body["subnet"] = .strings(subnet) }
            let request = try NetworkAttach(body)
            let daemon = socket.daemon(for: "network", "attach")
            _ = try await daemon.send("POST", ["networks"], body: request.json.octets)
        }
    }

    struct Detach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "detach",
            abstract: "Leave a network that nothing here is on."
        )

        @Argument(help: "The network's name.") var name: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            _ = try await socket.daemon(for: "network", "detach").send(
                "DELETE",
                ["networks", name]
            )
        }
    }
}
