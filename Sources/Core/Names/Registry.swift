package import Base

/// The sandboxes, endpoints and networks of this node, and the name tables derived from them.
///
/// A change derives anew the names it touches and no others. It decides what may be added and what follows from it, and never waits, writes or listens: the
/// daemon writes a change to disk, applies it here and publishes the views. A change is applied
/// whole or refused whole.
package struct Registry: ~Copyable {
    /// Endpoints of one node.
    ///
    /// A bound on memory, not a design limit.
    package static let endpointsMax = 2_000_000
    package static let sandboxesMax = 65_536
    /// Endpoints that other nodes have.
    package static let remoteEndpointsMax = 1_000_000
    /// How long a service without tasks stays known (docs/ARCHITECTURE.md, settled questions).
    package static let emptyServiceMilliseconds: UInt64 = 30 * 60 * 1000

    package internal(set) var sandboxes: [String: Sandbox] = [:]
    package internal(set) var endpoints = EndpointStore()
    package internal(set) var networks: [DomainName: NetworkState] = [:]
    package internal(set) var zone = StaticZone()
    package internal(set) var policy: NamePolicy
    /// What is published: the tables of all networks and of the zone files.
    package internal(set) var tables: NameTables
    package let seed: UInt64
    let compiler: RecordCompiler
    var pending: [DomainName: TableUpdate] = [:]
    var pendingCount = 0
    var tied = TiedEndpoints()
    /// What the ring has told.
    package internal(set) var discovery = Discovery()
    /// Whose sandbox is where, but for ports of any number.
    var occupants: [Sandbox.Place: String] = [:]
    /// Ids of the endpoints that the configuration file names.
    package private(set) var endpointsOfFile: Set<String> = []
    private var endpointDeadlines = Deadlines<String>()
    private var serviceDeadlines = Deadlines<ServiceKey>()

    /// A network that this node is attached to.
    package struct NetworkState: Sendable {
        /// Attached by command or file, not only by a sandbox or endpoint.
        package var explicit: Origin?
        package private(set) var declaredSubnets: [CIDR] = []
        /// Endpoints of this node.
        package var endpointCount: Int { endpointPlaces.count - remotePlaces.count }
        /// Endpoints that other nodes have.
        package var remoteCount: Int { remotePlaces.count }
        package var sandboxCount = 0
        /// Services whose last task went, and until when they stay known.
        package var emptyServices: [DomainName: Moment] = [:]
        /// Services that have tasks here.
        var served: [DomainName: ServiceState] = [:]
        /// Places of its endpoints.
        var endpointPlaces: Set<UInt32> = []
        /// Those of them that other nodes have, by their keys in the ring's table.
        var remotePlaces: [String: UInt32] = [:]
        /// Blocks around addresses that no declared subnet holds, and how many are in each.
        private var blocks: [CIDR: Int] = [:]
        /// The place of its table.
        let table: Int

        /// The blocks whose reverse names belong to the network, ascending.
        package private(set) var subnets: [CIDR] = []

        mutating func count(_ endpoint: Endpoint, by difference: Int) {
            for address in endpoint.addresses + (endpoint.service?.virtualAddresses ?? [])
            where !declaredSubnets.contains(where: { $0.contains(address) }) {
                let bits = if case .v4 = address { 24 } else { 64 }
                guard let block = CIDR(around: address, prefixBits: bits) else { continue }
                let before = blocks[block] ?? 0
                let after = before + difference
                blocks[block] = after == 0 ? nil : after
                if before == 0 { insert(block) }
                if after == 0, !declaredSubnets.contains(block) {
                    subnets.removeAll { $0 == block }
                }
            }
        }

        mutating func declare(_ subnets: [CIDR], _ endpoints: some Sequence<Endpoint>) {
            declaredSubnets = subnets
            self.subnets = subnets
            blocks = [:]
            for endpoint in endpoints { count(endpoint, by: 1) }
        }

        private mutating func insert(_ block: CIDR) {
            if declaredSubnets.contains(block) { return }
            var low = 0
            var high = subnets.count
            while low < high {
                let middle = (low + high) / 2
                if subnets[middle] < block { low = middle + 1 } else { high = middle }
            }
            subnets.insert(block, at: low)
        }

        init(table: Int) {
            self.table = table
        }
    }

    /// What all tasks of a service on a network have in common.
    struct ServiceState: Sendable {
        /// As this node's tasks say.
        var virtualAddresses: [IPAddress] = []
        /// Tasks of this node.
        var ownCount = 0
        var taskCount = 0
    }

    /// Nothing is known yet.
    ///
    /// `seed`: of the name hashes; any number, secret from those who ask.
    /// `compiler`: gives record sets the form in which they are answered.
    package init(policy: NamePolicy, seed: UInt64, compiler: RecordCompiler) {
        self.policy = policy
        self.seed = seed
        self.compiler = compiler
        tables = NameTables(zone: NetworkTable(network: .root, seed: seed))
        tables.zone = zoneTable()
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

    /// Applies changes as one, each on what those before it have left: no table that is published
    /// shows the names between two of them.
    ///
    /// Throws: for the first that is refused; those before it stay applied.
    package mutating func apply(
        together changes: [Change],
        at now: Moment
    ) throws(RegistryError) -> Effect {
        var effect = Effect()
        defer { flush() }
        for change in changes {
            try check(change)
            carryOut(change, at: now, &effect)
        }
        return effect
    }

    private mutating func carryOut(_ change: Change, at now: Moment, _ effect: inout Effect) {
        switch change {
        case .addSandbox(let sandbox):
            insert(sandbox, &effect)
        case .replaceSandbox(let sandbox):
            let old = sandboxes[sandbox.name]
            insert(sandbox, &effect)
            if let old { leave(old.networks, &effect) }
        case .removeSandbox(let name):
            remove(sandbox: name, at: now, &effect)
        case .addEndpoints(let list):
            for endpoint in list { insert(endpoint, at: now, &effect) }
        case .removeEndpoint(let id):
            remove(endpoint: id, at: now, &effect)
        case .drainEndpoint(let id):
            endpoints.change(id) { $0.drained = true }
            if let endpoint = endpoints[id] {
                touch(endpoint, &effect)
                effect.ownEndpoints.append(OwnEndpoint(network: endpoint.network, id: id))
            }
        case .renewEndpoint(let id, let until):
            if case .timeToLive(let seconds, _)? = endpoints[id]?.tie {
                endpoints.change(id) { $0.tie = .timeToLive(seconds: seconds, until: until) }
                endpointDeadlines.set(id, at: until)
            }
        case .attach(let network, let subnets, let origin):
            attach(network, &effect)
            networks[network]?.explicit = origin
            if !subnets.isEmpty { declare(subnets.sorted(), of: network, &effect) }
        case .detach(let network):
            networks[network]?.explicit = nil
            if detachIfUnused(network, &effect) { return }
            declare([], of: network, &effect)
        }
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
        var effect = Effect()
        // A network that nobody is on has nobody who could ask.
        for service in services {
            guard let state = networks[service.network], state.served[service.name] == nil
            else { continue }
            keepEmpty(service, until: until, &effect)
        }
        flush()
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
            touch(service, &effect)
            detachIfUnused(service.network, &effect)
        }
        flush()
        return effect
    }

    mutating func keepEmpty(
        _ service: ServiceKey,
        until: Moment,
        _ effect: inout Effect
    ) {
        networks[service.network]?.emptyServices[service.name] = until
        serviceDeadlines.set(service, at: until)
        touch(service, &effect)
    }

    // MARK: Sandboxes, endpoints and networks

    private mutating func insert(_ sandbox: Sandbox, _ effect: inout Effect) {
        sandboxes[sandbox.name] = sandbox
        if sandbox.place.clashes(with: sandbox.place) { occupants[sandbox.place] = sandbox.name }
        for network in sandbox.networks {
            attach(network, &effect)
            networks[network]?.sandboxCount += 1
        }
        effect.openedSandboxes.append(sandbox.name)
    }

    private mutating func remove(sandbox name: String, at now: Moment, _ effect: inout Effect) {
        guard let sandbox = sandboxes.removeValue(forKey: name) else { return }
        if occupants[sandbox.place] == name { occupants[sandbox.place] = nil }
        effect.closedSandboxes.append(name)
        let ids = tied.places(ofSandbox: name).map { endpoints[$0].id }.sorted()
        for id in ids { remove(endpoint: id, at: now, &effect) }
        leave(sandbox.networks, &effect)
    }

    private mutating func leave(_ left: [DomainName], _ effect: inout Effect) {
        for network in left {
            networks[network]?.sandboxCount -= 1
            detachIfUnused(network, &effect)
        }
    }

    private mutating func attach(_ network: DomainName, _ effect: inout Effect) {
        if networks[network] != nil { return }
        let table = NetworkTable(network: network, seed: seed)
        networks[network] = NetworkState(table: tables.insert(table))
        // Its records in zone files are its names from the start.
        touch(zone.names(under: network), of: network, &effect)
    }

    /// A network without endpoint, sandbox or explicit attachment leaves this node; tells whether
    /// it has.
    @discardableResult
    private mutating func detachIfUnused(
        _ network: DomainName,
        _ effect: inout Effect
    ) -> Bool {
        guard let state = networks[network], state.explicit == nil, state.endpointCount == 0,
            state.sandboxCount == 0
        else { return false }
        for place in state.remotePlaces.values.sorted() { letGo(of: place) }
        networks[network] = nil
        // What was still to be derived was of a table that is no more.
        pending[network] = nil
        effect.detachedNetworks.insert(network)
        tables.remove(at: state.table)
        effect.touch(network)
        return true
    }

    private mutating func declare(
        _ subnets: [CIDR],
        of network: DomainName,
        _ effect: inout Effect
    ) {
        guard let places = networks[network]?.endpointPlaces else { return }
        networks[network]?.declare(
            subnets,
            places.sorted().lazy.map { [endpoints] in endpoints[$0] }
                .filter { $0.ring?.isShadowed != true }
        )
        touch([], of: network, &effect)
    }

    private mutating func insert(
        _ endpoint: Endpoint,
        at now: Moment,
        _ effect: inout Effect
    ) {
        let network = endpoint.network
        attach(network, &effect)
        let place = endpoints.insert(endpoint)
        tied.insert(endpoint.tie, place)
        if endpoint.origin == .file { endpointsOfFile.insert(endpoint.id) }
        if case .timeToLive(_, let until) = endpoint.tie {
            endpointDeadlines.set(endpoint.id, at: until)
        }
        if case .process(let pid, _) = endpoint.tie { effect.watchedProcesses.append(pid) }
        effect.ownEndpoints.append(OwnEndpoint(network: network, id: endpoint.id))
        networks[network]?.endpointPlaces.insert(place)
        enlist(endpoint, at: place, &effect)
        shadow(endpoint, true, now, &effect)
    }

    /// Gives an endpoint its names.
    mutating func enlist(_ endpoint: Endpoint, at place: UInt32, _ effect: inout Effect) {
        let network = endpoint.network
        networks[network]?.count(endpoint, by: 1)
        if let service = endpoint.service {
            let key = ServiceKey(network: network, name: service.name)
            var state = networks[network]?.served[key.name] ?? ServiceState()
            state.taskCount += 1
            if endpoint.ring == nil {
                state.ownCount += 1
                state.virtualAddresses = service.virtualAddresses
            }
            networks[network]?.served[key.name] = state
            if networks[network]?.emptyServices.removeValue(forKey: key.name) != nil {
                serviceDeadlines.clear(key)
                touch(key, &effect)
            }
        }
        gained(endpoint, at: place, &effect)
    }

    private mutating func remove(endpoint id: String, at now: Moment, _ effect: inout Effect) {
        guard let (place, endpoint) = endpoints.remove(id) else { return }
        let network = endpoint.network
        networks[network]?.endpointPlaces.remove(place)
        tied.remove(endpoint.tie, place)
        endpointsOfFile.remove(id)
        effect.removedEndpoints.append(id)
        effect.ownEndpoints.append(OwnEndpoint(network: network, id: id))
        if case .process(let pid, _) = endpoint.tie { effect.releasedProcesses.append(pid) }
        endpointDeadlines.clear(id)
        shadow(endpoint, false, now, &effect)
        delist(endpoint, at: place, now, &effect)
        detachIfUnused(network, &effect)
    }

    /// Takes an endpoint its names.
    mutating func delist(
        _ endpoint: Endpoint,
        at place: UInt32,
        _ now: Moment,
        _ effect: inout Effect
    ) {
        let network = endpoint.network
        networks[network]?.count(endpoint, by: -1)
        lost(endpoint, at: place, &effect)
        guard let service = endpoint.service,
            var state = networks[network]?.served[service.name]
        else { return }
        state.taskCount -= 1
        if endpoint.ring == nil { state.ownCount -= 1 }
        networks[network]?.served[service.name] = state.taskCount == 0 ? nil : state
        if state.taskCount > 0 { return }
        keepEmpty(
            ServiceKey(network: network, name: service.name),
            until: now.advanced(milliseconds: Self.emptyServiceMilliseconds),
            &effect
        )
    }

    // MARK: Reading

    package func table(of network: DomainName) -> NetworkTable? {
        networks[network].map { tables[$0.table] }
    }

    package func sandbox(_ name: String) throws(RegistryError) -> Sandbox {
        guard let sandbox = sandboxes[name] else { throw .noSandbox(name) }
        return sandbox
    }

    /// Who is at a place that only one sandbox can have.
    package func occupant(of place: Sandbox.Place) -> String? { occupants[place] }

    package func endpoint(_ id: String) throws(RegistryError) -> Endpoint {
        guard let endpoint = endpoints[id] else { throw .noEndpoint(id) }
        return endpoint
    }

    /// This node's own endpoints of a network, or all, in order of id.
    package func endpoints(in network: DomainName? = nil) -> [Endpoint] {
        guard let network else { return endpoints.ids.compactMap { endpoints[$0] } }
        return allEndpoints(in: network).filter { $0.ring == nil }
    }

    /// All endpoints that give names to a network, other nodes' among them, in order of id.
    package func allEndpoints(in network: DomainName) -> [Endpoint] {
        let list = (networks[network]?.endpointPlaces.sorted() ?? []).map { endpoints[$0] }
        return list.filter { $0.ring?.isShadowed != true }.sorted { Self.precedes($0, $1) }
    }

    /// In order of id, this node's own first.
    static func precedes(_ left: Endpoint, _ right: Endpoint) -> Bool {
        if left.id != right.id { return left.id < right.id }
        return left.ring == nil && right.ring != nil
    }

    /// The endpoints tied to a process.
    package func endpoints(ofProcess pid: Int32) -> [Endpoint] {
        tied.places(ofProcess: pid).map { endpoints[$0] }.sorted { $0.id < $1.id }
    }
}
