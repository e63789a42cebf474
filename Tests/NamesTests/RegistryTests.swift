import Base
import Names
import Testing

@Suite("Registry")
struct RegistryTests {
    private let network: DomainName
    private let web: DomainName

    init() throws {
        network = try DomainName("mynet")
        web = try DomainName("web")
    }

    private func endpoint(
        _ id: String,
        _ name: String,
        ip: String,
        service: String? = nil,
        vip: String? = nil
    ) throws -> Endpoint {
        var endpoint = Endpoint(id: id, network: network, name: try DomainName(name))
        endpoint.ipv4 = IPv4Address(ip)
        if let service {
            endpoint.service = ServiceMembership(
                name: try DomainName(service),
                vip4: vip.flatMap { IPv4Address($0) }
            )
        }
        return endpoint
    }

    private func sandbox(_ name: String = "box") -> Sandbox {
        let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 5300)
        return Sandbox(name: name, place: .address(place), networks: [network])
    }

    private func registry() -> Registry { Registry(policy: NamePolicy(), seed: 3) }

    /// The addresses that a question for `name` gets; nil unless the verdict is an answer.
    private func addresses(_ name: String, in registry: borrowing Registry) throws -> [String]? {
        let view = registry.view(of: sandbox(), asking: [])
        var key = NameKey(seed: 3)
        key.load(try DomainName(name))
        let tables = registry.tables
        guard case .answer(let handle) = view.verdict(key, type: .a, in: tables) else {
            return nil
        }
        return TextCompiler.values(handle, view, tables)
    }

    private func verdict(
        _ name: String,
        _ type: RecordType = .a,
        in registry: borrowing Registry
    ) throws -> Verdict {
        let view = registry.view(of: sandbox(), asking: [])
        var key = NameKey(seed: 3)
        key.load(try DomainName(name))
        return view.verdict(key, type: type, in: registry.tables)
    }

    @Test("a service without VIP answers its tasks, one with a VIP answers that")
    func services() throws {
        var registry = registry()
        _ = try registry.apply(
            .addEndpoints([
                try endpoint("1", "web.1", ip: "10.0.0.1", service: "web"),
                try endpoint("2", "web.2", ip: "10.0.0.2", service: "web"),
                try endpoint("3", "api.1", ip: "10.0.0.3", service: "api", vip: "10.0.0.9"),
            ]),
            at: .zero
        )
        _ = try registry.apply(.addSandbox(sandbox()), at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.1", "10.0.0.2"])
        #expect(try addresses("web.mynet", in: registry) == ["10.0.0.1", "10.0.0.2"])
        #expect(try addresses("api", in: registry) == ["10.0.0.9"])
        #expect(try addresses("tasks.api", in: registry) == ["10.0.0.3"])
        #expect(try addresses("web.2", in: registry) == ["10.0.0.2"])
    }

    @Test("drained tasks leave the answer, and come back as the last resort")
    func draining() throws {
        var registry = registry()
        _ = try registry.apply(
            .addEndpoints([
                try endpoint("1", "web.1", ip: "10.0.0.1", service: "web"),
                try endpoint("2", "web.2", ip: "10.0.0.2", service: "web"),
            ]),
            at: .zero
        )
        _ = try registry.apply(.addSandbox(sandbox()), at: .zero)
        _ = try registry.apply(.drainEndpoint("1"), at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.2"])
        _ = try registry.apply(.drainEndpoint("2"), at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.1", "10.0.0.2"])
    }

    @Test("a service whose last task went is known and empty for 30 minutes")
    func emptyService() throws {
        var registry = registry()
        _ = try registry.apply(.addSandbox(sandbox()), at: .zero)
        let task = try endpoint("1", "web.1", ip: "10.0.0.1", service: "web")
        _ = try registry.apply(.addEndpoints([task]), at: .zero)
        _ = try registry.apply(.removeEndpoint("1"), at: .zero)
        guard case .noData = try verdict("web", in: registry) else {
            Issue.record("a known service is never denied")
            return
        }
        let end = Moment.zero.advanced(milliseconds: Registry.emptyServiceMilliseconds)
        let wake1 = registry.nextWake()
        #expect(wake1 == end)
        _ = registry.forgetEmptyServices(at: end)
        guard case .forward = try verdict("web", in: registry) else {
            Issue.record("a forgotten service is an unknown name")
            return
        }
    }

    @Test("what is refused changes nothing")
    func refusals() throws {
        var registry = registry()
        _ = try registry.apply(.addSandbox(sandbox()), at: .zero)
        let task = try endpoint("1", "web.1", ip: "10.0.0.1", service: "web", vip: "10.0.0.9")
        _ = try registry.apply(.addEndpoints([task]), at: .zero)
        let clash = try endpoint("2", "web.2", ip: "10.0.0.2", service: "web")
        let other = try endpoint("3", "db", ip: "10.0.0.3")
        func refused(_ change: Change, _ registry: inout Registry) -> RegistryError? {
            do throws(RegistryError) {
                _ = try registry.apply(change, at: .zero)
                return nil
            } catch {
                return error
            }
        }
        let vips = [IPAddress.v4(IPv4Address(10, 0, 0, 9))]
        #expect(
            refused(.addEndpoints([other, clash]), &registry)
                == .serviceClash(service: web, network: network, has: vips, wants: [])
        )
        #expect(refused(.addEndpoints([task]), &registry) == .endpointExists("1"))
        #expect(refused(.addEndpoints([other, other]), &registry) == .endpointExists("3"))
        #expect(refused(.addSandbox(sandbox()), &registry) == .sandboxExists("box"))
        #expect(refused(.addSandbox(sandbox("two")), &registry) == .placeTaken(by: "box"))
        #expect(refused(.removeEndpoint("9"), &registry) == .noEndpoint("9"))
        #expect(refused(.renewEndpoint("1", until: .zero), &registry) == .notRenewable("1"))
        #expect(
            refused(.detach(network), &registry)
                == .networkInUse(network, sandboxes: 1, endpoints: 1)
        )
        var lost = try endpoint("4", "x", ip: "10.0.0.4")
        lost.tie = .sandbox("nobody")
        #expect(refused(.addEndpoints([lost]), &registry) == .noSandbox("nobody"))
        #expect(registry.endpoints.count == 1)
        #expect(registry.sandboxes.count == 1)
        #expect(try addresses("db", in: registry) == nil)
    }

    @Test("any number of sandboxes may ask for a free port")
    func freePorts() throws {
        var registry = registry()
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        for name in ["one", "two"] {
            let sandbox = Sandbox(name: name, place: .address(anyPort), networks: [network])
            _ = try registry.apply(.addSandbox(sandbox), at: .zero)
        }
        #expect(registry.sandboxes.count == 2)
    }

    @Test("a sandbox takes the endpoints tied to it along, and the last user the network")
    func ties() throws {
        var registry = registry()
        _ = try registry.apply(.addSandbox(sandbox()), at: .zero)
        var tied = try endpoint("1", "db", ip: "10.0.0.1")
        tied.tie = .sandbox("box")
        _ = try registry.apply(.addEndpoints([tied]), at: .zero)
        let effect = try registry.apply(.removeSandbox("box"), at: .zero)
        #expect(effect.removedEndpoints == ["1"])
        #expect(effect.closedSandboxes == ["box"])
        #expect(registry.networks.isEmpty)
        #expect(registry.table(of: network) == nil)
    }

    @Test("a time to live runs out, unless renewed")
    func timeToLive() throws {
        var registry = registry()
        var mortal = try endpoint("1", "db", ip: "10.0.0.1")
        let end = Moment.zero.advanced(milliseconds: 5000)
        mortal.tie = .timeToLive(seconds: 5, until: end)
        _ = try registry.apply(.addEndpoints([mortal]), at: .zero)
        let wake2 = registry.nextWake()
        #expect(wake2 == end)
        let expired4 = registry.expiredEndpoints(at: end)
        #expect(expired4 == ["1"])
        let later = end.advanced(milliseconds: 5000)
        _ = try registry.apply(.renewEndpoint("1", until: later), at: .zero)
        let expired5 = registry.expiredEndpoints(at: end)
        #expect(expired5.isEmpty)
        let wake3 = registry.nextWake()
        #expect(wake3 == later)
    }
}

@Suite("Derivation")
struct DerivationTests {
    /// A random set of endpoints of a few services and names.
    private func endpoints(_ dice: inout SeededGenerator) throws -> [Endpoint] {
        let network = try DomainName("net")
        return try (0..<Int(1 + dice.below(20))).map { index in
            var endpoint = Endpoint(
                id: "e\(index)",
                network: network,
                name: try DomainName("t\(dice.below(8))")
            )
            endpoint.ipv4 = IPv4Address(10, 0, 0, UInt8(dice.below(12)))
            if dice.below(2) == 0 { endpoint.ipv6 = IPv6Address(high: 1, low: UInt64(index)) }
            if dice.below(3) > 0 {
                let service = dice.below(3)
                endpoint.service = ServiceMembership(
                    name: try DomainName("s\(service)"),
                    vip4: service == 0 ? IPv4Address(10, 0, 1, 1) : nil
                )
                endpoint.ports = [ServicePort(transport: .tcp, name: "http", port: 80)]
            }
            if dice.below(4) == 0 { endpoint.aliases = [try DomainName("a.b.c\(dice.below(3))")] }
            if dice.below(5) == 0 { endpoint.taskAliases = [try DomainName("c\(dice.below(3))")] }
            if dice.below(5) == 0 { endpoint.containerID = "00c0ffee000\(dice.below(3))99" }
            if dice.below(9) == 0 {
                endpoint.aliases += [try DomainName("tasks.s\(dice.below(3))")]
            }
            endpoint.drained = dice.below(4) == 0
            return endpoint
        }
    }

    @Test("the names do not depend on the order of arrival", arguments: UInt64(1)...60)
    func order(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let list = try endpoints(&dice)
        let expected = try WholeNetwork(list).text
        for _ in 0..<5 {
            var registry = Registry(policy: NamePolicy(), seed: 1)
            _ = try registry.apply(.addEndpoints(list.shuffled(using: &dice)), at: .zero)
            #expect(registry.text(of: try DomainName("net")) == expected)
        }
    }

    @Test(
        "a network that has changed step by step is what it is when derived as a whole",
        arguments: UInt64(1)...60
    )
    func incremental(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let network = try DomainName("net")
        var registry = Registry(policy: NamePolicy(), seed: seed)
        _ = try registry.apply(.attach(network, subnets: [], origin: .command), at: .zero)
        var present: [Endpoint] = []
        var waiting = try endpoints(&dice)
        var empty: Set<DomainName> = []
        var zone = StaticZone()
        for _ in 0..<60 {
            switch dice.below(8) {
            case 0..<3 where !waiting.isEmpty:
                let count = 1 + Int(dice.below(UInt32(min(4, waiting.count))))
                let chosen = Array(waiting.suffix(count))
                waiting.removeLast(count)
                _ = try registry.apply(.addEndpoints(chosen), at: .zero)
                present += chosen
                empty.subtract(chosen.compactMap { $0.service?.name })
            case 3..<5 where !present.isEmpty:
                let gone = present.remove(at: Int(dice.below(UInt32(present.count))))
                waiting.insert(gone, at: 0)
                _ = try registry.apply(.removeEndpoint(gone.id), at: .zero)
                if let service = gone.service?.name,
                    !present.contains(where: { $0.service?.name == service })
                {
                    empty.insert(service)
                }
            case 5 where !present.isEmpty:
                let index = Int(dice.below(UInt32(present.count)))
                present[index].drained = true
                _ = try registry.apply(.drainEndpoint(present[index].id), at: .zero)
            case 6:
                zone = try self.zone(&dice)
                _ = registry.replace(zone: zone)
            default:
                _ = registry.forgetEmptyServices(at: .distantFuture)
                empty = []
            }
            let whole = try WholeNetwork(present, emptyServices: empty, zone: zone)
            #expect(registry.text(of: network) == whole.text)
            #expect(registry.networks[network]?.subnets == whole.subnets)
        }
    }

    /// Some records at and between names that endpoints have.
    private func zone(_ dice: inout SeededGenerator) throws -> StaticZone {
        let names = [
            "s1.net", "x.s2.net", "t1.net", "deep.down.net", "_tcp.s1.net", "net", "other",
        ]
        return StaticZone(
            try names.filter { _ in dice.below(2) == 0 }.map { name in
                StaticZone.Entry(
                    owner: try DomainName(name),
                    type: .a,
                    ttl: 7,
                    data: .a(IPv4Address(192, 0, 2, UInt8(dice.below(3))))
                )
            }
        )
    }

    @Test("a large network is cut into more pieces as it grows, and into fewer as it shrinks")
    func growth() throws {
        let network = try DomainName("net")
        var registry = Registry(policy: NamePolicy(), seed: 4)
        _ = try registry.apply(.attach(network, subnets: [], origin: .command), at: .zero)
        let list = try (0..<3000).map { index in
            var endpoint = Endpoint(
                id: "e\(index)",
                network: network,
                name: try DomainName("host\(index)")
            )
            endpoint.ipv4 = IPv4Address(0x0a00_0000 + UInt32(index))
            return endpoint
        }
        func pieces(_ registry: borrowing Registry) -> Int {
            registry.table(of: network).map { $0.pieces(unlike: $0).count } ?? 0
        }
        var counts: [Int] = []
        for part in stride(from: 0, to: 3000, by: 300) {
            _ = try registry.apply(.addEndpoints(Array(list[part..<part + 300])), at: .zero)
            counts.append(pieces(registry))
        }
        #expect(try WholeNetwork(list).text == registry.text(of: network))
        #expect(counts == counts.sorted())
        #expect(counts.last ?? 0 >= 256)
        for endpoint in list.dropFirst(10) {
            _ = try registry.apply(.removeEndpoint(endpoint.id), at: .zero)
        }
        #expect(try WholeNetwork(Array(list.prefix(10))).text == registry.text(of: network))
        #expect(pieces(registry) <= 8)
    }

    @Test("a change leaves alone the parts of a table and the tables that it does not touch")
    func sharing() throws {
        let network = try DomainName("net")
        var registry = Registry(policy: NamePolicy(), seed: 4)
        let list = try (0..<2000).map { index in
            var endpoint = Endpoint(
                id: "e\(index)",
                network: index % 2 == 0 ? network : try DomainName("other"),
                name: try DomainName("host\(index)")
            )
            endpoint.ipv4 = IPv4Address(0x0a00_0000 + UInt32(index))
            return endpoint
        }
        _ = try registry.apply(.addEndpoints(list), at: .zero)
        let otherNetwork = try DomainName("other")
        guard let before = registry.table(of: network),
            let other = registry.table(of: otherNetwork)
        else { throw RegistryError.noNetwork(network) }
        _ = try registry.apply(.removeEndpoint("e0"), at: .zero)
        guard let after = registry.table(of: network) else {
            throw RegistryError.noNetwork(network)
        }
        let pieces = after.pieces(unlike: before)
        // The name and its reverse name.
        #expect((1...2).contains(pieces.different))
        #expect(pieces.count > 32)
        let untouched = registry.table(of: otherNetwork)
        #expect(untouched === other)
    }

    @Test("every name that is derived is found, and none of its types is denied as a name")
    func neverDenied() throws {
        var dice = SeededGenerator(seed: 5)
        for _ in 0..<40 {
            let list = try endpoints(&dice)
            let network = try DomainName("net")
            var registry = Registry(policy: NamePolicy(), seed: 9)
            _ = try registry.apply(.addEndpoints(list), at: .zero)
            let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 1)
            let view = registry.view(
                of: Sandbox(name: "s", place: .address(place), networks: [network]),
                asking: []
            )
            for (name, _) in registry.table(of: network)?.allNames ?? [] {
                for type in [RecordType.a, .aaaa, .txt, .https, .any, .srv, .mx, .ptr] {
                    let full =
                        name.relative(to: ReverseName.zone4) == nil
                            && name.relative(to: ReverseName.zone6) == nil
                        ? try DomainName(name, under: network) : name
                    var key = NameKey(seed: 9)
                    key.load(full)
                    switch view.verdict(key, type: type, in: registry.tables) {
                    case .answer, .noData, .alias: break
                    case .nxDomain, .forward, .refuse, .synthetic:
                        Issue.record("\(full) \(type) exists")
                    }
                }
            }
        }
    }
}
