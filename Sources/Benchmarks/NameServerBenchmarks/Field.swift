import Foundation

/// The servers under comparison, each with the same names, in a folder of their own.
final class Field {
    private(set) var peers: [Peer] = []
    let folder: URL
    private var nextPort: UInt16 = 20_530

    /// The names that every server answers: one address, and three.
    static let one = Questions(["one.bench"])
    static let three = Questions(["web.bench"])
    static let oneAddress = "10.9.0.10"
    static let threeAddresses = ["10.9.0.11", "10.9.0.12", "10.9.0.13"]

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("waggle-bench-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func stop() {
        for peer in peers { peer.stop() }
        try? FileManager.default.removeItem(at: folder)
    }

    func takePort() -> UInt16 {
        nextPort += 1
        return nextPort
    }

    func write(_ name: String, _ text: String) throws -> String {
        let file = folder.appendingPathComponent(name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    // MARK: Ours

    /// What is asked of our own server beside the names that all have.
    struct Wishes {
        /// The port of loopback where names are asked that are not local.
        var upstream: UInt16?
        var forwardLimit = 1024
        /// Sandboxes, each at an address of its own.
        var sandboxes = 1
        /// Further names `h0.many` and so on.
        var names = 0
    }

    /// Our own server; `name` tells it from another of ours.
    func startWaggle(_ name: String = "waggle", _ wishes: Wishes = Wishes()) throws -> Peer? {
        let isMany = wishes.sandboxes > 1
        let place = Peer.Place(
            address: isMany ? "127.1.0.1" : "127.0.0.1",
            port: takePort(),
            addresses: wishes.sandboxes
        )
        var endpoints = ["{\"network\":\"bench\",\"name\":\"one\",\"ip\":\"\(Self.oneAddress)\"}"]
        for (index, address) in Self.threeAddresses.enumerated() {
            endpoints.append(
                "{\"network\":\"bench\",\"name\":\"web.\(index)\",\"service\":\"web\","
                    + "\"ip\":\"\(address)\"}"
            )
        }
        // Several names for each: a configuration has at most 16 MB.
        for first in stride(from: 0, to: wishes.names, by: 50) {
            let place = first / 50
            let address = "10.\(64 + (place >> 16)).\(place >> 8 & 255).\(place & 255)"
            let others = (first + 1..<min(first + 50, wishes.names)).map { "\"h\($0)\"" }
            endpoints.append(
                "{\"network\":\"many\",\"name\":\"h\(first)\",\"ip\":\"\(address)\","
                    + "\"alias\":[\(others.joined(separator: ","))]}"
            )
        }
        let networks = wishes.names > 0 ? "\"bench\",\"many\"" : "\"bench\""
        let sandboxes = (1...wishes.sandboxes).map { number in
            let address = isMany ? "127.1.\(number >> 8).\(number & 255)" : place.address
            return "{\"name\":\"s\(number)\",\"listen\":\"\(address):\(place.port)\","
                + "\"networks\":[\(networks)]}"
        }
        let upstreams = wishes.upstream.map { "\"127.0.0.1:\($0)\"" } ?? ""
        let configuration = try write(
            "\(name).json",
            """
            {"stateDirectory":"\(folder.path)/\(name)","api":{"socket":"\(folder.path)/\(name).sock"},
             "gossip":null,"metrics":{"listen":null},
             "dns":{"threads":1,"forwardLimit":\(wishes.forwardLimit),"upstreams":[\(upstreams)]},
             "sandboxes":[\(sandboxes.joined(separator: ","))],
             "endpoints":[\(endpoints.joined(separator: ","))]}
            """
        )
        let command = [NameServerBenchmarks.waggle, "daemon", "--config", configuration]
        return try start(name, command, place)
    }

    // MARK: Floors

    /// An upstream that gives every name an address with that TTL; `hold`: once it has been asked
    /// for so many names.
    func startUpstream(ttl: Int, hold: Int? = nil) throws -> Peer? {
        let port = takePort()
        let words = ["\(port)", "\(ttl)"] + (hold.map { ["\($0)"] } ?? [])
        let place = Peer.Place(port: port)
        let command = [Self.program("CUpstream")] + words
        if hold == nil { return try start("upstream (C)", command, place, on: .load) }
        // It answers nobody who asks alone, so nothing tells when it is there.
        let process = try Peer.launch(command, on: .load)
        Thread.sleep(forTimeInterval: 0.2)
        let peer = Peer("upstream (C)", at: place, process)
        peers.append(peer)
        return process.isRunning ? peer : nil
    }

    /// A relay that checks and keeps nothing, with one socket or a fresh one for each question.
    func startRelay(upstream: UInt16, isFresh: Bool) throws -> Peer? {
        let port = takePort()
        let kind = isFresh ? "fresh" : "shared"
        let command = [Self.program("CRelay"), "\(port)", "\(upstream)", kind]
        return try start("relay, \(kind) (C)", command, Peer.Place(port: port))
    }

    /// An echo that sends as many octets as `replyOctets`, at as many addresses.
    func startEcho(replyOctets: Int, addresses: Int = 1) throws -> Peer? {
        let address = addresses > 1 ? "127.1.0.1" : "127.0.0.1"
        let place = Peer.Place(address: address, port: takePort(), addresses: addresses)
        let numbers = [Int(place.port), addresses, replyOctets, Self.echoBatch]
        return try start(
            addresses > 1 ? "echo, epoll (C)" : "echo (C)",
            [Self.program("CEcho"), address] + numbers.map { "\($0)" },
            place
        )
    }

    /// Datagrams in one system call: as many as our own server takes.
    private static let echoBatch = 64

    private static func program(_ name: String) -> String {
        "\(NameServerBenchmarks.programs)/\(name)"
    }

    func start(
        _ name: String,
        _ command: [String],
        _ place: Peer.Place,
        on cpu: Processor = .servers
    ) throws -> Peer? {
        let peer = try Peer.start(name, command, at: place, probe: Self.one, on: cpu)
        if let peer { peers.append(peer) }
        return peer
    }
}
