import ArgumentParser
import Base
import HTTPAPI

struct SandboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "The views of containers: where a resolver listens.",
        subcommands: [Add.self, Remove.self, List.self]
    )

    func run() throws { throw ValidationError("add, rm or ls is missing") }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Serve a container's namespace or a plain address."
        )

        @Argument(help: "The sandbox's name.") var name: String?
        @Option(help: "The network namespace, as a path.") var netns: String?
        @Option(help: "The network namespace of this process.") var pid: Int?
        @Option(help: ArgumentHelp("A plain address instead.", valueName: "addr:port"))
        var listen: String?
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("Its networks, the first one first asked.", valueName: "net")
        )
        var network: [String] = []
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("Its own upstream servers.", valueName: "addr")
        )
        var upstream: [String] = []
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("Clients of --listen beside the usual.", valueName: "cidr")
        )
        var allow: [String] = []
        @Flag(help: "Forward nothing.") var `internal` = false
        @Flag(help: "Redirect port 53 instead of binding it.") var redirect = false
        @Option(help: ArgumentHelp("A resolv.conf to rewrite.", valueName: "file"))
        var resolvConf: String?
        @Option(help: ArgumentHelp("A hosts file to add --hostname to.", valueName: "file"))
        var hosts: String?
        @Option(help: "The container's own name.") var hostname: String?
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("What --hosts gives --hostname.", valueName: "addr")
        )
        var address: [String] = []
        @Option(help: ArgumentHelp("A file to write --hostname to.", valueName: "file"))
        var hostnameFile: String?
        @Option(help: ArgumentHelp("Look files below it up inside it.", valueName: "dir"))
        var root: String?
        @OptionGroup var socket: SocketOption

        mutating func run() async throws {
            claimName()
            let request = try SandboxRequest(body)
            let daemon = socket.daemon(for: "sandbox", "add")
            _ = try await daemon.send("POST", ["sandboxes"], body: request.json.octets)
        }

        /// A list takes all words up to the next flag, so `--network A NAME` reads as two networks
        /// and no name.
        ///
        /// Then the name is the word that is no server and no block, or else the last network.
        mutating func claimName() {
            if name != nil { return }
            if let last = upstream.last, (try? UpstreamSpec(.string(last), path: "")) == nil {
                name = upstream.removeLast()
            } else if let last = allow.last, CIDR(last) == nil {
                name = allow.removeLast()
            } else if let last = address.last, IPAddress(last) == nil {
                name = address.removeLast()
            } else if network.count > 1 {
                name = network.removeLast()
            }
        }

        /// The body that the flags spell.
        var body: JSONValue {
            var body: JSONValue = [:]
            body["name"] = name.map { .string($0) }
            body["netns"] = netns.map { .string(Console.absolute($0)) }
            body["pid"] = pid.map { .integer($0) }
            body["listen"] = listen.map { .string($0) }
            if !network.isEmpty { body["network"] = .strings(network) }
            if !upstream.isEmpty { body["upstream"] = .strings(upstream) }
            if !allow.isEmpty { body["allow"] = .strings(allow) }
            if `internal` { body["internal"] = true }
            if redirect { body["redirect"] = true }
            body["resolvConf"] = resolvConf.map { .string(Console.absolute($0)) }
            body["hosts"] = hosts.map { .string(Console.absolute($0)) }
            body["hostname"] = hostname.map { .string($0) }
            if !address.isEmpty { body["address"] = .strings(address) }
            body["hostnameFile"] = hostnameFile.map { .string(Console.absolute($0)) }
            body["root"] = root.map { .string(Console.absolute($0)) }
            return body
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Stop serving a sandbox; its endpoints end with it."
        )

        @Argument(help: "The sandbox's name.") var name: String
        @OptionGroup var socket: SocketOption

        func run() async throws {
            _ = try await socket.daemon(for: "sandbox", "rm").send("DELETE", ["sandboxes", name])
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the sandboxes."
        )

        @OptionGroup var json: JSONFlag
        @OptionGroup var socket: SocketOption

        func run() async throws {
            try await socket.daemon(for: "sandbox", "ls").show(["sandboxes"], asJSON: json.json) {
                Views.sandboxes($0)
            }
        }
    }
}
