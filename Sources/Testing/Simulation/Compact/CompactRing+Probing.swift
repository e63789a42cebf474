import Gossip

/// Probes: a question and its answer at once where nothing is wrong, step by step where something is.
extension CompactRing {
    /// What a stream takes that asks, and does not count as a datagram.
    private static let streamPingOctets: UInt64 = 90
    private static let octetNanoseconds: UInt64 = 8

    /// A node's turn to probe the next of its round.
    mutating func takeTurn(_ node: Int) {
        guard !members[node].isGone else { return }
        if members[node].isProbing {
            members[node].isTurnWaiting = true
            return
        }
        members[node].isTurnWaiting = false
        // One turn that was missed is made up for at once, further ones are not.
        let behind = (now - members[node].probeAt) / rules.probeInterval
        members[node].probeAt += (behind + 1) * rules.probeInterval
        schedule(.probe, at: members[node].probeAt, node: node)
        guard let target = nextInTurn(node) else { return }
        let (first, _) = members[node].probed
        members[node].probed = (UInt32(target), first)
        if let answer = ping(node, target, isAccused: false, at: now) {
            succeed(node, target, isRegular: true, at: answer)
            return
        }
        members[node].isProbing = true
        let interval = rules.probeInterval * UInt64(members[node].awareness + 1)
        let probe = SlowProbe(
            prober: node,
            target: target,
            isRegular: true,
            deadline: now + interval
        )
        let number = probes.put(probe)
        schedule(.timeout, at: now + rules.probeTimeout, node: node, payload: Int(number))
    }

    /// The next member of the round that the node does not take for dead.
    private mutating func nextInTurn(_ node: Int) -> Int? {
        for _ in 0..<2 * nodes {
            let target = order.member(at: Int(members[node].place), key: members[node].key)
            members[node].place += 1
            if members[node].place == nodes {
                members[node].place = 0
                members[node].key = Dice.mix(members[node].key &+ 1)
            }
            if target == node { continue }
            let place = placeOf[target]
            if place == Self.none { return target }
            let state = views[index(Int(place), node)].state
            if state == .alive || state == .suspect { return target }
        }
        return nil
    }

    /// Asks a member whether it is there; when its answer comes, or nil.
    @inline(__always)
    private mutating func ping(
        _ node: Int,
        _ target: Int,
        isAccused: Bool,
        at time: UInt64
    ) -> UInt64? {
        if placeOf[target] == Self.none, !isAccused {
            guard let at = send(lengths.ping, from: node, to: target, at: time) else { return nil }
            return answer(target, to: node, at: at)
        }
        return pingSubject(node, target, isAccused: isAccused, at: time)
    }

    /// The same where something is being said of the member: whoever is accused is told so.
    private mutating func pingSubject(
        _ node: Int,
        _ target: Int,
        isAccused: Bool,
        at time: UInt64
    ) -> UInt64? {
        let place = place(for: target)
        let view = views[index(place, node)]
        guard rules.isBuddy, isAccused || view.state == .suspect else {
            guard let at = send(lengths.ping, from: node, to: target, at: time) else { return nil }
            return answer(target, to: node, at: at)
        }
        let octets = lengths.ping + lengths.suspect
        guard let at = sendAlone(octets, count: 2, to: target, at: time) else { return nil }
        let accuser = accuser(node, in: place)
        var accusation = view
        accusation.state = .suspect
        accusation.accuser = accuser
        hear(accusation, place, at: target, from: node, time: at)
        return answer(target, to: node, at: at)
    }

    /// A member was asked and answers; when that comes, or nil.
    @inline(__always)
    private mutating func answer(_ target: Int, to node: Int, at time: UInt64) -> UInt64? {
        prove(target, at: time)
        let place = placeOf[node]
        if place == Self.none {
            return send(lengths.ack, from: target, to: node, at: time)
        }
        return answerSubject(target, to: node, Int(place), at: time)
    }

    /// The same where something is being said of whoever asks: it may not know what.
    private mutating func answerSubject(
        _ target: Int,
        to node: Int,
        _ place: Int,
        at time: UInt64
    ) -> UInt64? {
        let view = views[index(place, target)]
        guard view.state == .dead, rules.isRejoin else {
            if view.state != .dead { admit(place, at: target, time: time) }
            return send(lengths.ack, from: target, to: node, at: time)
        }
        let octets = lengths.ack + lengths.dead
        guard let at = send(octets, from: target, to: node, at: time) else { return nil }
        refute(view.incarnation, place, time: at)
        return at
    }

    private mutating func succeed(_ node: Int, _ target: Int, isRegular: Bool, at time: UInt64) {
        prove(node, at: time)
        if isRegular, members[node].awareness > 0 { adjustAwareness(node, by: -1) }
        let place = placeOf[target]
        guard place != Self.none else { return }
        admit(Int(place), at: node, time: time)
        views[index(Int(place), node)].isDoubted = false
    }

    // MARK: Through others

    /// Nobody answered in time: others are asked, and a stream is tried.
    mutating func askOthers(_ number: UInt32) {
        let probe = probes[number]
        guard !members[probe.prober].isGone else {
            _ = probes.take(number)
            return
        }
        pick(rules.indirectProbes, by: probe.prober, besides: probe.target, forGossip: false)
        seen.probeOctets += Self.streamPingOctets
        let answers = relay(about: probe.target, for: probe.prober, until: probe.deadline)
        if let ack = answers.ack {
            end(number, succeededAt: ack)
            return
        }
        probes[number].nacksWanted = answers.asked
        probes[number].nacks = answers.nacks
        let isReached = reach(probe.target, from: probe.prober, within: probe.deadline - now)
        probes[number].isAnsweredOverStream = isReached
        if isReached { admitIfDrained(probe.target, at: probe.prober) }
        schedule(.probeEnd, at: probe.deadline, node: probe.prober, payload: Int(number))
    }

    private mutating func admitIfDrained(_ target: Int, at node: Int) {
        guard placeOf[target] != Self.none else { return }
        admit(Int(placeOf[target]), at: node, time: now)
    }

    /// Whether a member answers over a stream in time.
    private mutating func reach(_ target: Int, from node: Int, within limit: UInt64) -> Bool {
        guard !members[target].isGone, let delay = streamDelay(limit: limit) else { return false }
        return delay + Self.streamPingOctets * Self.octetNanoseconds + self.delay() < limit
    }

    /// Asks `listeners` to probe a member: when the first answer comes through one of them, and how many
    /// say in time that they have none.
    mutating func relay(
        about target: Int,
        for node: Int,
        until deadline: UInt64 = .max
    ) -> (ack: UInt64?, asked: Int, nacks: Int) {
        var first: UInt64?
        var nacks = 0
        let helpers = listeners.map { Int($0) }
        for helper in helpers {
            guard let asked = send(lengths.indirectPing, from: node, to: helper, at: now) else {
                continue
            }
            prove(helper, at: asked)
            let ping = send(lengths.ping, from: helper, to: target, at: asked)
            if let ping, let ack = answer(target, to: helper, at: ping) {
                admitIfDrained(target, at: helper)
                if let back = send(lengths.ack, from: helper, to: node, at: ack) {
                    first = min(first ?? back, back)
                }
                continue
            }
            let at = asked + rules.nackAfter
            let isLost = isLost()
            if !isLost, at + delay() < deadline { nacks += 1 }
            schedule(isLost ? .lostNack : .nack, at: at, node: helper, payload: node)
        }
        return (first, helpers.count, nacks)
    }

    /// A helper has no answer so far; whether the word is lost was decided before.
    mutating func sayNo(_ helper: Int, to node: Int, isLost: Bool) {
        guard !members[helper].isGone else { return }
        if isLost {
            count(lengths.datagram(count: 1, octets: lengths.nack), .probe)
            return
        }
        let weather = loss
        loss = .none
        let arrival = send(lengths.nack, from: helper, to: node, at: now)
        loss = weather
        if let arrival { prove(node, at: arrival) }
    }

    // MARK: Ends

    /// A probe's time is over.
    mutating func endProbe(_ number: UInt32) {
        end(number, succeededAt: nil)
    }

    private mutating func end(_ number: UInt32, succeededAt ack: UInt64?) {
        let probe = probes.take(number)
        let node = probe.prober
        guard !members[node].isGone else { return }
        if probe.isRegular {
            members[node].isProbing = false
        } else {
            members[node].extraProbes -= 1
            if placeOf[probe.target] != Self.none {
                views[index(Int(placeOf[probe.target]), node)].isProbed = false
            }
        }
        if let ack {
            succeed(node, probe.target, isRegular: probe.isRegular, at: ack)
        } else {
            fail(probe)
        }
        if members[node].isTurnWaiting { takeTurn(node) }
    }

    private mutating func fail(_ probe: SlowProbe) {
        let node = probe.prober
        if probe.isAnsweredOverStream {
            if probe.isRegular { adjustAwareness(node, by: -1) }
            if placeOf[probe.target] != Self.none {
                views[index(Int(placeOf[probe.target]), node)].isDoubted = false
            }
            return
        }
        noticeIsolation(node)
        let health = members[node].awareness
        if probe.isRegular {
            let missed = max(0, probe.nacksWanted - probe.nacks)
            adjustAwareness(node, by: probe.nacksWanted > 0 ? missed : 1)
        }
        accuse(probe.target, by: node, nacks: probe.nacks, health: health)
    }

    // MARK: Beside the round

    /// Asks about a member that somebody accuses; false where there is no room for it.
    @discardableResult
    mutating func ask(_ node: Int, about target: Int, isAccused: Bool) -> Bool {
        let view = index(place(for: target), node)
        if views[view].isProbed { return true }
        let out = Int(members[node].extraProbes) + (members[node].isProbing ? 1 : 0)
        guard out < Self.extraProbesMax else { return false }
        members[node].extraProbes += 1
        views[view].isProbed = true
        questions.append((node, target, isAccused))
        return true
    }

    /// Sends what was wanted while something was heard: a ping, and others at the same time.
    mutating func lookInto() {
        let question = questions.removeLast()
        let node = question.node
        let limit = min(
            rules.probeInterval * UInt64(members[node].awareness + 1),
            rules.extraTime
        )
        let probe = SlowProbe(
            prober: node,
            target: question.target,
            isRegular: false,
            deadline: now + limit
        )
        let number = probes.put(probe)
        guard let answer = ping(node, question.target, isAccused: question.isAccused, at: now)
        else {
            askOthers(number)
            return
        }
        pick(rules.indirectProbes, by: node, besides: question.target, forGossip: false)
        _ = relay(about: question.target, for: node)
        seen.probeOctets += Self.streamPingOctets
        end(number, succeededAt: answer)
    }
}
