package import ArgumentParser
import Daemon
import HTTPAPI
import LinuxSystem

/// `waggle daemon`: the node itself.
package struct DaemonCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Run this node: the resolver of its containers, and its local API.",
        discussion: """
            Prints one line 'ready ...' on stdout when it serves. SIGTERM stops it, and the ring \
            keeps its names for half a minute; SIGINT leaves the ring first; SIGHUP reloads its \
            configuration. Flags win over WAGGLE_ variables, those over the \
            file, the file over defaults.
            """
    )

    @Option(help: "The configuration file, JSON.")
    var config: String?

    @Option(help: "Where what commands add is kept.")
    var stateDir: String?

    @Option(help: "The unix socket of the local API.")
    var socket: String?

    @Option(help: "This node's name.")
    var name: String?

    @Option(parsing: .upToNextOption, help: "Servers asked for names that are not local.")
    var upstream: [String] = []

    @Option(help: "Where gossip listens; read and checked, used once gossip is there.")
    var gossipBind: String?

    @Option(parsing: .upToNextOption, help: "Members to join; read and checked, see above.")
    var gossipJoin: [String] = []

    @Option(help: "trace, debug, info, warning or error.")
    var logLevel: String?

    package init() {}

    package mutating func run() async throws {
        let load = loader()
        let daemon: Daemon
        do {
            daemon = Daemon(try load(), reread: load)
        } catch {
            throw CommandFailure(.usage, what: "", why: "\(error)")
        }
        do {
            try await daemon.run()
        } catch let error as StartupError {
            throw CommandFailure(
                error.isConfiguration ? .usage : .failed,
                what: "",
                why: "\(error)"
            )
        } catch {
            throw CommandFailure(
                .failed,
                what: "daemon",
                why: "\(error)",
                advice: "see the log above"
            )
        }
    }

    private func loader() -> @Sendable () throws -> Configuration {
        var flags = Configuration.Flags()
        flags.name = name
        flags.stateDirectory = stateDir
        flags.socket = socket
        flags.upstreams = upstream
        flags.gossipBind = gossipBind
        flags.gossipJoin = gossipJoin
        flags.logLevel = logLevel
        let surroundings = Configuration.Surroundings(
            environment: Console.environment,
            isRoot: Host.isRoot,
            hostName: Host.name
        )
        let file = config
        return { [flags] in
            try Configuration.load(file: file, flags: flags, surroundings: surroundings) { path in
                try TextFile.octets(path: path, octetsMax: configurationOctetsMax)
            }
        }
    }
}

/// A configuration with as many endpoints as a node may have fits.
private let configurationOctetsMax = 64 << 20
