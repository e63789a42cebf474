import Base
import Glibc
import LDNS
import LinuxSystem
import NameServer
import Names

/// The fixture of the conformance rows: network `svc.internal` on 10.0.0.0/16, served by a real
/// name server on loopback.
///
/// One per test, so that tests do not share counters.
final class Fixture: Sendable {
    let server: NameServer
    let endpoint: SocketEndpoint

    /// `at`: an address of loopback to serve at instead of a port that is free.
    init(
        at place: SocketEndpoint? = nil,
        profile: NamePolicy.Profile = .waggle,
        upstreams: [SocketEndpoint] = [],
        domains: [String: [SocketEndpoint]] = [:],
        forwardLimit: Int = 64,
        cacheEntries: Int = 1000,
        isInternal: Bool = false,
        watch: WatchLimits = WatchLimits()
    ) throws {
        let seed: UInt64 = 11
        server = try NameServer(
            limits: .init(
                threads: 1,
                forwardLimit: forwardLimit,
                cacheEntries: cacheEntries,
                nameSeed: seed,
                watch: watch
            )
        )
        var registry = Registry(
            policy: NamePolicy(profile: profile),
            seed: seed,
            compiler: .images
        )
        let network = try DomainName("svc.internal")
        let subnet = try Self.known(CIDR("10.0.0.0/16"))
        _ = try registry.apply(.attach(network, subnets: [subnet], origin: .command), at: .zero)
        _ = registry.replace(zone: try Self.zone())
        _ = try registry.apply(.addEndpoints(try Self.endpoints(network)), at: .zero)
        _ = try registry.apply(.removeEndpoint("zero"), at: .zero)
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        var sandbox = Sandbox(
            name: "probe",
            place: .address(place ?? anyPort),
            networks: [network]
        )
        sandbox.isInternal = isInternal
        endpoint = try server.open(sandbox.place, slot: 0, redirect: false).endpoint
        let view = registry.view(
            of: sandbox,
            asking: upstreams,
            domains: try domains.map { name, upstreams in
                let choices = upstreams.map { UpstreamChoice($0) }
                return .init(name: try DomainName(name), upstreams: choices)
            }
        )
        server.publish([PublishedView(view: view, slot: 0)], registry.tables)
    }

    deinit { server.stop() }

    func count(_ counter: WorkerCounters.Counter) -> UInt64 {
        server.counters.reduce(0) { $0 + $1[counter] }
    }

    private static func endpoints(_ network: DomainName) throws -> [Endpoint] {
        var list: [Endpoint] = []
        func add(_ name: String, _ service: String, v4: [UInt8]?, v6: UInt64? = nil) throws {
            var endpoint = Endpoint(id: name, network: network, name: try DomainName(name))
            endpoint.ipv4 = v4.map { IPv4Address(10, 0, $0[0], $0[1]) }
            endpoint.ipv6 = v6.map { IPv6Address(high: 0xfd00 << 48, low: $0) }
            endpoint.service = ServiceMembership(name: try DomainName(service))
            if service == "web" {
                endpoint.ports = [ServicePort(transport: .tcp, name: "http", port: 8080)]
            } else if service == "many" || service == "some" {
                endpoint.ports = [ServicePort(transport: .tcp, name: "big", port: 9090)]
            }
            list.append(endpoint)
        }
        try add("i1.web", "web", v4: [0, 11])
        try add("i2.web", "web", v4: [0, 12])
        try add("i3.web", "web", v4: [0, 13])
        try add("six", "v6", v4: nil, v6: 5)
        try add("both", "dual", v4: [0, 20], v6: 6)
        for index in 0..<200 { try add("big.\(index)", "big", v4: [1, UInt8(index)]) }
        try add("zero", "zero", v4: [0, 99])
        for index in 0..<40 { try add("many.\(index)", "many", v4: [2, UInt8(index)]) }
        for index in 0..<9 { try add("some.\(index)", "some", v4: [3, UInt8(index)]) }
        return list
    }

    private static func zone() throws -> StaticZone {
        let text = """
            ext.svc.internal. 5 IN CNAME www.example.net.
            near.svc.internal. 5 IN CNAME web.svc.internal.
            loop.svc.internal. 5 IN CNAME pool.svc.internal.
            pool.svc.internal. 5 IN CNAME loop.svc.internal.
            t.svc.internal. 5 IN TXT "one" "two"
            """
        let records = try ZoneText.records(in: text, origin: .root, defaultTTL: 5, file: "fixture")
        return StaticZone(
            try records.map { record in
                let data: RecordData =
                    record.type == .cname
                    ? .name(try DomainName(wire: record.data.dropLast())) : .wire(record.data)
                return .init(owner: record.owner, type: record.type, ttl: record.ttl, data: data)
            }
        )
    }

    private static func known<Value>(_ value: Value?) throws -> Value {
        guard let value else { throw SystemError("fixture", code: 22) }
        return value
    }
}

/// Waits until a descriptor is ready; false after `milliseconds`.
private func ready(
    _ descriptor: Int32,
    _ interest: Poller.Interest,
    milliseconds: Int32
) throws -> Bool {
    let poller = try Poller()
    try poller.add(descriptor, token: 0, for: interest)
    var events: [Poller.Event] = []
    try poller.wait(milliseconds: milliseconds, into: &events)
    return !events.isEmpty
}

extension Fixture {
    /// The reply to one datagram; nil when none comes within `milliseconds`.
    func datagram(_ query: [UInt8], milliseconds: Int32 = 2000) throws -> [UInt8]? {
        let socket = try Sockets.datagram(connectedTo: endpoint)
        _ = try Sockets.send(socket.raw, query)
        guard try ready(socket.raw, .read, milliseconds: milliseconds) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = try Sockets.receive(socket.raw, into: &buffer, octetsMax: buffer.count)
        return count.map { Array(buffer[..<$0]) }
    }

    /// How many replies come to a datagram that is sent `count` times, in bursts that no buffer
    /// overflows.
    func replies(to query: [UInt8], times count: Int) throws -> Int {
        let socket = try Sockets.datagram(connectedTo: endpoint)
        var buffer = [UInt8](repeating: 0, count: 4096)
        var replies = 0
        for start in stride(from: 0, to: count, by: 50) {
            let burst = min(50, count - start)
            for _ in 0..<burst { _ = try Sockets.send(socket.raw, query) }
            for _ in 0..<burst where try ready(socket.raw, .read, milliseconds: 2000) {
                let octets = try Sockets.receive(socket.raw, into: &buffer, octetsMax: buffer.count)
                if octets != nil { replies += 1 }
            }
        }
        return replies
    }

    /// Whether the octets are answered with silence: a good question behind them is the one that is
    /// answered.
    func isDropped(_ octets: [UInt8]) throws -> Bool {
        let socket = try Sockets.datagram(connectedTo: endpoint)
        _ = try Sockets.send(socket.raw, octets)
        _ = try Sockets.send(socket.raw, Query("web", .a, id: 0x7777).octets)
        guard try ready(socket.raw, .read, milliseconds: 2000) else { return false }
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = try Sockets.receive(socket.raw, into: &buffer, octetsMax: buffer.count)
        return buffer[0] == 0x77 && buffer[1] == 0x77
    }

    /// What comes back over one connection until `count` messages or its end.
    func stream(
        _ octets: [UInt8],
        messages count: Int,
        milliseconds: Int32 = 4000
    ) throws -> [[UInt8]] {
        let client = try StreamClient(endpoint)
        try client.send(octets)
        return try client.messages(count, milliseconds: milliseconds)
    }
}

/// A TCP client that reads framed messages.
final class StreamClient {
    private let socket: Descriptor
    private var inbox: [UInt8] = []

    init(_ endpoint: SocketEndpoint) throws {
        socket = try Sockets.stream(connectedTo: endpoint)
        _ = try ready(socket.raw, .write, milliseconds: 2000)
    }

    /// Leaves the kernel little room for what is not read.
    func shrink() {
        var octets: Int32 = 4096
        let length = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(socket.raw, SOL_SOCKET, SO_RCVBUF, &octets, length)
    }

    func send(_ octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            _ = try ready(socket.raw, .write, milliseconds: 2000)
            sent += try Sockets.send(socket.raw, octets, from: sent)
        }
    }

    /// Sends as much as the socket takes at once; false when it takes nothing, or the server has gone.
    func offer(_ octets: [UInt8]) throws -> Bool {
        guard try ready(socket.raw, .write, milliseconds: 20) else { return false }
        return (try? Sockets.send(socket.raw, octets)) ?? 0 > 0
    }

    /// Says that nothing more will be asked.
    func finish() { shutdown(socket.raw, Int32(SHUT_WR)) }

    /// Up to `count` messages; fewer when the connection ends or nothing more comes.
    func messages(_ count: Int, milliseconds: Int32 = 4000) throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while messages.count < count {
            if inbox.count >= 2, inbox.count >= 2 + Int(inbox[0]) << 8 + Int(inbox[1]) {
                let length = Int(inbox[0]) << 8 + Int(inbox[1])
                messages.append(Array(inbox[2..<2 + length]))
                inbox.removeFirst(2 + length)
                continue
            }
            guard try ready(socket.raw, .read, milliseconds: milliseconds),
                let read = try Sockets.receive(
                    socket.raw,
                    into: &buffer,
                    octetsMax: buffer.count
                ), read > 0
            else { return messages }
            inbox += buffer[..<read]
        }
        return messages
    }

    /// Whether the server closes within `milliseconds`.
    func isClosed(milliseconds: Int32) throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        do {
            // What was sent before the end has to be taken before it shows.
            while try ready(socket.raw, .read, milliseconds: milliseconds) {
                let count = try Sockets.receive(socket.raw, into: &buffer, octetsMax: 65_536)
                if count == 0 { return true }
            }
            return false
        } catch {
            return true
        }
    }
}

func framed(_ message: [UInt8]) -> [UInt8] {
    [UInt8(message.count >> 8), UInt8(truncatingIfNeeded: message.count)] + message
}
