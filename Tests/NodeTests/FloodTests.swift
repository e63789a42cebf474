import Base
import DNSWire
import Foundation
import Glibc
import LinuxSystem
import Testing

/// One sandbox asks more than the node can answer; the others must not notice.
@Suite("Floods", Requirement.tools(Tool.python), .alone, .timeLimit(.minutes(10)))
struct FloodTests {
    private static let configuration = """
        { "sandboxes": [
            { "name": "loud", "listen": "127.0.0.1:0", "networks": ["mynet"] },
            { "name": "calm", "listen": "127.0.0.1:0", "networks": ["mynet"] } ],
          "endpoints": [ { "network": "mynet", "name": "web", "ip": "10.0.1.5" } ] }
        """

    @Test("a flood of one sandbox loses none of a neighbour's questions")
    func flood() async throws {
        try await withNode(.init(configuration: Self.configuration)) { node in
            let places = try await node.places()
            let (loud, calm) = (places["loud"] ?? "", places["calm"] ?? "")
            let question = try Self.question("web.mynet")
            let path = node.folder.file("question")
            let framed = [UInt8(question.count >> 8), UInt8(question.count & 255)] + question
            try Data(framed).write(to: URL(filePath: path))
            let port = loud.split(separator: ":").last ?? ""
            guard let load = Executable.beside("CLoad") else { throw HarnessError("no CLoad") }
            // 16 sockets, bursts of 64, two million a second: no core answers that.
            let line = "exec \(load) 127.0.0.1 \(port) 1 16 64 2000000 3000 < \(path)"
            try await withBackground(["sh", "-c", line]) { flood in
                let report = try await QueryStream.during(Client(calm), "web.mynet") { stream in
                    #expect(await flood.end(within: 30) == 0)
                    #expect(stream.asked > 0)
                }
                #expect(report.lost == 0 && report.wrong == 0, "\(report)")
                #expect(report.asked > 100)
                let counts = flood.output.split { $0.isWhitespace }.compactMap { Int($0) }
                // It was a flood: the kernel has thrown away what nobody came to.
                #expect(counts.count == 8 && counts[1] > 0 && counts[1] < counts[0], "\(counts)")
            }
        }
    }

    @Test("two sockets that are ready share the turns: eight datagrams each; alone one gets 64")
    func turns() async throws {
        let metrics = "127.0.0.1:\(try Self.freePort())"
        var start = Node.Start(configuration: Self.configuration)
        start.environment["WAGGLE_METRICS_LISTEN"] = metrics
        try await withNode(start) { node in
            let places = try await node.places()
            let asking = try ["loud", "calm"].map { try Asking(places[$0] ?? "") }
            try await Self.ask(asking, times: 8, node)
            for (askers, expected) in [(asking, 16...18), (Array(asking[..<1]), 1...2)] {
                let before = try await Self.receives(metrics)
                try await Self.ask(askers, times: 64, node)
                let turns = try await Self.receives(metrics) - before
                #expect(expected.contains(turns), "\(turns) turns for \(askers.count) sockets")
            }
        }
    }

    @Test("two thousand connections at once that mean no good keep nobody from being answered")
    func crowd() async throws {
        let metrics = "127.0.0.1:\(try Self.freePort())"
        var start = Node.Start(configuration: Self.configuration)
        start.environment["WAGGLE_METRICS_LISTEN"] = metrics
        try await withNode(start) { node in
            let places = try await node.places()
            let pid = try node.pid
            let before = ProcessView.descriptors(of: pid).count
            let crowd = try await run([
                Tool.python, Repository.fixture("crowd.py"), "2000", "4", "web.mynet", "web.mynet",
                places["calm"] ?? "", places["loud"] ?? "",
            ])
            // asked answered retried worst-milliseconds
            let reports = crowd.lines.reduce(into: [String: [Int]]()) { reports, line in
                let words = line.split(separator: " ")
                reports[String(words[0])] = words.dropFirst().compactMap { Int($0) }
            }
            let calm = try #require(reports["calm"]), crowded = try #require(reports["crowded"])
            #expect(calm.count == 4 && calm[0] > 0 && calm[1] == calm[0] && calm[2] == 0, "\(calm)")
            #expect(crowded.count == 4 && crowded[0] > 0 && crowded[1] == crowded[0], "\(crowded)")
            #expect(try await Self.streams(metrics, "evicted") > 1000)
            #expect(try await Self.streams(metrics, "refused") == 0)
            // None of them is held for ever.
            let isClear = await eventually(within: 15) {
                ProcessView.descriptors(of: pid).count <= before + 2
            }
            #expect(isClear)
        }
    }

    @Test("what unfinished messages hold is bounded, whoever sends them")
    func hoard() async throws {
        let metrics = "127.0.0.1:\(try Self.freePort())"
        var start = Node.Start(configuration: Self.configuration)
        start.environment["WAGGLE_METRICS_LISTEN"] = metrics
        try await withNode(start) { node in
            let loud = try await node.places()["loud"] ?? ""
            let client = try Client(loud)
            #expect(try await client.resolves("web.mynet"))
            // 320 connections with 60,000 octets each, within the two seconds that they are given.
            let words = [Tool.python, Repository.fixture("hoard.py"), "64", "60000", loud]
            try await withBackground(words) { hoard in
                #expect(await eventually(within: 20) { hoard.output.contains("hoarded") })
                let isAnswered = try await client.resolves("web.mynet")
                #expect(isAnswered)
            }
            #expect(try await Self.streams(metrics, "accepted") == 320)
            #expect(try await Self.streams(metrics, "evicted") > 0)
        }
    }

    private static func streams(_ metrics: String, _ event: String) async throws -> Int {
        let page = try await run([Tool.python, Repository.fixture("get.py"), metrics, "/metrics"])
        let line = page.lines.first { $0.contains("streams_total{event=\"\(event)\"}") } ?? ""
        return line.split(separator: " ").last.flatMap { Int($0) } ?? -1
    }

    /// A client's socket.
    private final class Asking: Sendable {
        let socket: Descriptor

        init(_ place: String) throws {
            guard let endpoint = SocketEndpoint(place) else { throw HarnessError(place) }
            socket = try Sockets.datagram(connectedTo: endpoint)
        }
    }

    /// Lets questions pile up at a node that is stopped, and takes the replies once it goes on.
    private static func ask(_ askers: [Asking], times: Int, _ node: Node) async throws {
        let question = try question("web.mynet")
        let process = try node.process
        process.send(SIGSTOP)
        let isStopped = await eventually(within: 5) {
            let tasks = "/proc/\(process.pid)/task"
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
            return threads.allSatisfy { Folder.text("\(tasks)/\($0)/stat").contains(") T ") }
        }
        #expect(isStopped)
        for asker in askers {
            for _ in 0..<times { _ = try Sockets.send(asker.socket.raw, question) }
        }
        process.send(SIGCONT)
        try await onThread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            for asker in askers {
                let poller = try Poller()
                try poller.add(asker.socket.raw, token: 0, for: .read)
                var events: [Poller.Event] = []
                for _ in 0..<times {
                    try poller.wait(milliseconds: 5000, into: &events)
                    let count = try Sockets.receive(
                        asker.socket.raw,
                        into: &buffer,
                        octetsMax: buffer.count
                    )
                    if count == nil { throw HarnessError("a question got no reply") }
                }
            }
        }
    }

    private static func receives(_ metrics: String) async throws -> Int {
        let page = try await run([Tool.python, Repository.fixture("get.py"), metrics, "/metrics"])
        let line = page.lines.first { $0.contains("call=\"recvmmsg\"") } ?? ""
        return line.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    private static func question(_ name: String) throws -> [UInt8] {
        QueryWriter.query(id: 0, labels: try DomainName(name).octets, type: .a)
    }

    private static func freePort() throws -> UInt16 {
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.listener(boundTo: anyPort, shared: false)
        return try Sockets.localEndpoint(of: socket.raw).port
    }
}
