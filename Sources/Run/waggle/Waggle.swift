package import ArgumentParser
import HTTPAPI

/// The one executable.
@main
package struct Waggle: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "waggle",
        abstract: "The names, the gossip and the scheduling of a swarm.",
        version: WaggleVersion.text,
        subcommands: [DaemonCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Names",
                subcommands: [
                    SandboxCommand.self, EndpointCommand.self, NetworkCommand.self,
                    OCIHookCommand.self,
                ]
            ),
            CommandGroup(
                name: "Ring",
                subcommands: [
                    MembersCommand.self, JoinCommand.self, LeaveCommand.self, ForgetCommand.self,
                    AuditCommand.self, KeysCommand.self,
                ]
            ),
            CommandGroup(
                name: "Looking",
                subcommands: [
                    StatusCommand.self, TopCommand.self, RecordsCommand.self, ExplainCommand.self,
                    QueryCommand.self, JournalCommand.self,
                ]
            ),
            CommandGroup(name: "Trying", subcommands: [SimulateCommand.self]),
        ]
    )

    package init() {}

    /// Runs the command of the process's arguments and ends the process with its status.
    package static func main() async {
        let status = await run(Array(CommandLine.arguments.dropFirst()))
        exit(withError: ExitCode(status.rawValue))
    }

    /// Runs one command; everything that goes wrong ends here, as one line on stderr.
    package static func run(_ arguments: [String]) async -> CommandStatus {
        do {
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return .done
        } catch {
            if exitCode(for: error) == .success {
                Console.say(fullMessage(for: error))
                return .done
            }
            let failure = CommandFailure(
                error,
                in: CommandPath(arguments, root: Self.self).words,
                parserMessage: { message(for: $0) }
            )
            Console.complain(failure.line)
            return failure.status
        }
    }
}

/// The subcommands that a command line names, as far as they exist: `sandbox add`.
package struct CommandPath {
    package let words: [String]

    package init(_ arguments: [String], root: any ParsableCommand.Type) {
        var words: [String] = []
        var command = root
        for argument in arguments {
            let next = command.configuration.subcommands.first { $0._commandName == argument }
            guard let next else { break }
            words.append(argument)
            command = next
        }
        self.words = words
    }
}
