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
}
