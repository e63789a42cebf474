import Foundation
import Glibc
import Testing

@Suite("Faults", Requirement.tools("dig", Tool.python), .inTurn, .timeLimit(.minutes(10)))
struct FaultTests {
    @Test("without descriptors new sandboxes are refused, and all else goes on")
    func descriptors() async throws {
        let limit = 72
        let shell = ["sh", "-c", "ulimit -n \(limit); exec \"$0\" \"$@\""]
        try await withNode(.init(prefix: shell)) { node in
            let pid = try node.pid
            try await Self.addWeb(node)
            var added = 0
            var refusal: Outcome?
            while added < limit, refusal == nil {
                let outcome = try await Self.addSandbox(node, "box\(added)")
                if outcome.status == 0 { added += 1 } else { refusal = outcome }
            }
            #expect(added > 5)
            #expect(refusal?.status == 1)
            #expect(refusal?.complaints.count == 1)
            #expect(refusal?.error.contains("Too many open files; raise the limit") == true)

            // Everything that was there answers, by both transports and for all commands.
            let places = try await node.places()
            #expect(places.count == added)
            for place in places.values {
                #expect(try await Client(place).resolves("web.mynet"))
                #expect(try await Self.dig(place, ["+tcp"]) == ["10.0.1.5"])
            }
            try await node.require("endpoint add --network n --name x --ip 10.2.0.1")

            // What cannot be watched is refused, not taken for ended.
            let known = try await node.endpoints()
            var tied: Set<String> = []
            for process in [getpid(), getppid(), pid, 1] {
                let outcome = try await node.waggle(
                    "endpoint add --network n --name t --ip 10.2.0.2 --pid \(process)"
                )
                if outcome.status == 0 { tied.insert(outcome.text) }
                #expect(outcome.status == 0 || outcome.error.contains("Too many open files"))
            }
            #expect(tied.count < 4)
            #expect(try await node.endpoints() == known.union(tied))
            for id in tied { try await node.require("endpoint rm \(id)") }

            // Removing one makes room for one, and really closes its sockets.
            let before = ProcessView.sockets(of: pid).count
            try await node.require("sandbox rm box3")
            #expect(ProcessView.sockets(of: pid).count == before - 2)
            let place = try #require(places["box3"])
            #expect(try await Client(place).ask("web.mynet", milliseconds: 300) == nil)
            #expect(try await Self.addSandbox(node, "again").status == 0)
            #expect(try await Self.addSandbox(node, "more").status == 1)
        }
    }

    @Test("connections that take every descriptor do not stop the node, and are given up")
    func connections() async throws {
        let shell = ["sh", "-c", "ulimit -n 72; exec \"$0\" \"$@\""]
        try await withNode(.init(prefix: shell)) { node in
            let pid = try node.pid
            try await Self.addWeb(node)
            for name in ["a", "b", "c"] {
                #expect(try await Self.addSandbox(node, name).status == 0)
            }
            let places = try await node.places().values.sorted()
            let words = [Tool.python, Repository.fixture("connect.py"), "12"] + places
            try await withBackground(words) { crowd in
                #expect(await eventually(within: 5) { crowd.output.contains("connected") })
                let ticks = Self.ticks(of: pid)
                for place in places {
                    #expect(try await Client(place).resolves("web.mynet"))
                    #expect(try await Self.dig(place, ["+tcp"]) == ["10.0.1.5"])
                }
                try await Task.sleep(for: .seconds(1))
                // A connection that cannot be taken must not keep a thread turning.
                #expect(Self.ticks(of: pid) - ticks < 50)
                #expect(ProcessView.descriptors(of: pid).count > 50)

                // Commands have their own share, and are not kept waiting by the crowd.
                let start = ContinuousClock.now
                #expect(try await node.waggle("status").status == 0)
                let added = try await Self.addSandbox(node, "d")
                #expect(added.status == 0, "\(added)")
                #expect(ContinuousClock.now - start < .seconds(2))
            }
        }
    }

    @Test("a taken port is refused in one line, and nothing is left behind")
    func portTaken() async throws {
        try await withNode { node in
            try await Self.addWeb(node)
            #expect(try await Self.addSandbox(node, "box").status == 0)
            let place = try await node.places()["box"] ?? ""
            let holder = [Tool.python, Repository.fixture("hold.py"), "127.0.0.1", "0"]
            try await withBackground(holder) { holder in
                #expect(await eventually(within: 5) { holder.output.hasPrefix("held") })
                let port = holder.output.split { $0.isWhitespace }.last ?? ""
                let sockets = ProcessView.sockets(of: try node.pid)
                let log = Folder.text(node.log)
                let refused = try await node.waggle(
                    "sandbox add late --listen 127.0.0.1:\(port) --network mynet"
                )
                #expect(refused.status == 1 && refused.complaints.count == 1, "\(refused)")
                #expect(refused.error.contains("bind 127.0.0.1:\(port): Address already in use"))
                #expect(ProcessView.sockets(of: try node.pid) == sockets)
                #expect(Folder.text(node.log) == log)
            }
            #expect(try await node.sandboxes() == ["box": "serving"])
            #expect(try await Client(place).resolves("web.mynet"))
        }
    }

    @Test("a port of the file that is taken is tried again until it is free")
    func portOfFile() async throws {
        let holder = [Tool.python, Repository.fixture("hold.py"), "127.0.0.1", "0"]
        try await withBackground(holder) { holder in
            #expect(await eventually(within: 5) { holder.output.hasPrefix("held") })
            let port = holder.output.split { $0.isWhitespace }.last ?? ""
            let file = """
                { "sandboxes": [
                    { "name": "late", "listen": "127.0.0.1:\(port)", "networks": ["mynet"] },
                    { "name": "box", "listen": "127.0.0.1:0", "networks": ["mynet"] } ],
                  "endpoints": [ { "network": "mynet", "name": "web", "ip": "10.0.1.5" } ] }
                """
            try await withNode(.init(configuration: file)) { node in
                #expect(try await node.sandboxes() == ["late": "failed", "box": "serving"])
                #expect(node.complaints.contains("a sandbox is not served"))
                let problems = try await node.json("status")["problems"].texts
                #expect(problems.count == 1 && problems[0].contains("Address already in use"))
                #expect(try await Client(node.places()["box"] ?? "").resolves("web.mynet"))
                await holder.stop()
                let isServed = try await eventually(within: 20) {
                    try await node.sandboxes()["late"] == "serving"
                }
                #expect(isServed)
                #expect(try await Client("127.0.0.1:\(port)").resolves("web.mynet"))
            }
        }
    }

    @Test("a full disk refuses changes and loses none that was accepted", Requirement.namespaces)
    func fullDisk() async throws {
        try await withDisk(octets: 128 << 10) { disk in
            try await withNode(.init(stateDirectory: disk)) { node in
                #expect(try await Self.addSandbox(node, "box").status == 0)
                let place = try await node.places()["box"] ?? ""
                var kept: Set<String> = []
                for index in 0..<5 { kept.insert(try await Self.add(node, "e\(index)")) }
                try await withBackground(["sleep", "60"]) { sleeper in
                    _ = try await Self.add(node, "tied", "--pid", "\(sleeper.pid)")
                    _ = try await run(["sh", "-c", "cat /dev/zero > \(disk)/filler"])
                    try await Self.exhaust(node, &kept)

                    // What ends by itself ends all the same.
                    #expect(try await Client(place).resolves("tied.mynet"))
                    sleeper.send(SIGKILL)
                    let isOver = try await eventually(within: 2) {
                        try await node.endpoints() == kept
                    }
                    #expect(isOver)
                    #expect(try await Client(place).resolves("e0.mynet"))
                }
                try await node.restart(SIGKILL)
                #expect(try await node.endpoints() == kept)
                let problems = try await node.json("status")["problems"].texts
                #expect(problems.contains { $0.contains("was not kept") })

                try FileManager.default.removeItem(atPath: "\(disk)/filler")
                kept.insert(try await Self.add(node, "after"))
                #expect(try await Self.addSandbox(node, "late").status == 0)
                try await node.restart(SIGKILL)
                #expect(try await node.endpoints() == kept)
                #expect(try await node.sandboxes() == ["box": "serving", "late": "serving"])
            }
        }
    }

    /// Adds to a full disk until not even a small change fits; `kept` gets what was accepted.
    private static func exhaust(_ node: Node, _ kept: inout Set<String>) async throws {
        let name = String(repeating: "x", count: 60)
        var refused = 0
        for index in 0..<60 {
            // The last octets go to small ones, until no sandbox fits.
            let flags = refused == 0 ? ["--alias", name + "a", name + "b", name + "c"] : []
            let words = [
                "endpoint", "add", "--network", "n", "--name", "\(index)", "--ip", "10.0.2.1",
            ]
            let outcome = try await node.waggle(words + flags)
            if outcome.status == 0 { kept.insert(outcome.text) } else { refused += 1 }
            let isClear = outcome.error.contains("No space left on device; free space there")
            #expect(outcome.status == 0 || (outcome.status == 1 && isClear), "\(outcome)")
            #expect(outcome.complaints.count <= 1)
            if refused == 2 { break }
        }
        #expect(refused == 2)
        let sockets = ProcessView.sockets(of: try node.pid)
        #expect(try await addSandbox(node, name).status == 1)
        #expect(ProcessView.sockets(of: try node.pid) == sockets)
        let there = try await node.endpoints()
        #expect(there.isSuperset(of: kept) && there.count == kept.count + 1)
    }

    @Test("a second daemon on the same state directory gives up, and the first goes on")
    func secondOnState() async throws {
        try await withNode { first in
            try await Self.addWeb(first)
            try await withNode(.init(stateDirectory: first.stateDirectory), isUp: false) { second in
                let refused = try await second.attempt()
                #expect(refused.status == 1 && refused.complaints.count == 1, "\(refused)")
                #expect(refused.error.contains("another daemon uses it; stop that one or give"))
                #expect(refused.output.isEmpty)
                #expect(!FileManager.default.fileExists(atPath: second.socket))
            }
            #expect(try await first.endpoints().count == 1)
        }
    }

    @Test("a second daemon on the same socket gives up, and the first goes on")
    func secondOnSocket() async throws {
        try await withNode { first in
            try await Self.addWeb(first)
            let flags = ["--socket", first.socket]
            try await withNode(.init(flags: flags), isUp: false) { second in
                let refused = try await second.attempt()
                #expect(refused.status == 1 && refused.complaints.count == 1, "\(refused)")
                #expect(refused.error.contains("\(first.socket): another daemon answers here"))
                #expect(refused.output.isEmpty)
            }
            #expect(try await first.endpoints().count == 1)
            try await first.end(SIGKILL)
            // A socket that nobody answers on is in nobody's way.
            try await first.up()
            #expect(try await first.endpoints().count == 1)
        }
    }

    // MARK: -

    private static func add(
        _ node: Node,
        _ name: String,
        _ flags: String...
    ) async throws -> String {
        let words = ["endpoint", "add", "--network", "mynet", "--name", name, "--ip", "10.0.1.5"]
        let outcome = try await node.waggle(words + flags)
        guard outcome.status == 0 else { throw HarnessError("\(outcome)") }
        return outcome.text
    }

    private static func addWeb(_ node: Node) async throws {
        try await node.require("endpoint add --network mynet --name web --ip 10.0.1.5")
    }

    private static func addSandbox(_ node: Node, _ name: String) async throws -> Outcome {
        try await node.waggle("sandbox add \(name) --listen 127.0.0.1:0 --network mynet")
    }

    private static func dig(_ place: String, _ flags: [String]) async throws -> [String] {
        let port = String(place.split(separator: ":").last ?? "")
        let words = ["dig", "+short", "+time=3", "-p", port, "@127.0.0.1", "web.mynet"]
        return try await run(words + flags).lines
    }

    /// Hundredths of a second that a process has worked (proc(5), fields 14 and 15 of `stat`).
    private static func ticks(of pid: Int32) -> Int {
        let text = Folder.text("/proc/\(pid)/stat")
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    }
}
