package import Base

/// The form in which record sets are kept for answers.
///
/// The tables keep what it makes without knowing it; the name server, which copies it into
/// replies, says what it is. Its functions are pure.
package struct RecordCompiler: Sendable {
    /// The octets of a record set.
    package let image: @Sendable (RecordSet) -> [UInt8]
    /// What the denials of a network's names carry, to be kept for so many seconds; the root is the
    /// network of the zone files.
    package let denial: @Sendable (DomainName, UInt32) -> [UInt8]
    /// The same for a zone file with this SOA record.
    package let zoneDenial: @Sendable (RecordSet) -> [UInt8]

    package init(
        image: @escaping @Sendable (RecordSet) -> [UInt8],
        denial: @escaping @Sendable (DomainName, UInt32) -> [UInt8],
        zoneDenial: @escaping @Sendable (RecordSet) -> [UInt8]
    ) {
        self.image = image
        self.denial = denial
        self.zoneDenial = zoneDenial
    }
}

/// How changes reach the tables.
extension Registry {
    /// Names that wait to be derived anew before a first part of a large change is.
    ///
    /// A bound on the memory that the change itself takes.
    private static let pendingMax = 262_144

    mutating func gained(_ endpoint: Endpoint, at place: UInt32, _ effect: inout Effect) {
        note(endpoint, .gained(place), &effect)
    }

    mutating func lost(_ endpoint: Endpoint, at place: UInt32, _ effect: inout Effect) {
        note(endpoint, .lost(place), &effect)
    }

    mutating func touch(_ endpoint: Endpoint, _ effect: inout Effect) {
        note(endpoint, nil, &effect)
    }

    mutating func touch(_ service: ServiceKey, _ effect: inout Effect) {
        let names = [service.name, SpecialNames.tasks(of: service.name)].compactMap { $0 }
        touch(names, of: service.network, &effect)
    }

    mutating func touch(_ names: [DomainName], of network: DomainName, _ effect: inout Effect) {
        effect.touch(network)
        for name in names { pending[network, default: TableUpdate()].note(name, nil) }
        if names.isEmpty { pending[network] = pending[network] ?? TableUpdate() }
    }

    private mutating func note(
        _ endpoint: Endpoint,
        _ step: TableUpdate.Step?,
        _ effect: inout Effect
    ) {
        let network = endpoint.network
        effect.touch(network)
        let names = NetworkRecords(network: network, policy: policy).names(of: endpoint)
        for name in names { pending[network, default: TableUpdate()].note(name, step) }
        pendingCount += names.count
        if pendingCount > Self.pendingMax { flush() }
    }

    /// Derives anew every name that was touched.
    mutating func flush() {
        for network in pending.keys.sorted() {
            guard let state = networks[network], let update = pending[network] else { continue }
            let edits = update.edits(to: tables[state.table], from: sources(network, state))
            let table = tables[state.table].following(
                edits,
                subnets: state.subnets,
                denial: compiler.denial(network, policy.negativeTTL)
            )
            tables.set(table, at: state.table)
        }
        pending = [:]
        pendingCount = 0
    }

    func sources(_ network: DomainName, _ state: NetworkState) -> NameSources {
        NameSources(
            network: network,
            records: NetworkRecords(network: network, policy: policy),
            endpoints: endpoints,
            emptyServices: state.emptyServices,
            zone: zone,
            compiler: compiler
        )
    }

    /// Replaces the records of all zone files, and the policy where one is given.
    ///
    /// Only what differs is derived anew.
    package mutating func replace(zone: StaticZone, policy: NamePolicy? = nil) -> Effect {
        var effect = Effect()
        let old = self.zone
        self.zone = zone
        if let policy, policy != self.policy {
            self.policy = policy
            for network in networks.keys.sorted() {
                for endpoint in allEndpoints(in: network) { touch(endpoint, &effect) }
                touch([], of: network, &effect)
            }
        }
        for name in old.differences(to: zone) {
            var above = name.parent
            while let network = above {
                if networks[network] != nil, let relative = name.relative(to: network) {
                    touch([relative], of: network, &effect)
                }
                above = network.parent
            }
        }
        flush()
        tables.zone = zoneTable()
        effect.everyView = true
        return effect
    }

    func zoneTable() -> NetworkTable {
        var edits: [(name: DomainName, block: [UInt8]?)] = []
        var denials: [DomainName: [UInt8]] = [:]
        for (name, records) in zone.names.sorted(by: { $0.key < $1.key }) {
            var block: [UInt8] = []
            let content = NameBlock.Content(records: records, sources: [], childCount: 0)
            NameBlock.append(name, content, image: compiler.image, to: &block)
            edits.append((name, block))
            for set in records.sets where set.type == .soa {
                denials[name] = compiler.zoneDenial(set)
            }
        }
        return NetworkTable(network: .root, seed: seed).following(
            edits,
            subnets: [],
            denial: compiler.denial(.root, policy.negativeTTL),
            apexDenials: denials
        )
    }

    /// The endpoints that a name of a network has its records from, in order of id.
    package func sources(of name: DomainName, in network: DomainName) -> [Endpoint] {
        let places = table(of: network)?.content(of: name)?.sources ?? []
        return places.map { endpoints[$0] }.sorted { Self.precedes($0, $1) }
    }

    /// What a name of a network owns now; nil when there is no such name.
    package func records(of name: DomainName, in network: DomainName) -> NameRecords? {
        guard let state = networks[network],
            let content = tables[state.table].content(of: name)
        else { return nil }
        return sources(network, state).records(of: name, content.sources, content.childCount)
    }

    /// The view of a sandbox, for the name server.
    ///
    /// `directory`: where groups of upstreams are looked up, so that equal ones are one.
    package func view(
        of sandbox: Sandbox,
        routes: UpstreamRoutes,
        directory: inout UpstreamDirectory
    ) -> View {
        var clients: [CIDR]?
        var resolver = IPAddress.v4(IPv4Address(127, 0, 0, 11))
        var hasNamespace = true
        if case .address(let endpoint) = sandbox.place {
            resolver = endpoint.address
            clients = sandbox.allow.sorted()
            hasNamespace = false
        }
        func group(_ choices: [UpstreamChoice]) -> UpstreamGroup {
            directory.group(
                choices.map { choice in
                    // A plain address has no namespace but the daemon's.
                    let isInside = choice.fromSandbox && hasNamespace
                    return Upstream(choice.address, from: isInside ? .sandbox(sandbox.name) : .host)
                }
            )
        }
        return View(
            sandbox: sandbox.name,
            networks: sandbox.networks.compactMap { name in
                networks[name].map { View.Network(name: name, table: $0.table) }
            },
            zoneApexes: zone.apexes,
            policy: policy,
            upstreams: group(sandbox.upstreams.isEmpty ? routes.defaults : sandbox.upstreams),
            domains: routes.domains.map {
                DomainRoute(domain: $0.name, upstreams: group($0.upstreams))
            },
            isInternal: sandbox.isInternal,
            clients: clients,
            resolverAddress: resolver
        )
    }
}
