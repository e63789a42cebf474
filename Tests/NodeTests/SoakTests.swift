import Base
import DNSWire
import Foundation
import Glibc
import LinuxSystem
import Testing

/// A long mixed load: nobody is left without a reply, and memory does not grow.
///
/// `make soak` has ten million questions; a slice of them runs with all the other tests.
@Suite("A long mixed load", .alone, .timeLimit(.minutes(60)))
struct SoakTests {
    private static let count =
        ProcessInfo.processInfo.environment["WAGGLE_SOAK_QUESTIONS"].flatMap { Int($0) } ?? 200_000

    /// What `CSoak` prints.
    private struct Report {
        let sent, awaited, answered, stuck, broken, milliseconds, truncated: Int
        let codes: [Int]

        init?(_ line: String) {
            let numbers = line.split { $0.isWhitespace }.compactMap { Int($0) }
            guard numbers.count == 23 else { return nil }
            (sent, awaited, answered) = (numbers[0], numbers[1], numbers[2])
            (stuck, broken, milliseconds) = (numbers[3], numbers[4], numbers[5])
            codes = Array(numbers[6..<22])
            truncated = numbers[22]
        }
    }

    @Test("every question that deserves a reply has one, and memory stays as it was")
    func soak() async throws {
        let upstream = try Self.freePort()
        let words = [try Self.program("CUpstream"), "\(upstream)", "60"]
        try await withBackground(words) { peer in
            #expect(await eventually(within: 10) { peer.output.hasPrefix("ready") })
            let start = Node.Start(
                configuration: try Self.configuration(upstream),
                environment: ["WAGGLE_DNS_UPSTREAMS": "127.0.0.1:\(upstream)"]
            )
            try await withNode(start) { node in
                let places = try await node.places()
                let questions = try Self.questions(
                    open: try Self.port(places["open"]),
                    closed: try Self.port(places["closed"])
                )
                // What is taken once, on first use, is not growth.
                _ = try await Self.run(20_000, questions, node)
                let before = try Self.anonymous(node.pid)
                let (report, samples) = try await Self.run(Self.count, questions, node)
                let after = try Self.anonymous(node.pid)
                let most = samples.max() ?? after
                #expect(report.stuck == 0 && report.answered == report.awaited)
                #expect(report.broken == 0)
                for code in [0, 1, 3, 4, 5] { #expect(report.codes[code] > 0, "code \(code)") }
                #expect(report.codes[2] == 0, "SERVFAIL")
                #expect(report.truncated > 0)
                // The cache fills while it runs: ten thousand entries, each below a kilobyte.
                #expect(most - before <= 12 << 10, "\(before) KB, then at most \(most)")
                #expect(try node.process.isRunning)
                print(
                    "soak: \(report.sent) questions, \(report.answered) replies of"
                        + " \(report.awaited), \(report.stuck) stuck, by code \(report.codes),"
                        + " \(report.truncated) truncated, \(report.milliseconds) ms;"
                        + " anonymous KB: \(before) at first, after each tenth"
                        + " \((1..<10).map { samples[samples.count * $0 / 10] }), \(most) at most,"
                        + " \(after) at last"
                )
            }
        }
    }

    /// Runs the load; what came of it, and the anonymous memory, in KB, in between.
    private static func run(
        _ count: Int,
        _ questions: [UInt8],
        _ node: Node
    ) async throws -> (Report, [Int]) {
        let path = node.folder.file("questions")
        try Data(questions).write(to: URL(filePath: path))
        let line = "exec \(try program("CSoak")) \(count) 256 < \(path)"
        return try await withBackground(["sh", "-c", line]) { load in
            var samples: [Int] = []
            let hasEnded = try await eventually(within: 3500) {
                samples.append(try anonymous(node.pid))
                // Between two samples.
                try? await Task.sleep(for: .milliseconds(50))
                return !load.isRunning
            }
            guard hasEnded, let report = Report(load.output) else {
                throw HarnessError("the load: \(load.output) \(load.error)")
            }
            return (report, samples)
        }
    }

    // MARK: The mixture

    private static func configuration(_ upstream: UInt16) throws -> String {
        let tasks = (1...3).map { index in
            """
            {"network":"mix","name":"web.\(index)","service":"web","ip":"10.8.0.\(index)",
             "ip6":"fd08::\(index)","port":["tcp:http:80"]}
            """
        }
        let many = (0..<200).map { index in
            """
            {"network":"mix","name":"big.\(index)","service":"big","ip":"10.8.1.\(index)"}
            """
        }
        return """
            {"sandboxes":[
               {"name":"open","listen":"127.0.0.1:0","networks":["mix"]},
               {"name":"closed","listen":"127.0.0.1:0","networks":["mix"],"internal":true}],
             "endpoints":[\((tasks + many).joined(separator: ","))]}
            """
    }

    /// One kind of question, as `CSoak` reads it.
    private struct Shape {
        var port: UInt16
        var isStream = false
        var isAwaited = true
        /// Where eight letters are made up anew each time.
        var letters = 0
        var share = 1
        let octets: [UInt8]
    }

    private static func questions(open: UInt16, closed: UInt16) throws -> [UInt8] {
        func query(
            _ name: String,
            _ type: RecordType = .a,
            edns: Bool = false
        ) throws -> [UInt8] {
            let labels = try DomainName(name).octets
            return QueryWriter.query(id: 0, labels: labels, type: type, hasEDNS: edns)
        }
        var shapes: [Shape] = []
        for isStream in [false, true] {
            let share = isStream ? 1 : 4
            let known: [[UInt8]] = [
                try query("web"), try query("web.mix", edns: true), try query("tasks.web"),
                try query("web.2.mix"), try query("web", .aaaa),
                try query("web", .aaaa, edns: true),
                try query("_http._tcp.web.mix", .srv), try query("2.0.8.10.in-addr.arpa", .ptr),
                try query("web", .mx), try query("nope.mix"),
                try query("nope.mix", .aaaa, edns: true), try query("big", edns: true),
                try query("big"), try query("localhost"), try query("www.example.net"),
                try query("www.example.org", edns: true),
            ]
            for octets in known {
                shapes.append(Shape(port: open, isStream: isStream, share: share, octets: octets))
            }
            // A name that nobody has asked for yet.
            shapes.append(
                Shape(
                    port: open,
                    isStream: isStream,
                    letters: 13,
                    share: isStream ? 1 : 6,
                    octets: try query("xxxxxxxx.example.net", edns: true)
                )
            )
            for name in ["web", "www.example.net", "nope.mix"] {
                shapes.append(
                    Shape(
                        port: closed,
                        isStream: isStream,
                        share: share,
                        octets: try query(name)
                    )
                )
            }
        }
        shapes += try garbage(query("web"), open)
        return shapes.flatMap { shape in
            let head: [UInt8] = [
                UInt8(shape.port >> 8), UInt8(truncatingIfNeeded: shape.port),
                shape.isStream ? 1 : 0, shape.isAwaited ? 1 : 0,
                UInt8(shape.letters >> 8), UInt8(shape.letters & 255),
                UInt8(shape.octets.count >> 8), UInt8(shape.octets.count & 255),
            ]
            return [[UInt8]](repeating: head + shape.octets, count: shape.share).flatMap { $0 }
        }
    }

    /// What is wrong with a query, from a wrong opcode to noise.
    private static func garbage(_ query: [UInt8], _ port: UInt16) -> [Shape] {
        var opcode = query
        opcode[2] = 0x79
        var two = query
        two[5] = 2
        var other = query
        other[query.count - 1] = 3
        var answered: [[UInt8]] = [opcode, two, other, query + [1, 2, 3], query.dropLast(2)]
        // A name that points at itself.
        answered.append(Array(query[..<12]) + [0xc0, 12, 0, 1, 0, 1])
        var random = SeededGenerator(seed: 5)
        let noise = (0..<12).map { index in
            (0..<(4 + 90 * index)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
        var response = query
        response[2] |= 0x80
        let silent = noise + [Array(query[..<7]), response]
        return answered.map { Shape(port: port, share: 2, octets: $0) }
            + silent.map { Shape(port: port, isAwaited: false, octets: $0) }
    }

    // MARK: -

    /// Kilobytes of anonymous memory of a process.
    private static func anonymous(_ pid: Int32) throws -> Int {
        let lines = Folder.text("/proc/\(pid)/status").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("RssAnon:") } ?? ""
        guard let value = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw HarnessError("process \(pid) has ended")
        }
        return value
    }

    private static func program(_ name: String) throws -> String {
        guard let path = Executable.beside(name) else {
            throw HarnessError("\(name): not built beside the tests")
        }
        return path
    }

    private static func port(_ place: String?) throws -> UInt16 {
        guard let endpoint = SocketEndpoint(place ?? "") else { throw HarnessError("no place") }
        return endpoint.port
    }

    private static func freePort() throws -> UInt16 {
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.datagram(boundTo: anyPort, shared: false)
        return try Sockets.localEndpoint(of: socket.raw).port
    }
}
