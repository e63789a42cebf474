/// What a node holds of another.
package enum MemberState: UInt8, Hashable, Sendable, CaseIterable {
    case alive = 0
    case suspect = 1
    case dead = 2
    /// Gone of its own will.
    case left = 3
}

/// One line of a node's table, as it goes over a stream.
///
/// Source: gossip-wire.md §4.
package struct MemberEntry: Hashable, Sendable {
    package var node: NodeName
    package var incarnation: Incarnation
    /// nil for a number that is no state; such entries are passed over.
    package var state: MemberState?
    package var address: AddressOctets
    /// 0 means the reader's own port.
    package var port: UInt16
    package var meta: [UInt8]
    package var versions: VersionVector

    package init(
        node: NodeName,
        incarnation: Incarnation,
        state: MemberState?,
        address: AddressOctets,
        port: UInt16,
        meta: [UInt8],
        versions: VersionVector
    ) {
        self.node = node
        self.incarnation = incarnation
        self.state = state
        self.address = address
        self.port = port
        self.meta = meta
        self.versions = versions
    }
}

/// All that one node knows, for another: both sides of an anti-entropy round send it.
///
/// Source: gossip-wire.md §6.
package struct StateExchange: Hashable, Sendable {
    /// The asker is new to the ring; the answer repeats it.
    package var isJoin: Bool
    /// The whole table with the sender itself, in the order in which it is to be merged.
    package var members: [MemberEntry]
    /// The delegate's state, opaque here; empty when there is none.
    package var userState: [UInt8]

    package init(isJoin: Bool, members: [MemberEntry], userState: [UInt8] = []) {
        self.isJoin = isJoin
        self.members = members
        self.userState = userState
    }
}
