import Base

/// Ticks, campaigns, and what a node is.
extension Raft {
    mutating func tick() {
        ticks += 1
        if role == .leader {
            tickAsLeader()
        } else {
            electionElapsed += 1
            if isPromotable, electionElapsed >= electionTimeout {
                electionElapsed = 0
                campaignIfPossible(isTransfer: false)
            }
        }
    }

    private mutating func tickAsLeader() {
        heartbeatElapsed += 1
        electionElapsed += 1
        if electionElapsed >= rules.electionTicks {
            electionElapsed = 0
            if rules.checksQuorum { checkQuorum() }
            if role == .leader { transferee = nil }
        }
        if role == .leader, !rules.isPlain {
            watchDisk()
            leaveJointIfDue()
            giveUpSnapshots()
            promoteLearners()
        }
        if role == .leader, heartbeatElapsed >= rules.heartbeatTicks {
            heartbeatElapsed = 0
            broadcastHeartbeat()
        }
    }

    /// A leader that no majority has answered for a timeout leads no more.
    ///
    /// Source: Raft thesis §6.2.
    private mutating func checkQuorum() {
        let verdict = Quorum.verdict(of: membership) { id in
            id == self.id || peers.contains { $0.id == id && $0.isActive }
        }
        if verdict != .won { stepDown() }
        for place in peers.indices where peers[place].id != id {
            peers[place].wasActive = peers[place].isActive
            peers[place].isActive = false
        }
    }

    /// For how many ticks the disk has had something to write and written nothing.
    ///
    /// Not how long the oldest batch waits: behind another one it waits for two, on a disk that is slow and works.
    package var writingTicks: UInt64 { writing.first.map { ticks - max($0.since, writtenAt) } ?? 0 }

    /// Whether the disk has stood still for so long that this node should not lead.
    var isStalled: Bool { !rules.isPlain && writingTicks >= UInt64(rules.electionTicks) }

    /// A leader whose disk stands still hands over, and then leads no more.
    ///
    /// Source: raft.md §1.4.
    private mutating func watchDisk() {
        if !isStalled { return }
        if writingTicks >= 2 * UInt64(rules.electionTicks) {
            stepDown()
        } else if transferee == nil {
            transfer(to: nil)
        }
    }

    mutating func stepDown() {
        counts.stepDowns += 1
        becomeFollower(term: term, leader: nil)
    }

    mutating func becomeFollower(term: Term, leader: RaftID?) {
        reset(to: term)
        role = .follower
        self.leader = leader
        if leader != nil, !isLeaderGone { hasteAt = nil }
    }

    private mutating func becomePreCandidate() {
        counts.preCampaigns += 1
        votes.removeAll(keepingCapacity: true)
        role = .preCandidate
        leader = nil
    }

    private mutating func becomeCandidate() {
        counts.campaigns += 1
        reset(to: term.next)
        vote = id
        role = .candidate
    }

    /// Campaigns, unless this node may not become leader now.
    ///
    /// A change of the membership that is committed and not applied forbids it, since the voters are
    /// perhaps others than this node believes. Source: raft.md §1.1.
    mutating func campaignIfPossible(isTransfer: Bool) {
        guard role != .leader, isPromotable, !log.hasUnappliedChange, !isStalled else { return }
        if rules.preVotes, !isTransfer {
            preCampaign()
        } else {
            campaign(isTransfer: isTransfer)
        }
    }

    private mutating func preCampaign() {
        becomePreCandidate()
        let request = RaftMessage.VoteRequest(last: advertised, isTransfer: false)
        for voter in membership.voters {
            if voter == id {
                sendAfter(.preVoteReply(isGranted: true), to: id, term: term.next, boot: boot)
            } else {
                send(.preVote(request), to: voter, term: term.next)
            }
        }
    }

    private mutating func campaign(isTransfer: Bool) {
        becomeCandidate()
        let asksEarly = rules.compatibility.contains(.asksEarly)
        let request = RaftMessage.VoteRequest(last: log.last, isTransfer: isTransfer)
        for voter in membership.voters {
            if voter == id {
                sendAfter(.voteReply(isGranted: true), to: id, term: term, boot: boot)
            } else if asksEarly {
                send(.vote(request), to: voter, term: term)
            } else {
                // Not before the log that it speaks of is durable: else a grant could outlive, in a
                // message, entries that this node lost. Source: raft.md §1.8.
                sendAfter(.vote(request), to: voter, term: term, boot: boot)
            }
        }
    }

    /// Where the log ends that a pre-vote speaks of: what is durable, since that request does not wait.
    private var advertised: LogPosition {
        if rules.compatibility.contains(.asksEarly) { return log.last }
        let index = log.durable
        return LogPosition(term: log.term(at: index) ?? .zero, index: index)
    }

    /// A vote came back to a candidate of either kind.
    mutating func count(_ isGranted: Bool, from voter: RaftID) {
        if !votes.contains(where: { $0.id == voter }) { votes.append((voter, isGranted)) }
        let verdict = Quorum.verdict(of: membership) { id in
            votes.first { $0.id == id }?.isGranted
        }
        switch verdict {
        case .pending: break
        case .lost: becomeFollower(term: term, leader: nil)
        case .won where role == .preCandidate: campaign(isTransfer: false)
        case .won:
            becomeLeader()
            broadcastAppend()
        }
    }

    private mutating func becomeLeader() {
        counts.electionsWon += 1
        reset(to: term)
        role = .leader
        leader = id
        hasteAt = nil
        if let place = place(of: id) {
            peers[place].becomeReplicate()
            peers[place].isActive = true
        }
        // Whatever change is in the log may be unapplied; the guess is never too low.
        pendingChange = log.lastIndex
        appendOwn([.empty])
    }

    /// Another one says that the leader is dead: this node may vote for somebody else.
    mutating func forgetLeader() {
        if role == .follower, !rules.compatibility.contains(.neverForgets) { leader = nil }
    }

    /// The process of `peer` is gone.
    ///
    /// Where it was the leader, this node campaigns soon; not at once, or all would ask each
    /// other at the same moment.
    mutating func isGone(_ peer: RaftID, at now: Moment) {
        isUnreachable(peer)
        // Who was just voted for may have led without a chance to say so.
        let led = leader ?? vote
        guard role == .follower, led == peer, peer != id else { return }
        forgetLeader()
        if leader != nil { return }
        gone = (peer, term)
        hasteTries = 5
        hasteAt = now.advanced(milliseconds: hasteWait)
    }

    /// Whether the leader that this node follows is the one of which others say that it is gone.
    var isLeaderGone: Bool { gone.map { $0 == (leader ?? id, term) } ?? false }

    private var hasteWait: UInt64 {
        mutating get {
            UInt64(generator.below(UInt32(clamping: max(1, rules.hasteMilliseconds))))
        }
    }

    /// Campaigns without waiting for the timeout, and again soon where nothing comes of it.
    mutating func hurry(at now: Moment) {
        if isLeaderGone { forgetLeader() }
        guard role != .leader, leader == nil else { return }
        hasteTries -= 1
        if hasteTries > 0 {
            hasteAt = now.advanced(milliseconds: rules.hasteMilliseconds + hasteWait)
        } else {
            gone = nil
        }
        campaignIfPossible(isTransfer: false)
    }
}
