package import Base

/// One attachment of a container or task to a network: the source of its names there.
///
/// What most endpoints lack is kept apart, so that a plain one takes 56 octets.
package struct Endpoint: Sendable {
    package var id: String
    package var network: DomainName
    /// The canonical instance name, the target of PTR and SRV records (`web.1.abc`).
    package var name: DomainName
    package var addedAt: Moment = .zero
    package var ipv4: IPv4Address?
    package var origin: Origin = .command
    /// Out of the answers while others of the same name remain.
    package var drained = false
    private var more: More?

    private struct Details: Hashable, Sendable {
        var ipv6: IPv6Address?
        var service: ServiceMembership?
        var aliases: [DomainName] = []
        var taskAliases: [DomainName] = []
        var containerID: String?
        var ports: [ServicePort] = []
        var tie: Tie = .static
        var ring: RingOrigin?
    }

    /// On the heap, so that one part is read without a copy of all.
    private final class More: Sendable {
        let details: Details

        init(_ details: Details) {
            self.details = details
        }
    }

    package init(id: String, network: DomainName, name: DomainName) {
        self.id = id
        self.network = network
        self.name = name
    }

    package var ipv6: IPv6Address? {
        get { more?.details.ipv6 }
        set { change { $0.ipv6 = newValue } }
    }

    package var service: ServiceMembership? {
        get { more?.details.service }
        set { change { $0.service = newValue } }
    }

    /// Names of the whole service, or of this endpoint when it has no service.
    package var aliases: [DomainName] {
        get { more?.details.aliases ?? [] }
        set { change { $0.aliases = newValue } }
    }

    /// Further names of this endpoint alone.
    package var taskAliases: [DomainName] {
        get { more?.details.taskAliases ?? [] }
        set { change { $0.taskAliases = newValue } }
    }

    /// Lower-case hex, 12 to 64 digits; its first 12 are a name.
    package var containerID: String? {
        get { more?.details.containerID }
        set { change { $0.containerID = newValue } }
    }

    package var ports: [ServicePort] {
        get { more?.details.ports ?? [] }
        set { change { $0.ports = newValue } }
    }

    package var tie: Tie {
        get { more?.details.tie ?? .static }
        set { change { $0.tie = newValue } }
    }

    /// Where it comes from when another node has it; nil for one of this node's own.
    package var ring: RingOrigin? {
        get { more?.details.ring }
        set { change { $0.ring = newValue } }
    }

    private mutating func change(_ edit: (inout Details) -> Void) {
        var details = more?.details ?? Details()
        edit(&details)
        more = details == Details() ? nil : More(details)
    }

    /// The addresses it has, IPv4 first.
    package var addresses: [IPAddress] {
        var list: [IPAddress] = []
        if let ipv4 { list.append(.v4(ipv4)) }
        if let ipv6 { list.append(.v6(ipv6)) }
        return list
    }
}

extension Endpoint: Hashable {
    package static func == (left: Endpoint, right: Endpoint) -> Bool {
        left.id == right.id && left.network == right.network && left.name == right.name
            && left.addedAt == right.addedAt && left.ipv4 == right.ipv4
            && left.origin == right.origin && left.drained == right.drained
            && left.more?.details == right.more?.details
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(network)
        hasher.combine(name)
    }
}

/// The service of a task; without a VIP its name answers all task addresses (DNSRR).
package struct ServiceMembership: Hashable, Sendable {
    package var name: DomainName
    package var id: String?
    package var vip4: IPv4Address?
    package var vip6: IPv6Address?

    package init(
        name: DomainName,
        id: String? = nil,
        vip4: IPv4Address? = nil,
        vip6: IPv6Address? = nil
    ) {
        self.name = name
        self.id = id
        self.vip4 = vip4
        self.vip6 = vip6
    }

    package var virtualAddresses: [IPAddress] {
        var list: [IPAddress] = []
        if let vip4 { list.append(.v4(vip4)) }
        if let vip6 { list.append(.v6(vip6)) }
        return list
    }
}

/// A port that a service offers, as `_name._proto.SERVICE` SRV records.
package struct ServicePort: Hashable, Sendable {
    package enum Transport: String, Hashable, Sendable, CaseIterable {
        case tcp, udp, sctp
    }

    package let transport: Transport
    package let name: String
    package let port: UInt16

    package init(transport: Transport, name: String, port: UInt16) {
        self.transport = transport
        self.name = name
        self.port = port
    }
}

/// What an endpoint lives as long as.
package enum Tie: Hashable, Sendable {
    case `static`
    case sandbox(String)
    /// The start time tells the process from a later one with the same number.
    case process(pid: Int32, startTime: UInt64)
    /// Ends at `until` unless renewed for another `seconds`.
    case timeToLive(seconds: UInt32, until: Moment)
}

/// Who said that a sandbox, endpoint or network is there.
package enum Origin: String, Hashable, Sendable {
    /// The configuration file; it leaves with the file's entry.
    case file
    /// A command; it stays in the state directory until another command removes it.
    case command
    /// Another node of the ring; it leaves when that node says so, or is gone.
    case ring
}
