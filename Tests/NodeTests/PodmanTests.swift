import Foundation
import Testing

/// An engine by other hands, which finds the hook in a folder and mounts files of its own.
@Suite(
    "Podman",
    Requirement.namespaces,
    Requirement.containers,
    Requirement.tools("podman", "runc", "tar"),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct PodmanTests {
    @Test("a container with the annotation resolves, and is gone with everything when removed")
    func whole() async throws {
        try await withNode { node in
            try await withNamespace { space in
                try await space.address("10.0.1.7/24")
                try await node.require(
                    "endpoint add --network mynet --name web --ip 10.0.1.5 --id web"
                )
                try await Self.withPodman(node) { podman in
                    let flags = [
                        "--network", "ns:\(space.path)", "--hostname", "boxy",
                        "--annotation", "io.waggle.networks=mynet",
                        "--annotation", "io.waggle.name=me", "--dns", "192.0.2.9",
                        // What a test may raise here, not what podman would.
                        "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
                    ]
                    // Not by cat: its sendfile puts the file's own pages into the pipe, and who
                    // reads them after the container's end sees what was put back.
                    let script =
                        "while read -r line; do echo \"$line\"; done < /etc/resolv.conf; "
                        + "for n in web me boxy; do getent ahostsv4 $n; done"
                    let shell = ["localhost/box", "/bin/sh", "-c"]
                    let outcome = try await podman(["run", "--rm"] + flags + shell + [script])
                    #expect(outcome.status == 0, "\(outcome)")
                    #expect(outcome.output.hasPrefix("nameserver 127.0.0.11\n"), "\(outcome)")
                    #expect(outcome.output.contains("# ExtServers: [192.0.2.9]\n"))
                    let found = outcome.lines.filter { $0.contains(" STREAM ") }
                        .map { "\($0.split(separator: " ")[0])" }
                    #expect(found == ["10.0.1.5", "10.0.1.7", "10.0.1.7"], "\(outcome)")
                    #expect(try await node.endpoints() == ["web"])

                    // In the foreground: what podman leaves running holds on to the test.
                    let named = ["run", "--name", "bee"] + flags
                    async let running = podman(named + shell + ["sleep 60"])
                    let isServed = await eventually(within: 20) {
                        (try? await node.sandboxes().values.first) == "serving"
                    }
                    #expect(isServed)
                    #expect(try await Client(inside: space).resolves("me"))
                    #expect(try await podman(["rm", "--force", "--time", "0", "bee"]).status == 0)
                    _ = try await running
                    #expect(try await node.sandboxes().isEmpty)
                    #expect(try await node.endpoints() == ["web"])
                }
            }
        }
    }

    /// Runs `body` with a podman whose storage is the test's own and holds the image `box`, and
    /// ends all its containers in every case.
    private static func withPodman(
        _ node: Node,
        _ body: (@Sendable ([String]) async throws -> Outcome) async throws -> Void
    ) async throws {
        let folder = node.folder
        let hooks = folder.file("hooks")
        try FileManager.default.createDirectory(
            atPath: hooks,
            withIntermediateDirectories: true
        )
        let socket = node.socket
        try folder.write(
            "hooks/waggle.json",
            """
            {"version": "1.0.0", "stages": ["createRuntime", "poststop"],
             "hook": {"path": "\(Executable.path)",
                      "args": ["waggle", "oci-hook", "--socket", "\(socket)"]},
             "when": {"annotations": {"^io\\\\.waggle\\\\.networks$": "."}}}
            """
        )
        let common = [
            "podman", "--root", folder.file("images"), "--runroot", folder.file("running"),
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc",
            "--hooks-dir", hooks,
        ]
        let podman: @Sendable ([String]) async throws -> Outcome = { words in
            try await run(common + words, seconds: 60)
        }
        let container = Container(node)
        try await container.build()
        let archive = folder.file("box.tar")
        try await require("tar", "-C", container.root, "-cf", archive, ".")
        let imported = try await podman(["import", archive, "localhost/box"])
        guard imported.status == 0 else { throw HarnessError("podman import: \(imported)") }
        do {
            try await body(podman)
        } catch {
            _ = try? await podman(["rm", "--all", "--force", "--time", "0"])
            throw error
        }
        _ = try await podman(["rm", "--all", "--force", "--time", "0"])
    }
}
