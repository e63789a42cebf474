import Foundation
import Glibc
import Synchronization

/// One `serf agent` in a namespace, at an address of its own.
///
/// To be used through `RingSpace`, which ends it whatever happens.
final class SerfAgent: Sendable {
    let name: String
    let address: String
    private let space: Namespace
    private let folder: Folder
    private let words: [String]
    private let agent = Mutex<Background?>(nil)

    init(_ name: String, at address: String, in space: Namespace, flags: [String]) throws {
        self.name = name
        self.address = address
        self.space = space
        folder = try Folder()
        words =
            space.inside + [
                "serf", "agent", "-node=\(name)", "-bind=\(address):7946",
                "-rpc-addr=\(address):7373", "-profile=local", "-log-level=debug",
                "-retry-interval=1s",
            ] + flags
    }

    /// What it has said since it was started last.
    var log: String { agent.withLock { $0 }.map { $0.output + $0.error } ?? "" }

    var isRunning: Bool { agent.withLock { $0 }?.isRunning ?? false }

    /// Starts it, and waits until it answers.
    func up() async throws {
        let process = try Background(words, in: folder)
        agent.withLock { $0 = process }
        let isUp = await eventually(within: 10) {
            process.output.contains("agent: Serf agent starting") || !process.isRunning
        }
        guard isUp, process.isRunning, await answers() else {
            throw HarnessError("serf \(name) did not start: \(log)")
        }
    }

    private func answers() async -> Bool {
        await eventually(within: 10) { (try? await serf("info").status) == 0 }
    }

    /// Ends it as a crash does.
    func crash() async {
        await agent.withLock { $0 }?.stop()
    }

    /// Stops it from running, or lets it run again.
    func freeze(_ isFrozen: Bool) {
        agent.withLock { $0 }?.send(isFrozen ? SIGSTOP : SIGCONT)
    }

    /// Runs a command of serf's against this agent; it looks for flags only before what is none.
    func serf(_ command: String...) async throws -> Outcome {
        var words = command.flatMap { NodeTests.words($0) }
        words.insert("-rpc-addr=\(address):7373", at: 1)
        return try await NodeTests.run(space.inside + ["serf"] + words, seconds: 15)
    }

    /// The members that it shows, by name.
    func members() async throws -> [String: JSON] {
        let outcome = try await serf("members -format json")
        guard outcome.status == 0 else { throw HarnessError("serf members: \(outcome)") }
        var members: [String: JSON] = [:]
        for member in try JSON(outcome.output)["members"].list {
            members[member["name"].text] = member
        }
        return members
    }

    /// The status of a member; empty when it shows none of that name.
    func status(of member: String) async throws -> String {
        try await members()[member]?["status"].text ?? ""
    }

    /// Whether it comes to show a member so.
    func shows(
        _ member: String,
        _ status: String,
        within seconds: Double = Spread.seconds
    ) async -> Bool {
        await eventually(within: seconds) { (try? await self.status(of: member)) == status }
    }

    /// Whether it comes to say that.
    func says(_ text: String, within seconds: Double = Spread.seconds) async -> Bool {
        await eventually(within: seconds) { log.contains(text) }
    }

    func discard() async {
        // One that was stopped does not see the end coming.
        freeze(false)
        await crash()
        folder.remove()
    }
}
