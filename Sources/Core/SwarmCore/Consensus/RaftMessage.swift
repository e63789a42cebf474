/// What one manager says to another about the log.
///
/// Source: Raft paper Fig. 2; raft.md §3.2.
package struct RaftMessage: Hashable, Sendable {
    package var cluster: ClusterIdentity
    package var from: RaftID
    package var to: RaftID
    package var term: Term
    /// Which start of the asking process is meant: replies to an earlier start are not heard.
    package var boot: UInt32
    /// Which membership of the receiver the leader means; replies carry it back.
    package var session: UInt32
    /// Drawn anew at each start of the sender: who starts again has to show that its disk kept all.
    package var start: UInt64
    /// Whether the sender repairs a damaged log: it counts for nothing meanwhile.
    package var isRepairing = false
    /// A leader's word to the process of that start: it has all again that was here when it said that it
    /// repairs its log.
    package var cleared: UInt64?
    package var body: Body

    package init(
        cluster: ClusterIdentity,
        from: RaftID,
        to: RaftID,
        term: Term,
        boot: UInt32 = 0,
        session: UInt32 = 0,
        start: UInt64 = 0,
        body: Body
    ) {
        self.cluster = cluster
        self.from = from
        self.to = to
        self.term = term
        self.boot = boot
        self.session = session
        self.start = start
        self.body = body
    }

    package enum Body: Hashable, Sendable {
        /// Would you vote for me? Changes nothing at the receiver.
        case preVote(VoteRequest)
        case preVoteReply(isGranted: Bool)
        case vote(VoteRequest)
        case voteReply(isGranted: Bool)
        case append(Append)
        case appendReply(AppendReply)
        case heartbeat(commit: LogIndex, reads: UInt64)
        case heartbeatReply(reads: UInt64, isStalled: Bool)
        /// Campaign at once: the leader hands over.
        case timeoutNow
        /// A snapshot is here as a whole, and this is what it holds.
        indirect case snapshot(SnapshotMark)
        /// Which index has a read to wait for?
        case read(ReadTag)
        case readReply(ReadTag, ReadVerdict)
        /// A proposal that a follower passes on.
        indirect case propose(RaftProposal)
        case proposalReply(ProposalTag, ProposalVerdict)
        case transferLeadership(to: RaftID?)
    }

    package struct VoteRequest: Hashable, Sendable {
        /// Where the candidate's log ends.
        package var last: LogPosition
        /// Whether the leader itself asked for it: nobody sticks to the leader then.
        package var isTransfer: Bool

        package init(last: LogPosition, isTransfer: Bool) {
            self.last = last
            self.isTransfer = isTransfer
        }
    }

    package struct Append: Hashable, Sendable {
        /// What stands before the entries.
        package var previous: LogPosition
        package var entries: [LogEntry]
        package var commit: LogIndex

        package init(previous: LogPosition, entries: [LogEntry], commit: LogIndex) {
            self.previous = previous
            self.entries = entries
            self.commit = commit
        }
    }

    package enum AppendReply: Hashable, Sendable {
        /// All up to here is durable and the same.
        case matched(LogIndex, isStalled: Bool)
        /// What was to follow `rejected` does not fit; `hint` is the last that may.
        case rejected(LogIndex, hint: LogPosition)
    }
}

/// Who asked for a read; the asker's own number.
package struct ReadTag: Hashable, Sendable {
    package let raw: UInt64

    package init(_ raw: UInt64) {
        self.raw = raw
    }
}

/// What a read has to wait for, or why it cannot be.
package enum ReadVerdict: Hashable, Sendable {
    /// It may be answered once this index is applied.
    case ready(LogIndex)
    case noLeader
    /// It was asked of a leader that is none any more.
    case leadershipLost
    case tooMany
}

/// Who made a proposal; the proposer's own number.
package struct ProposalTag: Hashable, Sendable {
    package let raw: UInt64

    package init(_ raw: UInt64) {
        self.raw = raw
    }
}

/// Something to be decided by the cluster.
package struct RaftProposal: Hashable, Sendable {
    package var tag: ProposalTag
    package var content: LogEntry.Content
    /// The only term in which it may be appended, where that matters to the proposer.
    package var fence: Term?
    /// Takes voters out even when too few of the others were heard lately.
    package var insists: Bool

    package init(
        tag: ProposalTag,
        content: LogEntry.Content,
        fence: Term? = nil,
        insists: Bool = false
    ) {
        self.tag = tag
        self.content = content
        self.fence = fence
        self.insists = insists
    }
}

/// What became of a proposal at once.
package enum ProposalVerdict: Hashable, Sendable {
    /// It stands there, not yet committed.
    case accepted(LogPosition)
    case refused(ProposalRefusal)
}

/// Why a proposal was not appended; nothing of it is left.
package enum ProposalRefusal: Hashable, Sendable {
    case noLeader
    /// Another node leads; who does is to be asked.
    case notLeader(RaftID)
    /// This leader was removed, or is being removed: another one will take proposals.
    case notMember
    case transferring(to: RaftID)
    /// Too much is appended and not committed.
    case tooMuchUncommitted(octets: Int, limit: Int)
    case tooLarge(octets: Int, limit: Int)
    /// The term is another one than the proposal was made for.
    case fenced(term: Term)
    case membership(MembershipError)
    /// The disk failed or has no room.
    case noStorage
}

/// What became of a proposal in the end.
package enum ProposalOutcome: Hashable, Sendable {
    case committed(LogPosition)
    /// Another entry stands in its place: it will never be applied.
    case superseded
    /// A snapshot has come over it: it may have been applied or not.
    case unknown
}

/// A state of the machine at an index, without its octets.
package struct SnapshotMark: Hashable, Sendable {
    package var position: LogPosition
    package var membership: RaftMembership
    /// Names its octets, on every node the same.
    package var id: UInt64
    package var octets: UInt64

    package init(
        position: LogPosition,
        membership: RaftMembership,
        id: UInt64 = 0,
        octets: UInt64 = 0
    ) {
        self.position = position
        self.membership = membership
        self.id = id
        self.octets = octets
    }
}
