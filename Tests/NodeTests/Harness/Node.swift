import Foundation
import Glibc
import Synchronization

/// One `waggle daemon` with a state directory and a socket of its own.
///
/// To be used through `withNode`, which ends it whatever happens.
final class Node: Sendable {
    /// How the daemon is started.
    struct Start: Sendable {
        /// The configuration file; none is given when nil.
        var configuration: String?
        var flags: [String] = []
        var environment: [String: String] = [:]
        /// Leaves the upstreams to the resolv.conf that the daemon sees.
        var withoutUpstreams = false
        /// Words before the executable, as `ip netns exec NAME`.
        var prefix: [String] = []
        /// The configuration has a gossip plane of its own; without it the port is any that is free.
        var hasGossip = false
        /// Where state is kept; a folder of the test's own by default.
        var stateDirectory: String?
    }

    /// Nothing listens there, so what is forwarded fails at once.
    static let deadUpstream = "127.0.0.1:1"

    let folder: Folder
    private let start: Start
    private let daemon = Mutex<Background?>(nil)

    fileprivate init(_ start: Start) throws {
        folder = try Folder()
        self.start = start
        if let text = start.configuration { try configure(text) }
    }

    var stateDirectory: String { start.stateDirectory ?? folder.file("state") }
    var socket: String { folder.file("waggle.sock") }
    var log: String { "\(stateDirectory)/names.log" }
    var configurationPath: String { folder.file("waggle.json") }

    /// The running daemon.
    var process: Background {
        get throws {
            guard let process = daemon.withLock({ $0 }) else {
                throw HarnessError("the daemon is not running")
            }
            return process
        }
    }

    var pid: Int32 { get throws { try process.pid } }

    /// The daemon's log.
    var complaints: String { daemon.withLock { $0 }?.error ?? "" }

    /// Writes the configuration file.
    func configure(_ text: String) throws {
        try folder.write("waggle.json", text)
    }

    /// The words that start this daemon, behind `prefix`.
    func line(prefix: [String]) -> [String] {
        var words = prefix + [Executable.path, "daemon"]
        words += ["--state-dir", stateDirectory, "--socket", socket]
        if start.configuration != nil { words += ["--config", configurationPath] }
        return words + start.flags
    }

    var environment: [String: String] {
        var variables = [
            "WAGGLE_NODE_NAME": "n1", "WAGGLE_METRICS_LISTEN": "", "WAGGLE_API_GROUP": "",
        ]
        if !start.hasGossip { variables["WAGGLE_GOSSIP_BIND"] = "127.0.0.1:0" }
        if !start.withoutUpstreams { variables["WAGGLE_DNS_UPSTREAMS"] = Self.deadUpstream }
        return variables.merging(start.environment) { $1 }
    }

    /// Starts the daemon and waits for its ready line.
    ///
    /// `prefix`: instead of the one it is usually started with.
    @discardableResult
    func up(prefix: [String]? = nil) async throws -> Background {
        let process = try Background(
            line(prefix: prefix ?? start.prefix),
            in: folder,
            environment: environment
        )
        daemon.withLock { $0 = process }
        let isReady = await eventually(within: 30) {
            process.output.hasPrefix("ready ") || !process.isRunning
        }
        guard isReady, process.isRunning else {
            await process.stop()
            throw HarnessError("the daemon did not become ready: \(process.error)")
        }
        return process
    }

    /// Sends a signal and waits for the end; its exit status, or the negative signal.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM, within seconds: Double = 10) async throws -> Int32 {
        let process = try process
        process.send(signal)
        guard let status = await process.end(within: seconds) else {
            throw HarnessError("the daemon did not end within \(seconds) s of signal \(signal)")
        }
        return status
    }

    /// Ends the daemon with this signal and starts it again.
    func restart(_ signal: Int32) async throws {
        try await end(signal)
        try await up()
    }

    /// Runs this daemon to its end, which is expected to come by itself.
    func attempt() async throws -> Outcome {
        try await run(line(prefix: start.prefix), environment: environment)
    }

    /// Sends SIGHUP and waits for what the log says about it.
    ///
    /// Returns whether the configuration was taken up.
    @discardableResult
    func reload(_ text: String) async throws -> Bool {
        try configure(text)
        let before = complaints.count
        try process.send(SIGHUP)
        var news = ""
        let isOver = await eventually(within: 10) {
            news = String(complaints.dropFirst(before))
            return news.contains("configuration reloaded") || news.contains("not taken up")
        }
        if !isOver { throw HarnessError("no word about the reload: \(complaints)") }
        return news.contains("configuration reloaded")
    }

    /// Where each sandbox listens.
    func places() async throws -> [String: String] {
        var places: [String: String] = [:]
        for sandbox in try await json("sandbox ls").list {
            places[sandbox["name"].text] = sandbox["address"].text
        }
        return places
    }

    /// Runs a command against this daemon.
    func waggle(
        _ words: [String],
        input: String? = nil,
        seconds: Double = Background.patience
    ) async throws -> Outcome {
        try await run(
            [Executable.path] + words,
            input: input,
            environment: ["WAGGLE_SOCKET": socket],
            seconds: seconds
        )
    }

    func waggle(_ command: String) async throws -> Outcome {
        try await waggle(words(command))
    }

    /// Runs a command that has to succeed; its output.
    @discardableResult
    func require(_ command: String, input: String? = nil) async throws -> String {
        let outcome = try await waggle(words(command), input: input)
        guard outcome.status == 0, outcome.error.isEmpty else {
            throw HarnessError("waggle \(command): \(outcome)")
        }
        return outcome.text
    }

    /// The document that a command prints with `--json`.
    func json(_ command: String) async throws -> JSON {
        let outcome = try await waggle(words(command) + ["--json"])
        guard outcome.status == 0 else { throw HarnessError("waggle \(command): \(outcome)") }
        return try JSON(outcome.output)
    }

    /// Names of the sandboxes with their states.
    func sandboxes() async throws -> [String: String] {
        var states: [String: String] = [:]
        for sandbox in try await json("sandbox ls").list {
            states[sandbox["name"].text] = sandbox["state"].text
        }
        return states
    }

    /// Ids of the endpoints.
    func endpoints() async throws -> Set<String> {
        Set(try await json("endpoint ls").list.map { $0["id"].text })
    }

    fileprivate func discard() async {
        if let process = daemon.withLock({ $0.take() }) { await process.stop() }
        folder.remove()
    }
}

/// Runs `body` with a daemon that is ready, and ends it in every case.
func withNode<Result: Sendable>(
    _ start: Node.Start = Node.Start(),
    isUp: Bool = true,
    _ body: (Node) async throws -> Result
) async throws -> Result {
    let node = try Node(start)
    do {
        if isUp { try await node.up() }
        let result = try await body(node)
        await node.discard()
        return result
    } catch {
        await node.discard()
        throw error
    }
}

/// A JSON document, read leniently: what is not there is empty.
struct JSON: Sendable {
    private indirect enum Value: Sendable {
        case null
        case text(String)
        case number(Double)
        case flag(Bool)
        case list([JSON])
        case object([String: JSON])
    }

    private let value: Value

    /// Throws: when `text` is not one JSON document.
    init(_ text: String) throws {
        let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
        self.init(try JSONSerialization.jsonObject(with: Data(text.utf8), options: options))
    }

    private init(_ any: Any) {
        switch any {
        case let object as [String: Any]: value = .object(object.mapValues { JSON($0) })
        case let list as [Any]: value = .list(list.map { JSON($0) })
        case let text as String: value = .text(text)
        case let flag as Bool where "\(type(of: any))".contains("Bool"): value = .flag(flag)
        case let number as NSNumber: value = .number(number.doubleValue)
        default: value = .null
        }
    }

    private init() { value = .null }

    subscript(key: String) -> JSON {
        if case .object(let members) = value { members[key] ?? JSON() } else { JSON() }
    }

    var keys: Set<String> {
        if case .object(let members) = value { Set(members.keys) } else { [] }
    }

    var list: [JSON] { if case .list(let list) = value { list } else { [] } }
    var text: String { if case .text(let text) = value { text } else { "" } }
    var number: Int { if case .number(let number) = value { Int(number) } else { 0 } }
    var texts: [String] { list.map { $0.text } }
    var isNull: Bool { if case .null = value { true } else { false } }
    var isTrue: Bool {
        switch value {
        case .flag(let flag): flag
        case .number(let number): number == 1
        default: false
        }
    }
}
