import Base
import Names

/// The names of a network derived all at once, in the plainest way: what `Registry`, which derives
/// one name at a time, is held against.
struct WholeNetwork {
    private let network: DomainName
    private let policy = NamePolicy()
    private var owners: [DomainName: Owned] = [:]
    private var addresses: Set<IPAddress> = []

    private struct Owned {
        var addresses: [(address: IPAddress, drained: Bool)] = []
        var offers: [(target: DomainName, port: UInt16, addresses: [IPAddress], drained: Bool)] = []
        var pointers: [DomainName] = []
        var ttl = UInt32.max
        var fromFiles: [RecordSet] = []
    }

    init(
        _ endpoints: [Endpoint],
        emptyServices: Set<DomainName> = [],
        zone: StaticZone = StaticZone()
    ) throws {
        network = try DomainName("net")
        for endpoint in endpoints { try add(endpoint) }
        for service in emptyServices {
            let tasks = try DomainName(try DomainName("tasks"), under: service)
            for name in [service, tasks] where owners[name] == nil { owners[name] = Owned() }
        }
        for (name, records) in zone.part(under: network) {
            owners[name, default: Owned()].fromFiles = records.sets
        }
        let arpa = try DomainName("arpa")
        for name in owners.keys where name.relative(to: arpa) == nil {
            var above = name.parent
            while let ancestor = above, !ancestor.isRoot {
                if owners[ancestor] == nil { owners[ancestor] = Owned() }
                above = ancestor.parent
            }
        }
    }

    private mutating func add(_ endpoint: Endpoint) throws {
        let own = endpoint.addresses
        addresses.formUnion(own)
        var ownNames = [endpoint.name] + endpoint.taskAliases
        if let id = endpoint.containerID { ownNames.append(try DomainName(String(id.prefix(12)))) }
        var offerNames = [endpoint.name]
        if let service = endpoint.service {
            let virtual = service.virtualAddresses
            addresses.formUnion(virtual)
            offerNames = [service.name] + endpoint.aliases
            for name in offerNames {
                if virtual.isEmpty {
                    give(name, own, endpoint.drained, policy.taskTTL)
                } else {
                    give(name, virtual, false, policy.vipTTL)
                }
                let tasks = try DomainName(try DomainName("tasks"), under: name)
                give(tasks, own, endpoint.drained, policy.taskTTL)
            }
            for address in virtual { try point(address, service.name) }
        } else {
            ownNames += endpoint.aliases
        }
        for name in ownNames { give(name, own, endpoint.drained, policy.taskTTL) }
        for address in own { try point(address, endpoint.name) }
        for name in offerNames {
            for port in endpoint.ports {
                for label in [port.name, "\(port.port)"] {
                    let owner = try DomainName("_\(label)._\(port.transport.rawValue).\(name)")
                    let target = try DomainName(endpoint.name, under: network)
                    owners[owner, default: Owned()].offers.append(
                        (target, port.port, own, endpoint.drained)
                    )
                }
            }
        }
    }

    private mutating func give(
        _ name: DomainName,
        _ list: [IPAddress],
        _ drained: Bool,
        _ ttl: UInt32
    ) {
        var owned = owners[name] ?? Owned()
        owned.addresses += list.map { ($0, drained) }
        owned.ttl = min(owned.ttl, ttl)
        owners[name] = owned
    }

    private mutating func point(_ address: IPAddress, _ name: DomainName) throws {
        let target = try DomainName(name, under: network)
        owners[ReverseName.name(of: address), default: Owned()].pointers.append(target)
    }

    /// As `Registry.text(of:)`.
    var text: [String] {
        owners.keys.sorted().map { name in
            let all = records(owners[name] ?? Owned()).sets.map { set in
                "\(set.type) \(String(decoding: TextCompiler.image(of: set), as: UTF8.self))"
            }
            return "\(name): \(all.joined(separator: "; "))"
        }
    }

    var subnets: [CIDR] {
        let blocks = addresses.compactMap { address in
            if case .v4 = address {
                CIDR(around: address, prefixBits: 24)
            } else {
                CIDR(around: address, prefixBits: 64)
            }
        }
        return Set(blocks).sorted()
    }

    private func records(_ owned: Owned) -> NameRecords {
        var sets: [RecordSet] = []
        let standing = owned.addresses.filter { !$0.drained }
        let chosen = Set((standing.isEmpty ? owned.addresses : standing).map { $0.address })
        let ttl = owned.ttl == .max ? policy.taskTTL : owned.ttl
        for type in [RecordType.a, .aaaa] {
            let data = chosen.sorted().map { RecordData($0) }.filter { $0.type == type }
            if !data.isEmpty { sets.append(RecordSet(type: type, ttl: ttl, data: data)) }
        }
        if let pointer = owned.pointers.min() {
            sets.append(RecordSet(type: .ptr, ttl: policy.taskTTL, data: [.name(pointer)]))
        }
        if let offers = offers(owned) { sets.append(offers) }
        return NameRecords(sets: sets).adding(owned.fromFiles)
    }

    private func offers(_ owned: Owned) -> RecordSet? {
        let standing = owned.offers.filter { !$0.drained }
        let ordered = (standing.isEmpty ? owned.offers : standing).sorted {
            ($0.target, $0.port) != ($1.target, $1.port)
                ? ($0.target, $0.port) < ($1.target, $1.port)
                : $0.addresses.lexicographicallyPrecedes($1.addresses)
        }
        var unique: [(target: DomainName, port: UInt16, addresses: [IPAddress], drained: Bool)] = []
        for offer in ordered {
            if let last = unique.last, last.target == offer.target, last.port == offer.port,
                last.addresses == offer.addresses
            {
                continue
            }
            unique.append(offer)
        }
        if unique.isEmpty { return nil }
        var glue: [GlueRecord] = []
        for offer in unique {
            for address in offer.addresses {
                let record = GlueRecord(owner: offer.target, data: RecordData(address))
                if !glue.contains(record) { glue.append(record) }
            }
        }
        return RecordSet(
            type: .srv,
            ttl: policy.taskTTL,
            data: unique.map { .srv(priority: 10, weight: 100, port: $0.port, target: $0.target) },
            glue: glue
        )
    }
}
