import DequeModule

/// Proposals, changes of the membership, and what becomes of them.
extension Raft {
    mutating func propose(_ proposals: [RaftProposal]) {
        guard role == .leader else {
            for proposal in proposals { passOn(proposal) }
            return
        }
        var accepted: [RaftProposal] = []
        var contents: [LogEntry.Content] = []
        var octets = 0
        let change = pendingChange
        var isLast = false
        for proposal in proposals {
            let next = log.lastIndex.advanced(by: contents.count + 1)
            if let refusal = isLast ? .notMember : refusal(of: proposal, after: octets) {
                refuse(proposal.tag, refusal)
                continue
            }
            if proposal.content.isMembership {
                pendingChange = next
                isLast = leaves(by: [proposal.content])
            }
            octets += proposal.content.charge
            accepted.append(proposal)
            contents.append(proposal.content)
        }
        if contents.isEmpty {
            pendingChange = change
            return
        }
        let first = log.lastIndex.next
        appendOwn(contents)
        for (offset, proposal) in accepted.enumerated() {
            let position = LogPosition(term: term, index: first.advanced(by: offset))
            expect(position, proposal.tag)
            emit(.proposal(proposal.tag, .accepted(position)))
        }
        broadcastAppend()
    }

    private mutating func refuse(_ tag: ProposalTag, _ refusal: ProposalRefusal) {
        counts.refusedProposals += 1
        emit(.proposal(tag, .refused(refusal)))
    }

    /// Why a proposal may not be appended now; `octets`: those of the proposals that go before it.
    func refusal(of proposal: RaftProposal, after octets: Int) -> ProposalRefusal? {
        if !membership.contains(id) || isLeaving { return .notMember }
        if let transferee { return .transferring(to: transferee) }
        if let fence = proposal.fence, fence != term { return .fenced(term: term) }
        let size = proposal.content.octets
        if size > rules.entryOctetsMax {
            return .tooLarge(octets: size, limit: rules.entryOctetsMax)
        }
        let limit = rules.uncommittedOctetsMax
        let before = uncommittedOctets + octets
        let charge = proposal.content.charge
        if limit > 0, before > 0, before + charge > limit {
            return .tooMuchUncommitted(octets: before + charge, limit: limit)
        }
        if case .membership(let change) = proposal.content,
            let error = objection(to: change, insists: proposal.insists)
        {
            return .membership(error)
        }
        return nil
    }

    /// Whether this leader is on its way out: nothing may stand behind its removal that others lack.
    ///
    /// They need its vote until they know that it was removed, and it votes for no shorter log than its own.
    /// Source: raft.md §1.10, B-32.
    private var isLeaving: Bool {
        if rules.isPlain { return false }
        if membership.isJoint { return !membership.incoming.contains(id) }
        return !log.changes.isEmpty
            && leaves(by: log.changes.compactMap { log.entry(at: $0)?.content })
    }

    private func leaves(by contents: [LogEntry.Content]) -> Bool {
        if rules.isPlain { return false }
        var later = membership
        for case .membership(let change) in contents {
            if let changed = try? later.applying(change) { later = changed.membership }
        }
        return !later.incoming.contains(id)
    }

    /// Why a change of the membership may not be appended now.
    ///
    /// Source: raft.md §1.10, guards 1 ... 4.
    private func objection(to change: MembershipChange, insists: Bool) -> MembershipError? {
        if rules.compatibility.contains(.noMembershipChecks) { return nil }
        if pendingChange > log.applied { return .pending(pendingChange, applied: log.applied) }
        if membership.isJoint, !change.steps.isEmpty { return .joint }
        if !membership.isJoint, change.steps.isEmpty { return .notJoint }
        if rules.isPlain { return nil }
        if log.term(at: log.committed) != term { return .tooEarly }
        let changed: RaftMembership
        do {
            changed = try membership.applying(change).membership
        } catch {
            return error
        }
        if insists || changed.incoming == membership.incoming { return nil }
        let isAlive = Quorum.verdict(of: changed) { id in
            id == self.id
                || peers.contains {
                    $0.id == id && ($0.isActive || $0.wasActive) && $0.countsFrom == nil
                }
        }
        return isAlive == .won ? nil : .noActiveQuorum
    }

    /// Appends to this leader's log, and acknowledges to itself once that is durable.
    mutating func appendOwn(_ contents: [LogEntry.Content]) {
        var index = log.lastIndex
        var entries: [LogEntry] = []
        entries.reserveCapacity(contents.count)
        for content in contents {
            index = index.next
            uncommittedOctets += content.charge
            entries.append(
                LogEntry(position: LogPosition(term: term, index: index), content: content)
            )
        }
        counts.appended += entries.count
        log.append(entries)
        sendAfter(
            .appendReply(.matched(log.lastIndex, isStalled: false)),
            to: id,
            term: term,
            boot: boot,
            session: place(of: id).map { peers[$0].session } ?? 0
        )
    }

    // MARK: - Through another node

    private mutating func passOn(_ proposal: RaftProposal) {
        if let leader, leader != id {
            send(.propose(proposal), to: leader, term: term)
        } else {
            refuse(proposal.tag, .noLeader)
        }
    }

    /// A follower passed it on: it hears where it stands, or why it does not.
    mutating func takePassedOn(_ proposal: RaftProposal, _ message: RaftMessage) {
        let verdict: ProposalVerdict
        if role != .leader {
            // Passed on once only: two nodes that take each other for the leader would not end.
            verdict = .refused(leader.map { .notLeader($0) } ?? .noLeader)
        } else if let refusal = refusal(of: proposal, after: 0) {
            verdict = .refused(refusal)
        } else {
            if proposal.content.isMembership { pendingChange = log.lastIndex.next }
            appendOwn([proposal.content])
            verdict = .accepted(log.last)
            broadcastAppend()
        }
        if case .refused = verdict { counts.refusedProposals += 1 }
        send(
            .proposalReply(proposal.tag, verdict),
            to: message.from,
            term: term,
            boot: message.boot
        )
    }

    mutating func hearOfProposal(_ tag: ProposalTag, _ verdict: ProposalVerdict) {
        emit(.proposal(tag, verdict))
        guard case .accepted(let position) = verdict else { return }
        if waiters.count >= rules.waitersMax {
            emit(.outcome(tag, .unknown))
        } else if position.index > log.applied {
            expect(position, tag)
        } else if let term = log.term(at: position.index) {
            emit(.outcome(tag, term == position.term ? .committed(position) : .superseded))
        } else {
            emit(.outcome(tag, .unknown))
        }
    }

    // MARK: - The end of it

    /// In the order of places: what was promised in an earlier term may stand behind what is promised now.
    private mutating func expect(_ position: LogPosition, _ tag: ProposalTag) {
        var place = waiters.endIndex
        while place > waiters.startIndex, waiters[place - 1].position.index > position.index {
            place -= 1
        }
        waiters.insert(Waiter(position: position, tag: tag), at: place)
    }

    /// Only what is applied at its place says what became of a proposal.
    mutating func resolveWaiters() {
        while let first = waiters.first, first.position.index <= log.applied {
            waiters.removeFirst()
            let outcome: ProposalOutcome =
                switch log.term(at: first.position.index) {
                case first.position.term?: .committed(first.position)
                // A snapshot has come over it meanwhile.
                case nil: .unknown
                default: .superseded
                }
            emit(.outcome(first.tag, outcome))
        }
    }

    /// A snapshot says what the state is, not how it came about.
    mutating func abandonWaiters(through index: LogIndex) {
        while let first = waiters.first, first.position.index <= index {
            waiters.removeFirst()
            emit(.outcome(first.tag, .unknown))
        }
    }

    // MARK: - Membership

    /// Entries up to `index` are applied, and with them the changes of the membership that they hold.
    mutating func didApply(through index: LogIndex) {
        applyChanges(through: index)
        let octets = log.didApply(through: index)
        uncommittedOctets = max(0, uncommittedOctets - octets)
        resolveWaiters()
        leaveJointIfDue()
    }

    /// Makes the changes hold that are committed up to `index`, before `applied` says so of all entries.
    package mutating func applyChanges(through index: LogIndex) {
        while let at = log.changes.first, at <= index, at <= log.committed {
            log.takeChange()
            guard case .membership(let change)? = log.entry(at: at)?.content else { continue }
            // One that cannot be is without effect, on every node alike.
            guard let changed = try? membership.applying(change) else { continue }
            switchTo(changed)
        }
    }

    private mutating func switchTo(_ changed: RaftMembership.Changed) {
        track(changed.membership, fresh: changed.fresh)
        guard role == .leader else { return }
        if !membership.isVoter(id) {
            leaveOffice()
            return
        }
        if membership.incoming.isEmpty { return }
        if commitWhatMajorityHas() {
            broadcastAppend()
        } else {
            for place in peers.indices where peers[place].id != id {
                offerAppend(at: place)
            }
        }
        if let target = transferee, !membership.isVoter(target) { transferee = nil }
    }

    /// A leader that was removed tells that this is committed, hands over, and leads no more.
    ///
    /// The commit index went out when it rose. Source: Raft thesis §4.2.2; raft.md §1.10.
    private mutating func leaveOffice() {
        if rules.compatibility.contains(.leadsWhenRemoved) { return }
        if !rules.isPlain {
            let heir = peers.first {
                membership.incoming.contains($0.id) && $0.match == log.lastIndex
            }
            if let heir { send(.timeoutNow, to: heir.id, term: term) }
        }
        stepDown()
    }

    /// A joint configuration that is to be left without being asked to.
    mutating func leaveJointIfDue() {
        guard role == .leader, membership.leavesByItself, log.applied >= pendingChange else {
            return
        }
        if transferee != nil || !membership.contains(id) { return }
        pendingChange = log.lastIndex.next
        appendOwn([.membership(.leaveJoint)])
        broadcastAppend()
    }
}
