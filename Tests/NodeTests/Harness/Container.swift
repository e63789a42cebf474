import Foundation
import Glibc
import Synchronization
import Testing

/// A container runtime by other hands.
enum Runtime: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case runc, crun

    var testDescription: String { rawValue }

    var isThere: Bool { Tool.has(rawValue, "unshare", "umount") }

    /// The words that run it, with its state in `folder`.
    func words(_ folder: Folder) -> [String] {
        let flags = ["--root", folder.file("runtime")]
        switch self {
        case .runc:
            return ["runc"] + flags
        case .crun:
            // crun refuses hosts that have version 2 of cgroups beside version 1; it looks no
            // further than its mount namespace.
            let script = "umount /sys/fs/cgroup/unified 2> /dev/null; exec crun \"$@\""
            return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", script, "crun"]
                + flags + ["--cgroup-manager", "cgroupfs"]
        }
    }
}

extension Requirement {
    static let containers: ConditionTrait = .enabled(
        if: Tool.has("busybox", "getent", "ldd") && Runtime.allCases.contains { $0.isThere },
        "containers need runc or crun, busybox, getent and ldd"
    )
}

/// A bundle with a busybox root, and how it is run.
struct Container: Sendable {
    private static let count = Atomic<Int>(0)

    let folder: Folder
    let id: String
    /// The shell's words.
    ///
    /// They print a file by sed, not by cat: its sendfile puts the file's own pages into the pipe that the
    /// runtime reads, and a slow runtime reads there what was put back when the container had ended.
    var command = "sleep 60"
    var hostname = "box"
    var annotations: [String: String] = [:]
    /// Flags of the hook, beside the socket; nil: no hook.
    var hook: [String]? = []
    /// A folder that its resolv.conf is copied to when a hook has returned, under the hook's name.
    var witness: String?
    /// Nil: a fresh one of its own.
    var namespace: String?
    /// Files of the host, by where the container has them.
    var mounts: [String: String] = [:]

    /// The daemon that the hook asks.
    let socket: String

    init(_ node: Node) {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        folder = node.folder
        socket = node.socket
        id = "waggle-\(getpid())-\(number)"
    }

    var bundle: String { folder.file(id) }
    var root: String { "\(bundle)/rootfs" }
    /// The file that it has for /etc/resolv.conf when nothing is mounted there.
    var resolvConf: String { "\(root)/etc/resolv.conf" }

    /// Makes the root: busybox under its names, getent, and the libraries of both.
    func build() async throws {
        let files = FileManager.default
        for name in ["bin", "etc", "proc", "dev", "sys", "tmp", "usr"] {
            let path = "\(root)/\(name)"
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        for name in ["busybox", "getent"] {
            let program = try #require(Tool.path(name))
            try files.copyItem(atPath: Self.real(program), toPath: "\(root)/bin/\(name)")
            for library in try await Self.libraries(of: program) {
                let path = root + library
                if files.fileExists(atPath: path) { continue }
                let parent = URL(filePath: path).deletingLastPathComponent()
                try files.createDirectory(at: parent, withIntermediateDirectories: true)
                try files.copyItem(atPath: Self.real(library), toPath: path)
            }
        }
        for name in ["sh", "sleep", "sed", "nslookup", "hostname", "kill"] {
            try files.createSymbolicLink(
                atPath: "\(root)/bin/\(name)",
                withDestinationPath: "busybox"
            )
        }
        let data = try JSONSerialization.data(withJSONObject: configuration)
        try data.write(to: URL(filePath: "\(bundle)/config.json"))
    }

    private static func real(_ path: String) -> String {
        URL(filePath: path).resolvingSymlinksInPath().path
    }

    private static func libraries(of program: String) async throws -> [String] {
        try await NodeTests.run(["ldd", program]).lines
            .flatMap { $0.split(whereSeparator: \.isWhitespace) }
            .filter { $0.hasPrefix("/") && !$0.hasSuffix(":") }.map { String($0) }
    }

    private var configuration: [String: Any] {
        var network: [String: Any] = ["type": "network"]
        if let namespace { network["path"] = namespace }
        var others: [[String: Any]] = [
            ["destination": "/proc", "type": "proc", "source": "proc"],
            ["destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]],
        ]
        for (destination, source) in mounts.sorted(by: { $0.key < $1.key }) {
            others.append([
                "destination": destination, "type": "bind", "source": source,
                "options": ["rbind", "rw"],
            ])
        }
        var configuration: [String: Any] = [
            "ociVersion": "1.0.2", "hostname": hostname,
            "process": [
                "terminal": false, "cwd": "/", "user": ["uid": 0, "gid": 0],
                "args": ["/bin/sh", "-c", command], "env": ["PATH=/bin"],
            ] as [String: Any],
            "root": ["path": "rootfs", "readonly": true] as [String: Any],
            "mounts": others, "annotations": annotations,
            "linux": [
                "namespaces": [
                    ["type": "pid"], ["type": "mount"], ["type": "uts"], ["type": "ipc"], network,
                ]
            ],
        ]
        if let hook {
            let words = ["waggle", "oci-hook", "--socket", socket] + hook
            let call: [String: Any] = ["path": Executable.path, "args": words, "timeout": 30]
            var hooks: [String: [[String: Any]]] = [:]
            for moment in ["createRuntime", "poststop"] {
                hooks[moment] = [call]
                guard let witness else { continue }
                let copying = ["cp", resolvConf, "\(witness)/\(moment)"]
                hooks[moment]?.append(["path": "/bin/cp", "args": copying, "timeout": 30])
            }
            configuration["hooks"] = hooks
        }
        return configuration
    }

    /// Runs it to its end.
    func run(_ runtime: Runtime) async throws -> Outcome {
        try await NodeTests.run(
            runtime.words(folder) + ["run", "--bundle", bundle, id],
            seconds: 60
        )
    }

    /// Runs `body` while it runs, and ends it in every case; `body` gets its first process.
    func during(
        _ runtime: Runtime,
        _ body: (Int32) async throws -> Void
    ) async throws {
        let pidFile = "\(bundle)/pid"
        let words = ["run", "--bundle", bundle, "--pid-file", pidFile, id]
        try await withBackground(runtime.words(folder) + words) { process in
            let isUp = await eventually(within: 20) {
                !Folder.text(pidFile).isEmpty || !process.isRunning
            }
            do {
                guard isUp, let pid = Int32(Folder.text(pidFile)) else {
                    throw HarnessError("\(id) did not start: \(process.error)")
                }
                try await body(pid)
            } catch {
                await end(runtime, process)
                throw error
            }
            await end(runtime, process)
        }
    }

    private func end(_ runtime: Runtime, _ process: Background) async {
        _ = try? await NodeTests.run(runtime.words(folder) + ["kill", id, "KILL"])
        _ = await process.end(within: 10)
        _ = try? await NodeTests.run(runtime.words(folder) + ["delete", "--force", id])
    }
}
