package import HTTPAPI

/// The exit codes of every command.
package enum CommandStatus: Int32, Sendable {
    case done = 0
    /// The operation failed.
    case failed = 1
    /// Wrong usage or configuration.
    case usage = 2
    /// The daemon is not reachable.
    case unreachable = 3
    /// No such object.
    case absent = 4
}

/// Why a command ends without its result: a status and one line.
package struct CommandFailure: Error, Hashable, Sendable {
    package var status: CommandStatus
    /// What was tried: the command's words.
    package var what: String
    package var why: String
    /// What to do; nil when `why` says so already.
    package var advice: String?

    package init(_ status: CommandStatus, what: String, why: String, advice: String? = nil) {
        self.status = status
        self.what = what
        self.why = why
        self.advice = advice
    }

    /// `waggle: what: why; what to do`, always one line.
    package var line: String {
        let parts = ["waggle", what, why].filter { !$0.isEmpty }.joined(separator: ": ")
        let line = advice.map { "\(parts); \($0)" } ?? parts
        return String(line.map { $0.isNewline || $0 == "\0" ? " " : $0 })
    }

    /// Takes any error of a command.
    ///
    /// `words` are the command's; `parserMessage` words the argument parser's own errors.
    package init(
        _ error: any Error,
        in words: [String],
        parserMessage: (any Error) -> String
    ) {
        let what = words.joined(separator: " ")
        let help = "see '\((["waggle"] + words).joined(separator: " ")) --help'"
        switch error {
        case var failure as CommandFailure:
            if failure.what.isEmpty { failure.what = what }
            self = failure
        case let error as FieldError:
            let field = FieldError(path: Self.flag(error.path, in: words), error.problem)
            self.init(.usage, what: what, why: "\(field)")
        case let error as APIClientError:
            let (status, advice) = Self.reading(error)
            self.init(status, what: what, why: "\(error)", advice: advice)
        default:
            let message = Self.oneLine(parserMessage(error))
            self.init(.usage, what: what, why: message, advice: help)
        }
    }

    /// The failure that a response means; nil for a success.
    package init?(_ response: APIResponse, in words: [String]) {
        if (200..<300).contains(response.status) { return nil }
        let body = try? JSONValue(parsing: response.body)
        let message = body?["message"]?.stringValue ?? "the daemon answered \(response.status)"
        let what = words.joined(separator: " ")
        switch response.status {
        case 404:
            let list = words.first.map { ["records", "explain"].contains($0) ? "network" : $0 }
            self.init(
                .absent,
                what: what,
                why: message,
                advice: message.contains("; ") ? nil : "see 'waggle \(list ?? "status") ls'"
            )
        case 400: self.init(.usage, what: what, why: message)
        default: self.init(.failed, what: what, why: message)
        }
    }

    /// The flag that a key of a body comes from: `taskAlias[1]` is `--task-alias`.
    package static func flag(_ path: String, in words: [String]) -> String {
        let key = path.prefix { $0 != "[" && $0 != "." }
        if key.isEmpty { return path }
        if key == "name", words.first != "endpoint" { return "NAME" }
        var flag = "--"
        for character in key {
            flag += character.isUppercase ? "-" + character.lowercased() : String(character)
        }
        return flag
    }

    private static func reading(_ error: APIClientError) -> (CommandStatus, advice: String) {
        switch error {
        case .unreachable(_, .denied): (.unreachable, "run as root or join the socket's group")
        case .unreachable:
            (.unreachable, "start it with 'waggle daemon' or name its socket with --socket")
        case .broken, .timeout, .tooLarge: (.failed, "see the daemon's log")
        }
    }

    /// The parser's message without line ends and without the full stop before our own advice.
    private static func oneLine(_ message: String) -> String {
        var words = message.split { $0.isWhitespace }.joined(separator: " ")
        if words.hasPrefix("Error: ") { words.removeFirst(7) }
        while words.hasSuffix(".") { words.removeLast() }
        return words
    }
}
