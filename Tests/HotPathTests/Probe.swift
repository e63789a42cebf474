import Base
import Foundation
import LinuxSystem
import Testing

/// The release daemon with every allocation counted, and the numbers that guard its main path.
final class Probe {
    /// The executable as users run it; a debug build allocates where an optimised one does not.
    static let program = ProcessInfo.processInfo.environment["WAGGLE_BIN"]

    private let process = Process()
    private let folder: URL
    private let counts: URL
    private let metrics: UInt16
    private let socket: Descriptor

    /// Starts the daemon and waits until it is ready.
    ///
    /// `watchesEveryQuestion`: each is counted by its name and given to the query log, whose lines
    /// are then held back by the log's level. `upstream`: the port of loopback where other names are
    /// asked.
    init(watchesEveryQuestion: Bool = false, upstream: UInt16? = nil) throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("waggle-hot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        counts = folder.appendingPathComponent("counts")
        metrics = try Self.freePort()
        let dns = try Self.freePort()
        let zone = folder.appendingPathComponent("static.zone")
        try "near.hot. 5 IN CNAME web.hot.\n".write(to: zone, atomically: true, encoding: .utf8)
        let configuration = folder.appendingPathComponent("waggle.json")
        try Self.configuration(folder.path, dns: dns, metrics: metrics, upstream: upstream)
            .write(to: configuration, atomically: true, encoding: .utf8)

        process.executableURL = URL(fileURLWithPath: Self.program ?? "")
        process.arguments = ["daemon", "--config", configuration.path]
        process.environment = [
            "LD_PRELOAD": Self.interposer.path, "MALLOC_COUNT_FILE": counts.path,
            "HOME": folder.path, "WAGGLE_LOG_LEVEL": "warning",
            "WAGGLE_METRICS_NAME_SAMPLE": watchesEveryQuestion ? "1" : "16",
            "WAGGLE_LOG_QUERIES": watchesEveryQuestion ? "1" : "0",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let ready = output.fileHandleForReading.availableData
        guard String(decoding: ready, as: UTF8.self).hasPrefix("ready") else {
            throw ProbeError(what: "the daemon did not become ready")
        }
        socket = try Sockets.datagram(
            connectedTo: SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: dns)
        )
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Sends a message `count` times and takes as many replies, in bursts that no buffer overflows.
    func ask(_ message: [UInt8], times count: Int) throws {
        var left = count
        while left > 0 {
            let burst = min(left, 50)
            for _ in 0..<burst { _ = try Sockets.send(socket.raw, message) }
            for _ in 0..<burst { try takeReply() }
            left -= burst
        }
    }

    /// Lets a burst pile up while the daemon is stopped, so that how it is taken is no matter of
    /// timing.
    func askAtOnce(_ message: [UInt8], times count: Int) throws {
        kill(process.processIdentifier, SIGSTOP)
        try waitUntilStopped()
        for _ in 0..<count { _ = try Sockets.send(socket.raw, message) }
        kill(process.processIdentifier, SIGCONT)
        for _ in 0..<count { try takeReply() }
    }

    /// A signal to stop reaches each thread in its own time.
    private func waitUntilStopped() throws {
        let tasks = "/proc/\(process.processIdentifier)/task"
        for _ in 0..<500 {
            let states = try FileManager.default.contentsOfDirectory(atPath: tasks).map { thread in
                try String(contentsOfFile: "\(tasks)/\(thread)/stat", encoding: .utf8)
            }
            if states.allSatisfy({ $0.contains(") T ") }) { return }
            usleep(10_000)
        }
        throw ProbeError(what: "the daemon did not stop")
    }

    private func takeReply() throws {
        let poller = try Poller()
        try poller.add(socket.raw, token: 0, for: .read)
        var events: [Poller.Event] = []
        try poller.wait(milliseconds: 5000, into: &events)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let octets = try Sockets.receive(socket.raw, into: &buffer, octetsMax: 4096)
        if octets == nil { throw ProbeError(what: "a question got no reply") }
    }

    /// Allocations of the thread that answers questions, since it started.
    func allocations() throws -> UInt64 {
        let octets = try Data(contentsOf: counts)
        let words = stride(from: 0, to: octets.count - 7, by: 8).map { at in
            octets[at..<at + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        for place in stride(from: 0, to: words.count - 1, by: 2) where words[place] != 0 {
            let name = "/proc/\(process.processIdentifier)/task/\(words[place])/comm"
            let comm = try? String(contentsOfFile: name, encoding: .utf8)
            if comm?.hasPrefix("waggle-dns-0") == true { return words[place + 1] }
        }
        throw ProbeError(what: "no thread of the name server has a count")
    }

    /// Calls of the worker so far, by name.
    func systemCalls() throws -> [String: Int] {
        let text = try page("/metrics")
        var calls: [String: Int] = [:]
        for line in text.split(separator: "\n")
        where line.hasPrefix("waggle_dns_system_calls_total{") {
            let parts = line.split { $0 == "\"" || $0 == " " }
            if parts.count == 4 { calls[String(parts[1])] = Int(parts[3]) }
        }
        return calls
    }

    /// A page of the metrics listener.
    private func page(_ path: String) throws -> String {
        let endpoint = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: metrics)
        let connection = try Sockets.stream(connectedTo: endpoint)
        let poller = try Poller()
        var events: [Poller.Event] = []
        try poller.add(connection.raw, token: 0, for: .write)
        try poller.wait(milliseconds: 5000, into: &events)
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        _ = try Sockets.send(connection.raw, Array(request.utf8))
        try poller.change(connection.raw, token: 0, to: .read)
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            try poller.wait(milliseconds: 5000, into: &events)
            let count = try Sockets.receive(connection.raw, into: &buffer, octetsMax: 65_536)
            guard let count, count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += buffer[..<count]
        }
    }

    private static func configuration(
        _ folder: String,
        dns: UInt16,
        metrics: UInt16,
        upstream: UInt16?
    ) -> String {
        let upstreams = upstream.map { "\"127.0.0.1:\($0)\"" } ?? ""
        let endpoints = (1...3).map { index in
            """
            {"network":"hot","name":"web.\(index)","service":"web","ip":"10.8.0.\(index)",
             "ip6":"fd08::\(index)","port":["tcp:http:80"]}
            """
        }
        return """
            {"stateDirectory":"\(folder)/state","api":{"socket":"\(folder)/sock"},"gossip":null,
             "metrics":{"listen":"127.0.0.1:\(metrics)"},
             "dns":{"zoneFiles":["static.zone"],"upstreams":[\(upstreams)]},
             "sandboxes":[{"name":"hot","listen":"127.0.0.1:\(dns)","networks":["hot"]}],
             "endpoints":[\(endpoints.joined(separator: ","))]}
            """
    }

    private static func freePort() throws -> UInt16 {
        let any = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.listener(boundTo: any, shared: false)
        return try Sockets.localEndpoint(of: socket.raw).port
    }

    /// The library that counts, which the build puts beside the test bundle.
    private static let interposer = URL(fileURLWithPath: CommandLine.arguments[0])
        .resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("libCMallocCount.so")
}

struct ProbeError: Error {
    let what: String
}
