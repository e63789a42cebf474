/// What a leader sees to of its members: who may become a voter, who lost something, what they still lack.
extension Raft {
    // MARK: - Processes that start again

    /// Whether this was said by the process that the session is with.
    ///
    /// A process that started again has to show first that its disk kept what the one before acknowledged: it
    /// is asked in a session of its own, so that nothing said before can be taken for its answer.
    /// Source: raft.md §1.15.
    mutating func isSameProcess(_ message: RaftMessage, at place: Int) -> Bool {
        if peers[place].start == message.start { return true }
        if peers[place].start == nil {
            peers[place].start = message.start
            return true
        }
        counts.restarts += 1
        sessions += 1
        peers[place].startAgain(session: sessions)
        sendAppend(at: place)
        return false
    }

    /// A member does not have what it acknowledged: its disk is an older one, or was repaired.
    ///
    /// It does not count again before it has all that is here now.
    mutating func lostData(hint: LogIndex, at place: Int) {
        counts.dataLosses += 1
        let acknowledged = peers[place].match
        peers[place].loseData(hint: hint, last: log.lastIndex)
        emit(.member(peers[place].id, .lostData(acknowledged: acknowledged, remaining: hint)))
        sendAppend(at: place)
    }

    // MARK: - Repair

    /// A member repairs its log: from now on it has to get all that is here before it counts.
    ///
    /// Source: raft.md §3.7, "CORRUPT policy".
    mutating func repairs(at place: Int) {
        if peers[place].isRepairing || peers[place].wasRepaired { return }
        peers[place].isRepairing = true
        peers[place].wasRepaired = true
        peers[place].isUnproven = false
        peers[place].match = .zero
        peers[place].countsFrom = log.lastIndex
    }

    /// What a leader says to the process that it is in session with.
    func clearance(for peer: RaftID) -> UInt64? {
        guard role == .leader, let place = place(of: peer), peers[place].wasRepaired,
            !peers[place].isRepairing
        else { return nil }
        return peers[place].start
    }

    /// The leader says that all is here again that may have been lost.
    mutating func hearClearance(_ message: RaftMessage) {
        guard isRepairing, message.cleared == start, message.term == term else { return }
        isRepairing = false
        counts.repairs += 1
        emit(.repaired)
    }

    // MARK: - Learners

    /// Learners that wait to become voters are promoted once they keep pace.
    ///
    /// Source: Raft thesis §4.2.1; raft.md §1.9.
    mutating func promoteLearners() {
        for place in peers.indices where membership.isJoining(peers[place].id) {
            if keepsPace(at: place) {
                proposeOwn(.addVoter(peers[place].id))
            } else if isHopeless(peers[place]), proposeOwn(.remove(peers[place].id)) {
                emit(.member(peers[place].id, .givenUp))
            }
        }
    }

    /// Whether the last round took less than a timeout; begins the next one otherwise.
    private mutating func keepsPace(at place: Int) -> Bool {
        guard let round = peers[place].round else {
            peers[place].round = PromotionRound(target: log.committed, since: ticks, number: 1)
            return false
        }
        if peers[place].match < round.target { return false }
        if ticks - round.since < UInt64(rules.electionTicks) { return true }
        var number = round.number + 1
        if number > rules.promotionRoundsMax {
            emit(.member(peers[place].id, .lags(rounds: round.number)))
            number = 1
        }
        peers[place].round = PromotionRound(target: log.committed, since: ticks, number: number)
        return false
    }

    private func isHopeless(_ peer: PeerProgress) -> Bool {
        guard let patience = rules.learnerPatienceTicks, let round = peer.round else {
            return false
        }
        let since = max(peer.heardAt, round.since)
        return round.number == 1 && ticks - since >= UInt64(patience)
    }

    /// A change that the leader itself wants; false where it may not be now.
    @discardableResult
    private mutating func proposeOwn(_ step: MembershipChange.Step) -> Bool {
        let content = LogEntry.Content.membership(MembershipChange([step]))
        let proposal = RaftProposal(tag: ProposalTag(0), content: content)
        guard refusal(of: proposal, after: 0) == nil else { return false }
        if case .addVoter = step { counts.promotions += 1 }
        pendingChange = log.lastIndex.next
        appendOwn([content])
        broadcastAppend()
        return true
    }

    // MARK: - Compaction

    /// Before which index entries may be forgotten, so that members that are heard and lack them need no
    /// snapshot.
    ///
    /// Source: raft.md §1.11, "while a peer is receiving".
    func kept(before index: LogIndex) -> LogIndex {
        guard role == .leader, !rules.isPlain else { return index }
        var bound = index
        for peer in peers where peer.id != id && (peer.isActive || peer.wasActive) {
            var needed = peer.match.next
            if case .snapshot(let at) = peer.flow { needed = max(needed, at.next) }
            if needed < log.first || needed >= bound { continue }
            if log.octets(from: needed, before: index) <= rules.keptOctetsMax { bound = needed }
        }
        return bound
    }
}
