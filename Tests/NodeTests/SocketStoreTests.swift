import Base
import Foundation
import Glibc
import LinuxSystem
import Testing

/// Restarts under a service manager that keeps the sockets, and under none.
@Suite(
    "Restarts without an outage",
    Requirement.namespaces,
    Requirement.tools(Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct SocketStoreTests {
    @Test(
        "no question is lost while the daemon is started again, and at most one each time with kill -9",
        arguments: [(1, SIGUSR1), (3, SIGUSR1), (1, SIGUSR2)]
    )
    func nothingLost(threads: Int, signal: Int32) async throws {
        try await withNamespace { direct in
            try await withNamespace { redirected in
                try await Self.withManaged(["WAGGLE_DNS_THREADS": "\(threads)"]) { managed in
                    let node = managed.node
                    try await Self.add(node, "direct", ["--netns", direct.path])
                    try await Self.add(
                        node,
                        "redirected",
                        ["--netns", redirected.path, "--redirect"]
                    )
                    try await Self.add(node, "plain", ["--listen", "127.0.0.1:0"])
                    try await Self.addWeb(node)
                    let place = try #require(try await node.places()["plain"])
                    #expect(
                        managed.store.map { $0.count } == [2 * threads, 2 * threads, 2 * threads]
                    )
                    let clients = try [
                        Client(inside: direct), Client(inside: redirected), Client(place),
                    ]
                    let streams = try await Self.asking(clients) { asked in
                        for _ in 1...3 {
                            let before = asked()
                            try await managed.restart(signal)
                            let isOn = await eventually(within: 10) {
                                zip(asked(), before).allSatisfy { $0 > $1 + 200 }
                            }
                            #expect(isOn)
                        }
                    }
                    for stream in streams {
                        // What was read and not yet answered dies with the process.
                        #expect(stream.lost <= (signal == SIGUSR2 ? 3 : 0))
                        #expect(stream.wrong == 0)
                        #expect(stream.asked > 600)
                    }
                    let after = try await node.places()
                    #expect(after["plain"] == place)
                    #expect(after.count == 3)
                    // By TCP too, whose listeners came along.
                    let reply = try await direct.run("dig", "+short", "+tcp", "@127.0.0.11", "web")
                    #expect(reply.lines == ["10.0.1.5"])
                    #expect(managed.store.count == 3)
                }
            }
        }
    }

    @Test("what is kept goes with the sandbox, and its namespace with it")
    func removed() async throws {
        try await Self.withManaged { managed in
            let node = managed.node
            try await withNamespace { space in
                try await Self.add(node, "box", ["--netns", space.path])
                try await Self.add(node, "plain", ["--listen", "127.0.0.1:0"])
                #expect(managed.store.count == 2)
                try await node.require("sandbox rm plain")
                #expect(await eventually(within: 5) { managed.store.count == 1 })
                try await space.delete()
                #expect(await eventually(within: 5) { managed.store.isEmpty })
            }
            // One that is gone when the next daemon comes.
            try await withNamespace { space in
                try await Self.add(node, "box", ["--netns", space.path])
                #expect(managed.store.count == 1)
                try managed.addStrangers(["stranger", "", "4026531833.nobody"])
                kill(try managed.servicePID(), SIGSTOP)
                try await space.delete()
                try await managed.restart(SIGUSR2)
                #expect(await eventually(within: 5) { managed.store.isEmpty })
                #expect(try await node.sandboxes().isEmpty)
                #expect(node.complaints.contains("sockets of an earlier process are closed"))
            }
        }
    }

    @Test("sockets that do not fit the configuration any more are opened anew")
    func changed() async throws {
        let configuration = #"{"dns": {"threads": 1}, "sandboxes": []}"#
        try await Self.withManaged(configuration: configuration) { managed in
            let node = managed.node
            try await withNamespace { space in
                try await Self.add(node, "box", ["--netns", space.path])
                let place = "127.0.0.1:\(try Self.freePort())"
                try await Self.add(node, "plain", ["--listen", place])
                try await Self.addWeb(node)
                for threads in [2, 1, 3] {
                    try node.configure(#"{"dns": {"threads": \#(threads)}, "sandboxes": []}"#)
                    try await managed.restart(SIGUSR1)
                    let isKept = await eventually(within: 5) {
                        managed.store.map { $0.count } == [2 * threads, 2 * threads]
                    }
                    #expect(isKept)
                    #expect(try await node.sandboxes() == ["box": "serving", "plain": "serving"])
                    // No earlier ones take questions that nobody reads.
                    let sockets = try await space.run("ss", "-Hlntu")
                    #expect(sockets.lines.count == 2 * threads)
                    #expect(sockets.lines.allSatisfy { $0.contains("127.0.0.11:53") })
                    for _ in 1...20 {
                        #expect(try await Client(inside: space).resolves("web"))
                        #expect(try await Client(place).resolves("web"))
                    }
                }
            }
        }
    }

    @Test("sockets behind a redirect that is no longer needed take its rules along")
    func redirectEnds() async throws {
        let configuration = #"{"dns": {"threads": 1}, "sandboxes": []}"#
        try await Self.withManaged(configuration: configuration) { managed in
            let node = managed.node
            try await withNamespace { space in
                let holder = [Tool.python, Repository.fixture("hold.py"), "127.0.0.11", "53"]
                try await withBackground(space.inside + holder) { holder in
                    #expect(await eventually(within: 5) { holder.output.hasPrefix("held") })
                    try await Self.add(node, "box", ["--netns", space.path])
                    #expect(try await space.rules().contains("dnat to 127.0.0.11:"))
                    await holder.stop()
                }
                try await Self.addWeb(node)
                try node.configure(#"{"dns": {"threads": 2}, "sandboxes": []}"#)
                try await managed.restart(SIGUSR1)
                #expect(try await !space.rules().contains("dnat"))
                for _ in 1...20 { #expect(try await Client(inside: space).resolves("web")) }
            }
        }
    }

    private static func freePort() throws -> UInt16 {
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.datagram(boundTo: anyPort, shared: false)
        return try Sockets.localEndpoint(of: socket.raw).port
    }

    @Test("a manager without room keeps whole sandboxes or none")
    func room() async throws {
        try await Self.withManaged(limit: 3) { managed in
            for name in ["a", "b"] {
                try await Self.add(managed.node, name, ["--listen", "127.0.0.1:0"])
            }
            #expect(managed.store.map { $0.count } == [2])
            try await managed.restart(SIGUSR1)
            let states = try await managed.node.sandboxes()
            #expect(states == ["a": "serving", "b": "serving"])
            #expect(managed.store.map { $0.count } == [2])
        }
    }

    @Test("who waits for an upstream at the stop is answered, and not left to its patience")
    func waiting() async throws {
        try await withNode { node in
            let holder = [Tool.python, Repository.fixture("hold.py"), "127.0.0.1", "0"]
            try await withBackground(holder) { silent in
                #expect(await eventually(within: 5) { silent.output.hasPrefix("held") })
                let port = silent.output.split { $0.isWhitespace }.last ?? ""
                let flags = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:\(port)"]
                try await Self.add(node, "box", flags)
                let client = try Client(try #require(try await node.places()["box"]))
                async let reply = client.ask("www.example.net", milliseconds: 3000)
                let isAsked = try await eventually(within: 5) {
                    let sandboxes = try await node.json("top --once")["sandboxes"].list
                    return sandboxes.first?["questions"].number == 1
                }
                try #require(isAsked)
                let start = ContinuousClock.now
                try await node.end()
                let code = try await reply?.responseCode
                #expect(code == 2)
                #expect(ContinuousClock.now - start < .seconds(2))
            }
        }
    }

    // MARK: -

    fileprivate static func add(_ node: Node, _ name: String, _ place: [String]) async throws {
        let words = ["sandbox", "add", name, "--network", "mynet"]
        let added = try await node.waggle(words + place)
        guard added.status == 0 else { throw HarnessError("\(added)") }
    }

    fileprivate static func addWeb(_ node: Node) async throws {
        let words = ["--network", "mynet", "--name", "web", "--ip", "10.0.1.5"]
        let added = try await node.waggle(["endpoint", "add"] + words)
        guard added.status == 0 else { throw HarnessError("\(added)") }
    }

    /// Streams of all clients while `body` runs, which can look how many questions each asked.
    private static func asking(
        _ clients: [Client],
        _ body: (_ asked: () -> [Int]) async throws -> Void
    ) async throws -> [QueryStream.Report] {
        var reports: [QueryStream.Report] = []
        func next(
            _ left: ArraySlice<Client>,
            _ streams: [QueryStream]
        ) async throws {
            guard let client = left.first else {
                try await body { streams.map { $0.asked } }
                return
            }
            let report = try await QueryStream.during(client, "web") { stream in
                try await next(left.dropFirst(), streams + [stream])
            }
            reports.append(report)
        }
        try await next(clients[...], [])
        return reports
    }

    /// A node under the service manager of `fixtures/node/manager.py`.
    private struct Managed {
        let node: Node
        let storePath: String

        /// What is kept: names and how many sockets.
        var store: [(name: String, count: Int)] {
            Folder.text(storePath).split(separator: "\n").compactMap { line in
                let parts = line.split(separator: " ", omittingEmptySubsequences: false)
                return Int(parts[parts.count - 1]).map { (String(parts[0]), $0) }
            }
        }

        /// Has the manager start the daemon again, and waits until it serves.
        func restart(_ signal: Int32) async throws {
            let process = try node.process
            let count = process.output.components(separatedBy: "ready ").count
            process.send(signal)
            let isReady = await eventually(within: 20) {
                process.output.components(separatedBy: "ready ").count > count
            }
            if !isReady { throw HarnessError("no new daemon: \(process.error)") }
        }

        func addStrangers(_ names: [String]) throws {
            let text = names.map { "+ \($0)\n" }.joined()
            try Data(text.utf8).write(to: URL(filePath: storePath + ".add"))
        }

        /// The daemon itself.
        func servicePID() throws -> Int32 {
            let manager = try node.pid
            let children = Folder.text("/proc/\(manager)/task/\(manager)/children")
            guard let pid = children.split(separator: " ").first.flatMap({ Int32($0) }) else {
                throw HarnessError("the manager has no child")
            }
            return pid
        }
    }

    private static func withManaged(
        _ environment: [String: String] = [:],
        configuration: String? = nil,
        limit: Int = 64,
        _ body: (Managed) async throws -> Void
    ) async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let store = folder.file("store")
        let manager = [
            Tool.python, Repository.fixture("manager.py"), folder.file("notify.sock"), store,
            "\(limit)",
        ]
        let start = Node.Start(
            configuration: configuration,
            environment: environment,
            prefix: manager
        )
        try await withNode(start) { node in
            let managed = Managed(node: node, storePath: store)
            do {
                try await body(managed)
            } catch {
                _ = try? await node.end()
                throw error
            }
            #expect(try await node.end() == 0)
        }
    }
}

/// The same without a manager that keeps the sockets.
@Suite("Restarts with an outage", Requirement.namespaces, .alone, .timeLimit(.minutes(5)))
struct RestartGapTests {
    @Test("without a manager the gap is at most 300 ms")
    func gap() async throws {
        try await withNamespace { space in
            try await withNode { node in
                try await SocketStoreTests.add(node, "box", ["--netns", space.path])
                try await SocketStoreTests.addWeb(node)
                let client = try Client(inside: space)
                var gaps: [Duration] = []
                for _ in 1...5 {
                    let report = try await QueryStream.during(client, "web", patience: 10) { _ in
                        // Questions on both sides, between which the gap is.
                        try await Task.sleep(for: .milliseconds(50))
                        try await node.restart(SIGTERM)
                        try await Task.sleep(for: .milliseconds(50))
                    }
                    #expect(report.wrong == 0)
                    gaps.append(report.longestGap)
                }
                // What else runs on the machine is not the daemon's: the best of them counts.
                let best = try #require(gaps.min())
                #expect(best <= .milliseconds(300), "\(gaps)")
            }
        }
    }
}
