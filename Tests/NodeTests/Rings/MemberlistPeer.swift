import Foundation
import Glibc
import Synchronization

/// One memberlist node of `fixtures/gossip/memberlist-peer` in a namespace, driven by lines.
///
/// To be used through `RingSpace`, which ends it whatever happens.
final class MemberlistPeer: Sendable {
    let name: String
    let address: String
    private let space: Namespace
    private let folder: Folder
    private let flags: [String]
    private struct State {
        var program: Background?
        var lines: Pipe?
        /// Lines that were asked for and have been seen.
        var seen = 0
    }
    private let state = Mutex(State())

    /// `address`: with its port, as `127.0.0.1:7946`.
    init(_ name: String, at address: String, in space: Namespace, flags: [String]) throws {
        self.name = name
        self.address = address
        self.space = space
        self.flags = flags
        folder = try Folder()
        // A peer that has ended must not end the test.
        signal(SIGPIPE, SIG_IGN)
    }

    /// The program, built once; nil with a reason where it cannot be.
    static let program = Task { () -> Result<String, HarnessError> in
        let source = Repository.root.appending(path: "fixtures/gossip/memberlist-peer").path
        let built = Repository.root.appending(path: ".build/memberlist-peer")
        let outcome = try? await run(
            ["env", "-C", source, "go", "build", "-o", built.path, "."],
            environment: [
                "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
                "GOCACHE": Repository.root.appending(path: ".build/go-cache").path,
            ],
            seconds: 240
        )
        if let outcome, outcome.status == 0 { return .success(built.path) }
        return .failure(
            HarnessError("memberlist-peer cannot be built: \(String(describing: outcome))")
        )
    }

    /// Starts it, and waits until it is ready.
    func up(_ more: String...) async throws {
        let path = try await Self.program.value.get()
        let lines = Pipe()
        let (host, port) = Self.parts(address)
        var words = space.inside + [path, "-name", name, "-bind", host, "-port", port]
        words += flags + more
        let process = try Background(words, in: folder, lines: lines)
        state.withLock {
            $0.program = process
            $0.lines = lines
            $0.seen = 0
        }
        _ = try await event("ready")
    }

    private static func parts(_ address: String) -> (host: String, port: String) {
        let colon = address.lastIndex(of: ":") ?? address.endIndex
        let host = address[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return (host, String(address[colon...].dropFirst()))
    }

    private var program: Background? { state.withLock { $0.program } }

    /// All that it has said since it was started last.
    var log: [JSON] {
        (program?.output ?? "").split(separator: "\n").compactMap { try? JSON(String($0)) }
    }

    func tell(_ line: String) throws {
        guard let lines = state.withLock({ $0.lines }) else {
            throw HarnessError("\(name) is not running")
        }
        try lines.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
    }

    /// Waits until it says that event; the first one that fits.
    @discardableResult
    func event(
        _ event: String,
        within seconds: Double = 10,
        from start: Int = 0,
        where fits: (JSON) -> Bool = { _ in true }
    ) async throws -> JSON {
        var found: JSON?
        _ = await eventually(within: seconds) {
            found = log.dropFirst(start).first { $0["ev"].text == event && fits($0) }
            return found != nil || program?.isRunning != true
        }
        guard let found else {
            let said = (program?.output ?? "") + (program?.error ?? "")
            throw HarnessError(
                "\(name): no event \(event) within \(seconds) s: \(said.suffix(2000))"
            )
        }
        return found
    }

    /// Tells it something, and waits for the event that answers.
    @discardableResult
    func ask(_ line: String, _ answer: String, within seconds: Double = 10) async throws -> JSON {
        let start = log.count
        try tell(line)
        return try await event(answer, within: seconds, from: start)
    }

    /// Whether that event comes, about that member.
    func says(
        _ event: String,
        of member: String,
        within seconds: Double = Spread.seconds,
        from start: Int = 0
    ) async -> Bool {
        (try? await self.event(event, within: seconds, from: start) {
            $0["name"].text == member
        }) != nil
    }

    /// Names of the members that it holds alive.
    func members() async throws -> Set<String> {
        Set(try await ask("members", "members")["list"].list.map { $0["name"].text })
    }

    /// Whether it comes to hold exactly these alive.
    func shows(_ members: Set<String>, within seconds: Double = Spread.seconds) async -> Bool {
        await eventually(within: seconds) {
            let isSo = (try? await self.members()) == members
            if !isSo { try? await Task.sleep(for: .milliseconds(100)) }
            return isSo
        }
    }

    /// Ends it as a crash does.
    func crash() async {
        await program?.stop()
    }

    /// Stops it from running, or lets it run again.
    func freeze(_ isFrozen: Bool) {
        program?.send(isFrozen ? SIGSTOP : SIGCONT)
    }

    func discard() async {
        freeze(false)
        await crash()
        folder.remove()
    }
}
