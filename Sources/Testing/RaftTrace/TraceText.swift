import SwarmCore

/// Values as the recorded runs spell them.
enum TraceText {
    static func describe(_ error: MembershipError) -> String {
        switch error {
        case .noVoters: "removed all voters"
        case .tooManyVoters: "more than one voter changed without entering joint config"
        case .notJoint: "can't leave a non-joint config"
        case .joint: "config is already joint"
        case .emptyJoint: "can't make a zero-voter config joint"
        case .pending, .tooEarly, .noActiveQuorum: "\(error)"
        }
    }

    static func describe(_ membership: RaftMembership) -> String {
        var text = "voters=\(list(membership.incoming))"
        if membership.isJoint { text += "&&\(list(membership.outgoing))" }
        if !membership.learners.isEmpty { text += " learners=\(list(membership.learners))" }
        if !membership.learnersNext.isEmpty {
            text += " learners_next=\(list(membership.learnersNext))"
        }
        if membership.leavesByItself { text += " autoleave" }
        return text
    }

    private static func list(_ ids: [RaftID], _ open: String = "(", _ close: String = ")") -> String
    {
        open + ids.map { "\($0.raw)" }.joined(separator: " ") + close
    }

    static func describe(_ role: RaftRole) -> String {
        switch role {
        case .follower: "StateFollower"
        case .preCandidate: "StatePreCandidate"
        case .candidate: "StateCandidate"
        case .leader: "StateLeader"
        }
    }

    static func describe(_ mark: SnapshotMark) -> String {
        let members = mark.membership
        return "Index:\(mark.position.index.raw) Term:\(mark.position.term.raw) ConfState:"
            + "Voters:\(list(members.incoming, "[", "]"))"
            + " VotersOutgoing:\(list(members.outgoing, "[", "]"))"
            + " Learners:\(list(members.learners, "[", "]"))"
            + " LearnersNext:\(list(members.learnersNext, "[", "]"))"
            + " AutoLeave:\(members.leavesByItself)"
    }

    static func describe(_ state: HardState) -> String {
        let vote = state.vote.map { " Vote:\($0.raw)" } ?? ""
        return "HardState Term:\(state.term.raw)\(vote) Commit:\(state.commit.raw)"
    }

    static func describe(_ entry: LogEntry) -> String {
        "\(entry.term.raw)/\(entry.index.raw) " + describe(entry.content)
    }

    static func describe(_ content: LogEntry.Content) -> String {
        switch content {
        case .empty: return "EntryNormal \"\""
        case .command(let octets):
            return "EntryNormal \"\(String(decoding: octets, as: UTF8.self))\""
        case .membership(let change):
            let steps = change.steps.map { step in
                switch step {
                case .addVoter(let id): "v\(id.raw)"
                case .addLearner(let id), .join(let id): "l\(id.raw)"
                case .remove(let id): "r\(id.raw)"
                case .update(let id): "u\(id.raw)"
                }
            }
            // The first version of a change has one step and is kept apart by its context.
            let name = change.context == firstVersion ? "EntryConfChange" : "EntryConfChangeV2"
            return ([name] + steps).joined(separator: " ")
        }
    }

    /// The context by which a change of the first version is told.
    static let firstVersion: [UInt8] = [1]

    static func describe(_ peer: PeerProgress) -> String {
        var text = "\(peer.id.raw): "
        var pending = ""
        switch peer.flow {
        case .probe: text += "StateProbe"
        case .replicate: text += "StateReplicate"
        case .snapshot(let index):
            text += "StateSnapshot"
            pending = " pendingSnap=\(index.raw)"
        }
        text += " match=\(peer.match.raw) next=\(peer.next.raw)"
        if peer.isLearner { text += " learner" }
        if peer.isPaused { text += " paused" }
        text += pending
        if !peer.isActive { text += " inactive" }
        if peer.window.count > 0 {
            text += " inflight=\(peer.window.count)"
            if peer.window.isFull { text += "[full]" }
        }
        return text
    }

    /// Entries of a message: one in its line, more in lines of their own.
    static func bracket(_ entries: [LogEntry], indent: String) -> String {
        if entries.isEmpty { return "" }
        if entries.count == 1 { return " Entries:[\(describe(entries[0]))]" }
        let lines = entries.map { "\n\(indent)  \(describe($0))" }
        return " Entries:[" + lines.joined() + "\n\(indent)]"
    }
}
