import Base
import Gossip
import Names
import Testing

/// What other nodes' entries come to, whatever the order in which they are heard.
@Suite("Discovery")
struct DiscoveryTests {
    private let network: DomainName
    private static let nodes = ["a", "b", "c"].map { NodeName($0) }

    init() throws {
        network = try DomainName("net")
    }

    private func registry() throws -> Registry {
        var registry = Registry(policy: NamePolicy(), seed: 5)
        _ = try registry.apply(.attach(network, subnets: [], origin: .command), at: .zero)
        return registry
    }

    private func change(
        _ key: String,
        _ owner: NodeName,
        _ value: RemoteChange.Value,
        on network: DomainName? = nil
    ) -> RemoteChange {
        RemoteChange(
            network: network ?? self.network,
            key: Array(key.utf8),
            owner: owner,
            path: .gossip,
            since: .zero,
            value
        )
    }

    private func record(
        _ name: String,
        ip: String,
        service: String? = nil,
        id: String? = nil,
        vip: String? = nil
    ) -> EndpointRecord {
        var record = EndpointRecord(name: Array(name.utf8))
        record.address = IPv4Address(ip)
        if let service {
            record.serviceName = Array(service.utf8)
            record.serviceID = Array((id ?? service).utf8)
            record.virtualAddress = vip.flatMap { IPv4Address($0) }
        }
        return record
    }

    private func own(_ id: String, _ name: String, ip: String) throws -> Endpoint {
        var endpoint = Endpoint(id: id, network: network, name: try DomainName(name))
        endpoint.ipv4 = IPv4Address(ip)
        return endpoint
    }

    /// The addresses of a name; nil when it does not exist.
    private func addresses(_ name: String, in registry: borrowing Registry) throws -> [String]? {
        registry.records(of: try DomainName(name), in: network)?.sets.filter { $0.type == .a }
            .flatMap { $0.data }.map { data in
                if case .a(let address) = data { address.description } else { "?" }
            }
    }

    /// Names as they are once no service is remembered for having been there.
    private func settled(_ registry: inout Registry) -> [String] {
        _ = registry.forgetEmptyServices(at: .distantFuture)
        return registry.text(of: network)
    }

    // MARK: Order

    /// A random life of entries: for each owner what it says of its own, in order.
    private func streams(_ dice: inout SeededGenerator) -> [[RemoteChange]] {
        Self.nodes.enumerated().map { number, owner in
            (0..<Int(4 + dice.below(20))).map { _ in
                let key = "\(owner)\(dice.below(6))"
                if dice.below(4) == 0 { return change(key, owner, .gone) }
                if dice.below(12) == 0 { return change(key, owner, .unreadable) }
                let service = dice.below(4)
                var record = record(
                    "t\(dice.below(8))",
                    ip: "10.0.\(number).\(dice.below(9))",
                    service: service < 3 ? "s\(service)" : nil,
                    id: dice.below(3) == 0 ? "id\(dice.below(3))" : nil,
                    // Nodes that disagree about a VIP, and about whether there is one.
                    vip: dice.below(2) == 0 ? "10.9.0.\(dice.below(3))" : nil
                )
                if dice.below(4) == 0 { record.aliases = [Array("a\(dice.below(3))".utf8)] }
                if dice.below(4) == 0 { record.taskAliases = [Array("c\(dice.below(3))".utf8)] }
                if dice.below(4) == 0 { record.moreAddresses = [.v6(IPv6Address(high: 1, low: 9))] }
                if dice.below(3) == 0 {
                    record.ports = [.init(name: Array("http".utf8), .tcp, target: 80)]
                }
                record.isDisabled = dice.below(5) == 0
                return change(key, owner, .record(record))
            }
        }
    }

    /// One order in which all may come, that of each owner kept.
    private func shuffled(
        _ streams: [[RemoteChange]],
        _ dice: inout SeededGenerator
    ) -> [RemoteChange] {
        var left = streams.map { $0[...] }
        var all: [RemoteChange] = []
        while true {
            let open = left.indices.filter { !left[$0].isEmpty }
            if open.isEmpty { return all }
            if let next = left[open[Int(dice.below(UInt32(open.count)))]].popFirst() {
                all.append(next)
            }
        }
    }

    @Test(
        "names follow from what each node said last, not from the order in which nodes were heard",
        arguments: UInt64(1)...60
    )
    func order(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let streams = streams(&dice)
        var locals: [Endpoint] = []
        // One has the id of an entry of another node.
        for id in ["own1", "own2", "a1"] {
            locals.append(try own(id, "t\(dice.below(8))", ip: "10.1.0.\(dice.below(9))"))
        }
        // From scratch: the last word of each, and nothing before.
        var last: [[UInt8]: RemoteChange] = [:]
        for change in streams.joined() { last[change.key] = change }
        var whole = try registry()
        _ = try whole.apply(.addEndpoints(locals), at: .zero)
        _ = whole.drain([(Self.nodes[1], true)])
        _ = whole.take(last.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }, at: .zero)
        let expected = settled(&whole)
        for _ in 0..<6 {
            var registry = try registry()
            var waiting = locals.shuffled(using: &dice)[...]
            var changes = shuffled(streams, &dice)[...]
            var isDrained = false
            while !changes.isEmpty || !waiting.isEmpty {
                let count = Int(1 + dice.below(5))
                _ = registry.take(Array(changes.prefix(count)), at: .zero)
                changes = changes.dropFirst(count)
                if dice.below(3) == 0 || changes.isEmpty, let next = waiting.popFirst() {
                    _ = try registry.apply(.addEndpoints([next]), at: .zero)
                    // Gone and back again.
                    if dice.below(2) == 0 {
                        _ = try registry.apply(.removeEndpoint(next.id), at: .zero)
                        _ = try registry.apply(.addEndpoints([next]), at: .zero)
                    }
                }
                if dice.below(3) == 0 {
                    isDrained.toggle()
                    _ = registry.drain([(Self.nodes[1], isDrained)])
                }
            }
            _ = registry.drain([(Self.nodes[1], true)])
            #expect(settled(&registry) == expected)
            let audited = registry.audit(network).differences
            #expect(audited == 0)
            let settled = registry.settle(network, Array(last.values), at: .zero).differences
            #expect(settled == 0)
        }
    }

    @Test("entries that go leave nothing behind", arguments: UInt64(1)...20)
    func nothingLeft(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let streams = streams(&dice)
        var registry = try registry()
        _ = registry.take(shuffled(streams, &dice), at: .zero)
        for change in streams.joined() {
            _ = registry.take(
                [self.change(String(decoding: change.key, as: UTF8.self), change.owner, .gone)],
                at: .zero
            )
        }
        #expect(settled(&registry).isEmpty)
        #expect(registry.endpoints.remoteCount == 0)
        #expect(registry.networks[network]?.subnets == [])
    }

    // MARK: What is answered

    @Test("an entry gives names to a network this node is on, and to no other")
    func attachment() throws {
        var registry = try registry()
        let other = try DomainName("other")
        let node = Self.nodes[0]
        let effect = registry.take(
            [
                change("1", node, .record(record("web", ip: "10.0.0.1"))),
                change("2", node, .record(record("db", ip: "10.0.0.2")), on: other),
            ],
            at: .zero
        )
        #expect(effect.networks == [network])
        #expect(effect.ownEndpoints.isEmpty)
        #expect(try addresses("web", in: registry) == ["10.0.0.1"])
        #expect(registry.networks[other] == nil)
        #expect(registry.discovery.counts.strange == 1)
        #expect(registry.endpoints.count == 0 && registry.endpoints.remoteCount == 1)
        #expect(registry.endpoints(in: network).isEmpty)
        // What others have is not in the way of leaving the network, and goes with it.
        let left = try registry.apply(.detach(network), at: .zero)
        #expect(left.detachedNetworks == [network])
        #expect(registry.endpoints.remoteCount == 0)
        _ = try registry.apply(.attach(network, subnets: [], origin: .command), at: .zero)
        #expect(registry.text(of: network).isEmpty)
    }

    @Test("what is no record is counted and gives no name")
    func invalid() throws {
        var registry = try registry()
        let node = Self.nodes[0]
        var noAddress = record("x", ip: "10.0.0.1")
        noAddress.address = nil
        var noService = record("y", ip: "10.0.0.1", service: "web")
        noService.serviceName = []
        let long = String(repeating: "l", count: 64)
        let values: [RemoteChange.Value] = [
            .unreadable, .record(record("", ip: "10.0.0.1")), .record(noAddress),
            .record(noService), .record(record(long, ip: "10.0.0.1")),
            .record(record("a..b", ip: "10.0.0.1")), .record(record(".", ip: "10.0.0.1")),
        ]
        for (number, value) in values.enumerated() {
            _ = registry.take([change("\(number)", node, value)], at: .zero)
        }
        #expect(registry.discovery.counts.invalid == values.count)
        #expect(registry.text(of: network).isEmpty)
        // An entry that becomes one takes its names along.
        _ = registry.take([change("0", node, .record(record("z", ip: "10.0.0.1")))], at: .zero)
        #expect(try addresses("z", in: registry) == ["10.0.0.1"])
        _ = registry.take([change("0", node, .unreadable)], at: .zero)
        #expect(try addresses("z", in: registry) == nil)
    }

    @Test("an own endpoint counts instead of an entry with its id, and while it is there only")
    func shadow() throws {
        var registry = try registry()
        let entry = change("1", Self.nodes[0], .record(record("web", ip: "10.0.0.1")))
        _ = registry.take([entry], at: .zero)
        _ = try registry.apply(.addEndpoints([try own("1", "web", ip: "10.0.0.2")]), at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.2"])
        #expect(registry.sources(of: try DomainName("web"), in: network).count == 1)
        let effect = try registry.apply(.removeEndpoint("1"), at: .zero)
        #expect(effect.ownEndpoints == [OwnEndpoint(network: network, id: "1")])
        #expect(try addresses("web", in: registry) == ["10.0.0.1"])
    }

    @Test("tasks of a drained node are the last resort, and never an empty answer")
    func drained() throws {
        var registry = try registry()
        let (a, b) = (Self.nodes[0], Self.nodes[1])
        _ = registry.take(
            [
                change("1", a, .record(record("web.1", ip: "10.0.0.1", service: "web"))),
                change("2", b, .record(record("web.2", ip: "10.0.0.2", service: "web"))),
            ],
            at: .zero
        )
        _ = registry.drain([(a, true)])
        #expect(try addresses("web", in: registry) == ["10.0.0.2"])
        #expect(try addresses("web.1", in: registry) == ["10.0.0.1"])
        _ = registry.drain([(b, true)])
        #expect(try addresses("web", in: registry) == ["10.0.0.1", "10.0.0.2"])
        _ = registry.drain([(a, false)])
        #expect(try addresses("web", in: registry) == ["10.0.0.1"])
        // A record that says so itself stays drained when its node is well.
        var ill = record("web.1", ip: "10.0.0.1", service: "web")
        ill.isDisabled = true
        _ = registry.take([change("1", a, .record(ill))], at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.1", "10.0.0.2"])
        _ = registry.drain([(b, false)])
        #expect(try addresses("web", in: registry) == ["10.0.0.2"])
        // The next run of a node takes over what the last one said, and is well.
        _ = registry.drain([(b, true)])
        let again = record("web.2", ip: "10.0.0.2", service: "web")
        _ = registry.take([change("2", NodeName("b-2"), .record(again))], at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.2"])
    }

    @Test("a service whose last task anywhere went is known and empty; one with tasks is not")
    func emptyService() throws {
        var registry = try registry()
        let node = Self.nodes[0]
        var task = try own("1", "web.1", ip: "10.0.0.1")
        task.service = ServiceMembership(name: try DomainName("web"))
        _ = try registry.apply(.addEndpoints([task]), at: .zero)
        let remote = record("web.2", ip: "10.0.0.2", service: "web")
        _ = registry.take([change("2", node, .record(remote))], at: .zero)
        _ = try registry.apply(.removeEndpoint("1"), at: .zero)
        #expect(try addresses("web", in: registry) == ["10.0.0.2"])
        #expect(registry.networks[network]?.emptyServices.isEmpty == true)
        _ = registry.take([change("2", node, .gone)], at: .zero)
        #expect(try addresses("web", in: registry) == [])
        _ = registry.forgetEmptyServices(at: .distantFuture)
        #expect(try addresses("web", in: registry) == nil)
    }

    @Test("nodes that disagree about a service's addresses are settled alike everywhere")
    func clash() throws {
        let (a, b, c) = (Self.nodes[0], Self.nodes[1], Self.nodes[2])
        func service(_ id: String, _ vip: String?, _ ip: String) -> RemoteChange.Value {
            .record(record("web.\(id)", ip: ip, service: "web", id: id, vip: vip))
        }
        let changes = [
            change("1", a, service("s2", "10.9.0.1", "10.0.0.1")),
            change("2", b, service("s1", "10.9.0.2", "10.0.0.2")),
            change("3", c, service("s0", nil, "10.0.0.3")),
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            var registry = try registry()
            for place in order { _ = registry.take([changes[place]], at: .zero) }
            // A VIP before none, then the lowest service id.
            #expect(try addresses("web", in: registry) == ["10.9.0.2"])
            #expect(try addresses("tasks.web", in: registry) == ["10.0.0.2"])
            #expect(try addresses("web.s0", in: registry) == ["10.0.0.3"])
            let sources = registry.sources(of: try DomainName("web"), in: network)
            let settlement = ServiceSettlement(sources)
            #expect(sources.filter { settlement.overrules($0) }.map(\.id) == ["1", "3"])
            _ = registry.take([change("2", b, .gone)], at: .zero)
            #expect(try addresses("web", in: registry) == ["10.9.0.1"])
        }
        // This node's own are refused when they clash with each other, not with others'.
        var registry = try registry()
        _ = registry.take([changes[0]], at: .zero)
        var task = try own("4", "web.4", ip: "10.0.0.4")
        task.service = ServiceMembership(name: try DomainName("web"))
        _ = try registry.apply(.addEndpoints([task]), at: .zero)
        #expect(try addresses("web", in: registry) == ["10.9.0.1"])
    }

    // MARK: Records

    @Test("an own endpoint is published whole, and read back as it was", arguments: UInt64(1)...40)
    func roundTrip(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        func odd() -> Bool { dice.below(2) == 0 }
        var endpoint = Endpoint(id: "e1", network: network, name: try DomainName("web.1.X"))
        if odd() { endpoint.ipv4 = IPv4Address(10, 0, 0, 1) }
        if endpoint.ipv4 == nil || odd() { endpoint.ipv6 = IPv6Address(high: 1, low: 2) }
        if odd() {
            endpoint.service = ServiceMembership(
                name: try DomainName("web"),
                id: odd() ? "abc" : nil,
                vip4: odd() ? IPv4Address(10, 0, 0, 9) : nil,
                vip6: odd() ? IPv6Address(high: 1, low: 9) : nil
            )
        }
        if odd() { endpoint.aliases = [try DomainName("www"), try DomainName("w.w")] }
        if odd() { endpoint.taskAliases = [try DomainName("first")] }
        if odd() { endpoint.containerID = "68fb291b0318b54a" }
        if odd() {
            endpoint.ports = [
                ServicePort(transport: .sctp, name: "s", port: 1),
                ServicePort(transport: .udp, name: "u", port: 65_535),
            ]
        }
        endpoint.drained = odd()
        let read = Endpoint(EndpointRecord(endpoint), id: "e1", network: network)
        #expect(read == endpoint)
    }

    @Test("what a record can do without is left out where it makes no sense")
    func leniency() throws {
        var record = record("web", ip: "10.0.0.1")
        record.aliases = [Array("ok".utf8), [0xff], [], Array("a..b".utf8), Array("OK".utf8)]
        record.containerID = Array("not hexadecimal".utf8)
        record.ports = [
            .init(nil, target: 80), .init(.tcp, target: 70_000), .init(.tcp, target: 0),
            .init(.tcp, target: 8080),
        ]
        let endpoint = try #require(Endpoint(record, id: "1", network: network))
        #expect(endpoint.aliases == [try DomainName("ok")])
        #expect(endpoint.containerID == nil)
        #expect(endpoint.ports == [ServicePort(transport: .tcp, name: "8080", port: 8080)])
    }

    @Test("ids are the keys of entries, and those that cannot be one are hashed")
    func keys() {
        #expect(Endpoint.entryKey("web-1") == (Array("web-1".utf8), true))
        let long = String(repeating: "x", count: 256)
        for id in ["", "a/b", long] {
            let (key, isID) = Endpoint.entryKey(id)
            #expect(!isID && key.count == 32)
            #expect(key == Endpoint.entryKey(id).key)
        }
        #expect(Endpoint.entryKey("a/b").key != Endpoint.entryKey("a/c").key)
    }

    // MARK: Audits

    @Test("an audit finds what is missing, what is too much and what is another way")
    func audit() throws {
        var registry = try registry()
        let node = Self.nodes[0]
        func entry(_ key: String, _ ip: String) -> RemoteChange {
            change(key, node, .record(record("n\(key)", ip: ip)))
        }
        let present = (0..<10).map { entry("\($0)", "10.0.0.\($0)") }
        _ = registry.take(present, at: .zero)
        var truth = Array(present.dropFirst(2)) + [entry("20", "10.0.0.20")]
        truth[0] = entry("2", "10.0.0.99")
        let (effect, differences) = registry.settle(network, truth, at: .zero)
        #expect(differences == 4)
        #expect(effect.networks == [network])
        #expect(try addresses("n0", in: registry) == nil)
        #expect(try addresses("n2", in: registry) == ["10.0.0.99"])
        #expect(try addresses("n20", in: registry) == ["10.0.0.20"])
        let again = registry.settle(network, truth, at: .zero)
        #expect(again.differences == 0 && again.effect.networks.isEmpty)
        let derived = registry.audit(network)
        #expect(derived.differences == 0 && derived.effect.networks.isEmpty)
    }
}
