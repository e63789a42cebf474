import Base
import DNSWire
import NameServer
import Names

/// A responder and the sandboxes it answers in: what one worker has, without its sockets.
struct Bench: ~Copyable {
    /// One sandbox to ask in.
    struct Place {
        let profile: NamePolicy.Profile
        let view: PublishedView
        let tables: NameTables
        let tables: NameTables
    }

    var responder: Responder
    let places: [Place]

    private static let seed: UInt64 = 11

    init() {
        responder = Responder(counters: WorkerCounters(), nameSeed: Self.seed, diceSeed: 1)
        let long = [63, 63, 63, 50].map { String(repeating: "n", count: $0) }
        places = [
            Self.place(.waggle, network: "svc.internal"),
            Self.place(.docker, network: "svc.internal"),
            Self.place(.waggle, network: long.joined(separator: ".")),
        ]
    }

    private static func place(_ profile: NamePolicy.Profile, network text: String) -> Place {
        let network = name(text)
        var registry = Registry(
            policy: NamePolicy(profile: profile),
            seed: seed,
            compiler: .images
        )
        let subnets = [CIDR("10.0.0.0/16"), CIDR("fd00::/64")].compactMap { $0 }
        do throws(RegistryError) {
            _ = registry.replace(zone: zone(network))
            _ = try registry.apply(
                .attach(network, subnets: subnets, origin: .command),
                at: .zero
            )
            _ = try registry.apply(.addEndpoints(endpoints(network)), at: .zero)
            _ = try registry.apply(.removeEndpoint("zero"), at: .zero)
        } catch {
            fatalError("\(error)")
        }
        let address = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 5300)
        let sandbox = Sandbox(name: "probe", place: .address(address), networks: [network])
        var directory = UpstreamDirectory()
        let view = registry.view(
            of: sandbox,
            routes: UpstreamRoutes(defaults: [UpstreamChoice(address)]),
            directory: &directory
        )
        return Place(
            profile: profile,
            view: PublishedView(view: view, slot: 0),
            tables: registry.tables
        )
    }

    private static func endpoints(_ network: DomainName) -> [Endpoint] {
        var list: [Endpoint] = []
        func add(_ id: String, _ service: String, _ last: UInt16) {
            var endpoint = Endpoint(id: id, network: network, name: name(id))
            endpoint.ipv4 = IPv4Address(0x0a00_0000 + UInt32(last))
            if last % 2 == 0 { endpoint.ipv6 = IPv6Address(high: 0xfd00 << 48, low: UInt64(last)) }
            endpoint.service = ServiceMembership(name: name(service))
            endpoint.ports = [ServicePort(transport: .tcp, name: "http", port: 8080)]
            list.append(endpoint)
        }
        for task in 1...3 { add("i\(task)", "web", UInt16(task)) }
        for task in 0..<200 { add("b\(task)", "big", UInt16(256 + task)) }
        add("zero", "zero", 99)
        return list
    }

    /// Aliases that lead on, out, in a circle and too far; a zone of its own; a long record.
    private static func zone(_ network: DomainName) -> StaticZone {
        func under(_ text: String) -> DomainName {
            (try? DomainName(name(text), under: network)) ?? name(text)
        }
        func entry(_ owner: DomainName, _ type: RecordType, _ data: RecordData) -> StaticZone.Entry
        {
            StaticZone.Entry(owner: owner, type: type, ttl: 5, data: data)
        }
        let apex = name("example.org")
        let strings = [UInt8](repeating: 255, count: 256 * 8)
        var entries = [
            entry(under("near"), .cname, .name(under("web"))),
            entry(under("wide"), .cname, .name(under("big"))),
            entry(under("out"), .cname, .name(name("www.example.net"))),
            entry(under("top"), .cname, .name(.root)),
            entry(under("loop"), .cname, .name(under("pool"))),
            entry(under("pool"), .cname, .name(under("loop"))),
            entry(under("t"), .txt, .wire(strings)),
            entry(apex, .soa, .wire(RecordEncoder.soa(zone: apex, minimum: 60))),
            entry(apex, .mx, .wire([0, 10] + RecordEncoder.wire(name("mail.example.org")))),
        ]
        for step in 0..<10 {
            entries.append(
                entry(under("c\(step)"), .cname, .name(under("c\(step + 1)")))
            )
        }
        return StaticZone(entries)
    }

    static func name(_ text: String) -> DomainName {
        guard let name = try? DomainName(text) else {
            fatalError("\(text) is a name")
        }
        return name
    }
}
