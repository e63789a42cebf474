package import Base

/// Beginning in the midst of a ring: for drivers that begin with one that has long been formed.
extension Membership {
    /// Takes members as known and told: nobody hears of them through this node.
    package mutating func adopt(_ members: [MemberEntry], at now: Moment) {
        obey(table.merge(members, at: now), at: now)
        queue = TransmitQueue()
        gossipAt = nil
    }

    /// When the next member's turn to be probed comes; nil while one is waited for.
    package var nextTick: Moment? {
        probes.contains { $0.isRegular } ? nil : probeAt
    }
}
