import Gossip

/// What is done to a compact ring, and what is seen of it.
extension CompactRing {
    // MARK: Faults

    mutating func suffer(_ fault: Fault) {
        if let name = fault.name { faults.count(name) }
        switch fault {
        case .crash(let node): crash(node)
        case .loss(let share): loss = share
        case .rumour(let node): startRumour(node)
        default: preconditionFailure("a compact ring does not know \(fault)")
        }
    }

    private mutating func crash(_ node: Int) {
        guard !members[node].isGone else { return }
        members[node].isGone = true
        seen.nodeTime += now - begunAt
        liveCount -= 1
        let place = place(for: node)
        for other in subjects.indices { stopTelling(other, node) }
        // Who is gone hears of nobody any more.
        for index in crashCases.indices where crashCases[index].deadAllAt == nil {
            crashCases[index].audience -= 1
        }
        subjects[place].crash = crashCases.count
        crashCases.append(CrashCase(subject: node, at: now, audience: liveCount))
        seen.crashes += 1
    }

    private mutating func startRumour(_ node: Int) {
        guard !members[node].isGone else { return }
        let place = place(for: node)
        finishRumour(of: place)
        subjects[place].rumour = rumourCases.count
        rumourCases.append(RumourCase(subject: node, at: now, audience: liveCount - 1))
        views[index(place, node)].incarnation += 1
        tell(place, by: node, at: now)
    }

    // MARK: What happens to views

    mutating func seeSuspected(_ place: Int, at node: Int, time: UInt64) {
        guard let crash = subjects[place].crash else {
            seen.falseSuspicions += 1
            return
        }
        if crashCases[crash].suspectedAt == nil { crashCases[crash].suspectedAt = time }
    }

    mutating func seeDead(_ place: Int, at node: Int, time: UInt64) {
        seen.viewChanges += 1
        guard let crash = subjects[place].crash else {
            endDrain(observer: node, member: subjects[place].node, isAdmitted: false, time: time)
            seen.falseDeaths += 1
            seen.falseDeathsAtHealthy += 1
            return
        }
        crashCases[crash].die(at: time)
    }

    mutating func seeDrained(_ place: Int, at node: Int, present: Int, time: UInt64) {
        seen.drains += 1
        let drained = Int(members[node].drainedCount)
        seen.drainChecked += 1
        if 2 * drained > max(present, 2) { seen.drainBroken += 1 }
        seen.drainedAtOnce = max(seen.drainedAtOnce, UInt64(1000 * drained / max(1, present)))
        if let crash = subjects[place].crash {
            crashCases[crash].drain(at: time)
        } else {
            drainedSince[node * nodes + subjects[place].node] = time
        }
    }

    mutating func endDrain(observer node: Int, member: Int, isAdmitted: Bool, time: UInt64) {
        guard let since = drainedSince.removeValue(forKey: node * nodes + member) else { return }
        seen.wronglyDrained += time - min(time, since)
        if isAdmitted { seen.readmission.add((time - min(time, since)) / 1000) }
    }

    mutating func seeRumour(_ place: Int, time: UInt64) {
        guard let rumour = subjects[place].rumour else { return }
        rumourCases[rumour].hear(at: time)
    }

    mutating func finishRumour(of place: Int) {
        guard let rumour = subjects[place].rumour else { return }
        subjects[place].rumour = nil
        rumourCases[rumour].add(to: &seen)
    }

    // MARK: Each second

    mutating func lookAround() {
        seen.busiestSecond = max(seen.busiestSecond, octetsThisSecond)
        octetsThisSecond = 0
        for place in subjects.indices { settle(place) }
        knock()
        schedule(.second, at: now + 1_000_000_000, node: 0)
    }

    /// Those who lost a member ping at its door, about once a second in the whole ring: counted, since
    /// nobody is there.
    private mutating func knock() {
        guard rules.isRejoin, crashCases.contains(where: { $0.firstDeadAt != nil }) else { return }
        let losers = members.lazy.filter { !$0.isGone && $0.deadCount > 0 }.count
        knocks += 1000 * losers / liveCount
        while knocks >= 1000 {
            knocks -= 1000
            count(lengths.datagram(count: 1, octets: lengths.ping), .probe)
        }
    }

    // MARK: The end

    mutating func finish() {
        seen.runs = 1
        seen.nodeTime += UInt64(liveCount) * (now - begunAt)
        for crash in crashCases { crash.add(to: &seen) }
        for place in subjects.indices { finishRumour(of: place) }
        // In an order of its own, since sums have none, but samples do.
        for pair in drainedSince.keys.sorted() {
            endDrain(observer: pair / nodes, member: pair % nodes, isAdmitted: false, time: now)
        }
        let all = UInt64(nodes)
        seen.watched = Self.product(all * (all - 1), now - begunAt)
        compareViews()
    }

    /// The product, or as much as a number holds.
    private static func product(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (product, isOver) = a.multipliedReportingOverflow(by: b)
        return isOver ? .max : product
    }

    /// Whether every node that is there has every other, and nobody else.
    private mutating func compareViews() {
        guard episode.healsAtEnd else { return }
        seen.pairsChecked = liveCount * (nodes - 1)
        for place in subjects.indices where subjects[place].node != .max {
            let member = subjects[place].node
            for node in 0..<nodes where node != member && !members[node].isGone {
                let state = views[index(place, node)].state
                let isKnown = state == .alive || state == .suspect
                if members[member].isGone {
                    if isKnown { seen.strangersAtEnd += 1 }
                } else if !isKnown {
                    seen.missingAtEnd += 1
                }
            }
        }
    }
}
