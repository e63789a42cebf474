import Foundation

/// The servers under comparison, each with the same names, in a folder of their own.
final class Field {
    private(set) var peers: [Peer] = []
    private let folder: URL
    private var nextPort: UInt16 = 20_530

    /// The names that every server answers: one address, and three.
    static let one = Questions(["one.bench"])
    static let three = Questions(["web.bench"])
    private static let threeAddresses = ["10.9.0.11", "10.9.0.12", "10.9.0.13"]

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("waggle-bench-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func stop() {
        for peer in peers { peer.stop() }
        try? FileManager.default.removeItem(at: folder)
    }

    private func takePort() -> UInt16 {
        nextPort += 1
        return nextPort
    }

    private func write(_ name: String, _ text: String) throws -> String {
        let file = folder.appendingPathComponent(name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    /// Our own server; `name` tells it from another of ours.
    ///
    /// `upstream`: the port of loopback where names are asked that are not local.
    func startWaggle(
        _ program: String,
        name: String = "waggle",
        upstream: UInt16? = nil
    ) throws -> Peer? {
        let port = takePort()
        let upstreams = upstream.map { "\"127.0.0.1:\($0)\"" } ?? ""
        var endpoints = ["{\"network\":\"bench\",\"name\":\"one\",\"ip\":\"10.9.0.10\"}"]
        for (index, address) in Self.threeAddresses.enumerated() {
            endpoints.append(
                "{\"network\":\"bench\",\"name\":\"web.\(index)\",\"service\":\"web\","
                    + "\"ip\":\"\(address)\"}"
            )
        }
        let configuration = try write(
            "\(name).json",
            """
            {"stateDirectory":"\(folder.path)/\(name)","api":{"socket":"\(folder.path)/\(name).sock"},
             "gossip":null,"metrics":{"listen":null},"dns":{"upstreams":[\(upstreams)]},
             "sandboxes":[{"name":"bench","listen":"127.0.0.1:\(port)","networks":["bench"]}],
             "endpoints":[\(endpoints.joined(separator: ","))]}
            """
        )
        return try start(name, program, ["daemon", "--config", configuration], port)
    }

    /// An upstream that gives every name an address with that TTL.
    func startUpstream(_ program: String, ttl: Int) throws -> Peer? {
        let port = takePort()
        return try start("upstream", program, ["\(port)", "\(ttl)"], port)
    }

    /// The floor of forwarding: a relay that checks and keeps nothing.
    func startRelay(_ program: String, upstream: UInt16) throws -> Peer? {
        let port = takePort()
        return try start("relay (C)", program, ["\(port)", "\(upstream)"], port)
    }

    /// The floor: an echo that sends as many octets as `replyOctets`.
    func startEcho(_ program: String, replyOctets: Int) throws -> Peer? {
        let port = takePort()
        return try start("echo (C)", program, ["\(port)", "\(replyOctets)", "32"], port)
    }

    func startKnot() throws -> Peer? {
        guard let program = Peer.path(of: "knotd") else { return nil }
        let port = takePort()
        let zone = try write("bench.zone", Self.zoneText)
        let configuration = try write(
            "knot.conf",
            """
            server:
              rundir: "\(folder.path)"
              listen: 127.0.0.1@\(port)
              udp-workers: 1
              tcp-workers: 1
              background-workers: 1
            database:
              storage: "\(folder.path)"
            zone:
              - domain: bench
                file: "\(zone)"
            """
        )
        return try start("knotd", program, ["-c", configuration], port)
    }

    private static let zoneText =
        """
        $ORIGIN bench.
        $TTL 5
        @ SOA ns hostmaster 1 60 30 3600 5
        @ NS ns
        ns A 127.0.0.1
        one A 10.9.0.10

        """ + threeAddresses.map { "web A \($0)\n" }.joined()

    private func start(
        _ name: String,
        _ program: String,
        _ arguments: [String],
        _ port: UInt16
    ) throws -> Peer? {
        let peer = try Peer.start(name, program, arguments, port: port, probe: Self.one)
        if let peer { peers.append(peer) }
        return peer
    }
}
