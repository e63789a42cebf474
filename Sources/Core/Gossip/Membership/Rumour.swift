/// How often a node has spoken for itself: what is said of a higher incarnation is newer.
package struct Incarnation: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt32

    package init(_ value: UInt32) {
        self.value = value
    }

    package static func < (left: Incarnation, right: Incarnation) -> Bool {
        left.value < right.value
    }

    package var description: String { String(value) }
}

/// "This node is there, and this is what it says of itself." Source: gossip-wire.md §4.
package struct Alive: Hashable, Sendable {
    package var node: NodeName
    package var incarnation: Incarnation
    package var address: AddressOctets
    package var port: UInt16
    /// What the application says of the node; at most 512 octets from honest peers.
    package var meta: [UInt8]
    package var versions: VersionVector

    package init(
        node: NodeName,
        incarnation: Incarnation,
        address: AddressOctets,
        port: UInt16,
        meta: [UInt8],
        versions: VersionVector
    ) {
        self.node = node
        self.incarnation = incarnation
        self.address = address
        self.port = port
        self.meta = meta
        self.versions = versions
    }

    /// The longest meta that a table takes, in octets; peers crash on more (gossip-wire.md §4).
    package static let metaOctetsMax = 512
}

/// "I got no answer from it." Source: gossip-wire.md §4.
package struct Suspect: Hashable, Sendable {
    package var node: NodeName
    /// Of the accused.
    package var incarnation: Incarnation
    package var accuser: NodeName

    package init(node: NodeName, incarnation: Incarnation, accuser: NodeName) {
        self.node = node
        self.incarnation = incarnation
        self.accuser = accuser
    }
}

/// "It is gone." Source: gossip-wire.md §4.
package struct Dead: Hashable, Sendable {
    package var node: NodeName
    package var incarnation: Incarnation
    package var accuser: NodeName

    package init(node: NodeName, incarnation: Incarnation, accuser: NodeName) {
        self.node = node
        self.incarnation = incarnation
        self.accuser = accuser
    }

    /// A node that says it of itself leaves of its own will.
    package var isLeave: Bool { accuser == node }
}
