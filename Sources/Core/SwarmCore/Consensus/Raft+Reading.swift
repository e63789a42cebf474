import DequeModule

/// Reads that see all that was committed before they began, without an entry of their own.
///
/// A leader answers a read once a majority has answered a heartbeat that was sent after the read came.
/// Heartbeats carry the number of a round, and one round serves all reads that came before it.
/// Source: Raft thesis §6.4; raft.md §1.12.
extension Raft {
    /// `from`: who asks on behalf of a reader, nil for a reader of this node.
    mutating func read(_ tag: ReadTag, from: RaftID?, boot: UInt32) {
        if role != .leader {
            if from == nil, let leader {
                send(.read(tag), to: leader, term: term)
            } else {
                answer(tag, .noLeader, from: from, boot: boot)
            }
            return
        }
        if reads.count + earlyReads.count >= rules.readsMax {
            answer(tag, .tooMany, from: from, boot: boot)
            return
        }
        let read = WaitingRead(
            tag: tag,
            from: from,
            boot: boot,
            index: log.committed,
            round: readRound + 1
        )
        if log.term(at: log.committed) != term {
            earlyReads.append(read)
        } else {
            admit(read)
        }
    }

    private mutating func admit(_ read: WaitingRead) {
        if membership.isSingleton, membership.isVoter(id) {
            answer(read.tag, .ready(read.index), from: read.from, boot: read.boot)
            return
        }
        // While a round is on its way the read waits for the next: that one begins after it.
        let isRoundOpen = reads.contains { $0.round == readRound } && readRound > 0
        reads.append(read)
        if !isRoundOpen { broadcastHeartbeat() }
    }

    private mutating func answer(
        _ tag: ReadTag,
        _ verdict: ReadVerdict,
        from: RaftID?,
        boot: UInt32
    ) {
        if let from {
            send(.readReply(tag, verdict), to: from, term: term, boot: boot)
        } else {
            emit(.read(tag, verdict))
        }
    }

    /// Where reads wait for a round that did not begin, it begins with the heartbeats that follow.
    mutating func openReadRound() {
        if let last = reads.last, last.round > readRound { readRound = last.round }
    }

    mutating func confirmReads(_ round: UInt64, at place: Int) {
        guard round > peers[place].confirmedReads else { return }
        peers[place].confirmedReads = round
        guard !reads.isEmpty else { return }
        let confirmed = Quorum.reached(by: membership) { id in
            id == self.id
                ? readRound
                : (peers.first { $0.id == id && $0.countsFrom == nil }?.confirmedReads ?? 0)
        }
        guard let confirmed else { return }
        while let first = reads.first, first.round <= confirmed {
            reads.removeFirst()
            answer(first.tag, .ready(first.index), from: first.from, boot: first.boot)
        }
        if let last = reads.last, last.round > readRound { broadcastHeartbeat() }
    }

    /// The first entry of this term is committed: what is read now includes all of former terms.
    mutating func answerEarlyReads() {
        if earlyReads.isEmpty || log.term(at: log.committed) != term { return }
        let early = earlyReads
        earlyReads = []
        for read in early {
            admit(
                WaitingRead(
                    tag: read.tag,
                    from: read.from,
                    boot: read.boot,
                    index: log.committed,
                    round: readRound + 1
                )
            )
        }
    }

    /// No reign outlives its reads: what one leader was asked, the next does not confirm.
    mutating func dropReads() {
        for read in reads {
            answer(read.tag, .leadershipLost, from: read.from, boot: read.boot)
        }
        for read in earlyReads {
            answer(read.tag, .leadershipLost, from: read.from, boot: read.boot)
        }
        reads.removeAll()
        earlyReads.removeAll()
        readRound = 0
    }
}
