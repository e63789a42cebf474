package import Base

/// A domain and those who are asked for it and for everything below.
package struct DomainRoute: Sendable {
    package let domain: DomainName
    package let upstreams: UpstreamGroup
}

/// Everything that decides one sandbox's answers but the names themselves, immutable.
///
/// Networks are named by the places of their tables, so that a view outlives changes of names. A
/// class, so that a question borrows it instead of counting references to each of its parts.
package final class View: Sendable {
    /// A network that the sandbox is on.
    package struct Network: Hashable, Sendable {
        package let name: DomainName
        /// The place of its table in `NameTables`.
        package let table: Int

        package init(name: DomainName, table: Int) {
            self.name = name
            self.table = table
        }
    }

    package let sandbox: String
    /// In priority order.
    package let networks: [Network]
    /// Indices into `networks`, shortest name first: the order in which `NAME.NETWORK` is tried.
    package let suffixOrder: [Int]
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
    /// Blocks whose addresses may ask beside those of the networks; nil when the namespace alone
    /// decides.
    package let clients: [CIDR]?
    /// Where the resolver is reached, the address of `ns.NETWORK`.
    package let resolverAddress: IPAddress
    package init(
        sandbox: String,
        networks: [Network],
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
            (networks[$0].name.labelCount, $0) < (networks[$1].name.labelCount, $1)
        }
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
    package func admits(_ address: IPAddress, _ tables: NameTables) -> Bool {
        if address.isLoopback { return true }
        guard let clients else { return true }
        return clients.contains { $0.contains(address) }
            || networks.contains { network in
                tables[network.table].subnets.contains { $0.contains(address) }
            }
    }
}
