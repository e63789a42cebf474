package import Base

/// Beginning in the midst of a ring: for drivers that begin with one that has long been formed.
extension Membership {
    /// Takes members as known and told: nobody hears of them through this node.
    package mutating func adopt(_ members: [MemberEntry], at now: Moment) {
        for effect in table.merge(members, at: now) {
            if case .joined(let node) = effect { enter(node) }
        }
    }

    /// When the next member's turn to be probed comes; nil while one is waited for.
    package var nextTick: Moment? {
        probes.contains { $0.isRegular } ? nil : probeAt
    }
    /// Asks others about members whose answers are late, and does nothing else: in a peer that has a
    /// thread for its probes these questions are on their way before it accuses.
    package mutating func askLate(at now: Moment) {
        for index in probes.indices where !probes[index].isIndirect && probes[index].timeout <= now
        {
            askOthers(index, at: now)
        }
    }
}
