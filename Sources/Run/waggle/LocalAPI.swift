import ArgumentParser
import HTTPAPI

/// `--socket`, which every command that asks the daemon has.
struct SocketOption: ParsableArguments {
    @Option(help: "The daemon's unix socket (or \(APISocketPath.variable)).")
    var socket: String?

    /// The daemon behind it.
    func daemon(for words: String...) -> LocalAPI {
        let path = APISocketPath.forCommand(
            flag: socket,
            environment: Console.environment,
            isRoot: Console.isRoot,
            exists: Console.exists
        )
        return LocalAPI(client: APIClient(socketPath: path), words: words)
    }
}

/// `--json`, which every command that prints data has.
struct JSONFlag: ParsableArguments {
    @Flag(help: "Print one JSON document (docs/api.md).")
    var json = false
}

/// The daemon, as one command asks it.
struct LocalAPI {
    let client: APIClient
    /// The command's words, for errors.
    let words: [String]

    /// Sends a request under `/waggle/v1`.
    ///
    /// Throws: `APIClientError` without an answer, `CommandFailure` for an answer that is an error.
    func send(
        _ method: String,
        _ path: [String],
        query: [APIRequest.Parameter] = [],
        body: [UInt8] = []
    ) async throws -> APIResponse {
        let response = try await client.send(
            APIRequest(
                method: method,
                path: WaggleRoute.prefix + path,
                query: query,
                body: body
            )
        )
        if let failure = CommandFailure(response, in: words) { throw failure }
        return response
    }

    /// GETs a document, prints it as it is with `--json`, or else what `human` makes of it.
    func show(
        _ path: [String],
        query: [APIRequest.Parameter] = [],
        asJSON: Bool,
        human: (JSONValue) -> String
    ) async throws {
        let response = try await send("GET", path, query: query)
        try print(response, asJSON: asJSON, human: human)
    }

    /// Prints a response's document, if it has one.
    func print(
        _ response: APIResponse,
        asJSON: Bool,
        human: (JSONValue) -> String
    ) throws {
        if asJSON {
            Console.say(String(decoding: response.body, as: UTF8.self).trimmingLineEnds)
            return
        }
        let limits = JSONLimits(
            octetsMax: response.body.count,
            depthMax: 32,
            valueCountMax: .max
        )
        do {
            let text = human(try JSONValue(parsing: response.body, limits: limits))
            if !text.isEmpty { Console.say(text) }
        } catch {
            throw CommandFailure(
                .failed,
                what: words.joined(separator: " "),
                why: "the daemon's answer is no JSON: \(error)",
                advice: "check that command and daemon are of the same version"
            )
        }
    }
}

extension String {
    fileprivate var trimmingLineEnds: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
