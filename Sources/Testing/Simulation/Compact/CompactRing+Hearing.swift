import Gossip

/// What a node makes of what it hears: the rules of `MemberTable` and of `Membership`'s judgement.
extension CompactRing {
    /// Members of a ring that look into an accusation at once, on average.
    private static let confirmersMax = 5
    private static let loneKillMembers = 8

    /// Takes a rumour, as its teller holds it.
    @inline(__always)
    mutating func hear(
        _ said: CompactView,
        _ place: Int,
        at node: Int,
        from source: Int,
        time: UInt64
    ) {
        let known = views[index(place, node)]
        switch said.state {
        case .suspect:
            // Most of what is heard is known.
            guard known.state == .alive || known.state == .suspect,
                said.incarnation >= known.incarnation,
                known.state == .alive || !known.isAccused(by: said.accuser)
            else { return }
            hearSuspicion(said, place, at: node, from: source, time: time)
        case .dead, .left:
            guard known.state == .alive || known.state == .suspect,
                said.incarnation >= known.incarnation
            else { return }
            hearDeath(said, place, at: node, from: source, time: time)
        case .alive:
            if said.incarnation > known.incarnation {
                accept(said.incarnation, place, at: node, time: time)
            } else if known.state == .dead, source == subjects[place].node {
                answerStale(known, place, at: node, time: time)
            }
        }
    }

    private mutating func hearSuspicion(
        _ said: CompactView,
        _ place: Int,
        at node: Int,
        from source: Int,
        time: UInt64
    ) {
        let before = views[index(place, node)].state
        if node == subjects[place].node {
            refute(said.incarnation, place, time: time)
            speakUp(place, to: source, time: time)
            return
        }
        suspect(said.incarnation, by: said.accuser, place, at: node, time: time)
        guard before == .alive, rules.isFastConfirmation, members[node].awareness == 0,
            !members[node].isIsolated, dice.below(nodes) < Self.confirmersMax
        else { return }
        ask(node, about: subjects[place].node, isAccused: false)
    }

    private mutating func hearDeath(
        _ said: CompactView,
        _ place: Int,
        at node: Int,
        from source: Int,
        time: UInt64
    ) {
        if node == subjects[place].node {
            refute(said.incarnation, place, time: time)
            speakUp(place, to: source, time: time)
            return
        }
        if isDoubtful(place, at: node, time: time) { return }
        kill(said.incarnation, place, at: node, time: time)
    }

    // MARK: The table

    /// Takes an accusation.
    mutating func suspect(
        _ incarnation: UInt16,
        by accuser: UInt16,
        _ place: Int,
        at node: Int,
        time: UInt64
    ) {
        let view = index(place, node)
        guard incarnation >= views[view].incarnation else { return }
        switch views[view].state {
        case .alive:
            views[view].incarnation = incarnation
            views[view].state = .suspect
            views[view].since = time
            views[view].accuse(by: accuser)
            views[view].accuser = accuser
            views[view].deadline = time + rules.suspicionTimes[0]
            // The earliest end there is; then it is looked at again.
            schedule(.suspicion, at: time + rules.suspicionMin, node: node, payload: place)
            tell(place, by: node, at: time)
            seeSuspected(place, at: node, time: time)
        case .suspect:
            guard views[view].confirmations < rules.confirmationsMax,
                !views[view].isAccused(by: accuser)
            else { return }
            views[view].confirm(by: accuser)
            views[view].accuser = accuser
            let since = views[view].since
            let deadline = since + rules.suspicionTimes[Int(views[view].confirmations)]
            views[view].deadline = deadline
            if time >= since + rules.suspicionMin {
                schedule(.suspicion, at: max(time, deadline), node: node, payload: place)
            }
            tell(place, by: node, at: time)
            drain(place, at: node, time: time)
        case .dead, .left: return
        }
    }

    mutating func kill(_ incarnation: UInt16, _ place: Int, at node: Int, time: UInt64) {
        let view = index(place, node)
        guard incarnation >= views[view].incarnation,
            views[view].state == .alive || views[view].state == .suspect
        else { return }
        views[view].incarnation = incarnation
        views[view].state = .dead
        views[view].since = time
        views[view].isDoubted = false
        views[view].isInquired = false
        members[node].deadCount += 1
        tell(place, by: node, at: time)
        if views[view].isDrained {
            views[view].isDrained = false
            members[node].drainedCount -= 1
        }
        seeDead(place, at: node, time: time)
    }

    /// Takes what a member said of itself, in an incarnation that is news.
    mutating func accept(_ incarnation: UInt16, _ place: Int, at node: Int, time: UInt64) {
        let view = index(place, node)
        let before = views[view].state
        views[view].incarnation = incarnation
        if before != .alive {
            views[view].state = .alive
            views[view].since = time
        }
        tell(place, by: node, at: time)
        switch before {
        case .dead, .left:
            members[node].deadCount -= 1
            seen.viewChanges += 1
            admit(place, at: node, time: time)
        case .suspect:
            admit(place, at: node, time: time)
            hurry(node, at: time)
        case .alive: break
        }
        if subjects[place].rumour != nil { seeRumour(place, time: time) }
    }

    /// A member speaks for itself.
    mutating func refute(_ accused: UInt16, _ place: Int, time: UInt64) {
        let node = subjects[place].node
        let view = index(place, node)
        guard !members[node].isGone, accused >= views[view].incarnation else { return }
        views[view].incarnation = max(views[view].incarnation, accused) + 1
        tell(place, by: node, at: time)
        hurry(node, at: time)
        adjustAwareness(node, by: 1)
    }

    /// Tells whoever accused this node itself, beside what is told to all.
    private mutating func speakUp(_ place: Int, to source: Int, time: UInt64) {
        guard rules.isFastConfirmation else { return }
        let node = subjects[place].node
        let said = views[index(place, node)]
        guard let arrival = sendAlone(lengths.alive, to: source, at: time) else { return }
        hear(said, place, at: source, from: node, time: arrival)
    }

    /// A member that was given up and does not know has to hear of it, to outbid it.
    private mutating func answerStale(
        _ known: CompactView,
        _ place: Int,
        at node: Int,
        time: UInt64
    ) {
        guard rules.isRejoin else { return }
        let member = subjects[place].node
        guard sendAlone(lengths.dead, to: member, at: time) != nil else { return }
        refute(known.incarnation, place, time: time)
    }

    // MARK: Judgement

    /// This node got no answer from a member.
    mutating func accuse(_ target: Int, by node: Int, nacks: Int, health: UInt8) {
        let place = place(for: target)
        let view = index(place, node)
        if views[view].isDoubted {
            views[view].isDoubted = false
            kill(views[view].incarnation, place, at: node, time: now)
            return
        }
        guard views[view].state == .alive || views[view].state == .suspect else { return }
        let accuser = accuser(node, in: place)
        suspect(views[view].incarnation, by: accuser, place, at: node, time: now)
        // One's own eyes are enough when they see others.
        let isClear = nacks > 0 || isProved(node, within: rules.probeInterval)
        if health == 0, isClear { drain(place, at: node, time: now) }
    }

    /// Whether a death is looked into first.
    private mutating func isDoubtful(_ place: Int, at node: Int, time: UInt64) -> Bool {
        guard rules.isRecencyVeto else { return false }
        let view = views[index(place, node)]
        let isEarly =
            view.state != .suspect || time - min(time, view.since) < rules.suspicionMin / 2
        guard isEarly || wasHeard(subjects[place].node, by: node) else { return false }
        if view.isDoubted { return true }
        guard ask(node, about: subjects[place].node, isAccused: true) else { return false }
        views[index(place, node)].isDoubted = true
        return true
    }

    /// Whether a node heard a member within two turns: either probed the other then.
    private func wasHeard(_ member: Int, by node: Int) -> Bool {
        if members[member].isGone { return false }
        let own = members[node].probed
        let theirs = members[member].probed
        return own.0 == member || own.1 == member || theirs.0 == node || theirs.1 == node
    }

    /// A suspicion's time is over, or will be later.
    mutating func judge(_ node: Int, place: Int) {
        let view = index(place, node)
        guard !members[node].isGone, views[view].state == .suspect else { return }
        if views[view].deadline <= now, let later = putOff(node, place) {
            views[view].deadline = max(views[view].deadline, later)
        }
        guard views[view].deadline <= now else {
            schedule(.suspicion, at: views[view].deadline, node: node, payload: place)
            return
        }
        kill(views[view].incarnation, place, at: node, time: now)
    }

    private mutating func putOff(_ node: Int, _ place: Int) -> UInt64? {
        let view = index(place, node)
        let last = views[view].since + rules.suspicionMax + 2 * rules.suspicionMin
        if now >= last { return nil }
        if rules.isIsolationTest {
            if !isProved(node, within: rules.probeInterval * 3 / 2) {
                return now + rules.probeInterval / 2
            }
            if now < members[node].trustedFrom { return members[node].trustedFrom }
        }
        guard rules.isNoLoneKills, nodes >= Self.loneKillMembers, views[view].confirmations == 0,
            !views[view].isInquired
        else { return nil }
        views[view].isInquired = true
        let target = subjects[place].node
        pick(Self.confirmersMax, by: node, besides: target, forGossip: false)
        let answers = relay(about: target, for: node)
        guard answers.ack == nil else {
            // Another reaches whom this node accuses.
            views[view].isInquired = false
            prove(node, at: now)
            admit(place, at: node, time: now)
            return now + rules.suspicionMin
        }
        return now + 2 * rules.probeTimeout
    }

    // MARK: What a node knows of itself

    mutating func adjustAwareness(_ node: Int, by delta: Int) {
        guard rules.isHealthProbe else { return }
        let awareness = Int(members[node].awareness) + delta
        members[node].awareness = UInt8(min(max(awareness, 0), Int(rules.awarenessMax)))
    }

    @inline(__always)
    func isProved(_ node: Int, within time: UInt64) -> Bool {
        now - min(now, members[node].lastProof) <= time
    }

    /// Somebody was heard: this node is connected.
    @inline(__always)
    mutating func prove(_ node: Int, at time: UInt64) {
        if time > members[node].lastProof + 3 * rules.probeInterval {
            members[node].trustedFrom = max(
                members[node].trustedFrom,
                time + 2 * rules.probeInterval
            )
        }
        members[node].lastProof = time
        members[node].isIsolated = false
    }

    mutating func noticeIsolation(_ node: Int) {
        guard rules.isIsolationTest, !members[node].isIsolated,
            now > members[node].lastProof + 3 * rules.probeInterval
        else { return }
        members[node].isIsolated = true
        seen.isolations += 1
    }

    // MARK: Draining

    /// Never more than half: when most seem gone, it is rather this node that is.
    private mutating func drain(_ place: Int, at node: Int, time: UInt64) {
        let view = index(place, node)
        guard rules.isDrain, !members[node].isIsolated, views[view].state == .suspect,
            !views[view].isDrained
        else { return }
        let present = nodes - Int(members[node].deadCount)
        guard 2 * (Int(members[node].drainedCount) + 1) <= present else { return }
        views[view].isDrained = true
        members[node].drainedCount += 1
        seeDrained(place, at: node, present: present, time: time)
    }

    mutating func admit(_ place: Int, at node: Int, time: UInt64) {
        let view = index(place, node)
        guard views[view].isDrained else { return }
        views[view].isDrained = false
        members[node].drainedCount -= 1
        endDrain(observer: node, member: subjects[place].node, isAdmitted: true, time: time)
    }
}
