/// A change of who is in the cluster: applied when its entry is applied, on every node alike.
///
/// One voter may change at once; more go through a joint configuration, in which both the old and the new
/// voters have to agree. No steps at all leave the joint configuration. Source: Raft thesis §4.1, §4.3;
/// raft.md §1.10.
package struct MembershipChange: Hashable, Sendable {
    /// What becomes of one node.
    ///
    /// Steps for the number 0 are without effect.
    package enum Step: Hashable, Sendable {
        /// It votes; a learner is promoted.
        case addVoter(RaftID)
        /// It is sent the log and does not count; a voter is demoted.
        case addLearner(RaftID)
        /// It is sent the log, and votes once it has caught up: the leader promotes it by itself.
        case join(RaftID)
        case remove(RaftID)
        /// Only what is known of it changes.
        case update(RaftID)
    }

    /// Whether a joint configuration comes between.
    package enum Transition: Hashable, Sendable {
        /// Only if more than one step is taken; the leader leaves it by itself.
        case automatic
        /// In any case; the leader leaves it by itself.
        case implicit
        /// In any case; somebody has to propose leaving it.
        case explicit
    }

    package var steps: [Step]
    package var transition: Transition
    /// What the steps mean to others, such as the addresses of new nodes; opaque here.
    package var context: [UInt8]

    package init(_ steps: [Step], transition: Transition = .automatic, context: [UInt8] = []) {
        self.steps = steps
        self.transition = transition
        self.context = context
    }

    /// Ends a joint configuration.
    package static let leaveJoint = MembershipChange([])

    package var leavesJoint: Bool { steps.isEmpty && transition == .automatic }

    /// Whether it goes through a joint configuration.
    package var entersJoint: Bool { transition != .automatic || steps.count > 1 }

    package var leavesByItself: Bool { transition != .explicit }

    /// About its octets on the wire.
    package var octets: Int {
        if steps.isEmpty && context.isEmpty { return 0 }
        return 2 + steps.count * 14 + context.count
    }
}

/// Why a change of the membership cannot be.
package enum MembershipError: Error, Hashable, Sendable {
    /// Another one was appended here and is not applied yet.
    case pending(LogIndex, applied: LogIndex)
    /// Only leaving is possible now.
    case joint
    /// There is nothing to leave.
    case notJoint
    /// Nobody would be left to vote.
    case noVoters
    /// More than one voter would change without a joint configuration.
    case tooManyVoters
    /// A cluster without voters cannot become joint.
    case emptyJoint
    /// The leader has not yet committed an entry of its own term; source: Raft thesis §4.1, the correction
    /// of 2015.
    case tooEarly
    /// Of the voters that would remain, too few were heard lately; a caller may insist.
    case noActiveQuorum
}
