import Foundation

/// dockerd and its own resolver: a daemon in a private network namespace, a network with the same
/// names, and the resolver asked at 127.0.0.11 from inside a container.
final class DockerField {
    /// What is missing or failed, for people.
    struct Absence: Error {
        let reason: String
    }

    private let folder: URL
    private let daemon: Process
    private let client: String
    private(set) var resolver: Peer?

    /// Starts all of it; nothing of it touches the host's network, images or containers.
    init(in parent: URL) throws {
        folder = parent.appendingPathComponent("docker")
        let needed = try ["dockerd", "docker", "busybox", "unshare", "nsenter", "ip", "sh"].map {
            guard let path = Peer.path(of: $0) ?? Self.shell($0) else {
                throw Absence(reason: "\($0) is not installed")
            }
            return path
        }
        client = needed[1]
        for name in ["data", "exec", "root/bin"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(name),
                withIntermediateDirectories: true
            )
        }
        let script =
            "ip link set lo up && mount -t tmpfs waggle-bench /run && mkdir /run/docker && "
            + "exec \(needed[0]) --data-root \(folder.path)/data --exec-root \(folder.path)/exec "
            + "--host unix://\(folder.path)/sock --pidfile \(folder.path)/pid "
            + "--storage-driver vfs --bridge none > \(folder.path)/log 2>&1"
        daemon = try Peer.launch(
            [needed[3], "--net", "--mount", needed[6], "-c", script],
            on: .servers
        )
        do {
            try waitForDaemon()
            try importImage(needed[2])
            resolver = try startContainers()
        } catch {
            stop()
            throw error
        }
    }

    func stop() {
        if daemon.isRunning {
            let containers = (try? docker("ps", "-aq")) ?? ""
            let names = containers.split(separator: "\n").map { String($0) }
            if !names.isEmpty { _ = try? docker(["rm", "-f"] + names) }
            daemon.terminate()
            daemon.waitUntilExit()
        }
    }

    private static func shell(_ name: String) -> String? {
        ["/bin/\(name)", "/sbin/\(name)"].first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private func waitForDaemon() throws {
        for _ in 0..<150 {
            if !daemon.isRunning { throw Absence(reason: "dockerd has ended: \(lastLine)") }
            if (try? docker("version")) != nil { return }
            Thread.sleep(forTimeInterval: 0.1)
        }
        throw Absence(reason: "dockerd did not come up: \(lastLine)")
    }

    private var lastLine: String {
        let log = try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
        return log?.split(separator: "\n").last.map { String($0) } ?? "no log"
    }

    /// A root with one program in it, so that no registry is asked.
    private func importImage(_ program: String) throws {
        let root = "\(folder.path)/root"
        _ = try Self.run(["/bin/cp", program, "\(root)/bin/busybox"])
        let linked = (try? Self.run(["/usr/bin/ldd", program])) ?? ""
        for word in linked.split(whereSeparator: { $0.isWhitespace }) where word.hasPrefix("/") {
            _ = try Self.run(["/bin/cp", "--parents", String(word), root])
        }
        _ = try Self.run(["/bin/tar", "-C", root, "-cf", "\(folder.path)/root.tar", "."])
        _ = try docker("import", "\(folder.path)/root.tar", "waggle-bench:1")
    }

    private func startContainers() throws -> Peer {
        _ = try docker("network", "create", "--subnet", "10.9.0.0/24", "bench")
        var last = ""
        let named = [("one", Field.oneAddress)] + Field.threeAddresses.map { ("web", $0) }
        for (name, address) in named {
            last = try docker(
                "run",
                "-d",
                "--network",
                "bench",
                "--ip",
                address,
                "--network-alias",
                name,
                "waggle-bench:1",
                "/bin/busybox",
                "sleep",
                "100000"
            )
        }
        let text = try docker("inspect", "-f", "{{.State.Pid}}", last)
        guard let inside = Int32(text), inside > 0 else {
            throw Absence(reason: "a container did not start: \(lastLine)")
        }
        var place = Peer.Place(address: "127.0.0.11", port: 53)
        place.namespaceOf = inside
        return Peer("dockerd", at: place, daemon, countsChildren: false)
    }

    private func docker(_ words: String...) throws -> String { try docker(words) }

    private func docker(_ words: [String]) throws -> String {
        try Self.run([client, "--host", "unix://\(folder.path)/sock"] + words)
    }

    private static func run(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(),
            as: UTF8.self
        )
        let complaint = String(
            decoding: errors.fileHandleForReading.readDataToEndOfFile(),
            as: UTF8.self
        )
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let what = complaint.split(separator: "\n").last.map { String($0) } ?? "no reason given"
            throw Absence(reason: "\(words.dropFirst().joined(separator: " ")): \(what)")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
