import Foundation
import Glibc
import Testing

/// What docs/operations/waggle.service leaves of root is enough for everything a node does.
@Suite(
    "The unit",
    Requirement.namespaces,
    Requirement.tools("setpriv", "dig", Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct UnitTests {
    private static let text = Folder.text(
        Repository.root.appending(path: "docs/operations/waggle.service").path
    )

    /// The value of a key that stands once.
    private static func value(_ key: String) -> String {
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(key)=") }
        return line.map { String($0.dropFirst(key.count + 1)) } ?? ""
    }

    @Test("it takes away what it can and keeps the sockets")
    func keys() throws {
        #expect(Self.value("NoNewPrivileges") == "yes")
        #expect(Self.value("SystemCallFilter") == "@system-service setns")
        #expect(Self.value("NotifyAccess") == "main")
        #expect(Self.value("Restart") == "on-failure")
        #expect(Self.value("StartLimitIntervalSec") == "0")
        #expect(try #require(Int(Self.value("LimitNOFILE"))) >= 65_536)
        let stored = try #require(Int(Self.value("FileDescriptorStoreMax")))
        #expect(stored >= 1024 && stored < 65_536)
        #expect(!Self.value("CapabilityBoundingSet").contains("~"))
        #expect(Self.value("CapabilityBoundingSet").split(separator: " ").count < 8)
    }

    /// The words that start a program with the unit's capabilities and no way to more.
    private static var confined: [String] {
        let names = value("CapabilityBoundingSet").split(separator: " ")
            .map { $0.lowercased().replacingOccurrences(of: "cap_", with: "+") }
        return [
            "setpriv", "--bounding-set", "-all,\(names.joined(separator: ","))",
            "--inh-caps=-all", "--no-new-privs",
        ]
    }

    @Test("its capabilities are enough")
    func capabilities() async throws {
        try await withNode(.init(prefix: Self.confined)) { node in
            let status = Folder.text("/proc/\(try node.pid)/status")
            #expect(status.contains("NoNewPrivs:\t1"))
            try await Self.everything(node)
        }
    }

    /// Uses what needs privilege: other users' namespaces, port 53, nftables, files of others.
    fileprivate static func everything(_ node: Node) async throws {
        try await withNamespace { space in
            let stranger = ["unshare", "--net", "setpriv", "--reuid", "65534", "sleep", "60"]
            try await withBackground(stranger) { sleeper in
                let own = try FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/self/ns/net"
                )
                let isThere = await eventually(within: 5) {
                    let path = "/proc/\(sleeper.pid)/ns/net"
                    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
                    let status = Folder.text("/proc/\(sleeper.pid)/status")
                    return link != nil && link != own && status.contains("Uid:\t65534")
                }
                #expect(isThere)
                let file = try node.folder.write("resolv.conf", "nameserver 192.0.2.1\n")
                try FileManager.default.setAttributes(
                    [
                        .ownerAccountID: 65534, .groupOwnerAccountID: 65534,
                        .posixPermissions: 0o600,
                    ],
                    ofItemAtPath: file
                )
                for words in [
                    ["process", "--pid", "\(sleeper.pid)", "--resolv-conf", file],
                    ["redirected", "--netns", space.path, "--redirect"],
                ] {
                    let added = try await node.waggle(
                        ["sandbox", "add", words[0], "--network", "n"] + words.dropFirst()
                    )
                    #expect(added.status == 0, "\(added)")
                }
                let words = ["endpoint", "add", "--network", "n", "--name", "web"]
                _ = try await node.waggle(words + ["--ip", "10.0.1.5"])
                for path in [space.path, "/proc/\(sleeper.pid)/ns/net"] {
                    let reply = try await run([
                        "nsenter", "--net=\(path)", "dig", "+short", "@127.0.0.11", "web",
                    ])
                    #expect(reply.lines == ["10.0.1.5"], "\(path): \(reply)")
                }
                #expect(Folder.text(file).hasPrefix("nameserver 127.0.0.11\n"))
                try await node.restart(SIGTERM)
                try await node.reload("{}")
                try await node.require("sandbox rm process")
                try await node.require("sandbox rm redirected")
                #expect(Folder.text(file) == "nameserver 192.0.2.1\n")
            }
        }
    }
}

/// The same for the filter of system calls, which only systemd can set up: it is held against what
/// the daemon really calls.
@Suite(
    "The unit's system calls",
    Requirement.namespaces,
    Requirement.tools("strace", "systemd-analyze", "setpriv", "dig"),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct UnitSystemCallTests {
    @Test("its filter lets everything through that the daemon calls")
    func calls() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let trace = folder.file("trace")
        // -D: the daemon stays the child of who starts it, and takes its signals.
        let strace = ["strace", "-D", "-f", "-qq", "-e", "signal=none", "-o", trace]
        let probe = try await run(strace + ["true"])
        guard probe.status == 0 else { return }
        try await withNode(.init(configuration: "{}", prefix: strace)) { node in
            try await UnitTests.everything(node)
            try await node.end()
        }
        // Detached, strace writes its last lines after the daemon has ended.
        _ = await eventually(within: 20) { Folder.text(trace).contains("exit_group(") }
        let allowed = try await Self.allowed(["@system-service", "setns"])
        let called = Set(
            Folder.text(trace).split(separator: "\n").compactMap { line -> String? in
                // The number of the process is padded to five places.
                let call = line.drop { $0.isNumber }.drop { $0 == " " }
                guard let end = call.firstIndex(of: "(") else { return nil }
                let name = call[..<end]
                return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
                    ? String(name) : nil
            }
        )
        #expect(called.count > 30)
        #expect(called.contains("setns"))
        #expect(called.subtracting(allowed) == [])
    }

    /// The calls of systemd's groups, which name each other.
    private static func allowed(_ names: [String]) async throws -> Set<String> {
        var allowed: Set<String> = []
        var groups = names
        var seen: Set<String> = []
        while let name = groups.popLast() {
            guard name.hasPrefix("@") else {
                allowed.insert(name)
                continue
            }
            if !seen.insert(name).inserted { continue }
            let listed = try await require("systemd-analyze", "syscall-filter", name)
            groups += listed.lines.dropFirst().map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.hasPrefix("#") }
        }
        return allowed
    }
}
