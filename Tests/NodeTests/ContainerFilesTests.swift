import Foundation
import Glibc
import LinuxSystem
import Testing

@Suite(
    "Files of containers",
    Requirement.namespaces,
    Requirement.tools("getent", "dig", Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct ContainerFilesTests {
    private static let old = "nameserver 192.0.2.1\nsearch corp.example\noptions timeout:1\n"

    @Test("a mounted resolv.conf is rewritten where it is, and comes back with the sandbox's end")
    func rewritten() async throws {
        try await withNode { node in
            try await withNamespace { space in
                try await space.address("10.9.9.1/24")
                try space.setResolvConf(Self.old)
                // Mounts the file over its own /etc/resolv.conf, as containers have it.
                try await withBackground(space.inside + ["sleep", "60"]) { sleeper in
                    let mounted = "/proc/\(sleeper.pid)/root/etc/resolv.conf"
                    #expect(await eventually(within: 5) { Folder.text(mounted) == Self.old })
                    try await Self.add(node, space)
                    let text = Folder.text(mounted)
                    #expect(
                        text.hasPrefix(
                            """
                            nameserver 127.0.0.11
                            search corp.example
                            options timeout:1 ndots:0

                            # Based on host file: '\(space.resolvConfPath)' (internal resolver)
                            # ExtServers: [192.0.2.1]
                            """
                        ),
                        "\(text)"
                    )
                    // glibc reads that file, and nothing else names the resolver.
                    let answer = try await space.run("getent", "ahostsv4", "web")
                    #expect(answer.output.hasPrefix("10.0.1.5 "), "\(answer)")
                    let shown = try await node.json("sandbox ls").list.first
                    #expect(shown?["resolvConf"].text == space.resolvConfPath)
                    #expect(shown?["resolvConfUpstreams"].list.first?["from"].text == "sandbox")
                    #expect(try await node.json("status")["problems"].list.isEmpty)
                    try await node.require("sandbox rm box")
                    #expect(Folder.text(mounted) == Self.old)
                    #expect(Self.records(node) == 0)
                }
            }
        }
    }

    @Test("a server on loopback is asked from the host, another one from the container")
    func upstreams() async throws {
        try await withNamespace { home in
            try await withNamespace { space in
                try await space.address("10.9.9.9/32")
                for (place, server) in [(home, "127.0.0.1"), (space, "10.9.9.9")] {
                    try await Self.withUpstream(in: place, at: server) {
                        try space.setResolvConf("nameserver \(server)\n")
                        try await withNode(.init(prefix: home.inside)) { node in
                            try await Self.add(node, space)
                            for round in 1...2 {
                                let reply = try await space.run(
                                    "dig",
                                    "+short",
                                    "@127.0.0.11",
                                    "www.example.net"
                                )
                                #expect(reply.lines == ["192.0.2.80"], "\(server) \(reply)")
                                // The next daemon knows the servers from what it kept.
                                if round == 1 { try await node.restart(SIGTERM) }
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("servers named by hand win over the file's", arguments: [true, false])
    func named(asRoot: Bool) async throws {
        try await withNode { node in
            try await withNamespace { space in
                try space.setResolvConf("nameserver 192.0.2.1\n")
                var flags = ["--upstream", "192.0.2.9:5353"]
                // Inside a root the file is looked up as the container would.
                if asRoot { flags += ["--root", "/etc/netns"] }
                try await Self.add(node, space, flags)
                let text = Folder.text(space.resolvConfPath)
                #expect(text.contains("# ExtServers: [host(192.0.2.9:5353)]\n"), "\(text)")
                #expect(text.contains("# Overrides: [nameservers]\n"))
            }
        }
    }

    @Test("whatever ends the daemon, files stay or come back as their sandboxes do")
    func killed() async throws {
        try await withNode { node in
            try await withNamespace { stays in
                try await withNamespace { goes in
                    for space in [stays, goes] {
                        try space.setResolvConf(Self.old)
                        try await Self.add(node, space, name: space === stays ? "stays" : "goes")
                    }
                    let rewritten = Folder.text(stays.resolvConfPath)
                    try await node.end(SIGKILL)
                    #expect(Folder.text(goes.resolvConfPath).hasPrefix("nameserver 127.0.0.11\n"))
                    try await goes.delete()
                    try await node.up()
                    #expect(try await node.sandboxes() == ["stays": "serving"])
                    #expect(Folder.text(goes.resolvConfPath) == Self.old)
                    #expect(Folder.text(stays.resolvConfPath) == rewritten)
                    #expect(Self.records(node) == 1)
                    // Without a daemon, its end is noticed by the next one too.
                    try await stays.delete()
                    let isBack = await eventually(within: 5) {
                        Folder.text(stays.resolvConfPath) == Self.old
                    }
                    #expect(isBack)
                }
            }
        }
    }

    @Test("what the container writes there itself stays, then and at the end")
    func edited() async throws {
        try await withNode { node in
            try await withNamespace { space in
                try space.setResolvConf(Self.old)
                try await Self.add(node, space)
                let own = "nameserver 192.0.2.77\n"
                try space.setResolvConf(own)
                try await node.restart(SIGTERM)
                #expect(Folder.text(space.resolvConfPath) == own)
                #expect(node.complaints.contains("changed by somebody else"))
                try await node.require("sandbox rm box")
                #expect(Folder.text(space.resolvConfPath) == own)
                #expect(Self.records(node) == 0)
            }
        }
    }

    @Test(
        "a file that cannot be rewritten is refused in one line, and nothing is left behind",
        arguments: [
            ("/etc/resolv.conf", "it is this host's own; give the container a copy"),
            ("/proc/self/no/resolv.conf", "make its folder"), ("/etc", "give a file"),
            ("/proc/version", "give a file"),
        ]
    )
    func refused(path: String, why: String) async throws {
        let before = Folder.text(path)
        try await withNode { node in
            try await withNamespace { space in
                let added = try await node.waggle(
                    Self.words(space, "box") + ["--resolv-conf", path]
                )
                #expect(added.status == 1)
                #expect(added.complaints.count == 1)
                #expect(added.error.contains(why), "\(added)")
                #expect(added.error.hasPrefix("waggle: sandbox add: resolv.conf \(path)"))
                #expect(try await node.sandboxes().isEmpty)
                #expect(Self.records(node) == 0)
                #expect(try await space.run("ss", "-Hlnut").output.isEmpty)
            }
        }
        #expect(Folder.text(path) == before || path.hasPrefix("/proc"))
    }

    @Test("hosts and hostname get the container's own name, a file that is not there is made")
    func names() async throws {
        try await withNode { node in
            try await withNamespace { space in
                let hosts = try node.folder.write("hosts", "127.0.0.1 localhost\n")
                let hostname = node.folder.file("hostname")
                let words = [
                    "--hosts", hosts, "--hostname", "web.example.org", "--hostname-file", hostname,
                    "--address", "10.0.1.5", "fd00::5",
                ]
                let added = try await node.waggle(Self.words(space, "box") + words)
                #expect(added.status == 0, "\(added)")
                #expect(
                    Folder.text(hosts) == "127.0.0.1 localhost\n10.0.1.5\tweb.example.org web\n"
                        + "fd00::5\tweb.example.org web\n"
                )
                #expect(Folder.text(hostname) == "web.example.org\n")
                try await node.require("sandbox rm box")
                #expect(Folder.text(hosts) == "127.0.0.1 localhost\n")
                #expect(!FileManager.default.fileExists(atPath: hostname))
            }
        }
    }

    @Test("the configuration file's sandboxes have their files rewritten, exchanged and put back")
    func configured() async throws {
        try await withNamespace { space in
            let other = "\(space.resolvConfPath).other"
            func configuration(_ file: String?) -> String {
                let key = file.map { ", \"resolvConf\": \"\($0)\"" } ?? ""
                return "{\"sandboxes\": [{\"name\": \"box\", \"netns\": \"\(space.path)\", "
                    + "\"networks\": [\"n\"]\(key)}]}"
            }
            try space.setResolvConf(Self.old)
            try Data(Self.old.utf8).write(to: URL(filePath: other))
            let start = Node.Start(configuration: configuration(space.resolvConfPath))
            try await withNode(start) { node in
                #expect(Folder.text(space.resolvConfPath).hasPrefix("nameserver 127.0.0.11\n"))
                let isExchanged = try await node.reload(configuration(other))
                #expect(isExchanged)
                #expect(Folder.text(space.resolvConfPath) == Self.old)
                #expect(Folder.text(other).hasPrefix("nameserver 127.0.0.11\n"))
                let isTakenOut = try await node.reload(configuration(nil))
                #expect(isTakenOut)
                #expect(Folder.text(other) == Self.old)
                #expect(try await node.sandboxes() == ["box": "serving"])
            }
        }
    }

    // MARK: -

    private static func words(_ space: Namespace, _ name: String) -> [String] {
        ["sandbox", "add", name, "--netns", space.path, "--network", "mynet"]
    }

    /// A sandbox with the namespace's resolv.conf, and a name to ask for.
    private static func add(
        _ node: Node,
        _ space: Namespace,
        _ flags: [String] = [],
        name: String = "box"
    ) async throws {
        let file = ["--resolv-conf", space.resolvConfPath]
        let added = try await node.waggle(words(space, name) + file + flags)
        guard added.status == 0 else { throw HarnessError("\(added)") }
        _ = try await node.waggle([
            "endpoint", "add", "--network", "mynet", "--name", "web", "--ip", "10.0.1.5",
            "--id", "web",
        ])
    }

    /// Files whose originals are kept.
    private static func records(_ node: Node) -> Int {
        let folder = "\(node.stateDirectory)/files"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).count
    }

    /// Runs `body` beside a server that knows `www.example.net`, on port 53 of an address inside.
    private static func withUpstream(
        in space: Namespace,
        at address: String,
        _ body: () async throws -> Void
    ) async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let port = folder.file("port")
        let script = Repository.root.appending(path: "fixtures/demo/upstream.py").path
        let words = space.inside + [Tool.python, script, port, address, "53"]
        try await withBackground(words) { server in
            #expect(await eventually(within: 5) { Folder.text(port) == "53" }, "\(server.error)")
            try await body()
        }
    }
}
