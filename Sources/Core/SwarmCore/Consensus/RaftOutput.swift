/// What a Raft engine is told.
package enum RaftInput: Sendable {
    case received(RaftMessage)
    /// Proposals in their order; they are appended together where all may be.
    case propose([RaftProposal])
    /// Asks which index a read has to wait for.
    case read(ReadTag)
    /// Hands the leadership over; to the most advanced voter where nobody is named.
    case transfer(to: RaftID?)
    /// Campaigns now.
    case campaign
    /// Somebody else says that the leader is dead: another may be voted for.
    case forgetLeader
    /// This node's process is gone: its host refuses connections, or the ring of nodes gave it up.
    case gone(RaftID)
    /// A message to this node was lost on the way.
    case unreachable(RaftID)
    /// A snapshot arrived at this node, or did not.
    case snapshotSent(RaftID, isThere: Bool)
    /// A snapshot on its way to this node moves.
    case snapshotMoves(RaftID)
    /// All that was handed out to be written up to this token is durable.
    case persisted(PersistToken)
    /// All entries up to here are applied.
    case applied(through: LogIndex)
    /// A snapshot was taken here and is durable.
    case snapshotTaken(SnapshotMark)
    /// Entries before this index may be forgotten; a leader keeps what members that are heard still lack,
    /// within limits, and the log's base says what was forgotten.
    case compact(before: LogIndex)
    /// Nothing can be written any more: this node neither votes nor acknowledges again.
    case storageFailed
}

/// Counts what was handed out to be written.
package struct PersistToken: Hashable, Comparable, Sendable {
    package let raw: UInt64

    package init(_ raw: UInt64) {
        self.raw = raw
    }

    package static func < (left: PersistToken, right: PersistToken) -> Bool {
        left.raw < right.raw
    }
}

/// What a node may never forget.
///
/// Source: Raft paper Fig. 2, "persistent state".
package struct HardState: Hashable, Sendable {
    package var term: Term
    package var vote: RaftID?
    /// A lower bound only: it needs no sync of its own.
    package var commit: LogIndex

    package init(term: Term = .zero, vote: RaftID? = nil, commit: LogIndex = .zero) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }
}

/// What is to be written, as one unit.
///
/// Entries take the place of those that stood at their indexes, and of all behind them.
package struct PersistBatch: Hashable, Sendable {
    package let token: PersistToken
    package let hardState: HardState?
    /// Takes the place of the whole log.
    package let snapshot: SnapshotMark?
    package let entries: [LogEntry]
    /// Whether it has to be on the disk before `after` goes out.
    package let needsSync: Bool
    /// What is durable afterwards, where something of the log was not.
    package let covers: LogPosition?
    /// The term in which it was handed out.
    package let term: Term
    /// Goes out once this and all before is durable; what is for this node itself comes back as received.
    package let after: [RaftMessage]
}

/// What a Raft engine wants done, in order.
package enum RaftOutput: Sendable {
    /// The role, the leader or the term is another.
    case role(RoleChange)
    /// Write this; `persisted` is to follow. Others may be sent and applied meanwhile.
    case persist(PersistBatch)
    case send(RaftMessage)
    /// Committed and durable entries, each once and in order; `applied` is to follow.
    case apply([LogEntry])
    /// The state machine is to be that of this snapshot before more is applied.
    case restore(SnapshotMark)
    /// A member needs a snapshot that knows it: one is to be taken, and `snapshotTaken` to follow.
    case snapshotWanted
    case read(ReadTag, ReadVerdict)
    case proposal(ProposalTag, ProposalVerdict)
    case outcome(ProposalTag, ProposalOutcome)
    case member(RaftID, MemberNews)
    /// The damaged log is whole again, and this node votes: what remembers the damage may be forgotten.
    case repaired
    /// Something happened that cannot be; this node says nothing more.
    case fault(RaftFault)
}

/// What whoever looks after the cluster should hear of a member.
package enum MemberNews: Hashable, Sendable {
    /// A learner that is to become a voter does not catch up: entries come faster than it takes them.
    case lags(rounds: Int)
    /// A learner that never caught up and was not heard for long is being removed.
    case givenUp
    /// It acknowledged entries that its disk does not have any more: it counts for nothing until it has all
    /// again, and something committed may be lost if others did the same.
    case lostData(acknowledged: LogIndex, remaining: LogIndex)
}

/// What a node is in its term.
package enum RaftRole: Hashable, Sendable, CaseIterable {
    case follower, preCandidate, candidate, leader
}

package struct RoleChange: Hashable, Sendable {
    package var role: RaftRole
    package var leader: RaftID?
    package var term: Term
}

/// What cannot be, unless a peer or the disk breaks its word.
package enum RaftFault: Hashable, Sendable {
    /// A leader's entry contradicts one that is committed.
    case contradiction(LogIndex, from: RaftID, term: Term)
    /// The disk failed.
    case storage
}
