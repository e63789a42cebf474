package import Base
package import Gossip

/// What an entry of the ring's table says as an endpoint, and an own endpoint as an entry.
///
/// A task is what has a service id, as with Docker; a service without one is published with its name for
/// it. Source: networkdb-dns.md B1, B4, F10.
extension Endpoint {
    /// The endpoint of a record.
    ///
    /// nil where it has no name or no address, or where a name that it cannot do without is none. Of what
    /// it can do without, what makes no sense is left out.
    package init?(_ record: EndpointRecord, id: String, network: DomainName) {
        guard !id.isEmpty, let name = Self.name(record.name) else { return nil }
        self.init(id: id, network: network, name: name)
        let further = record.moreAddresses
        ipv4 = record.address ?? further.lazy.compactMap(\.v4).first
        ipv6 = further.lazy.compactMap(\.v6).first
        if ipv4 == nil, ipv6 == nil { return nil }
        if !record.serviceID.isEmpty {
            guard let service = Self.name(record.serviceName) else { return nil }
            let id = String(decoding: record.serviceID, as: UTF8.self)
            let virtual = record.moreVirtualAddresses
            self.service = ServiceMembership(
                name: service,
                id: id == "\(service)" ? nil : id,
                vip4: record.virtualAddress ?? virtual.lazy.compactMap(\.v4).first,
                vip6: virtual.lazy.compactMap(\.v6).first
            )
        }
        aliases = Self.names(record.aliases)
        taskAliases = Self.names(record.taskAliases)
        if Self.isContainerID(record.containerID) {
            containerID = String(decoding: record.containerID, as: UTF8.self)
        }
        ports = record.ports.compactMap { Self.port($0) }
        drained = record.isDisabled
    }

    private static func name(_ octets: [UInt8]) -> DomainName? {
        guard !octets.isEmpty, let text = String(validating: octets, as: UTF8.self),
            let name = try? DomainName(text), !name.isRoot
        else { return nil }
        return name
    }

    /// Each once, in order.
    private static func names(_ list: [[UInt8]]) -> [DomainName] {
        var names: [DomainName] = []
        var seen: Set<DomainName> = []
        for case let name? in list.lazy.map({ name($0) }) where seen.insert(name).inserted {
            names.append(name)
        }
        return names
    }

    private static func isContainerID(_ octets: [UInt8]) -> Bool {
        (12...64).contains(octets.count)
            && octets.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static func port(_ port: EndpointRecord.Port) -> ServicePort? {
        guard let transport = port.transport, let number = UInt16(exactly: port.target), number > 0
        else { return nil }
        let name = String(decoding: port.name, as: UTF8.self)
        return ServicePort(
            transport: ServicePort.Transport(transport),
            name: name.isEmpty ? "\(number)" : name,
            port: number
        )
    }

    /// The key of an own endpoint's entry: its id, or what stands for one that cannot be a key.
    package static func entryKey(_ id: String) -> (key: [UInt8], isID: Bool) {
        let octets = Array(id.utf8)
        if !octets.isEmpty, octets.count <= EntryKey.octetsMax, !octets.contains(UInt8(ascii: "/"))
        {
            return (octets, true)
        }
        let halves = [UInt64(1), 2].map { half in
            SipHash(key: half, half).value(octets, 0..<octets.count, and: half)
        }
        let digits = halves.map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return (Array(digits.joined().utf8), false)
    }
}

extension EndpointRecord {
    /// What an own endpoint is published as.
    package init(_ endpoint: Endpoint) {
        self.init(name: Array("\(endpoint.name)".utf8))
        address = endpoint.ipv4
        if let ipv6 = endpoint.ipv6 { moreAddresses = [.v6(ipv6)] }
        if let service = endpoint.service {
            serviceName = Array("\(service.name)".utf8)
            serviceID = service.id.map { Array($0.utf8) } ?? serviceName
            virtualAddress = service.vip4
            if let vip6 = service.vip6 { moreVirtualAddresses = [.v6(vip6)] }
        }
        aliases = endpoint.aliases.map { Array("\($0)".utf8) }
        taskAliases = endpoint.taskAliases.map { Array("\($0)".utf8) }
        containerID = endpoint.containerID.map { Array($0.utf8) } ?? []
        ports = endpoint.ports.map {
            Port(name: Array($0.name.utf8), Port.Transport($0.transport), target: UInt32($0.port))
        }
        isDisabled = endpoint.drained
    }
}

extension NetworkID {
    /// The id of a network of that name; nil where the name cannot be one.
    package init?(_ network: DomainName) {
        let id = NetworkID("\(network)")
        guard id.octets.count <= Self.octetsMax, !id.octets.contains(UInt8(ascii: "/")) else {
            return nil
        }
        self = id
    }
}

extension ServicePort.Transport {
    fileprivate init(_ transport: EndpointRecord.Port.Transport) {
        switch transport {
        case .tcp: self = .tcp
        case .udp: self = .udp
        case .sctp: self = .sctp
        }
    }
}

extension EndpointRecord.Port.Transport {
    fileprivate init(_ transport: ServicePort.Transport) {
        switch transport {
        case .tcp: self = .tcp
        case .udp: self = .udp
        case .sctp: self = .sctp
        }
    }
}

extension IPAddress {
    fileprivate var v4: IPv4Address? {
        if case .v4(let address) = self { address } else { nil }
    }

    fileprivate var v6: IPv6Address? {
        if case .v6(let address) = self { address } else { nil }
    }
}
