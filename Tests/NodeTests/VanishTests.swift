import Foundation
import Glibc
import Testing

@Suite(
    "Namespaces that vanish",
    Requirement.namespaces,
    .alone,
    .timeLimit(.minutes(10))
)
struct VanishTests {
    @Test("a deleted namespace is let go within a second, and its interfaces with it")
    func deleted() async throws {
        try await withNode { node in
            try await withNamespace { home in
                try await withNamespace { stays in
                    try await withNamespace { goes in
                        try await home.connect("192.0.2.1/24", to: goes, "192.0.2.2/24")
                        try await Self.serve(node, stays)
                        let pid = try node.pid
                        let before = ProcessView.descriptors(of: pid)
                        try await Self.serve(node, goes)
                        // A client of the dead namespace must not hold it either.
                        let connect = [Tool.python, Repository.fixture("connect.py"), "2"]
                        try await withBackground(
                            goes.inside + connect + ["127.0.0.11:53"]
                        ) { client in
                            #expect(await eventually(within: 5) { client.output.contains("conn") })
                            await client.stop()
                        }
                        try await goes.delete()
                        let isLetGo = await eventually(within: 1) {
                            ProcessView.descriptors(of: pid).count == before.count
                        }
                        #expect(isLetGo, "\(ProcessView.descriptors(of: pid)) not \(before)")
                        // The kernel takes a namespace down a moment after its last user went.
                        let isGone = try await eventually(within: 60) {
                            try await !home.run("ip -br link").output.contains("eth0")
                        }
                        #expect(isGone)
                        #expect(try await node.sandboxes() == [stays.name: "serving"])
                        #expect(try await node.endpoints() == [stays.name])
                        #expect(try await Client(inside: stays).resolves(stays.name))
                    }
                }
            }
        }
    }

    @Test("a sandbox of the file waits for its namespace and is served when it is back")
    func comesBack() async throws {
        try await withNamespace { space in
            let file = """
                { "sandboxes": [ { "name": "box", "netns": "\(space.path)", "networks": ["n"] } ],
                  "endpoints": [ { "network": "n", "name": "web", "ip": "10.0.0.1" } ] }
                """
            try await withNode(.init(configuration: file)) { node in
                #expect(try await Client(inside: space).resolves("web"))
                try await space.delete()
                let isWaiting = try await eventually(within: 1) {
                    try await node.sandboxes() == ["box": "waiting"]
                }
                #expect(isWaiting)
                #expect(try await !node.json("status")["problems"].list.isEmpty)
                try await require("ip netns add \(space.name)")
                let isServed = try await eventually(within: 5) {
                    try await node.sandboxes() == ["box": "serving"]
                }
                #expect(isServed)
                #expect(try await Client(inside: space).resolves("web"))
                #expect(try await node.json("status")["problems"].list.isEmpty)
            }
        }
    }

    @Test(
        "a killed process takes its sandbox and its endpoint along, and no other",
        arguments: ["--pid PID", "--netns /proc/PID/ns/net", "--netns /proc/PID/task/PID/ns/net"]
    )
    func killed(place: String) async throws {
        try await withNode { node in
            try await withNamespace { stays in
                try await Self.serve(node, stays)
                let before = ProcessView.descriptors(of: try node.pid).count
                try await withBackground(["unshare", "--net", "sleep", "60"]) { sleeper in
                    try await sleeper.hasEnteredNamespace()
                    let flags = place.replacing("PID", with: "\(sleeper.pid)")
                    try await node.require("sandbox add process --network n \(flags)")
                    try await node.require(
                        "endpoint add --network n --name process --ip 10.0.0.2 --sandbox process"
                    )
                    #expect(try await Client(inside: stays).resolves("process"))
                    sleeper.send(SIGKILL)
                    let isLetGo = try await eventually(within: 1) {
                        ProcessView.descriptors(of: try node.pid).count == before
                    }
                    #expect(isLetGo)
                    #expect(try await node.sandboxes() == [stays.name: "serving"])
                    #expect(try await node.endpoints() == [stays.name])
                    #expect(try await Client(inside: stays).resolves("process.n") == false)
                }
            }
        }
    }

    /// 200 by default; `WAGGLE_LONG=1` makes it 1,000.
    private static var containerCount: Int {
        ProcessInfo.processInfo.environment["WAGGLE_LONG"] == "1" ? 1000 : 200
    }

    @Test("containers made and killed leave no namespace, interface or descriptor behind")
    func many() async throws {
        let count = Self.containerCount
        try await withNode { node in
            try await withNamespace { home in
                try await Self.serve(node, home)
                let pid = try node.pid
                let before = ProcessView.descriptors(of: pid).count
                let prefix = "\(home.name)-c"
                let script = Repository.fixture("containers.sh")
                let words = ["sh", script, Executable.path, home.name, "\(count)"]
                do {
                    let made = try await run(
                        words,
                        environment: ["WAGGLE_SOCKET": node.socket],
                        seconds: 240
                    )
                    #expect(made.status == 0, "\(made)")
                } catch {
                    await Self.clear(prefix)
                    throw error
                }
                #expect(try await node.sandboxes().count == count + 1)
                #expect(try await Self.interfaces(home) == count)
                for index in [1, count / 2, count] {
                    let client = try Client(inside: "/run/netns/\(prefix)\(index)")
                    #expect(try await client.resolves("c\(index)"))
                }
                let start = ContinuousClock.now
                await Self.clear(prefix)
                let isLetGo = await eventually(within: 1) {
                    ProcessView.descriptors(of: pid).count == before
                }
                #expect(isLetGo, "\(ProcessView.descriptors(of: pid).count) not \(before)")
                // The kernel takes them down one after the other.
                let isGone = try await eventually(within: 120) {
                    try await Self.interfaces(home) == 0
                }
                #expect(isGone, "after \(ContinuousClock.now - start)")
                #expect(try await node.sandboxes() == [home.name: "serving"])
                #expect(try await node.endpoints() == [home.name])
                #expect(try await !run(["ip", "netns", "list"]).output.contains(prefix))
            }
        }
    }

    // MARK: -

    /// A sandbox in the namespace and an endpoint that ends with it, both of its name.
    private static func serve(_ node: Node, _ space: Namespace) async throws {
        try await node.require("sandbox add \(space.name) --netns \(space.path) --network n")
        try await node.require(
            "endpoint add --network n --name \(space.name) --ip 10.0.0.1 --sandbox"
                + " \(space.name) --id \(space.name)"
        )
    }

    /// Ends of pairs whose other ends are in containers.
    private static func interfaces(_ home: Namespace) async throws -> Int {
        try await home.run("ip -br link").lines.count { $0.hasPrefix("c") }
    }

    /// Deletes every namespace whose name begins so.
    private static func clear(_ prefix: String) async {
        let list = try? await run(["ip", "netns", "list"])
        let names = (list?.lines ?? []).map { $0.prefix { $0 != " " } }
        let words = names.filter { $0.hasPrefix(prefix) }.map { "netns del \($0)" }
        let batch = words.joined(separator: "\n") + "\n"
        _ = try? await run(["ip", "-force", "-batch", "-"], input: batch, seconds: 120)
    }
}
