import SwarmCore

// Layout of what follows the head: term, boot, session, the 8 octets of the start, flags (1 repairing, 2 a
// cleared start follows, 8 octets), kind of the body and the body: numbers and lists in the order of the fields.

private let repairingFlag: UInt8 = 1
private let clearedFlag: UInt8 = 2

/// The kinds of bodies, as octets.
private enum BodyKind: UInt8 {
    case preVote = 1
    case preVoteReply, vote, voteReply, append, matched, rejected, heartbeat, heartbeatReply
    case timeoutNow, snapshot, read, readReply, propose, proposalReply, transfer
}

extension WireWriter {
    mutating func raft(_ message: RaftMessage) {
        number(message.term.raw)
        number(message.boot)
        number(message.session)
        fixed(message.start)
        octet(
            (message.isRepairing ? repairingFlag : 0) | (message.cleared == nil ? 0 : clearedFlag)
        )
        if let cleared = message.cleared { fixed(cleared) }
        body(message.body)
    }

    private mutating func kind(_ kind: BodyKind) { octet(kind.rawValue) }

    private mutating func body(_ body: RaftMessage.Body) {
        switch body {
        case .preVote(let request): vote(request, .preVote)
        case .vote(let request): vote(request, .vote)
        case .preVoteReply(let isGranted):
            kind(.preVoteReply)
            flag(isGranted)
        case .voteReply(let isGranted):
            kind(.voteReply)
            flag(isGranted)
        case .append(let append):
            kind(.append)
            position(append.previous)
            number(append.commit.raw)
            entries(append.entries)
        case .appendReply(.matched(let index, let isStalled)):
            kind(.matched)
            number(index.raw)
            flag(isStalled)
        case .appendReply(.rejected(let index, let hint)):
            kind(.rejected)
            number(index.raw)
            position(hint)
        case .heartbeat(let commit, let reads):
            kind(.heartbeat)
            number(commit.raw)
            number(reads)
        case .heartbeatReply(let reads, let isStalled):
            kind(.heartbeatReply)
            number(reads)
            flag(isStalled)
        case .timeoutNow: kind(.timeoutNow)
        case .snapshot(let mark):
            kind(.snapshot)
            self.mark(mark)
        case .read, .readReply, .propose, .proposalReply, .transferLeadership: request(body)
        }
    }

    private mutating func vote(_ request: RaftMessage.VoteRequest, _ kind: BodyKind) {
        self.kind(kind)
        position(request.last)
        flag(request.isTransfer)
    }

    /// What is without a term.
    private mutating func request(_ body: RaftMessage.Body) {
        switch body {
        case .read(let tag):
            kind(.read)
            number(tag.raw)
        case .readReply(let tag, let verdict):
            kind(.readReply)
            number(tag.raw)
            self.verdict(verdict)
        case .propose(let proposal):
            kind(.propose)
            number(proposal.tag.raw)
            number(proposal.fence.map { $0.raw &+ 1 } ?? 0)
            flag(proposal.insists)
            octet(proposal.content.wireKind)
            run(proposal.content.wireOctets)
        case .proposalReply(let tag, let verdict):
            kind(.proposalReply)
            number(tag.raw)
            self.verdict(verdict)
        case .transferLeadership(let target):
            kind(.transfer)
            number(target?.raw ?? 0)
        default: break
        }
    }
}

extension WireReader {
    mutating func raft(
        _ cluster: ClusterIdentity,
        from: RaftID,
        to: RaftID
    ) throws(WireFault) -> RaftMessage {
        let term = Term(try number())
        let boot = try number32()
        let session = try number32()
        let start = try fixed()
        let offset = at
        let flags = try octet()
        guard flags & ~(repairingFlag | clearedFlag) == 0 else { throw .number(offset: offset) }
        let cleared: UInt64? = flags & clearedFlag == 0 ? nil : try fixed()
        var message = RaftMessage(
            cluster: cluster,
            from: from,
            to: to,
            term: term,
            boot: boot,
            session: session,
            start: start,
            body: try body()
        )
        message.isRepairing = flags & repairingFlag != 0
        message.cleared = cleared
        return message
    }

    private mutating func body() throws(WireFault) -> RaftMessage.Body {
        let offset = at
        let raw = try octet()
        guard let kind = BodyKind(rawValue: raw) else { throw .kind(raw, offset: offset) }
        switch kind {
        case .preVote: return .preVote(try vote())
        case .vote: return .vote(try vote())
        case .preVoteReply: return .preVoteReply(isGranted: try flag())
        case .voteReply: return .voteReply(isGranted: try flag())
        case .append: return .append(try append())
        case .matched:
            let index = LogIndex(try number())
            return .appendReply(.matched(index, isStalled: try flag()))
        case .rejected:
            let index = LogIndex(try number())
            return .appendReply(.rejected(index, hint: try position()))
        case .heartbeat:
            let commit = LogIndex(try number())
            return .heartbeat(commit: commit, reads: try number())
        case .heartbeatReply:
            let reads = try number()
            return .heartbeatReply(reads: reads, isStalled: try flag())
        case .timeoutNow: return .timeoutNow
        case .snapshot: return .snapshot(try mark())
        case .read: return .read(ReadTag(try number()))
        case .readReply:
            let tag = ReadTag(try number())
            return .readReply(tag, try readVerdict())
        case .propose: return .propose(try proposal())
        case .proposalReply:
            let tag = ProposalTag(try number())
            return .proposalReply(tag, try proposalVerdict())
        case .transfer:
            let target = try number()
            return .transferLeadership(to: target == 0 ? nil : RaftID(target))
        }
    }

    private mutating func vote() throws(WireFault) -> RaftMessage.VoteRequest {
        let last = try position()
        return RaftMessage.VoteRequest(last: last, isTransfer: try flag())
    }

    private mutating func append() throws(WireFault) -> RaftMessage.Append {
        let previous = try position()
        let commit = LogIndex(try number())
        let entries = try entries(after: previous.index)
        return RaftMessage.Append(previous: previous, entries: entries, commit: commit)
    }

    private mutating func proposal() throws(WireFault) -> RaftProposal {
        let tag = ProposalTag(try number())
        let fence = try number()
        let insists = try flag()
        let kind = try octet()
        let octets = try octets(max: WireLimits.commandOctetsMax)
        return RaftProposal(
            tag: tag,
            content: try LogEntry.Content(wireKind: kind, octets: octets),
            fence: fence == 0 ? nil : Term(fence - 1),
            insists: insists
        )
    }
}
