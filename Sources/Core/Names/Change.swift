package import Base

/// A change to what this node knows, as commands and the configuration file make it.
package enum Change: Hashable, Sendable {
    case addSandbox(Sandbox)
    case removeSandbox(String)
    /// Another view for a sandbox that stays where it is.
    case replaceSandbox(Sandbox)
    /// All or none.
    case addEndpoints([Endpoint])
    case removeEndpoint(String)
    case drainEndpoint(String)
    /// Only for an endpoint tied to a time to live.
    case renewEndpoint(String, until: Moment)
    case attach(DomainName, subnets: [CIDR], origin: Origin)
    case detach(DomainName)
}

/// What follows from a change.
package struct Effect: Sendable {
    /// Networks whose tables are new or gone.
    package internal(set) var networks: Set<DomainName> = []
    /// Every view is new, whatever its networks.
    package internal(set) var everyView = false
    package internal(set) var openedSandboxes: [String] = []
    package internal(set) var closedSandboxes: [String] = []
    package internal(set) var removedEndpoints: [String] = []
    /// This node's own endpoints that are new, another way, or gone; one may be here twice.
    package internal(set) var ownEndpoints: [OwnEndpoint] = []
    /// Networks that this node was off, if only for a moment: nothing that others told of them is left.
    package internal(set) var detachedNetworks: Set<DomainName> = []
    /// Processes that something is tied to from now on.
    package internal(set) var watchedProcesses: [Int32] = []
    /// Processes that something is no longer tied to.
    package internal(set) var releasedProcesses: [Int32] = []

    /// Nothing follows.
    package init() {}

    /// Every view is new, and nothing else has changed.
    package static var allViews: Effect {
        var effect = Effect()
        effect.everyView = true
        return effect
    }

    mutating func touch(_ network: DomainName?) {
        if let network { networks.insert(network) }
    }

    /// Whether tables or views are others than they were.
    package var isVisible: Bool {
        everyView || !networks.isEmpty || !openedSandboxes.isEmpty || !closedSandboxes.isEmpty
    }

    /// Takes in what another change came to, after this one.
    package mutating func merge(_ other: Effect) {
        networks.formUnion(other.networks)
        everyView = everyView || other.everyView
        openedSandboxes += other.openedSandboxes
        closedSandboxes += other.closedSandboxes
        removedEndpoints += other.removedEndpoints
        ownEndpoints += other.ownEndpoints
        detachedNetworks.formUnion(other.detachedNetworks)
        watchedProcesses += other.watchedProcesses
        releasedProcesses += other.releasedProcesses
    }
}

/// One of this node's own endpoints, there or not.
package struct OwnEndpoint: Hashable, Sendable {
    package let network: DomainName
    package let id: String

    package init(network: DomainName, id: String) {
        self.network = network
        self.id = id
    }
}

/// Why a change is refused; nothing has changed then.
package enum RegistryError: Error, Hashable, Sendable {
    case sandboxExists(String)
    case noSandbox(String)
    case noNetworks(String)
    case repeatedNetwork(String)
    case placeTaken(by: String)
    /// A sandbox that is elsewhere is another one.
    case placeChanged(String)
    case tooManySandboxes(limit: Int)
    case endpointExists(String)
    case noEndpoint(String)
    case noAddress(String)
    case notRenewable(String)
    case tooManyEndpoints(limit: Int)
    /// A service has one set of virtual addresses per network; none means DNSRR.
    case serviceClash(
        service: DomainName,
        network: DomainName,
        has: [IPAddress],
        wants: [IPAddress]
    )
    case noNetwork(DomainName)
    /// The configuration file says that it is there.
    case ownedByFile(String)
    case networkInUse(DomainName, sandboxes: Int, endpoints: Int)

    /// How a caller outside should see it.
    package enum Kind: Sendable {
        case invalid, conflict, notFound
    }

    package var kind: Kind {
        switch self {
        case .noSandbox, .noEndpoint, .noNetwork: .notFound
        case .noNetworks, .repeatedNetwork, .placeChanged, .noAddress, .notRenewable: .invalid
        case .sandboxExists, .placeTaken, .tooManySandboxes, .endpointExists, .tooManyEndpoints,
            .serviceClash, .networkInUse, .ownedByFile:
            .conflict
        }
    }
}

extension RegistryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .sandboxExists(let name):
            "sandbox \(name): it exists already; remove it first or choose another name"
        case .noSandbox(let name):
            "sandbox \(name): there is none of that name; see 'waggle sandbox ls'"
        case .noNetworks(let name):
            "sandbox \(name): it is on no network; name at least one with --network"
        case .repeatedNetwork(let name):
            "sandbox \(name): a network is named twice; name each once, the first wins"
        case .placeTaken(let other):
            "sandbox: sandbox \(other) listens there already; remove it or choose another place"
        case .placeChanged(let name):
            "sandbox \(name): it listens elsewhere; remove it and add it again"
        case .tooManySandboxes(let limit):
            "sandbox: this node has \(limit) already; remove some first"
        case .endpointExists(let id):
            "endpoint \(id): it exists already; remove it first or leave out --id"
        case .noEndpoint(let id):
            "endpoint \(id): there is none of that id; see 'waggle endpoint ls'"
        case .noAddress(let id):
            "endpoint \(id): it has no address; give --ip or --ip6"
        case .notRenewable(let id):
            "endpoint \(id): it has no time to live to renew; it was added without --ttl"
        case .tooManyEndpoints(let limit):
            "endpoint: this node would hold more than \(limit); remove some first"
        case .serviceClash(let service, let network, let has, let wants):
            "service \(service) on network \(network): it has \(Self.mode(has)), the endpoint "
                + "says \(Self.mode(wants)); use the same --vip for every task of a service"
        case .noNetwork(let name):
            "network \(name): this node is not attached to it; see 'waggle network ls'"
        case .ownedByFile(let what):
            "\(what): the configuration file names it; take it out there and send SIGHUP"
        case .networkInUse(let name, let sandboxes, let endpoints):
            "network \(name): in use by \(sandboxes) sandboxes and \(endpoints) endpoints; "
                + "remove them first"
        }
    }

    private static func mode(_ addresses: [IPAddress]) -> String {
        addresses.isEmpty
            ? "no VIP (DNSRR)" : "VIP " + addresses.map { "\($0)" }.joined(separator: " and ")
    }
}
