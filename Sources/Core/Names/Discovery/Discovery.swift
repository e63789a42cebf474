package import Base
package import Gossip

/// Where an endpoint comes from that another node has.
package struct RingOrigin: Hashable, Sendable {
    /// The run of the node that has it.
    package var owner: NodeName
    /// How it came here.
    package var path: TableRing.Path
    /// Its owner says that it is about to stop, or ill.
    package var isDisabled: Bool
    /// This node has an endpoint of that id on that network, which counts instead.
    package internal(set) var isShadowed = false

    package init(owner: NodeName, path: TableRing.Path, isDisabled: Bool = false) {
        self.owner = owner
        self.path = path
        self.isDisabled = isDisabled
    }
}

/// What the ring says of one entry of a network's table of endpoints.
package struct RemoteChange: Hashable, Sendable {
    package let network: DomainName
    /// The entry's key.
    package let key: [UInt8]
    package let owner: NodeName
    package let path: TableRing.Path
    /// When it was heard.
    package let since: Moment
    package let value: Value

    package enum Value: Hashable, Sendable {
        case record(EndpointRecord)
        /// Octets that are no record: there is an entry, and nothing follows from it.
        case unreadable
        /// There is no entry any more.
        case gone
    }

    package init(
        network: DomainName,
        key: [UInt8],
        owner: NodeName,
        path: TableRing.Path,
        since: Moment,
        _ value: Value
    ) {
        self.network = network
        self.key = key
        self.owner = owner
        self.path = path
        self.since = since
        self.value = value
    }
}

/// What the ring has told of endpoints, beside the endpoints themselves.
package struct Discovery: Sendable {
    /// What was heard and done, from the start.
    package struct Counts: Hashable, Sendable {
        package internal(set) var changes = 0
        /// Without a name or an address, or with a name that is none.
        package internal(set) var invalid = 0
        /// Of networks that this node is not on.
        package internal(set) var strange = 0
        /// Beyond what is kept.
        package internal(set) var refusedBound = 0
        /// Names and entries that an audit found other than they should be, and put right.
        package internal(set) var drift = 0
        package internal(set) var audits = 0
    }

    package internal(set) var counts = Counts()
    /// Nodes whose endpoints are answered as a last resort: suspected, likely gone, or dead.
    package internal(set) var drainedOwners: Set<NodeName> = []
    /// Places of the endpoints of each other node.
    var placesByOwner: [NodeName: Set<UInt32>] = [:]

    package init() {}

    mutating func add(_ place: UInt32, of owner: NodeName) {
        placesByOwner[owner, default: []].insert(place)
    }

    mutating func remove(_ place: UInt32, of owner: NodeName) {
        placesByOwner[owner]?.remove(place)
        if placesByOwner[owner]?.isEmpty == true { placesByOwner[owner] = nil }
    }
}
