/// What a leader sends to its members, and what it makes of their answers.
extension Raft {
    // MARK: - Sending

    mutating func broadcastAppend() {
        for place in peers.indices where peers[place].id != id { sendAppend(at: place) }
    }

    /// One message: entries where there are any and may be sent, and the commit index in any case.
    mutating func sendAppend(at place: Int) { _ = sendAppend(at: place, evenIfEmpty: true) }

    /// One message, if there are entries to send and room for them.
    mutating func offerAppend(at place: Int) { _ = sendAppend(at: place, evenIfEmpty: false) }

    /// Messages as long as there is something to send and room for it.
    mutating func sendAll(at place: Int) {
        while sendAppend(at: place, evenIfEmpty: false) {}
    }

    private mutating func sendAppend(at place: Int, evenIfEmpty: Bool) -> Bool {
        let peer = peers[place]
        if peer.isPaused { return false }
        let previous = peer.next.previous
        guard let previousTerm = log.term(at: previous) else { return sendSnapshot(at: place) }
        var entries: [LogEntry] = []
        let isRoomy = peer.flow != .replicate || !peer.window.isFull
        if isRoomy, peer.next <= log.lastIndex {
            guard let slice = slice(from: peer.next) else { return sendSnapshot(at: place) }
            entries = slice
        }
        if entries.isEmpty, !evenIfEmpty { return false }
        var octets = 0
        for entry in entries { octets += entry.payloadOctets }
        let count = entries.count
        let append = RaftMessage.Append(
            previous: LogPosition(term: previousTerm, index: previous),
            entries: entries,
            commit: log.committed
        )
        send(.append(append), to: peer.id, term: term, session: peer.session)
        peers[place].didSend(count: count, octets: octets)
        peers[place].toldCommit = log.committed
        return true
    }

    /// Entries for one message; members that are equally far share them.
    private mutating func slice(from index: LogIndex) -> [LogEntry]? {
        if case .append(let last)? = sends.last?.body, let first = last.entries.first,
            first.index == index, last.entries.count == log.lastIndex.next.distance(from: index)
        {
            return last.entries
        }
        return log.slice(from: index, through: log.lastIndex, octetsMax: rules.appendOctetsMax)
    }

    /// Not to a member that was not heard lately: it would be sent in vain.
    private mutating func sendSnapshot(at place: Int) -> Bool {
        let mark = log.installing ?? snapshot
        guard peers[place].isActive else { return false }
        if !rules.isPlain, !mark.membership.contains(peers[place].id) {
            // It would not take one that does not know it.
            wantSnapshot()
            return false
        }
        counts.snapshotsSent += 1
        peers[place].becomeSnapshot(mark.position.index)
        peers[place].movedAt = ticks
        send(.snapshot(mark), to: peers[place].id, term: term, session: peers[place].session)
        return true
    }

    private mutating func wantSnapshot() {
        if isSnapshotWanted { return }
        isSnapshotWanted = true
        emit(.snapshotWanted)
    }

    /// Heartbeats tell no more of the commit index than the member certainly has.
    mutating func broadcastHeartbeat() {
        openReadRound()
        for place in peers.indices where peers[place].id != id {
            let commit = min(peers[place].match, log.committed)
            peers[place].toldCommit = commit
            send(
                .heartbeat(commit: commit, reads: readRound),
                to: peers[place].id,
                term: term,
                session: peers[place].session
            )
        }
    }

    // MARK: - Answers

    mutating func hearMember(_ message: RaftMessage) {
        guard role == .leader, let place = place(of: message.from) else { return }
        if peers[place].session != message.session {
            // Said in this term, but before the member was removed and added again.
            counts.outdated += 1
            return
        }
        peers[place].isActive = true
        peers[place].heardAt = ticks
        if !isSameProcess(message, at: place) { return }
        if message.isRepairing { repairs(at: place) }
        switch message.body {
        case .appendReply(.matched(let index, let isStalled)):
            peers[place].isStalled = isStalled
            if index > log.lastIndex {
                counts.badReplies += 1
                return
            }
            hasMatched(index, at: place)
        case .appendReply(.rejected(let index, let hint)):
            hasRejected(index, hint: hint, at: place)
        case .heartbeatReply(let reads, let isStalled):
            peers[place].isStalled = isStalled
            peers[place].isWaiting = false
            if peers[place].match < log.lastIndex || peers[place].flow == .probe {
                sendAppend(at: place)
            }
            if reads <= readRound { confirmReads(reads, at: place) }
        default: break
        }
    }

    private mutating func hasRejected(_ index: LogIndex, hint: LogPosition, at place: Int) {
        if peers[place].isUnproven, index <= peers[place].match {
            lostData(hint: hint.index, at: place)
            return
        }
        // Terms only rise along a log, so a whole term of this log may be skipped where the other has none
        // as high. Source: Raft paper §5.3, the optimization at its end.
        let start = min(hint.index, log.lastIndex)
        let probe = hint.term > .zero ? log.conflict(before: start, term: hint.term).index : start
        guard peers[place].refused(index, hint: probe) else { return }
        if peers[place].flow == .replicate { peers[place].becomeProbe() }
        sendAppend(at: place)
    }

    private mutating func hasMatched(_ index: LogIndex, at place: Int) {
        if index >= peers[place].match { peers[place].isUnproven = false }
        let isNews = peers[place].hasUp(to: index)
        guard isNews || (peers[place].match == index && peers[place].flow == .probe) else {
            return
        }
        switch peers[place].flow {
        case .probe: peers[place].becomeReplicate()
        case .snapshot:
            // Wherever it has it from: entries can follow again.
            if peers[place].match.next >= log.first {
                peers[place].becomeProbe()
                peers[place].becomeReplicate()
            }
        case .replicate: peers[place].window.free(through: index)
        }
        let peer = peers[place].id
        if commitWhatMajorityHas() {
            answerEarlyReads()
            broadcastAppend()
        } else if peer != id, peers[place].wantsCommit(log.committed) {
            sendAppend(at: place)
        }
        if peer != id { sendAll(at: place) }
        if peer == transferee, peers[place].match == log.lastIndex {
            send(.timeoutNow, to: peer, term: term)
        }
    }

    /// Entries of this term only are counted; those before come along.
    ///
    /// Source: Raft paper §5.4.2.
    mutating func commitWhatMajorityHas() -> Bool {
        let reached = Quorum.reached(by: membership) { id in
            peers.first { $0.id == id }?.counted ?? .zero
        }
        guard let reached, reached > log.committed, log.term(at: reached) == term else {
            return false
        }
        let before = log.committed
        commit(through: reached)
        return log.committed > before
    }

    // MARK: - Trouble on the way

    mutating func isUnreachable(_ peer: RaftID) {
        guard role == .leader, let place = place(of: peer) else { return }
        if peers[place].flow == .replicate { peers[place].becomeProbe() }
    }

    mutating func snapshotSent(_ peer: RaftID, isThere: Bool) {
        guard role == .leader, let place = place(of: peer),
            case .snapshot = peers[place].flow
        else { return }
        if isThere {
            // Its acknowledgement, or the next heartbeat's, says from where entries follow.
            peers[place].becomeProbe()
            peers[place].isWaiting = true
        } else {
            peers[place].loseSnapshot()
        }
    }

    mutating func snapshotMoves(_ peer: RaftID) {
        if let place = place(of: peer) { peers[place].movedAt = ticks }
    }

    /// Whoever was to say what became of a snapshot may have been lost with it.
    mutating func giveUpSnapshots() {
        for place in peers.indices {
            guard case .snapshot = peers[place].flow,
                ticks - peers[place].movedAt >= UInt64(rules.snapshotTicks)
            else { continue }
            peers[place].loseSnapshot()
        }
    }

    // MARK: - Transfer

    /// Source: Raft thesis §3.10.
    mutating func transfer(to target: RaftID?) {
        guard role == .leader else {
            if let leader { send(.transferLeadership(to: target), to: leader, term: term) }
            return
        }
        guard let target = target ?? bestSuccessor, let place = place(of: target) else { return }
        if peers[place].isLearner || target == transferee { return }
        transferee = nil
        if target == id { return }
        counts.transfers += 1
        // It has to come about within one timeout.
        electionElapsed = 0
        transferee = target
        if peers[place].match == log.lastIndex {
            send(.timeoutNow, to: target, term: term)
        } else {
            sendAppend(at: place)
        }
    }

    /// The voter that is heard, whose disk works, and that has the most.
    private var bestSuccessor: RaftID? {
        var best: PeerProgress?
        for peer in peers where peer.id != id && membership.incoming.contains(peer.id) {
            guard peer.isActive || peer.wasActive, !peer.isStalled else { continue }
            if best.map({ $0.match < peer.match }) ?? true { best = peer }
        }
        return best?.id
    }
}
