import Base
import Names
import Testing

/// The truth table of networkdb-dns.md H12 under the precedence of docs/ARCHITECTURE.md, and the
/// worked search of H6: which kind of decision each kind of name gets for each type.
@Suite("Truth table")
struct TruthTableTests {
    enum Kind: String, Sendable {
        case answer, noData, nxDomain, forward, refuse, alias, synthetic
    }

    /// The networks `front` and `back.end`, both with a `db`, and one that the sandbox is not on.
    private let view: View
    private let tables: NameTables
    private static let seed: UInt64 = 21

    init() throws {
        var registry = Registry(policy: NamePolicy(), seed: Self.seed)
        func add(
            _ network: String,
            _ name: String,
            v4: String? = nil,
            v6: String? = nil,
            _ change: (inout Endpoint) throws -> Void = { _ in }
        ) throws {
            var endpoint = Endpoint(
                id: "\(network)/\(name)",
                network: try DomainName(network),
                name: try DomainName(name)
            )
            endpoint.ipv4 = v4.flatMap { IPv4Address($0) }
            endpoint.ipv6 = v6.flatMap { IPv6Address($0) }
            try change(&endpoint)
            _ = try registry.apply(.addEndpoints([endpoint]), at: .zero)
        }
        try add("front", "four", v4: "10.0.1.1")
        try add("front", "six", v6: "fd01::6")
        try add("front", "both", v4: "10.0.1.2", v6: "fd01::2")
        try add("front", "db", v4: "10.0.1.3")
        try add("back.end", "db", v4: "10.0.2.3", v6: "fd02::3")
        try add("back.end", "only-back", v4: "10.0.2.4")
        try add("elsewhere", "hidden", v4: "10.0.3.1")
        try add("front", "api.1", v4: "10.0.1.11") {
            $0.service = ServiceMembership(
                name: try DomainName("api"),
                vip4: IPv4Address("10.0.1.100")
            )
            $0.aliases = [try DomainName("gateway")]
            $0.taskAliases = [try DomainName("first")]
            $0.containerID = "68fb291b0318b54a71f6f3636e58bd08"
            $0.ports = [ServicePort(transport: .tcp, name: "http", port: 80)]
        }
        try add("front", "gone.1", v4: "10.0.1.12") {
            $0.service = ServiceMembership(
                name: try DomainName("gone"),
                vip4: IPv4Address("10.0.1.101")
            )
        }
        _ = try registry.apply(.removeEndpoint("front/gone.1"), at: .zero)
        let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 5300)
        let sandbox = Sandbox(
            name: "box",
            place: .address(place),
            networks: [try DomainName("front"), try DomainName("back.end")]
        )
        let upstream = SocketEndpoint(address: .v4(IPv4Address(192, 0, 2, 53)), port: 53)
        view = registry.view(of: sandbox, asking: [upstream])
        tables = registry.tables
    }

    private func verdict(_ name: String, _ type: RecordType) throws -> Verdict {
        var key = NameKey(seed: Self.seed)
        key.load(try DomainName(name))
        return view.verdict(key, type: type, in: tables)
    }

    private func kind(_ name: String, _ type: RecordType) throws -> Kind {
        switch try verdict(name, type) {
        case .answer: .answer
        case .noData: .noData
        case .nxDomain: .nxDomain
        case .forward: .forward
        case .refuse: .refuse
        case .alias: .alias
        case .synthetic: .synthetic
        }
    }

    private func values(_ name: String, _ type: RecordType) throws -> [String] {
        guard case .answer(let handle) = try verdict(name, type) else { return [] }
        return TextCompiler.values(handle, view, tables)
    }

    private static let rest = [
        RecordType.mx, .txt, .https, .svcb, .cname, .srv, RecordType(257), RecordType(35),
        RecordType(65280),
    ]

    @Test(
        "a name that exists is never denied, whatever type is asked for",
        arguments: [
            ("four", Kind.answer, Kind.noData), ("six", .noData, .answer),
            ("both", .answer, .answer), ("api", .answer, .noData), ("gone", .noData, .noData),
            ("tasks.api", .answer, .noData), ("tasks.gone", .noData, .noData),
            ("db.back.end", .answer, .answer), ("FOUR.Front", .answer, .noData),
        ]
    )
    func exists(name: String, v4: Kind, v6: Kind) throws {
        #expect(try kind(name, .a) == v4)
        #expect(try kind(name, .aaaa) == v6)
        for type in Self.rest + [.soa, .ns] { #expect(try kind(name, type) == .noData) }
        let any: Kind = v4 == .answer || v6 == .answer ? .answer : .noData
        #expect(try kind(name, .any) == any)
    }

    @Test(
        "an unknown name of ours is denied here, for every type",
        arguments: ["nope.front", "x.four.front", "nope.back.end", "tasks.nope", "_x._tcp.api"]
    )
    func unknownOfOurs(name: String) throws {
        for type in Self.rest + [.a, .aaaa, .any, .soa] {
            #expect(try kind(name, type) == .nxDomain)
        }
    }

    @Test(
        "an unknown name of nobody's goes upstream, for every type but ANY",
        arguments: ["nope", "www.example.net", "hidden", "hidden.elsewhere", "end"]
    )
    func unknownElsewhere(name: String) throws {
        for type in Self.rest + [.a, .aaaa] { #expect(try kind(name, type) == .forward) }
        #expect(try kind(name, .any) == .synthetic)
    }

    @Test("H6: the network of higher priority answers alone, and NAME.NETWORK picks the other")
    func priority() throws {
        #expect(try values("db", .a) == ["10.0.1.3"])
        // Not the AAAA of the other network's db: the first that knows the name ends the search.
        #expect(try kind("db", .aaaa) == .noData)
        #expect(try values("db.back.end", .a) == ["10.0.2.3"])
        #expect(try values("DB.Back.End", .aaaa) == ["fd02::3"])
        #expect(try values("db.front", .a) == ["10.0.1.3"])
        #expect(try values("only-back", .a) == ["10.0.2.4"])
        #expect(try kind("only-back.front", .a) == .nxDomain)
    }

    @Test("every name of a task leads to it, and every name of its service to the VIP")
    func names() throws {
        for name in ["api.1", "first", "68fb291b0318", "tasks.api", "tasks.gateway"] {
            #expect(try values(name, .a) == ["10.0.1.11"], "\(name)")
            #expect(try values(name + ".front", .a) == ["10.0.1.11"], "\(name).front")
        }
        for name in ["api", "gateway"] {
            #expect(try values(name, .a) == ["10.0.1.100"], "\(name)")
        }
        #expect(try values("_http._tcp.api", .srv) == ["80 api.1.front"])
        #expect(try values("_80._tcp.gateway.front", .srv) == ["80 api.1.front"])
    }

    @Test("PTR: one canonical name for an address in use, a denial for the rest of the block")
    func reverse() throws {
        #expect(try values("11.1.0.10.in-addr.arpa", .ptr) == ["api.1.front"])
        #expect(try values("100.1.0.10.in-addr.arpa", .ptr) == ["api.front"])
        #expect(try values("3.2.0.10.in-addr.arpa", .ptr) == ["db.back.end"])
        #expect(try kind("200.1.0.10.in-addr.arpa", .ptr) == .nxDomain)
        #expect(try kind("1.0.10.in-addr.arpa", .ptr) == .noData)
        #expect(try kind("11.1.0.10.in-addr.arpa", .txt) == .noData)
        // The block of a network that the sandbox is not on tells nothing of it.
        #expect(try kind("1.3.0.10.in-addr.arpa", .ptr) == .nxDomain)
        #expect(try kind("4.4.8.8.in-addr.arpa", .ptr) == .forward)
    }
}
