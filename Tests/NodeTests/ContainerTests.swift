import Foundation
import Glibc
import LinuxSystem
import Testing

/// Containers of real runtimes, which call the hook by themselves.
@Suite(
    "Containers",
    Requirement.namespaces,
    Requirement.containers,
    .inTurn,
    .timeLimit(.minutes(10))
)
struct ContainerTests {
    private static let old = "nameserver 192.0.2.1\nsearch corp.example\n"
    private static let runtimes = Runtime.allCases.filter { $0.isThere }

    @Test("a container that is started resolves, and leaves nothing behind", arguments: runtimes)
    func whole(runtime: Runtime) async throws {
        try await withNode { node in
            try await Self.addWeb(node)
            var container = Container(node)
            container.annotations = ["io.waggle.networks": "mynet"]
            container.command =
                "sed '' /etc/resolv.conf; getent hosts web; nslookup -type=a web.mynet"
            try await container.build()
            try Data(Self.old.utf8).write(to: URL(filePath: container.resolvConf))
            let outcome = try await container.run(runtime)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(
                outcome.output.hasPrefix("nameserver 127.0.0.11\nsearch corp.example\n"),
                "\(outcome) \(node.complaints)"
            )
            #expect(outcome.output.contains("# ExtServers: [192.0.2.1]\n"))
            #expect(outcome.output.contains("\n10.0.1.5        web\n"), "\(outcome)")
            #expect(outcome.output.contains("Address: 10.0.1.5"), "\(outcome)")
            #expect(try await node.sandboxes().isEmpty)
            #expect(try await node.endpoints() == ["web"])
            #expect(Folder.text(container.resolvConf) == Self.old)
        }
    }

    @Test(
        "the hook returns when the files are right, and again when they are back",
        arguments: runtimes
    )
    func ordering(runtime: Runtime) async throws {
        try await withNode { node in
            var container = Container(node)
            container.annotations = ["io.waggle.networks": "mynet"]
            container.command = "true"
            // Runtimes call hooks one after the other, and start the process after the first ones.
            container.witness = node.folder.path
            try await container.build()
            try Data(Self.old.utf8).write(to: URL(filePath: container.resolvConf))
            let outcome = try await container.run(runtime)
            #expect(outcome.status == 0, "\(outcome)")
            let during = Folder.text(node.folder.file("createRuntime"))
            #expect(during.hasPrefix("nameserver 127.0.0.11\nsearch corp.example\n"), "\(during)")
            #expect(during.hasSuffix("comes back when the container goes.\n"))
            #expect(Folder.text(node.folder.file("poststop")) == Self.old)
        }
    }

    @Test("containers find each other by the addresses of their interfaces", arguments: runtimes)
    func each(runtime: Runtime) async throws {
        try await withNode { node in
            try await withNamespace { first in
                try await withNamespace { second in
                    try await first.connect("10.0.1.7/24", to: second, "10.0.1.8/24")
                    var server = Container(node)
                    server.namespace = first.path
                    server.annotations = [
                        "io.waggle.networks": "mynet", "io.waggle.name": "db.1",
                        "io.waggle.service": "db", "io.waggle.aliases": "store,vault",
                        "io.waggle.ports": "tcp:sql:5432",
                    ]
                    try await server.build()
                    try await server.during(runtime) { _ in
                        var client = Container(node)
                        client.namespace = second.path
                        client.hostname = "asker"
                        client.annotations = ["io.waggle.networks": "mynet"]
                        client.command =
                            "for n in db store db.1 box asker; do "
                            + "getent ahostsv4 $n; done; nslookup -type=srv _sql._tcp.db"
                        try await client.build()
                        let outcome = try await client.run(runtime)
                        let stream = outcome.lines.filter { $0.contains(" STREAM ") }
                        let found = stream.map { $0.split(separator: " ")[0] }
                        let seven = Array(repeating: "10.0.1.7", count: 4)
                        #expect(found.map { "\($0)" } == seven + ["10.0.1.8"], "\(outcome)")
                        #expect(outcome.output.contains("5432 db.1.mynet"), "\(outcome)")
                        // Ports are told, and 53 is none of them: no rule is needed inside.
                        #expect(try await first.rules().isEmpty)
                    }
                    let isGone = await eventually(within: 5) {
                        (try? await node.endpoints().isEmpty) ?? false
                    }
                    #expect(isGone)
                    #expect(try await node.sandboxes().isEmpty)
                    // The client made it: there was no resolv.conf in either root.
                    #expect(!FileManager.default.fileExists(atPath: server.resolvConf))
                }
            }
        }
    }

    @Test("mounted files get the container's own name, and come back", arguments: runtimes)
    func files(runtime: Runtime) async throws {
        try await withNode { node in
            try await withNamespace { space in
                try await space.address("10.0.1.7/24")
                var container = Container(node)
                container.namespace = space.path
                container.hostname = "web.example.org"
                container.annotations = ["io.waggle.networks": "mynet", "io.waggle.name": "web"]
                for (name, text) in [
                    ("resolv.conf", Self.old), ("hosts", "127.0.0.1 localhost\n"), ("hostname", ""),
                ] {
                    container.mounts["/etc/\(name)"] = try node.folder.write("own.\(name)", text)
                }
                container.command = "sed '' /etc/hosts /etc/hostname; getent hosts web"
                try await container.build()
                for name in ["resolv.conf", "hosts", "hostname"] {
                    try Data().write(to: URL(filePath: "\(container.root)/etc/\(name)"))
                }
                let outcome = try await container.run(runtime)
                #expect(
                    outcome.output == "127.0.0.1 localhost\n10.0.1.7\tweb.example.org web\n"
                        + "web.example.org\n10.0.1.7        web.example.org web\n",
                    "\(outcome) \(node.complaints)"
                )
                #expect(Folder.text(node.folder.file("own.resolv.conf")) == Self.old)
                #expect(Folder.text(node.folder.file("own.hosts")) == "127.0.0.1 localhost\n")
                #expect(Folder.text(node.folder.file("own.hostname")) == "")
            }
        }
    }

    @Test("what cannot be done keeps the container from starting, in one line of the hook")
    func refused() async throws {
        let runtime = try #require(Self.runtimes.first)
        try await withNode { node in
            for (annotations, mounts, why) in [
                (["io.waggle.network": "n"], [:], "io.waggle.network: unknown key"),
                (["io.waggle.name": "web"], [:], "the container has no address yet"),
                (
                    [:], ["/etc/resolv.conf": "/etc/resolv.conf"],
                    "it is this host's own; give the container a copy"
                ),
                (["io.waggle.ports": "tcp:http:80"], [:], "stands without a service"),
            ] as [([String: String], [String: String], String)] {
                var container = Container(node)
                container.annotations = ["io.waggle.networks": "mynet"]
                    .merging(annotations) { $1 }
                container.mounts = mounts
                container.command = "true"
                try await container.build()
                if !mounts.isEmpty { try Data().write(to: URL(filePath: container.resolvConf)) }
                let outcome = try await container.run(runtime)
                #expect(outcome.status != 0)
                #expect(outcome.error.contains("waggle: oci-hook: "), "\(outcome)")
                #expect(outcome.error.contains(why), "\(outcome)")
                #expect(try await node.sandboxes().isEmpty)
                _ = try await run(runtime.words(node.folder) + ["delete", "--force", container.id])
            }
        }
    }

    @Test("without a daemon a container does not start, unless it may do without")
    func noDaemon() async throws {
        let runtime = try #require(Self.runtimes.first)
        try await withNode(isUp: false) { node in
            for (flags, isStarted) in [([], false), (["--best-effort"], true)] {
                var container = Container(node)
                container.annotations = ["io.waggle.networks": "mynet"]
                container.hook = ["--wait", "0"] + flags
                container.command = "echo started"
                try await container.build()
                let outcome = try await container.run(runtime)
                #expect(outcome.output.contains("started") == isStarted, "\(outcome)")
                #expect((outcome.status == 0) == isStarted)
                if !isStarted {
                    #expect(outcome.error.contains("no daemon answers at \(node.socket)"))
                }
                _ = try await run(runtime.words(node.folder) + ["delete", "--force", container.id])
            }
        }
    }

    @Test("a container that starts while the daemon is started again waits for it")
    func restarting() async throws {
        let runtime = try #require(Self.runtimes.first)
        try await withNode(isUp: false) { node in
            var container = Container(node)
            container.annotations = ["io.waggle.networks": "mynet"]
            container.command = "getent hosts 127.0.0.11 > /dev/null; nslookup -type=a me"
            container.annotations["io.waggle.name"] = "me"
            container.annotations["io.waggle.ip"] = "10.0.1.3"
            try await container.build()
            async let outcome = container.run(runtime)
            let isWaiting = try await eventually(within: 20) {
                try await run(["pgrep", "-f", "oci-hook --socket \(node.socket)"]).status == 0
            }
            try #require(isWaiting)
            try await node.up()
            let text = try await outcome.output
            #expect(text.contains("Address: 10.0.1.3"), "\(text)")
        }
    }

    @Test("a container whose end nobody tells is noticed, and its files come back")
    func killed() async throws {
        let runtime = try #require(Self.runtimes.first)
        try await withNode { node in
            var container = Container(node)
            container.annotations = ["io.waggle.networks": "mynet"]
            try await container.build()
            try Data(Self.old.utf8).write(to: URL(filePath: container.resolvConf))
            // The rest of the configuration is the same; only nobody calls poststop.
            let path = "\(container.bundle)/config.json"
            var text = try String(contentsOfFile: path, encoding: .utf8)
            text = text.replacingOccurrences(of: "\"poststop\"", with: "\"poststart\"")
            try Data(text.utf8).write(to: URL(filePath: path))
            try await container.during(runtime) { (pid) async throws in
                #expect(try await node.sandboxes() == [container.id: "serving"])
                kill(pid, SIGKILL)
                let isBack = await eventually(within: 5) {
                    Folder.text(container.resolvConf) == Self.old
                }
                #expect(isBack)
                #expect(try await node.sandboxes().isEmpty)
            }
        }
    }

    private static func addWeb(_ node: Node) async throws {
        try await node.require("endpoint add --network mynet --name web --ip 10.0.1.5 --id web")
    }
}

/// The hook called by hand, as a runtime would.
@Suite("The hook", Requirement.namespaces, .inTurn, .timeLimit(.minutes(10)))
struct HookTests {
    @Test("both calls may come twice")
    func twice() async throws {
        try await withNode { node in
            try await withBackground(["unshare", "--net", "sleep", "60"]) { sleeper in
                try await Self.waitForNamespace(of: sleeper.pid)
                let start = Self.state("c1", "creating", sleeper.pid, node.folder.path)
                for _ in 1...2 {
                    try await node.require("oci-hook", input: start)
                    #expect(try await node.sandboxes() == ["c1": "serving"])
                    #expect(try await node.endpoints().count == 2)
                }
                let shown = try await node.json("sandbox ls").list.first
                #expect(shown?["pid"].number == Int(sleeper.pid))
                #expect(shown?["networks"].texts == ["front", "back"])
                #expect(shown?["redirect"].isTrue == true)
                let stop = Self.state("c1", "stopped", 0, node.folder.path)
                for _ in 1...2 {
                    try await node.require("oci-hook", input: stop)
                    #expect(try await node.sandboxes().isEmpty)
                    #expect(try await node.endpoints().isEmpty)
                }
            }
        }
    }

    @Test("the second container of a pod shares its resolver and has its own name")
    func pod() async throws {
        try await withNode { node in
            try await withNamespace { space in
                let sleep = space.inside + ["sleep", "60"]
                try await withBackground(sleep) { first in
                    try await withBackground(sleep) { second in
                        for (name, process) in [("c1", first), ("c2", second)] {
                            try await Self.waitForNamespace(of: process.pid)
                            let state = Self.state(name, "created", process.pid, "/")
                            try await node.require("oci-hook", input: state)
                        }
                        #expect(try await node.sandboxes() == ["c1": "serving"])
                        let client = try Client(inside: space)
                        for name in ["c1", "c2"] { #expect(try await client.resolves(name)) }
                        await second.stop()
                        let isGone = await eventually(within: 5) {
                            (try? await client.resolves("c2")) == false
                        }
                        #expect(isGone)
                        #expect(try await client.resolves("c1"))
                    }
                }
            }
        }
    }

    @Test("an endpoint that clashes leaves no sandbox behind")
    func clash() async throws {
        try await withNode { node in
            try await node.require(
                "endpoint add --network front --name other --ip 10.0.1.9 --service svc"
                    + " --vip 10.0.1.99"
            )
            try await withBackground(["unshare", "--net", "sleep", "60"]) { sleeper in
                try await Self.waitForNamespace(of: sleeper.pid)
                let state = Self.state(
                    "c1",
                    "creating",
                    sleeper.pid,
                    "/",
                    ",\"io.waggle.service\":\"svc\""
                )
                let outcome = try await node.waggle(["oci-hook"], input: state)
                #expect(outcome.status == 1, "\(outcome)")
                #expect(outcome.complaints.count == 1)
                #expect(outcome.error.contains("use the same --vip"))
                #expect(try await node.sandboxes().isEmpty)
            }
        }
    }

    @Test("a container of nobody's networks, or of the host's, is not served")
    func others() async throws {
        try await withNode { node in
            let none = #"{"ociVersion":"1.0.2","id":"c","status":"creating","pid":1,"bundle":"/"}"#
            try await node.require("oci-hook", input: none)
            let own = Self.state("c", "creating", getpid(), "/")
            let outcome = try await node.waggle(["oci-hook"], input: own)
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("shares the network of its host"), "\(outcome)")
            #expect(try await node.sandboxes().isEmpty)
        }
    }

    private static func state(
        _ id: String,
        _ status: String,
        _ pid: Int32,
        _ bundle: String,
        _ more: String = ""
    ) -> String {
        let annotations =
            #"{"io.waggle.networks":"front,back","#
            + #""io.waggle.ip":"front=10.0.1.5,back=10.0.2.5"\#(more)}"#
        return #"{"ociVersion":"1.0.2","id":"\#(id)","status":"\#(status)","pid":\#(pid),"#
            + #""bundle":"\#(bundle)","annotations":\#(annotations)}"#
    }

    private static func waitForNamespace(of pid: Int32) async throws {
        let own = try FileIdentity(path: "/proc/self/ns/net")
        let isThere = await eventually(within: 5) {
            (try? FileIdentity(path: "/proc/\(pid)/ns/net")) ?? own != own
        }
        if !isThere { throw HarnessError("process \(pid) entered no namespace") }
    }
}
