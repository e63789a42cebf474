package import Base

/// The sandboxes, endpoints and networks of this node, and the name tables derived from them.
///
/// It decides what may be added and what follows from it, and never waits, writes or listens: the
/// daemon writes a change to disk, applies it here and publishes the views. A change is applied
/// whole or refused whole.
package struct Registry: ~Copyable {
    /// Endpoints of one node.
    ///
    /// A bound on memory, not a design limit.
    package static let endpointsMax = 2_000_000
    package static let sandboxesMax = 65_536
    /// How long a service without tasks stays known (docs/ARCHITECTURE.md, settled questions).
    package static let emptyServiceMilliseconds: UInt64 = 30 * 60 * 1000

    package private(set) var sandboxes: [String: Sandbox] = [:]
    package private(set) var endpoints: [String: Endpoint] = [:]
    package private(set) var networks: [DomainName: NetworkState] = [:]
    package private(set) var zone = StaticZone()
    package private(set) var policy: NamePolicy
    private let seed: UInt64
    private var tables: [DomainName: NetworkTable] = [:]
    private var endpointDeadlines = Deadlines<String>()
    private var serviceDeadlines = Deadlines<ServiceKey>()
    package private(set) var zoneTable: NetworkTable

    /// A network that this node is attached to.
    package struct NetworkState: Sendable {
        /// Attached by command or file, not only by a sandbox or endpoint.
        package var explicit: Origin?
        package var declaredSubnets: [CIDR] = []
        package var endpointIDs: Set<String> = []
        /// Services that have tasks here.
        var served: [DomainName: ServiceState] = [:]
        /// Services whose last task went, and until when they stay known.
        package var emptyServices: [DomainName: Moment] = [:]
    }

    /// What all tasks of a service on a network have in common.
    struct ServiceState: Sendable {
        let virtualAddresses: [IPAddress]
        var taskCount: Int
    }

    /// `seed`: of the name hashes; any number, secret from those who ask.
    package init(policy: NamePolicy, seed: UInt64) {
        self.policy = policy
        self.seed = seed
        zoneTable = NetworkTable(network: .root, subnets: [], names: [:], seed: seed)
    }

    // MARK: Changes

    /// Whether the change would be accepted now, without doing it: what is written to disk first
    /// must be known to be good.
    package func check(_ change: Change) throws(RegistryError) {
        switch change {
        case .addSandbox(let sandbox): try check(sandbox)
        case .replaceSandbox(let sandbox): try check(replacement: sandbox)
        case .removeSandbox(let name): _ = try sandbox(name)
        case .addEndpoints(let list): try check(list)
        case .removeEndpoint(let id), .drainEndpoint(let id), .renewEndpoint(let id, _):
            let endpoint = try self.endpoint(id)
            if case .renewEndpoint = change {
                guard case .timeToLive = endpoint.tie else { throw .notRenewable(id) }
            }
        case .attach: break
        case .detach(let network): try checkDetach(network)
        }
    }

    /// Applies a change; tells what has to be opened, closed and published.
    package mutating func apply(_ change: Change, at now: Moment) throws(RegistryError) -> Effect {
        try apply(together: [change], at: now)
    }

    /// Applies changes as one, each on what those before it have left: no table shows the names
    /// between two of them.
    ///
    /// Throws: for the first that is refused; those before it stay applied.
    package mutating func apply(
        together changes: [Change],
        at now: Moment
    ) throws(RegistryError) -> Effect {
        var effect = Effect()
        defer { rebuild(effect.networks) }
        for change in changes {
            try check(change)
            carryOut(change, at: now, &effect)
        }
        return effect
    }

    private mutating func carryOut(_ change: Change, at now: Moment, _ effect: inout Effect) {
        switch change {
        case .addSandbox(let sandbox):
            sandboxes[sandbox.name] = sandbox
            for network in sandbox.networks { attach(network, &effect) }
            effect.openedSandboxes.append(sandbox.name)
        case .replaceSandbox(let sandbox):
            let old = sandboxes.updateValue(sandbox, forKey: sandbox.name)
            for network in sandbox.networks { attach(network, &effect) }
            for network in old?.networks ?? [] { detachIfUnused(network, &effect) }
            effect.openedSandboxes.append(sandbox.name)
        case .removeSandbox(let name):
            remove(sandbox: name, at: now, &effect)
        case .addEndpoints(let list):
            for endpoint in list { insert(endpoint, &effect) }
        case .removeEndpoint(let id):
            remove(endpoint: id, at: now, &effect)
        case .drainEndpoint(let id):
            endpoints[id]?.drained = true
            effect.touch(endpoints[id]?.network)
        case .renewEndpoint(let id, let until):
            if case .timeToLive(let seconds, _)? = endpoints[id]?.tie {
                endpoints[id]?.tie = .timeToLive(seconds: seconds, until: until)
                endpointDeadlines.set(id, at: until)
            }
        case .attach(let network, let subnets, let origin):
            var state = networks[network] ?? NetworkState()
            state.explicit = origin
            if !subnets.isEmpty { state.declaredSubnets = subnets.sorted() }
            networks[network] = state
            effect.touch(network)
        case .detach(let network):
            networks[network]?.explicit = nil
            networks[network]?.declaredSubnets = []
            detachIfUnused(network, &effect)
        }
    }

    /// Replaces the records of all zone files, and the policy where one is given.
    package mutating func replace(zone: StaticZone, policy: NamePolicy? = nil) -> Effect {
        self.zone = zone
        if let policy { self.policy = policy }
        zoneTable = NetworkTable(network: .root, subnets: [], names: zone.names, seed: seed)
        var effect = Effect()
        for network in networks.keys.sorted() { effect.touch(network) }
        rebuild(effect.networks)
        effect.everyView = true
        return effect
    }

    /// A service of a network.
    package struct ServiceKey: Hashable, Comparable, Sendable {
        package let network: DomainName
        package let name: DomainName

        package init(network: DomainName, name: DomainName) {
            self.network = network
            self.name = name
        }

        package static func < (left: ServiceKey, right: ServiceKey) -> Bool {
            (left.network, left.name) < (right.network, right.name)
        }
    }

    /// Takes up again services that were known and without tasks before a restart; those that have
    /// tasks now are as they are.
    package mutating func remember(_ services: [ServiceKey], at now: Moment) -> Effect {
        let until = now.advanced(milliseconds: Self.emptyServiceMilliseconds)
        let withTasks = Set(
            endpoints.values.compactMap { endpoint in
                endpoint.service.map { ServiceKey(network: endpoint.network, name: $0.name) }
            }
        )
        var effect = Effect()
        // A network that nobody is on has nobody who could ask.
        for service in services
        where networks[service.network] != nil && !withTasks.contains(service) {
            keepEmpty(service, until: until)
            effect.touch(service.network)
        }
        rebuild(effect.networks)
        return effect
    }

    // MARK: Time

    /// When the next endpoint or remembered service ends.
    package mutating func nextWake() -> Moment? {
        switch (endpointDeadlines.earliest(), serviceDeadlines.earliest()) {
        case (let endpoint?, let service?): min(endpoint, service)
        case (let either, nil), (nil, let either): either
        }
    }

    /// Tells once which endpoints' time to live has run out; to be removed by a change each.
    package mutating func expiredEndpoints(at now: Moment) -> [String] {
        endpointDeadlines.takeDue(at: now)
    }

    /// Forgets services that have been empty for long enough.
    package mutating func forgetEmptyServices(at now: Moment) -> Effect {
        var effect = Effect()
        for service in serviceDeadlines.takeDue(at: now) {
            networks[service.network]?.emptyServices[service.name] = nil
            effect.touch(service.network)
            detachIfUnused(service.network, &effect)
        }
        rebuild(effect.networks)
        return effect
    }

    private mutating func keepEmpty(_ service: ServiceKey, until: Moment) {
        networks[service.network]?.emptyServices[service.name] = until
        serviceDeadlines.set(service, at: until)
    }

    // MARK: Reading

    package func table(of network: DomainName) -> NetworkTable? { tables[network] }

    package func sandbox(_ name: String) throws(RegistryError) -> Sandbox {
        guard let sandbox = sandboxes[name] else { throw .noSandbox(name) }
        return sandbox
    }

    package func endpoint(_ id: String) throws(RegistryError) -> Endpoint {
        guard let endpoint = endpoints[id] else { throw .noEndpoint(id) }
        return endpoint
    }

    /// Endpoints of a network, or all, in order of id.
    package func endpoints(in network: DomainName? = nil) -> [Endpoint] {
        let ids =
            network.map { networks[$0]?.endpointIDs.sorted() ?? [] }
            ?? endpoints.keys.sorted()
        return ids.compactMap { endpoints[$0] }
    }

    /// The blocks whose reverse names belong to a network: those declared, else the /24 or /64
    /// around each address in use.
    package func subnets(of network: DomainName) -> [CIDR] {
        guard let state = networks[network] else { return [] }
        var blocks = Set(state.declaredSubnets)
        for id in state.endpointIDs.sorted() {
            guard let endpoint = endpoints[id] else { continue }
            let addresses = endpoint.addresses + (endpoint.service?.virtualAddresses ?? [])
            for address in addresses where !blocks.contains(where: { $0.contains(address) }) {
                let bits = if case .v4 = address { 24 } else { 64 }
                if let block = CIDR(around: address, prefixBits: bits) { blocks.insert(block) }
            }
        }
        return blocks.sorted()
    }

    /// The view of a sandbox, for the name server.
    ///
    /// `directory`: where groups of upstreams are looked up, so that equal ones are one.
    package func view(
        of sandbox: Sandbox,
        routes: UpstreamRoutes,
        directory: inout UpstreamDirectory
    ) -> View {
        let mine = sandbox.networks.compactMap { tables[$0] }
        var clients: [CIDR]?
        var resolver = IPAddress.v4(IPv4Address(127, 0, 0, 11))
        var hasNamespace = true
        if case .address(let endpoint) = sandbox.place {
            resolver = endpoint.address
            clients = (sandbox.allow + mine.flatMap { $0.subnets }).sorted()
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
            networks: mine,
            zone: zoneTable,
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

// MARK: - Rules

extension Registry {
    private func check(_ sandbox: Sandbox) throws(RegistryError) {
        if sandboxes[sandbox.name] != nil { throw .sandboxExists(sandbox.name) }
        if sandboxes.count >= Self.sandboxesMax {
            throw .tooManySandboxes(limit: Self.sandboxesMax)
        }
        try check(networks: sandbox)
        for other in sandboxes.values.sorted(by: { $0.name < $1.name })
        where other.place.clashes(with: sandbox.place) {
            throw .placeTaken(by: other.name)
        }
    }

    private func check(replacement sandbox: Sandbox) throws(RegistryError) {
        let old = try self.sandbox(sandbox.name)
        if old.place != sandbox.place || old.redirect != sandbox.redirect {
            throw .placeChanged(sandbox.name)
        }
        try check(networks: sandbox)
    }

    private func check(networks sandbox: Sandbox) throws(RegistryError) {
        if sandbox.networks.isEmpty { throw .noNetworks(sandbox.name) }
        if Set(sandbox.networks).count != sandbox.networks.count {
            throw .repeatedNetwork(sandbox.name)
        }
    }

    private func check(_ list: [Endpoint]) throws(RegistryError) {
        if endpoints.count + list.count > Self.endpointsMax {
            throw .tooManyEndpoints(limit: Self.endpointsMax)
        }
        var fresh: Set<String> = []
        var modes: [ServiceKey: [IPAddress]] = [:]
        for endpoint in list {
            if endpoints[endpoint.id] != nil || !fresh.insert(endpoint.id).inserted {
                throw .endpointExists(endpoint.id)
            }
            if endpoint.addresses.isEmpty { throw .noAddress(endpoint.id) }
            if case .sandbox(let name) = endpoint.tie { _ = try sandbox(name) }
            guard let service = endpoint.service else { continue }
            let key = ServiceKey(network: endpoint.network, name: service.name)
            let known = modes[key] ?? virtualAddresses(of: key)
            if let known, known != service.virtualAddresses {
                throw .serviceClash(
                    service: service.name,
                    network: endpoint.network,
                    has: known,
                    wants: service.virtualAddresses
                )
            }
            modes[key] = service.virtualAddresses
        }
    }

    private func checkDetach(_ network: DomainName) throws(RegistryError) {
        guard let state = networks[network] else { throw .noNetwork(network) }
        let users = sandboxes.values.filter { $0.networks.contains(network) }.count
        if users > 0 || !state.endpointIDs.isEmpty {
            throw .networkInUse(network, sandboxes: users, endpoints: state.endpointIDs.count)
        }
    }

    /// The VIPs a service already has on a network: [] for DNSRR, nil when it has no task.
    private func virtualAddresses(of key: ServiceKey) -> [IPAddress]? {
        networks[key.network]?.served[key.name]?.virtualAddresses
    }

    private mutating func attach(_ network: DomainName, _ effect: inout Effect) {
        if networks[network] == nil { networks[network] = NetworkState() }
        if tables[network] == nil { effect.touch(network) }
    }

    private mutating func insert(_ endpoint: Endpoint, _ effect: inout Effect) {
        attach(endpoint.network, &effect)
        endpoints[endpoint.id] = endpoint
        networks[endpoint.network]?.endpointIDs.insert(endpoint.id)
        if let service = endpoint.service {
            let key = ServiceKey(network: endpoint.network, name: service.name)
            let count = networks[key.network]?.served[key.name]?.taskCount ?? 0
            networks[key.network]?.served[key.name] = ServiceState(
                virtualAddresses: service.virtualAddresses,
                taskCount: count + 1
            )
            networks[key.network]?.emptyServices[key.name] = nil
            serviceDeadlines.clear(key)
        }
        if case .timeToLive(_, let until) = endpoint.tie {
            endpointDeadlines.set(endpoint.id, at: until)
        }
        if case .process(let pid, _) = endpoint.tie { effect.watchedProcesses.append(pid) }
        effect.touch(endpoint.network)
    }

    private mutating func remove(endpoint id: String, at now: Moment, _ effect: inout Effect) {
        guard let endpoint = endpoints.removeValue(forKey: id) else { return }
        let network = endpoint.network
        networks[network]?.endpointIDs.remove(id)
        effect.removedEndpoints.append(id)
        effect.touch(network)
        endpointDeadlines.clear(id)
        if let service = endpoint.service {
            let key = ServiceKey(network: network, name: service.name)
            networks[network]?.served[service.name]?.taskCount -= 1
            if networks[network]?.served[service.name]?.taskCount == 0 {
                networks[network]?.served[service.name] = nil
                keepEmpty(key, until: now.advanced(milliseconds: Self.emptyServiceMilliseconds))
            }
        }
        detachIfUnused(network, &effect)
    }

    private mutating func remove(sandbox name: String, at now: Moment, _ effect: inout Effect) {
        guard let sandbox = sandboxes.removeValue(forKey: name) else { return }
        effect.closedSandboxes.append(name)
        let tied = endpoints.values.filter { $0.tie == .sandbox(name) }.map { $0.id }.sorted()
        for id in tied { remove(endpoint: id, at: now, &effect) }
        for network in sandbox.networks { detachIfUnused(network, &effect) }
    }

    /// A network without endpoint, sandbox or explicit attachment leaves this node.
    private mutating func detachIfUnused(_ network: DomainName, _ effect: inout Effect) {
        guard let state = networks[network], state.explicit == nil, state.endpointIDs.isEmpty,
            !sandboxes.values.contains(where: { $0.networks.contains(network) })
        else { return }
        networks[network] = nil
        tables[network] = nil
        effect.touch(network)
    }

    private mutating func rebuild(_ changed: Set<DomainName>) {
        for network in changed.sorted() {
            guard let state = networks[network] else { continue }
            let names = NetworkRecords.derive(
                network: network,
                endpoints: endpoints(in: network),
                emptyServices: state.emptyServices.keys.sorted(),
                zone: zone.part(under: network),
                policy: policy
            )
            tables[network] = NetworkTable(
                network: network,
                subnets: subnets(of: network),
                names: names,
                seed: seed
            )
        }
    }
}
