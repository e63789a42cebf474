package import Base

/// Derives the names of one network from its endpoints: a pure function, so that the same
/// endpoints give the same table on every node and in every order of arrival.
///
/// A service with a VIP answers it; without, all its tasks. `tasks.SERVICE` is always the tasks.
/// Drained endpoints are left out of a name's answer as long as others remain, and answer as the
/// last resort when none does. Source: networkdb-dns.md B5, F3, F9; docs/ARCHITECTURE.md.
package struct NetworkRecords {
    private let network: DomainName
    private let policy: NamePolicy
    private var gathered: [DomainName: Gathered] = [:]

    /// What is known of one name while endpoints are gone through.
    private struct Gathered {
        var addresses: [Candidate<IPAddress>] = []
        var services: [Candidate<Offer>] = []
        var pointers: [DomainName] = []
        var ttl: UInt32 = .max
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

    /// Every name of `network`, relative to it (reverse names whole).
    ///
    /// `endpoints`: those of this network, in any order.
    /// `emptyServices`: services without tasks that are still known (NODATA).
    /// `zone`: records of static zone files at or below the network's name, relative to it.
    package static func derive(
        network: DomainName,
        endpoints: [Endpoint],
        emptyServices: [DomainName],
        zone: [DomainName: NameRecords],
        policy: NamePolicy
    ) -> [DomainName: NameRecords] {
        var records = NetworkRecords(network: network, policy: policy)
        for endpoint in endpoints.sorted(by: { $0.id < $1.id }) {
            records.add(endpoint)
        }
        for service in emptyServices.sorted() {
            records.touch(service)
            records.touch(records.child("tasks", of: service))
        }
        var names = records.finished()
        for (name, more) in zone.sorted(by: { $0.key < $1.key }) {
            names[name] = names[name].map { $0.adding(more.sets) } ?? more
        }
        addEmptyNonTerminals(&names)
        return names
    }

    private init(network: DomainName, policy: NamePolicy) {
        self.network = network
        self.policy = policy
    }

    private mutating func add(_ endpoint: Endpoint) {
        let own = endpoint.addresses
        var ownNames = [endpoint.name] + endpoint.taskAliases
        if let id = endpoint.containerID, let short = try? DomainName(String(id.prefix(12))) {
            ownNames.append(short)
        }
        var offerNames = [endpoint.name]
        if let service = endpoint.service {
            let virtual = service.virtualAddresses
            for name in [service.name] + endpoint.aliases {
                if virtual.isEmpty {
                    add(own, to: name, drained: endpoint.drained, ttl: policy.taskTTL)
                } else {
                    add(virtual, to: name, drained: false, ttl: policy.vipTTL)
                }
                add(
                    own,
                    to: child("tasks", of: name),
                    drained: endpoint.drained,
                    ttl: policy.taskTTL
                )
            }
            for address in virtual { point(address, to: service.name) }
            offerNames = [service.name] + endpoint.aliases
        } else {
            ownNames += endpoint.aliases
        }
        for name in ownNames {
            add(own, to: name, drained: endpoint.drained, ttl: policy.taskTTL)
        }
        for address in own { point(address, to: endpoint.name) }
        for name in offerNames {
            for port in endpoint.ports { offer(port, of: endpoint, at: name) }
        }
    }

    private mutating func touch(_ name: DomainName?) {
        if let name { gathered[name, default: Gathered()].ttl = gathered[name]?.ttl ?? .max }
    }

    private mutating func add(
        _ addresses: [IPAddress],
        to name: DomainName?,
        drained: Bool,
        ttl: UInt32
    ) {
        guard let name else { return }
        var entry = gathered[name] ?? Gathered()
        for address in addresses {
            entry.addresses.append(Candidate(value: address, drained: drained))
        }
        entry.ttl = min(entry.ttl, ttl)
        gathered[name] = entry
    }

    private mutating func point(_ address: IPAddress, to name: DomainName) {
        let reverse = ReverseName.name(of: address)
        guard let target = try? DomainName(name, under: network) else { return }
        gathered[reverse, default: Gathered()].pointers.append(target)
    }

    /// `_http._tcp.SERVICE` and `_8080._tcp.SERVICE` (RFC 2782; the second is ours).
    private mutating func offer(_ port: ServicePort, of endpoint: Endpoint, at name: DomainName) {
        guard let target = try? DomainName(endpoint.name, under: network) else { return }
        let offer = Offer(port: port.port, target: target, addresses: endpoint.addresses)
        let transport = child("_\(port.transport.rawValue)", of: name)
        for label in [port.name, String(port.port)] {
            guard let transport, let owner = child("_\(label)", of: transport) else { continue }
            gathered[owner, default: Gathered()].services.append(
                Candidate(value: offer, drained: endpoint.drained)
            )
        }
    }

    private func child(_ label: String, of name: DomainName) -> DomainName? {
        guard let first = try? DomainName(label) else { return nil }
        return try? DomainName(first, under: name)
    }

    private func finished() -> [DomainName: NameRecords] {
        gathered.mapValues { entry in
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
                sets.append(
                    RecordSet(type: .ptr, ttl: policy.taskTTL, data: [.name(pointer)])
                )
            }
            let offers = Self.healthy(entry.services)
            if !offers.isEmpty { sets.append(serviceSet(offers)) }
            return NameRecords(sets: sets)
        }
    }

    private func serviceSet(_ offers: [Offer]) -> RecordSet {
        var glue: [GlueRecord] = []
        for offer in offers {
            for address in offer.addresses {
                let record = GlueRecord(owner: offer.target, data: RecordData(address))
                if !glue.contains(record) { glue.append(record) }
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
        for value in chosen where unique.last != value { unique.append(value) }
        return unique
    }

    private static func addEmptyNonTerminals(_ names: inout [DomainName: NameRecords]) {
        let reverse = [ReverseName.zone4, ReverseName.zone6]
        for name in names.keys.sorted() {
            if reverse.contains(where: { name.relative(to: $0) != nil }) { continue }
            var above = name.parent
            while let ancestor = above, !ancestor.isRoot, names[ancestor] == nil {
                let belongsToService = ancestor.octets.count > 1 && ancestor.octets[1] == 0x5f
                names[ancestor] = NameRecords(sets: [], underSuffixOnly: !belongsToService)
                above = ancestor.parent
            }
        }
    }
}

extension NetworkRecords.Offer: Comparable {
    static func < (left: Self, right: Self) -> Bool {
        (left.target, left.port) < (right.target, right.port)
    }
}

/// SRV priority of every task.
///
/// Source: networkdb-dns.md F1.
private let servicePriority: UInt16 = 10
/// SRV weight of every task; equal weights share the load equally (RFC 2782).
private let serviceWeight: UInt16 = 100
