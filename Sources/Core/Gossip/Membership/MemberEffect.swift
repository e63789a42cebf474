/// What is on its way from node to node.
///
/// Source: gossip-wire.md §9.
package enum Rumour: Hashable, Sendable {
    case alive(Alive)
    case suspect(Suspect)
    case dead(Dead)

    /// Whom it is about.
    package var node: NodeName {
        switch self {
        case .alive(let alive): alive.node
        case .suspect(let suspect): suspect.node
        case .dead(let dead): dead.node
        }
    }
}

/// What follows from what a table was told, in this order.
package enum MemberEffect: Hashable, Sendable {
    /// Tell the ring; it takes the place of what was to be told about the node.
    case tell(Rumour)
    /// A node is there that was not.
    case joined(NodeName)
    /// A node says something else of itself.
    case updated(NodeName)
    /// A node is accused, and has some time to speak.
    case suspected(NodeName)
    /// Another accuses a node that is accused already.
    case confirmed(NodeName)
    /// A node that was accused has spoken.
    case cleared(NodeName)
    /// A node is dead or has left.
    case gone(NodeName)
    /// A node's name is claimed at another address.
    case conflict(NodeName, address: AddressOctets, port: UInt16)
    /// Ill was heard of this node: a sign that it is itself unwell.
    case refuted
    /// What was said is not kept.
    case refused(NodeName, MemberRefusal)
}

/// Why a word about a node is neither kept nor passed on.
///
/// Source: gossip-wire.md §7, §22.
package enum MemberRefusal: Hashable, Sendable {
    /// None, or more than 255 octets.
    case name
    /// More than 512 octets.
    case meta
    /// Neither 4 nor 16 octets.
    case address
    /// 0, which says nothing, or so high that nobody could outbid it.
    case incarnation
    /// No six octets, or versions that do not meet ours: peers' tables would fail on it.
    case versions
    /// There are as many members as are held.
    case room
}
