import Base
import DNSWire
import Foundation
import LinuxSystem
import NameServer
import Names
import Synchronization

/// A registry with very many names behind a name server, as the daemon has them.
struct Node: ~Copyable {
    private var registry: Registry
    private let server: NameServer
    private let view: PublishedView
    private let endpoint: SocketEndpoint
    private let networks: [DomainName]
    private var dice = SeededGenerator(seed: 9)
    private var responder: Responder
    let endpointCount: Int
    private(set) var changesDone = 0

    /// Each endpoint has an address and a reverse name: two names with a record each.
    var recordCount: Int { endpointCount * 2 }

    init(names: Int, networks count: Int) throws {
        let networks = try (0..<count).map { number in try DomainName("net\(number)") }
        let registry = try Self.filled(names / 2, networks)
        let server = try NameServer(
            limits: .init(threads: 1, forwardLimit: 64, cacheEntries: 1000, nameSeed: Self.seed)
        )
        endpoint = try server.open(Self.sandbox(networks).place, slot: 0, redirect: false).endpoint
        var directory = UpstreamDirectory()
        view = PublishedView(
            view: registry.view(
                of: Self.sandbox(networks),
                routes: UpstreamRoutes(defaults: []),
                directory: &directory
            ),
            slot: 0
        )
        server.publish([view], registry.tables)
        self.server = server
        self.networks = networks
        endpointCount = names / 2
        self.registry = registry
        responder = Responder(counters: WorkerCounters(), nameSeed: Self.seed, diceSeed: 3)
    }

    private static let seed: UInt64 = 77

    private static func sandbox(_ networks: [DomainName]) -> Sandbox {
        let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        return Sandbox(name: "bench", place: .address(place), networks: [networks[0]])
    }

    private static func filled(_ count: Int, _ networks: [DomainName]) throws -> Registry {
        var registry = Registry(policy: NamePolicy(), seed: seed, compiler: .images)
        var start = 0
        while start < count {
            let end = min(start + 1000, count)
            let part = try (start..<end).map { number in try endpoint(number, networks) }
            _ = try registry.apply(.addEndpoints(part), at: .zero)
            start = end
        }
        _ = try registry.apply(.addSandbox(sandbox(networks)), at: .zero)
        return registry
    }

    func stop() { server.stop() }

    private static func endpoint(_ number: Int, _ networks: [DomainName]) throws -> Endpoint {
        var endpoint = Endpoint(
            id: hex(number),
            network: networks[number % networks.count],
            name: try DomainName("host-\(number)")
        )
        // Each network has its own block, as networks do.
        let block = UInt32(number % networks.count) << (networks.count > 1 ? 8 : 0)
        endpoint.ipv4 = IPv4Address(0x0a00_0000 + block + UInt32(number / networks.count))
        return endpoint
    }

    private static func hex(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// Removes an endpoint or adds it again, and publishes.
    private mutating func change(_ number: Int) throws {
        let id = Self.hex(number)
        if registry.endpoints[id] == nil {
            let endpoint = try Self.endpoint(number, networks)
            _ = try registry.apply(.addEndpoints([endpoint]), at: .zero)
        } else {
            _ = try registry.apply(.removeEndpoint(id), at: .zero)
        }
        server.publish([view], registry.tables)
        changesDone += 1
    }

    /// Microseconds from each change to its being visible.
    mutating func changes(_ count: Int) throws -> [Double] {
        try (0..<count).map { _ in
            let number = Int(dice.below(UInt32(endpointCount)))
            let start = Clock.now()
            try change(number)
            return Double(Clock.now().nanoseconds - start.nanoseconds) / 1000
        }
    }

    private static func query(_ number: Int) throws -> [UInt8] {
        QueryWriter.query(
            id: UInt16(truncatingIfNeeded: number),
            labels: try DomainName("host-\(number)").octets,
            type: .a
        )
    }

    /// Nanoseconds for each of `count` questions for names of the first network, at random.
    mutating func nanosecondsPerQuestion(_ count: Int) throws -> Double {
        let queries = try (0..<count).map { _ in
            try Self.query(Int(dice.below(UInt32(endpointCount))))
        }
        let tables = registry.tables
        let client = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 40_000)
        let view = view
        var answered = 0
        let start = Clock.now()
        var reply = [UInt8](capacity: MessageSize.datagramMax) { _ in }
        for query in queries {
            reply = [UInt8](capacity: MessageSize.datagramMax) { out in
                _ = responder.respond(
                    to: query.span,
                    from: client,
                    over: .datagram,
                    as: view,
                    in: tables,
                    into: &out
                ) { _, _, _, _ in .dropped }
            }
            if reply.count > 40, reply[7] == 1 { answered += 1 }
        }
        let taken = Double(Clock.now().nanoseconds - start.nanoseconds)
        precondition(answered == count, "every question is answered with one record")
        return taken / Double(count)
    }

    /// What a client that asks every 200 us waits, in microseconds, while endpoints come and go.
    mutating func roundTrips(seconds: UInt64, changesPerSecond: UInt64) throws -> [Double] {
        changesDone = 0
        let client = try Client(
            endpoint,
            names: endpointCount / networks.count,
            network: networks.count
        )
        let thread = try PinnedThread(name: "client") { client.run() }
        let start = Clock.now()
        while true {
            let elapsed = (Clock.now().nanoseconds - start.nanoseconds) / 1_000_000
            if elapsed >= seconds * 1000 { break }
            while UInt64(changesDone) < elapsed * changesPerSecond / 1000 {
                // The first network's names are asked for, and stay.
                let number = Int(dice.below(UInt32(endpointCount)))
                try change(networks.count > 1 && number % networks.count == 0 ? number + 1 : number)
            }
            // The changes that are due in a millisecond are made together, as they come from peers.
            Thread.sleep(forTimeInterval: 0.001)
        }
        client.stop()
        thread.join()
        return client.times
    }
}

/// One client that waits for each reply.
final class Client: Sendable {
    private let socket: Descriptor
    private let names: Int
    private let network: Int
    private let isOver = Atomic<Bool>(false)
    private let collected = Mutex<[Double]>([])

    init(_ endpoint: SocketEndpoint, names: Int, network: Int = 1) throws {
        socket = try Sockets.datagram(connectedTo: endpoint)
        self.names = names
        self.network = network
    }

    var times: [Double] { collected.withLock { $0 } }

    func stop() { isOver.store(true, ordering: .relaxed) }

    func run() {
        var times: [Double] = []
        var dice = SeededGenerator(seed: 4)
        var buffer = [UInt8](repeating: 0, count: 4096)
        var events: [Poller.Event] = []
        do {
            let poller = try Poller()
            try poller.add(socket.raw, token: 0, for: .read)
            while !isOver.load(ordering: .relaxed) {
                let name = try DomainName("host-\(Int(dice.below(UInt32(names))) * network).net0")
                let query = QueryWriter.query(id: 1, labels: name.octets, type: .a)
                let start = Clock.now()
                _ = try Sockets.send(socket.raw, query)
                try poller.wait(milliseconds: 1000, into: &events)
                let count = try Sockets.receive(socket.raw, into: &buffer, octetsMax: buffer.count)
                if count == nil { continue }
                times.append(Double(Clock.now().nanoseconds - start.nanoseconds) / 1000)
                // A client that asks now and then, not one that fills a processor.
                Thread.sleep(forTimeInterval: 0.001)
            }
        } catch {
            print("client: \(error)")
        }
        collected.withLock { $0 = times }
    }
}
