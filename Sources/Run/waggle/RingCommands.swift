import ArgumentParser
import Base
import HTTPAPI

struct MembersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "The nodes of the ring, as this one sees them."
    )

    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func run() async throws {
        try await socket.daemon(for: "members").show(["members"], asJSON: json.json) {
            Views.members($0)
        }
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract:
            "Hold names and endpoints against the ring's tables now, and repair what differs.",
        discussion: "The daemon does so every minute; large networks are left to this command."
    )

    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func run() async throws {
        let daemon = socket.daemon(for: "audit")
        let response = try await daemon.send("POST", ["audit"], body: [])
        try daemon.print(response, asJSON: json.json) { document in
            "\(Table.cell(document["repaired"])) repaired"
        }
    }
}

struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Become a member of the ring that nodes at these addresses are in.",
        discussion: """
            Addresses that do not answer are asked again, ever more rarely and for ever, until the \
            daemon ends or leaves.
            """
    )

    @Argument(help: ArgumentHelp("Nodes of the ring; port 7946 unless given.", valueName: "addr"))
    var addresses: [String]
    @OptionGroup var json: JSONFlag
    @OptionGroup var socket: SocketOption

    func validate() throws {
        for address in addresses
        where SocketEndpoint(address, defaultPort: RingRoute.port) == nil {
            throw ValidationError("\(address) is no address such as 10.0.0.2 or [fd00::2]:7946")
        }
    }

    func run() async throws {
        let daemon = socket.daemon(for: "join")
        let body: JSONValue = ["addresses": .strings(addresses)]
        let response = try await daemon.send("POST", ["join"], body: body.octets)
        try daemon.print(response, asJSON: json.json) { document in
            let joined = Table.cell(document["joined"])
            return "joined \(joined); \(Table.cell(document["members"])) members"
        }
    }
}

struct LeaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leave",
        abstract: "Leave the ring of one's own will; the daemon goes on alone.",
        discussion:
            "What other nodes have is not answered here any more, until this one joins again."
    )

    @Flag(help: "Take this node's endpoints out of answers first.") var drain = false
    @OptionGroup var socket: SocketOption

    func run() async throws {
        let body: JSONValue = ["drain": .bool(drain)]
        _ = try await socket.daemon(for: "leave").send("POST", ["leave"], body: body.octets)
    }
}

struct ForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Take a node that is dead for one that left, on every node."
    )

    @Argument(help: "The node's name, or its id in the ring.") var node: String
    @OptionGroup var socket: SocketOption

    func run() async throws {
        _ = try await socket.daemon(for: "forget").send("DELETE", ["members", node])
    }
}
