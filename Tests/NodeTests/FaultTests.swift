import Foundation
import Glibc
import Testing

@Suite("Faults", .inTurn, .timeLimit(.minutes(10)))
struct FaultTests {
    @Test("without descriptors new sandboxes are refused, and all else goes on")
    func descriptors() async throws {
        let limit = 64
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
            try await node.require(
                "endpoint",
                "add",
                "--network",
                "n",
                "--name",
                "x",
                "--ip",
                "10.2.0.1"
            )

            // What cannot be watched is refused, not taken for ended.
            let known = try await node.endpoints()
            var tied: Set<String> = []
            for process in [getpid(), getppid(), pid, 1] {
                let outcome = try await node.waggle([
                    "endpoint", "add", "--network", "n", "--name", "t", "--ip", "10.2.0.2", "--pid",
                    "\(process)",
                ])
                if outcome.status == 0 { tied.insert(outcome.text) }
                #expect(outcome.status == 0 || outcome.error.contains("Too many open files"))
            }
            #expect(tied.count < 4)
            #expect(try await node.endpoints() == known.union(tied))
            for id in tied { try await node.require("endpoint", "rm", id) }

            // Removing one makes room for one, and really closes its sockets.
            let before = ProcessView.sockets(of: pid).count
            try await node.require("sandbox", "rm", "box3")
            #expect(ProcessView.sockets(of: pid).count == before - 2)
            let place = try #require(places["box3"])
            #expect(try await Client(place).ask("web.mynet", milliseconds: 300) == nil)
            #expect(try await Self.addSandbox(node, "again").status == 0)
            #expect(try await Self.addSandbox(node, "more").status == 1)
        }
    }

    @Test("connections that take every descriptor do not stop the node, and are given up")
    func connections() async throws {
        let shell = ["sh", "-c", "ulimit -n 48; exec \"$0\" \"$@\""]
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
                #expect(ProcessView.descriptors(of: pid).count >= 47)
            }
            #expect(try await node.waggle(["status"]).status == 0)
            #expect(try await Self.addSandbox(node, "d").status == 0)
        }
    }

    // MARK: -

    private static func addWeb(_ node: Node) async throws {
        try await node.require(
            "endpoint",
            "add",
            "--network",
            "mynet",
            "--name",
            "web",
            "--ip",
            "10.0.1.5"
        )
    }

    private static func addSandbox(_ node: Node, _ name: String) async throws -> Outcome {
        try await node.waggle([
            "sandbox", "add", name, "--listen", "127.0.0.1:0", "--network", "mynet",
        ])
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
