import Base

// Who is a member, and what members intend: gossip-wire.md §18.4, §18.5.

extension SerfRing {
    // MARK: What membership says

    mutating func hear(_ event: MembershipEvent, _ word: Alive?, at now: Moment) {
        switch event {
        case .joined(let node):
            if node != own, let word { welcome(word, at: now) }
        case .updated(let node):
            if let word { members[node]?.word = word }
        case .died(let node): lose(node, isLeave: false, at: now)
        case .left(let node): lose(node, isLeave: true, at: now)
        case .joinSucceeded:
            comeBack()
            announce()
        case .conflict: counts.conflicts += 1
        case .suspected, .cleared, .drained, .admitted, .reaped, .incompatible, .joinFailed,
            .joinRefused, .datagramsLost, .isolated, .reconnected, .stalled, .restarting:
            break
        }
    }

    /// One that has left may join again.
    private mutating func comeBack() {
        guard leave == .done else { return }
        leave = .no
        members[own]?.status = .alive
        outputs.append(.status(own, .alive))
    }

    /// Tells the ring that this node is in it, which outlives an older leave.
    private mutating func announce() {
        guard leave == .no else { return }
        let join = SerfJoin(time: clock.time, node: own)
        clock.witness(join.time)
        members[own]?.statusTime = join.time
        outputs.append(.broadcast(codec.message(.join(join))))
    }

    private mutating func welcome(_ word: Alive, at now: Moment) {
        guard var member = members[word.node] else {
            names.append(word.node)
            var member = Member(word: word, status: .alive)
            if let intent = intents.take(word.node) {
                member.statusTime = intent.time
                if intent.isLeave { member.status = .leaving }
            }
            members[word.node] = member
            outputs.append(.status(word.node, member.status))
            return
        }
        let isBack = member.status != .alive
        member.word = word
        member.status = .alive
        member.goneSince = nil
        members[word.node] = member
        prunes.removeAll { $0.node == word.node }
        if isBack { outputs.append(.status(word.node, .alive)) }
    }

    /// Takes that a member is no longer there.
    ///
    /// Only a member itself says its death with its own name, so such a one has left even where its intent
    /// was lost on the way.
    private mutating func lose(_ node: NodeName, isLeave: Bool, at now: Moment) {
        guard node != own, var member = members[node] else { return }
        switch member.status {
        case .leaving: member.status = .left
        case .alive: member.status = isLeave ? .left : .failed
        case .none, .left, .failed: return
        }
        member.goneSince = now
        members[node] = member
        gone.append((node, now))
        outputs.append(.status(node, member.status))
        boundGone()
        scheduleReap(at: now)
    }

    // MARK: What members intend

    /// Whether a time can be taken; counts those that cannot.
    mutating func admits(_ time: LamportTime) -> Bool {
        if time < LamportClock.hostile { return true }
        counts.hostileTimes += 1
        return false
    }

    /// Takes a join intent; whether it is to be passed on.
    mutating func hear(_ join: SerfJoin, at now: Moment) -> Bool {
        guard admits(join.time) else { return false }
        clock.witness(join.time)
        guard var member = members[join.node] else {
            return remember(join.node, join.time, isLeave: false, at: now)
        }
        guard join.time > member.statusTime else {
            counts.oldIntents += 1
            return false
        }
        member.statusTime = join.time
        let isStaying = member.status == .leaving && join.node != own
        if isStaying { member.status = .alive }
        members[join.node] = member
        if isStaying { outputs.append(.status(join.node, .alive)) }
        return true
    }

    /// Takes a leave intent; whether it is to be passed on.
    mutating func hear(_ leaving: SerfLeave, at now: Moment) -> Bool {
        guard admits(leaving.time) else { return false }
        clock.witness(leaving.time)
        guard var member = members[leaving.node] else {
            return remember(leaving.node, leaving.time, isLeave: true, at: now)
        }
        guard leaving.time > member.statusTime else {
            counts.oldIntents += 1
            return false
        }
        if leaving.node == own {
            // Others may have buried this node while it was away, or somebody lets go of it by force.
            if member.status == .alive {
                counts.refuted += 1
                announce()
            }
            return false
        }
        member.statusTime = leaving.time
        let before = member.status
        switch before {
        case .alive: member.status = .leaving
        case .failed: member.status = .left
        case .none, .leaving, .left: break
        }
        members[leaving.node] = member
        if member.status != before { outputs.append(.status(leaving.node, member.status)) }
        if leaving.isPrune { prune(leaving.node, at: now) }
        return true
    }

    private mutating func remember(
        _ node: NodeName,
        _ time: LamportTime,
        isLeave: Bool,
        at now: Moment
    ) -> Bool {
        guard (1...NodeName.octetsMax).contains(node.octets.count),
            intents.remember(node, time, isLeave: isLeave, at: now)
        else {
            counts.oldIntents += 1
            return false
        }
        counts.rememberedIntents += 1
        counts.droppedIntents += intents.prune(countMax: rules.intentsMax)
        scheduleReap(at: now)
        return true
    }

    /// Takes what another has of each member: those that have left first, since the time of a join is
    /// all that is known of a leave, and the leave was later.
    mutating func merge(_ state: SerfState, isJoin: Bool, at now: Moment) {
        counts.states += 1
        let isNewHere = isJoin && eventClock == LamportClock()
        if let time = before(state.time) { clock.witness(time) }
        if let time = before(state.eventTime) { eventClock.witness(time) }
        if let time = before(state.queryTime) { queryClock.witness(time) }
        var left = Set<NodeName>()
        let times = Dictionary(
            state.statuses.map { ($0.node, $0.time.value) },
            uniquingKeysWith: { max($0, $1) }
        )
        for node in state.left where left.insert(node).inserted {
            // Said again of one that has left it would count up on both sides for ever.
            if members[node]?.status == .left { continue }
            let (time, isOver) = times[node, default: 0].addingReportingOverflow(1)
            if !isOver { _ = hear(SerfLeave(time: LamportTime(time), node: node), at: now) }
        }
        for status in state.statuses where !left.contains(status.node) {
            _ = hear(SerfJoin(time: status.time, node: status.node), at: now)
        }
        merge(state.events, before: state.eventTime, isNewHere: isNewHere)
    }

    /// What a clock that shows `time` has heard last.
    private mutating func before(_ time: LamportTime) -> LamportTime? {
        time.value > 0 && admits(time) ? LamportTime(time.value - 1) : nil
    }

    // MARK: Letting go

    mutating func forget(_ node: NodeName, isPrune: Bool, at now: Moment) {
        // One that is there would only have to contradict.
        guard node != own, let status = members[node]?.status, status != .alive else { return }
        let leaving = SerfLeave(time: clock.tick(), node: node, isPrune: isPrune)
        _ = hear(leaving, at: now)
        if peerCount > 0 { outputs.append(.broadcast(codec.message(.leave(leaving)))) }
    }

    /// One that is still there is let go of once the word has gone round.
    private mutating func prune(_ node: NodeName, at now: Moment) {
        guard members[node]?.status == .leaving else {
            erase(node)
            return
        }
        prunes.removeAll { $0.node == node }
        let wait = rules.tellingMax + rules.propagation
        prunes.append((node, now.advanced(milliseconds: wait)))
    }

    mutating func erase(_ node: NodeName) {
        guard node != own, members.removeValue(forKey: node) != nil else { return }
        names.removeAll { $0 == node }
        counts.pruned += 1
        outputs.append(.forgotten(node))
    }

    /// Forgets what has been remembered for long enough.
    mutating func lookThrough(at now: Moment) {
        nextReap = nil
        intents.forget(olderThan: rules.intentKept, at: now)
        let due = gone.prefix { now.milliseconds(since: $0.since) >= rules.goneKept }
        gone.removeFirst(due.count)
        drop(due)
        if intents.count > 0 || !gone.isEmpty { scheduleReap(at: now) }
    }

    private mutating func scheduleReap(at now: Moment) {
        if nextReap == nil { nextReap = now.advanced(milliseconds: rules.reapInterval) }
    }

    /// Of those that are gone, keeps the last so many; each may be noted more than once.
    private mutating func boundGone() {
        let surplus = gone.count - rules.goneMax
        guard surplus > 0 else { return }
        let first = gone.prefix(surplus)
        gone.removeFirst(surplus)
        drop(first)
    }

    private mutating func drop(_ candidates: ArraySlice<(node: NodeName, since: Moment)>) {
        var dropped = Set<NodeName>()
        for (node, since) in candidates where members[node]?.goneSince == since {
            members[node] = nil
            dropped.insert(node)
            counts.reaped += 1
            outputs.append(.forgotten(node))
        }
        if !dropped.isEmpty { names.removeAll { dropped.contains($0) } }
    }

    // MARK: This node

    /// Says other tags of itself.
    mutating func say(_ tags: SerfTags) {
        let meta = codec.meta(tags)
        guard meta.count <= Alive.metaOctetsMax else {
            outputs.append(.tagsRefused(octets: meta.count))
            return
        }
        members[own]?.word.meta = meta
        outputs.append(.meta(meta))
    }

    mutating func beginLeave(at now: Moment) {
        guard leave == .no else { return }
        let leaving = SerfLeave(time: clock.tick(), node: own)
        members[own]?.statusTime = leaving.time
        members[own]?.status = .leaving
        outputs.append(.status(own, .leaving))
        let peers = peerCount
        guard peers > 0 else {
            leave = .asked
            outputs.append(.leaveMembership)
            return
        }
        outputs.append(.broadcast(codec.message(.leave(leaving))))
        leave = .telling(until: now.advanced(milliseconds: tellingTime(peers: peers)))
    }

    /// How long membership takes to tell a new rumour as often as any.
    private func tellingTime(peers: Int) -> UInt64 {
        let times = Transmits.max(
            multiplier: rules.retransmitMultiplier,
            members: peers + 1
        )
        let atOnce = max(1, min(rules.gossipFanout, peers))
        let ticks = (times + atOnce - 1) / atOnce + 1
        return min(rules.tellingMax, UInt64(ticks) * rules.gossipInterval)
    }

    mutating func hasLeft() {
        guard leave != .done else { return }
        leave = .done
        members[own]?.status = .left
        outputs.append(.status(own, .left))
    }
}
