import Foundation
import Testing

/// Two real dockerds that form a swarm, each in a namespace of its own, and a third namespace beside them.
final class DockerSwarm: Sendable {
    /// Keys of the swarm's ring, the primary first.
    let keys: [[UInt8]]
    /// The id of the attachable overlay network `front`.
    let network: String
    /// The namespace beside the daemons; its address is 10.77.0.11.
    let path: String
    private let directory: String

    fileprivate init(_ output: String, _ directory: String, _ name: String) throws {
        var keys: [[UInt8]] = []
        var network: String?
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "key", words.count == 2 { keys.append(Self.octets(words[1])) }
            if words.first == "network", words.count == 2 { network = String(words[1]) }
        }
        guard keys.count == 3, keys.allSatisfy({ $0.count == 16 }), let network else {
            throw HarnessError("the swarm said: \(output)")
        }
        self.keys = keys
        self.network = network
        self.directory = directory
        path = "/run/netns/\(name)-w1"
    }

    private static func octets(_ hexadecimal: Substring) -> [UInt8] {
        let digits = Array(hexadecimal)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { place in
            UInt8(String(digits[place...place + 1]), radix: 16)
        }
    }

    /// Has one of the daemons, 1 or 2, do something that succeeds.
    @discardableResult
    func docker(_ daemon: Int, _ words: String...) async throws -> String {
        let outcome = try await ask(daemon, words)
        guard outcome.status == 0 else { throw HarnessError("docker \(words): \(outcome)") }
        return outcome.text
    }

    private func ask(_ daemon: Int, _ words: [String]) async throws -> Outcome {
        let line = ["docker", "-H", "unix://\(directory)/\(daemon).sock"] + words
        return try await run(line, seconds: 60)
    }

    /// Starts a container on `front`; returns its address there.
    func start(_ name: String, on daemon: Int) async throws -> String {
        try await docker(
            daemon,
            "run",
            "-d",
            "--name",
            name,
            "--network",
            "front",
            "box:1",
            "/bin/sleep",
            "600"
        )
        return try await docker(
            daemon,
            "inspect",
            "-f",
            "{{.NetworkSettings.Networks.front.IPAddress}}",
            name
        )
    }

    /// Whether a name resolves to an address in a container.
    func resolves(
        _ name: String,
        to address: String,
        in container: String,
        on daemon: Int
    ) async -> Bool {
        let outcome = try? await ask(daemon, ["exec", container, "nslookup", name])
        return outcome?.output.contains("Address: \(address)\n") ?? false
    }
}

/// Runs `body` with a swarm, and ends all of it in every case.
func withDockerSwarm<Result: Sendable>(
    _ body: (DockerSwarm) async throws -> Result
) async throws -> Result {
    let folder = try Folder()
    defer { folder.remove() }
    let name = "waggle-\(getpid())-swarm"
    let directory = folder.file("swarm")
    let lines = Pipe()
    let swarm = try Background(
        [Repository.root.appending(path: "fixtures/docker/swarm").path, name, directory],
        in: folder,
        lines: lines
    )
    func finish() async {
        try? lines.fileHandleForWriting.close()
        if await swarm.end(within: 30) == nil { await swarm.stop() }
    }
    do {
        let isReady = await eventually(within: 60) {
            swarm.output.contains("ready\n") || !swarm.isRunning
        }
        guard isReady, swarm.isRunning else {
            throw HarnessError("the swarm did not start: \(swarm.error)")
        }
        let result = try await body(DockerSwarm(swarm.output, directory, name))
        await finish()
        return result
    } catch {
        await finish()
        throw error
    }
}
