/// What a majority of each half of a membership says.
///
/// An empty half is no obstacle: it agrees to everything. Source: Raft paper §5.2, §5.4.2, §6.
package enum Quorum {
    /// What became of a vote.
    package enum Verdict: Hashable, Sendable {
        case pending, lost, won
    }

    /// How many of `count` voters are a majority.
    package static func majority(of count: Int) -> Int { count / 2 + 1 }

    /// The vote of one half; `answer` is nil for who has not said yet.
    package static func verdict(of voters: [RaftID], _ answer: (RaftID) -> Bool?) -> Verdict {
        var granted = 0
        var missing = 0
        for voter in voters {
            switch answer(voter) {
            case true?: granted += 1
            case false?: break
            case nil: missing += 1
            }
        }
        let needed = voters.isEmpty ? 0 : majority(of: voters.count)
        if granted >= needed { return .won }
        return granted + missing >= needed ? .pending : .lost
    }

    /// The vote of both halves: both have to be won, and one that is lost is enough to lose.
    package static func verdict(
        of membership: RaftMembership,
        _ answer: (RaftID) -> Bool?
    ) -> Verdict {
        let incoming = verdict(of: membership.incoming, answer)
        let outgoing = verdict(of: membership.outgoing, answer)
        if incoming == outgoing { return incoming }
        if incoming == .lost || outgoing == .lost { return .lost }
        return .pending
    }

    /// The highest value that a majority of one half has reached; nil when the half is empty.
    ///
    /// Halves are small, so that comparing all with all costs less than sorting a copy.
    package static func reached<Value: Comparable>(
        by voters: [RaftID],
        _ value: (RaftID) -> Value
    ) -> Value? {
        var best: Value?
        let needed = majority(of: voters.count)
        for voter in voters {
            let candidate = value(voter)
            if let best, candidate <= best { continue }
            var count = 0
            for other in voters where candidate <= value(other) { count += 1 }
            if count >= needed { best = candidate }
        }
        return best
    }

    /// The highest value that both halves have reached; nil when nobody votes.
    package static func reached<Value: Comparable>(
        by membership: RaftMembership,
        _ value: (RaftID) -> Value
    ) -> Value? {
        let incoming = reached(by: membership.incoming, value)
        guard membership.isJoint, let outgoing = reached(by: membership.outgoing, value) else {
            return incoming
        }
        guard let incoming else { return outgoing }
        return min(incoming, outgoing)
    }
}
