/// What a message does before it is looked at by the role: terms, votes, and what is not for this node.
extension Raft {
    mutating func receive(_ message: RaftMessage) {
        guard message.cluster == cluster, message.to == id else {
            counts.misdelivered += 1
            return
        }
        guard message.isPossible else {
            counts.malformed += 1
            return
        }
        if message.body.isReply, message.boot != boot {
            counts.outdated += 1
            return
        }
        // Proposals and reads are without a term: any leader may take them.
        if message.body.hasTerm {
            if message.term > term, !adopt(message) { return }
            if message.term < term {
                answerPast(message)
                return
            }
        }
        switch message.body {
        case .preVote(let request): judge(request, message, isReal: false)
        case .vote(let request): judge(request, message, isReal: true)
        default: dispatch(message)
        }
    }

    /// A message of a later term; false when it is not to be heard at all.
    private mutating func adopt(_ message: RaftMessage) -> Bool {
        switch message.body {
        case .preVote(let request), .vote(let request):
            // Who hears a leader does not help to depose it. Source: Raft thesis §4.2.3.
            let sticks =
                rules.checksQuorum && leader != nil && !isLeaderGone
                && electionElapsed < rules.electionTicks
            if sticks, !request.isTransfer { return false }
            if case .vote = message.body { becomeFollower(term: message.term, leader: nil) }
        case .preVoteReply(isGranted: true): break
        case .append, .heartbeat, .snapshot:
            becomeFollower(term: message.term, leader: message.from)
        default: becomeFollower(term: message.term, leader: nil)
        }
        return true
    }

    /// A message of an earlier term.
    ///
    /// Where silence would leave the other one stuck, it learns of this term.
    private mutating func answerPast(_ message: RaftMessage) {
        counts.staleTerm += 1
        switch message.body {
        case .append, .heartbeat:
            if rules.checksQuorum || rules.preVotes {
                reply(.appendReply(.matched(.zero, isStalled: false)), to: message)
            }
        case .preVote: reply(.preVoteReply(isGranted: false), to: message)
        default: break
        }
    }

    /// Source: Raft paper §5.2, §5.4.1; Raft thesis §9.6.
    private mutating func judge(
        _ request: RaftMessage.VoteRequest,
        _ message: RaftMessage,
        isReal: Bool
    ) {
        let isFree =
            vote == message.from || (vote == nil && leader == nil)
            || (!isReal && message.term > term)
        let isGranted = isFree && !isRepairing && log.isUpToDate(request.last)
        // A grant speaks of the term that was asked about, a refusal of this node's own.
        let answer = isGranted ? message.term : term
        let body: RaftMessage.Body =
            isReal ? .voteReply(isGranted: isGranted) : .preVoteReply(isGranted: isGranted)
        reply(body, to: message, term: answer)
        if isGranted, isReal {
            // Only a real vote: one who asks without end would keep everybody from campaigning.
            electionElapsed = 0
            vote = message.from
        }
    }

    private mutating func dispatch(_ message: RaftMessage) {
        switch message.body {
        case .append, .heartbeat, .snapshot: hearLeader(message)
        case .appendReply, .heartbeatReply: hearMember(message)
        case .preVoteReply(let isGranted):
            // A yes speaks of the term that was asked about: one to an earlier question is none to this.
            if role == .preCandidate, !isGranted || message.term == term.next {
                count(isGranted, from: message.from)
            }
        case .voteReply(let isGranted):
            if role == .candidate { count(isGranted, from: message.from) }
        case .timeoutNow:
            if role == .follower { campaignIfPossible(isTransfer: true) }
        case .read(let tag): read(tag, from: message.from, boot: message.boot)
        case .readReply(let tag, let verdict): emit(.read(tag, verdict))
        case .propose(let proposal): takePassedOn(proposal, message)
        case .proposalReply(let tag, let verdict): hearOfProposal(tag, verdict)
        case .transferLeadership(let target):
            // Passed on once only: two nodes that take each other for the leader would not end.
            if role == .leader { transfer(to: target) }
        case .preVote, .vote: break
        }
    }

    /// What only a leader says.
    private mutating func hearLeader(_ message: RaftMessage) {
        switch role {
        case .leader: return
        case .candidate, .preCandidate: becomeFollower(term: message.term, leader: message.from)
        case .follower:
            electionElapsed = 0
            leader = message.from
            if !isLeaderGone { hasteAt = nil }
        }
        hearClearance(message)
        switch message.body {
        case .append(let append): take(append, message)
        case .heartbeat(let commit, let reads):
            if commit > log.committed { self.commit(through: commit) }
            send(
                .heartbeatReply(reads: reads, isStalled: isStalled),
                to: message.from,
                term: term,
                boot: message.boot,
                session: message.session
            )
        case .snapshot(let mark): take(mark, message)
        default: break
        }
    }

    // MARK: - Sending

    /// Goes at once.
    mutating func send(
        _ body: RaftMessage.Body,
        to peer: RaftID,
        term: Term,
        boot: UInt32? = nil,
        session: UInt32 = 0
    ) {
        sends.append(
            envelope(body, to: peer, term: term, boot: boot ?? self.boot, session: session)
        )
    }

    /// Goes when what is known now is durable.
    mutating func sendAfter(
        _ body: RaftMessage.Body,
        to peer: RaftID,
        term: Term,
        boot: UInt32,
        session: UInt32 = 0
    ) {
        after.append(envelope(body, to: peer, term: term, boot: boot, session: session))
    }

    private func envelope(
        _ body: RaftMessage.Body,
        to peer: RaftID,
        term: Term,
        boot: UInt32,
        session: UInt32
    ) -> RaftMessage {
        var message = RaftMessage(
            cluster: cluster,
            from: id,
            to: peer,
            term: term,
            boot: boot,
            session: session,
            start: start,
            body: body
        )
        message.isRepairing = isRepairing
        message.cleared = clearance(for: peer)
        return message
    }

    /// An answer, once what it says is durable.
    mutating func reply(_ body: RaftMessage.Body, to message: RaftMessage, term: Term? = nil) {
        sendAfter(
            body,
            to: message.from,
            term: term ?? self.term,
            boot: message.boot,
            session: message.session
        )
    }
}

extension RaftMessage {
    /// Terms and places are below this, so that no sum of them ends.
    private static let numbersMax: UInt64 = 1 << 62

    /// Whether a member could have sent it: entries follow each other, and so do their terms.
    package var isPossible: Bool {
        guard term.raw < Self.numbersMax else { return false }
        switch body {
        case .append(let append):
            guard append.previous.index.raw < Self.numbersMax else { return false }
            var last = append.previous
            for entry in append.entries {
                guard entry.index == last.index.next, entry.term >= last.term, entry.term <= term
                else { return false }
                last = entry.position
            }
            return true
        case .snapshot(let mark):
            return mark.position.index.raw < Self.numbersMax && mark.position.term <= term
        default: return true
        }
    }
}

extension RaftMessage.Body {
    /// Whether it answers something that the receiver said.
    package var isReply: Bool {
        switch self {
        case .preVoteReply, .voteReply, .appendReply, .heartbeatReply, .readReply, .proposalReply:
            true
        default: false
        }
    }

    /// Whether it belongs to the term that it names.
    package var hasTerm: Bool {
        switch self {
        case .read, .readReply, .propose, .proposalReply, .transferLeadership: false
        default: true
        }
    }
}
