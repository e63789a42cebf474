package import Base

/// A domain and those who are asked for it and for everything below.
package struct DomainRoute: Sendable {
    package let domain: DomainName
    package let upstreams: UpstreamGroup
}

/// Everything that decides one sandbox's answers, immutable.
///
/// A class, so that a question borrows it instead of counting references to each of its parts.
package final class View: Sendable {
    package let sandbox: String
    /// In priority order.
    package let networks: [NetworkTable]
    /// Indices into `networks`, shortest name first: the order in which `NAME.NETWORK` is tried.
    package let suffixOrder: [Int]
    /// Records of static zone files, by whole name.
    package let zone: NetworkTable
    /// Names at which a zone file has a SOA record: below them nothing is asked upstream.
    package let zoneApexes: [DomainName]
    package let profile: NamePolicy.Profile
    /// Seconds.
    package let negativeTTL: UInt32
    /// Asked for names that nothing local knows.
    package let upstreams: UpstreamGroup
    /// Domains with upstreams of their own, the longest name first.
    package let domains: [DomainRoute]
    package let isInternal: Bool
    /// Blocks whose addresses may ask; nil when the namespace alone decides.
    package let clients: [CIDR]?
    /// Where the resolver is reached, the address of `ns.NETWORK`.
    package let resolverAddress: IPAddress
    package init(
        sandbox: String,
        networks: [NetworkTable],
        zone: NetworkTable,
        zoneApexes: [DomainName],
        policy: NamePolicy,
        upstreams: UpstreamGroup,
        domains: [DomainRoute],
        isInternal: Bool,
        clients: [CIDR]?,
        resolverAddress: IPAddress
    ) {
        self.sandbox = sandbox
        self.networks = networks
        suffixOrder = networks.indices.sorted {
            (networks[$0].network.labelCount, $0) < (networks[$1].network.labelCount, $1)
        }
        self.zone = zone
        self.zoneApexes = zoneApexes
        profile = policy.profile
        negativeTTL = policy.negativeTTL
        self.upstreams = upstreams
        self.domains = domains
        self.isInternal = isInternal
        self.clients = clients
        self.resolverAddress = resolverAddress
    }

    /// Whether a client at `address` may ask this sandbox's resolver.
    package func admits(_ address: IPAddress) -> Bool {
        if address.isLoopback { return true }
        guard let clients else { return true }
        return clients.contains { $0.contains(address) }
    }
}
