import ArgumentParser
import Base
import HTTPAPI

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "The node, its planes and how much it holds."
    )

    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func run() async throws {
        try await socket.daemon(for: "status").show(["status"], asJSON: json.json) {
            Views.status($0)
        }
    }
}

struct RecordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "records",
        abstract: "Every name with its values, owner and age."
    )

    @Argument(help: ArgumentHelp("Only those of this network.", valueName: "net"))
    var network: String?
    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func run() async throws {
        let query = network.map { [APIRequest.Parameter("network", $0)] } ?? []
        try await socket.daemon(for: "records").show(
            ["records"],
            query: query,
            asJSON: json.json
        ) { Views.records($0) }
    }
}

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "How a sandbox's question is decided, step by step."
    )

    @Argument(help: "The name asked for.") var name: String
    @Argument(help: "The type asked for.") var type: String = "A"
    @Option(help: ArgumentHelp("Whose question it is.", valueName: "sb")) var sandbox: String
    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func validate() throws {
        if RecordType(type) == nil {
            throw ValidationError("\(type) is no record type such as A, AAAA, SRV or TYPE65")
        }
        do {
            _ = try DomainName(name)
        } catch {
            throw ValidationError("\(name) is no name: \(error)")
        }
    }

    func run() async throws {
        let query = [
            APIRequest.Parameter("name", name), .init("type", type.uppercased()),
            .init("sandbox", sandbox),
        ]
        try await socket.daemon(for: "explain").show(
            ["explain"],
            query: query,
            asJSON: json.json
        ) { $0["text"]?.stringValue ?? "" }
    }
}
