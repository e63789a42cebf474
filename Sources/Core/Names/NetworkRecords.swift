package import Base

/// Derives what one name of a network owns from the endpoints that give it something: a pure
/// function, so that the same endpoints give the same records on every node and in every order of
/// arrival.
///
/// A service with a VIP answers it; without, all its tasks. `tasks.SERVICE` is always the tasks.
/// Drained endpoints are left out of a name's answer as long as others remain, and answer as the
/// last resort when none does. Source: networkdb-dns.md B5, F3, F9; docs/ARCHITECTURE.md.
package struct NetworkRecords {
    private let network: DomainName
    private let policy: NamePolicy

    package init(network: DomainName, policy: NamePolicy) {
        self.network = network
        self.policy = policy
    }

    // MARK: The names of an endpoint

    /// Every name that an endpoint gives a record, relative to the network (reverse names whole).
    ///
    /// A name may be listed twice.
    package func names(of endpoint: Endpoint) -> [DomainName] {
        var names = [endpoint.name] + endpoint.taskAliases
        if let short = Self.shortID(endpoint) { names.append(short) }
        names += endpoint.aliases
        if let service = endpoint.service {
            names.append(service.name)
            names += ([service.name] + endpoint.aliases).compactMap(SpecialNames.tasks)
            for address in service.virtualAddresses { names.append(ReverseName.name(of: address)) }
        }
        for address in endpoint.addresses { names.append(ReverseName.name(of: address)) }
        let ports = endpoint.ports
        if ports.isEmpty { return names }
        for name in Self.offerNames(endpoint) {
            for port in ports { names += serviceNames(port, of: name) }
        }
        return names
    }

    /// `_http._tcp.SERVICE` and `_8080._tcp.SERVICE` (RFC 2782; the second is ours).
    private func serviceNames(_ port: ServicePort, of name: DomainName) -> [DomainName] {
        guard let transport = child("_\(port.transport.rawValue)", of: name) else { return [] }
        return [port.name, String(port.port)].compactMap { child("_\($0)", of: transport) }
    }

    /// The names under which an endpoint's ports are found.
    private static func offerNames(_ endpoint: Endpoint) -> [DomainName] {
        endpoint.service.map { [$0.name] + endpoint.aliases } ?? [endpoint.name]
    }

    private static func shortID(_ endpoint: Endpoint) -> DomainName? {
        endpoint.containerID.flatMap { label(String($0.prefix(12))) }
    }

    private func child(_ text: String, of name: DomainName) -> DomainName? {
        Self.label(text).flatMap { try? DomainName($0, under: name) }
    }

    /// A name of one label; nil for text that is none.
    private static func label(_ text: String) -> DomainName? {
        guard let name = try? DomainName(text), name.labelCount == 1 else { return nil }
        return name
    }

    // MARK: The records of a name

    /// What is known of a name while its endpoints are gone through.
    private struct Gathered {
        var addresses: [Candidate<IPAddress>] = []
        var services: [Candidate<Offer>] = []
        var pointers: [DomainName] = []
        var ttl: UInt32 = .max

        mutating func add(_ list: [IPAddress], drained: Bool, ttl: UInt32) {
            for address in list { addresses.append(Candidate(value: address, drained: drained)) }
            self.ttl = min(self.ttl, ttl)
        }
    }

    private struct Candidate<Value: Hashable> {
        let value: Value
        let drained: Bool
    }

    fileprivate struct Offer: Hashable {
        let port: UInt16
        let target: DomainName
        let addresses: [IPAddress]
    }

    /// A name taken apart once, for all endpoints that it is held against.
    private struct Owner {
        let name: DomainName
        /// Of `tasks.SERVICE`.
        let service: DomainName?
        /// Of a reverse name.
        let address: IPAddress?
        /// Of `_PORT._TRANSPORT.SERVICE`.
        let offer: (port: DomainName, transport: DomainName, service: DomainName)?

        init(_ name: DomainName) {
            self.name = name
            let parent = name.parent
            let first = name.firstLabel
            service = first == SpecialNames.tasks ? parent : nil
            address = ReverseName.address(of: name)
            if first.octets.count > 1, first.octets[1] == UInt8(ascii: "_"), let parent,
                let service = parent.parent
            {
                offer = (first, parent.firstLabel, service)
            } else {
                offer = nil
            }
        }
    }

    /// What `name` owns because of endpoints, in any order.
    ///
    /// Those that give it nothing change nothing.
    package func records(
        of name: DomainName,
        from endpoints: some Collection<Endpoint>
    ) -> NameRecords {
        let owner = Owner(name)
        var gathered = Gathered()
        let settlement = ServiceSettlement(endpoints)
        for endpoint in endpoints { gather(endpoint, for: owner, settlement, &gathered) }
        return finished(gathered)
    }

    private func gather(
        _ endpoint: Endpoint,
        for owner: Owner,
        _ settlement: ServiceSettlement,
        _ gathered: inout Gathered
    ) {
        let name = owner.name
        let drained = endpoint.drained
        let aliases = endpoint.aliases
        let isOverruled = settlement.overrules(endpoint)
        if isOverruled {
            // Another binding of the service stands; what is left are the task's own names.
        } else if let service = endpoint.service {
            if service.name == name || aliases.contains(name) {
                let virtual = service.virtualAddresses
                if virtual.isEmpty {
                    gathered.add(endpoint.addresses, drained: drained, ttl: policy.taskTTL)
                } else {
                    gathered.add(virtual, drained: false, ttl: policy.vipTTL)
                }
            }
            if let tasks = owner.service, service.name == tasks || aliases.contains(tasks) {
                gathered.add(endpoint.addresses, drained: drained, ttl: policy.taskTTL)
            }
        } else if aliases.contains(name) {
            gathered.add(endpoint.addresses, drained: drained, ttl: policy.taskTTL)
        }
        if endpoint.name == name || endpoint.taskAliases.contains(name)
            || Self.shortID(endpoint, is: name)
        {
            gathered.add(endpoint.addresses, drained: drained, ttl: policy.taskTTL)
        }
        if let address = owner.address { point(address, endpoint, &gathered) }
        if owner.offer != nil, !isOverruled { offer(endpoint, owner, &gathered) }
    }

    /// Compares without making a name of the id.
    private static func shortID(_ endpoint: Endpoint, is name: DomainName) -> Bool {
        guard let id = endpoint.containerID else { return false }
        let octets = id.utf8.prefix(12)
        return name.octets.count == octets.count + 1 && Int(name.octets[0]) == octets.count
            && octets.elementsEqual(name.octets.dropFirst())
    }

    private func point(_ address: IPAddress, _ endpoint: Endpoint, _ gathered: inout Gathered) {
        func add(_ name: DomainName) {
            if let target = try? DomainName(name, under: network) {
                gathered.pointers.append(target)
            }
        }
        if endpoint.addresses.contains(address) { add(endpoint.name) }
        if let service = endpoint.service, service.virtualAddresses.contains(address) {
            add(service.name)
        }
    }

    private func offer(_ endpoint: Endpoint, _ owner: Owner, _ gathered: inout Gathered) {
        guard let wanted = owner.offer, Self.offerNames(endpoint).contains(wanted.service),
            let target = try? DomainName(endpoint.name, under: network)
        else { return }
        for port in endpoint.ports
        where Self.label("_\(port.transport.rawValue)") == wanted.transport
            && [port.name, String(port.port)].contains(where: {
                Self.label("_\($0)") == wanted.port
            })
        {
            let offer = Offer(port: port.port, target: target, addresses: endpoint.addresses)
            gathered.services.append(Candidate(value: offer, drained: endpoint.drained))
        }
    }

    private func finished(_ entry: Gathered) -> NameRecords {
        var sets: [RecordSet] = []
        let addresses = Self.healthy(entry.addresses)
        let ttl = entry.ttl == .max ? policy.taskTTL : entry.ttl
        let v4 = addresses.compactMap { address -> RecordData? in
            if case .v4(let v4) = address { .a(v4) } else { nil }
        }
        let v6 = addresses.compactMap { address -> RecordData? in
            if case .v6(let v6) = address { .aaaa(v6) } else { nil }
        }
        if !v4.isEmpty { sets.append(RecordSet(type: .a, ttl: ttl, data: v4)) }
        if !v6.isEmpty { sets.append(RecordSet(type: .aaaa, ttl: ttl, data: v6)) }
        if let pointer = entry.pointers.min() {
            sets.append(RecordSet(type: .ptr, ttl: policy.taskTTL, data: [.name(pointer)]))
        }
        let offers = Self.healthy(entry.services)
        if !offers.isEmpty { sets.append(serviceSet(offers)) }
        return NameRecords(sets: sets)
    }

    private func serviceSet(_ offers: [Offer]) -> RecordSet {
        var glue: [GlueRecord] = []
        var seen: Set<GlueRecord> = []
        for offer in offers {
            for address in offer.addresses {
                let record = GlueRecord(owner: offer.target, data: RecordData(address))
                if seen.insert(record).inserted { glue.append(record) }
            }
        }
        return RecordSet(
            type: .srv,
            ttl: policy.taskTTL,
            data: offers.map {
                .srv(
                    priority: servicePriority,
                    weight: serviceWeight,
                    port: $0.port,
                    target: $0.target
                )
            },
            glue: glue
        )
    }

    /// The values that are not drained, or all when every one is; each once, in order.
    private static func healthy<Value: Hashable & Comparable>(
        _ candidates: [Candidate<Value>]
    ) -> [Value] {
        let standing = candidates.filter { !$0.drained }
        let chosen = (standing.isEmpty ? candidates : standing).map { $0.value }.sorted()
        var unique: [Value] = []
        unique.reserveCapacity(chosen.count)
        for value in chosen where unique.last != value { unique.append(value) }
        return unique
    }
}

extension NetworkRecords.Offer: Comparable {
    static func < (left: Self, right: Self) -> Bool {
        if (left.target, left.port) != (right.target, right.port) {
            return (left.target, left.port) < (right.target, right.port)
        }
        return left.addresses.lexicographicallyPrecedes(right.addresses)
    }
}

/// SRV priority of every task.
///
/// Source: networkdb-dns.md F1.
private let servicePriority: UInt16 = 10
/// SRV weight of every task; equal weights share the load equally (RFC 2782).
private let serviceWeight: UInt16 = 100
