package import Base
package import Gossip

/// One member, as a node sees it.
package struct MemberReport: Hashable, Sendable {
    package let name: NodeName
    /// nil where the member's octets are no address.
    package let address: PeerAddress?
    package let state: MemberState
    /// What serf calls its state, where the delegate is serf: it knows who is about to leave, and nothing
    /// of suspicions.
    package let status: SerfMember.Status?
    package let incarnation: Incarnation
    package let meta: [UInt8]
    package let versions: VersionVector
    /// Not to be sent to, though it is not dead.
    package let isDrained: Bool
    /// From a probe to its answer, in microseconds; nil before the first one.
    package let roundTrip: UInt64?
    /// When it came into its state.
    package let since: Moment
    /// Whether it is the node itself.
    package let isOwn: Bool
}

/// Something that changed in the ring, and whom it is about as it was then.
package struct RingEvent: Hashable, Sendable {
    package let moment: Moment
    package let event: MembershipEvent
    package let member: MemberReport?
}

/// Events in the order in which they happened.
package struct RingEvents: Hashable, Sendable {
    /// So many before the first one were not taken in time, and are lost.
    package let dropped: UInt64
    package let events: [RingEvent]
    /// What members said to all, in the order in which it was heard.
    package let userEvents: [SerfEvent]
}

/// Something to be said to all members, in serf's words.
package struct UserEvent: Hashable, Sendable {
    package let name: [UInt8]
    package let payload: [UInt8]
    /// Of several of one name a member may take the last alone.
    package let coalesces: Bool

    package init(name: [UInt8], payload: [UInt8], coalesces: Bool = false) {
        self.name = name
        self.payload = payload
        self.coalesces = coalesces
    }
}

/// What is done to a ring's keys.
package enum KeyChange: Hashable, Sendable {
    case add(RingKey)
    case use(RingKey)
    case remove(RingKey)
}

/// A key as it is listed: not the key.
package struct KeyReport: Hashable, Sendable {
    /// The first 8 hexadecimal digits of the key's SHA-256.
    package let fingerprint: String
    /// 128, 192 or 256.
    package let bits: Int
    /// Whether it is the one that seals.
    package let isPrimary: Bool
}

/// What a node's engine has counted, and what it holds; what its shell counts is in `GossipCounters`.
package struct NodeCounts: Hashable, Sendable {
    package let membership: MembershipCounts
    /// Members in each state, the node itself among them.
    package let alive: Int
    package let suspected: Int
    package let dead: Int
    package let left: Int
    /// Members that are not to be sent to.
    package let drained: Int
    /// Rumours still to be told.
    package let queueDepth: Int
    /// The node's own health: 0 is best.
    package let awareness: Int
    /// Whether nobody is heard.
    package let isIsolated: Bool
    /// Streams that are open, those that peers opened among them.
    package let streams: Int
    package let acceptedStreams: Int
    /// What serf's layer has counted, where there is one.
    package let serf: SerfRing.Counts?
    package let tables: TableReport?
}

/// What a node's tables hold and have counted.
package struct TableReport: Hashable, Sendable {
    package struct Network: Hashable, Sendable {
        package let id: NetworkID
        /// Whether others' entries have been taken.
        package let isSynced: Bool
        /// Other active nodes on it, ascending.
        package let participants: [NodeName]
        package let liveEntries: Int
    }

    package let counts: TableRing.Counts
    /// Readings of both clocks: a later run is to begin at or after them.
    package let networkTime: LamportTime
    package let tableTime: LamportTime
    /// Ascending by id.
    package let networks: [Network]
    /// Rumours still to be told.
    package let queueDepth: Int
    /// Entries that wait for the attachment of their owner.
    package let parked: Int
}

/// Something of a node's tables, for whoever reads them; in the order in which it happened.
package enum TableNews: Hashable, Sendable {
    case change(TableRing.Change)
    /// The table of a network is here as far as others had it.
    case synced(NetworkID)
    /// An own change that cannot be told.
    case refused(TableRing.OwnChange, TableRing.Refusal)
    /// All that is kept of a network at this point, deletions and hidden entries among it.
    case snapshot(NetworkID, [TableEntry])
}
