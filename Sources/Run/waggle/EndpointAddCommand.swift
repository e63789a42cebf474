import ArgumentParser
import HTTPAPI

extension EndpointCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add an endpoint, or a file of them, and print its id."
        )

        @Option(help: ArgumentHelp("Its network.", valueName: "net")) var network: String?
        @Option(help: "Its name.") var name: String?
        @Option(help: ArgumentHelp("Its IPv4 address.", valueName: "addr")) var ip: String?
        @Option(help: ArgumentHelp("Its IPv6 address.", valueName: "addr")) var ip6: String?
        @Option(help: ArgumentHelp("Its service.", valueName: "svc")) var service: String?
        @Option(help: ArgumentHelp("The service's id.", valueName: "id")) var serviceId: String?
        @Option(help: ArgumentHelp("The service's virtual address.", valueName: "addr"))
        var vip: String?
        @Option(help: ArgumentHelp("The service's virtual IPv6 address.", valueName: "addr"))
        var vip6: String?
        @Option(parsing: .upToNextOption, help: "Further names of the service.")
        var alias: [String] = []
        @Option(parsing: .upToNextOption, help: "Further names of this endpoint.")
        var taskAlias: [String] = []
        @Option(help: ArgumentHelp("Its container; 12 digits resolve.", valueName: "hex"))
        var containerId: String?
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("Ports for SRV records.", valueName: "proto:name:port")
        )
        var port: [String] = []
        @Option(help: "Its id, chosen by the daemon otherwise.") var id: String?
        @Option(help: ArgumentHelp("It ends with this sandbox.", valueName: "sb"))
        var sandbox: String?
        @Option(help: "It ends with this process.") var pid: Int?
        @Option(help: ArgumentHelp("It ends unless renewed.", valueName: "seconds")) var ttl: Int?
        @Option(help: "A JSON array of endpoints, '-' for stdin; all are added or none.")
        var file: String?
        @OptionGroup var json: JSONFlag
        @OptionGroup var socket: SocketOption

        func run() async throws {
            let octets: [UInt8]
            if let file {
                guard body == [:] else {
                    throw ValidationError("--file stands alone: the file says it all")
                }
                octets = try Self.checked(file: file)
            } else {
                octets = try EndpointRequest(body).json.octets
            }
            let daemon = socket.daemon(for: "endpoint", "add")
            let response = try await daemon.send("POST", ["endpoints"], body: octets)
            try daemon.print(response, asJSON: json.json) { answer in
                let ids = answer["ids"]?.arrayValue ?? [answer["id"] ?? .null]
                return ids.compactMap { $0.stringValue }.joined(separator: "\n")
            }
        }

        /// The body that the flags spell.
        var body: JSONValue {
            var body: JSONValue = [:]
            let texts: [(String, String?)] = [
                ("network", network), ("name", name), ("ip", ip), ("ip6", ip6),
                ("service", service), ("serviceId", serviceId), ("vip", vip), ("vip6", vip6),
                ("containerId", containerId), ("id", id), ("sandbox", sandbox),
            ]
            for (key, text) in texts { body[key] = text.map { .string($0) } }
            let lists = [("alias", alias), ("taskAlias", taskAlias), ("port", port)]
            for (key, list) in lists where !list.isEmpty { body[key] = .strings(list) }
            body["pid"] = pid.map { .integer($0) }
            body["ttl"] = ttl.map { .integer($0) }
            return body
        }

        /// The octets of a file that holds an array of endpoints, none of them wrong.
        static func checked(file: String) throws -> [UInt8] {
            let octetsMax = APILimits.bodyOctetsMaxDefault
            let octets = try Console.read(file, octetsMax: octetsMax)
            let name = file == "-" ? "stdin" : file
            do {
                let value = try JSONValue(
                    parsing: octets,
                    limits: JSONLimits(octetsMax: octetsMax, depthMax: 8)
                )
                guard case .array(let elements) = value else {
                    throw FieldError(
                        path: "",
                        .wrong(found: value.shown, allowed: "a list of endpoints")
                    )
                }
                _ = try WaggleRoute.endpoints(elements)
            } catch {
                throw CommandFailure(.usage, what: "endpoint add", why: "\(name): \(error)")
            }
            return octets
        }
    }
}
