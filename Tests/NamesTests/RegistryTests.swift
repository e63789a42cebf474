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
        guard case .answer(let handle) = view.verdict(key, type: .a) else {
            return nil
        }
        return view[handle.table].sets[handle.set].data.map { data in
            if case .a(let address) = data { address.description } else { "?" }
        }
    }

    private func verdict(
        _ name: String,
        _ type: RecordType = .a,
        in registry: borrowing Registry
    ) throws -> Verdict {
        let view = registry.view(of: sandbox(), asking: [])
        var key = NameKey(seed: 3)
        key.load(try DomainName(name))
        return view.verdict(key, type: type)
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
            endpoint.drained = dice.below(4) == 0
            return endpoint
        }
    }

    @Test("the names do not depend on the order of arrival", arguments: UInt64(1)...60)
    func order(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let list = try endpoints(&dice)
        let network = try DomainName("net")
        func derive(_ list: [Endpoint]) -> [DomainName: NameRecords] {
            NetworkRecords.derive(
                network: network,
                endpoints: list,
                emptyServices: [],
                zone: [:],
                policy: NamePolicy()
            )
        }
        let expected = derive(list)
        for _ in 0..<5 { #expect(derive(list.shuffled(using: &dice)) == expected) }
    }

    @Test(
        "adding and removing one by one ends where adding at once does",
        arguments: UInt64(1)...30
    )
    func incremental(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let list = try endpoints(&dice)
        let network = try DomainName("net")
        var stepwise = Registry(policy: NamePolicy(), seed: 1)
        var atOnce = Registry(policy: NamePolicy(), seed: 1)
        _ = try atOnce.apply(.attach(network, subnets: [], origin: .command), at: .zero)
        _ = try stepwise.apply(.attach(network, subnets: [], origin: .command), at: .zero)
        for endpoint in list { _ = try stepwise.apply(.addEndpoints([endpoint]), at: .zero) }
        let gone = list.filter { _ in dice.below(3) == 0 }
        for endpoint in gone { _ = try stepwise.apply(.removeEndpoint(endpoint.id), at: .zero) }
        _ = stepwise.forgetEmptyServices(at: .distantFuture)
        let kept = list.filter { !gone.contains($0) }
        if !kept.isEmpty { _ = try atOnce.apply(.addEndpoints(kept), at: .zero) }
        let left = stepwise.table(of: network)?.allNames.map { "\($0.name) \($0.sets)" }
        let right = atOnce.table(of: network)?.allNames.map { "\($0.name) \($0.sets)" }
        #expect(left == right)
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
                    switch view.verdict(key, type: type) {
                    case .answer, .noData, .alias: break
                    case .nxDomain, .forward, .refuse, .synthetic:
                        Issue.record("\(full) \(type) exists")
                    }
                }
            }
        }
    }
}
