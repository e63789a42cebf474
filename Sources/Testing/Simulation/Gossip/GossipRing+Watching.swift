import Base
import BasicContainers
import Gossip

/// What is seen of the ring: events as they come, views each second, all of it at the end.
extension GossipRing {
    mutating func observe(_ event: MembershipEvent, at node: Int) {
        switch event {
        case .suspected(let name): seeSuspected(name, at: node)
        case .drained(let name): seeDrained(name, at: node)
        case .admitted(let name):
            endDrain(observer: node, member: SimulatedName.node(name), isAdmitted: true)
        case .died(let name): seeDead(name, at: node)
        case .joined(let name):
            seen.viewChanges += 1
            checkIncarnation(name, at: node)
        case .left(let name):
            seen.viewChanges += 1
            endDrain(observer: node, member: SimulatedName.node(name))
        case .updated(let name): seeRumour(name, at: node)
        case .cleared(let name): checkIncarnation(name, at: node)
        case .reaped(let name):
            let member = SimulatedName.node(name)
            endDrain(observer: node, member: member)
            incarnations[node * nodes + member] = 0
        case .stalled: seen.stalls += 1
        case .isolated: seen.isolations += 1
        case .datagramsLost: seen.answeredOverStreams += 1
        case .conflict, .incompatible, .joinFailed, .joinSucceeded, .joinRefused, .reconnected,
            .restarting:
            break
        }
    }

    /// Whether a name is that of the node as it is now, and not an earlier one.
    private func isCurrent(_ name: NodeName) -> Bool {
        name == names[SimulatedName.node(name)]
    }

    /// Whether something was said of a member that is there and that nothing is wrong with.
    private func isHealthy(_ name: NodeName, at node: Int) -> Bool {
        let member = SimulatedName.node(name)
        guard hosts[member].condition != .absent, !isDegraded[member], isCurrent(name) else {
            return false
        }
        // What was said of an earlier start is true of that one.
        guard let said = hosts[node].engine.table[name]?.incarnation else { return true }
        return !preset.startsHigh || hosts[member].start == 0
            || said.value >= hosts[member].firstIncarnation
    }

    private mutating func checkIncarnation(_ name: NodeName, at node: Int) {
        guard isCurrent(name), let now = hosts[node].engine.table[name]?.incarnation.value else {
            return
        }
        let pair = node * nodes + SimulatedName.node(name)
        seen.incarnationsChecked += 1
        if now < incarnations[pair] { seen.incarnationsBackwards += 1 }
        incarnations[pair] = now
    }

    private mutating func seeSuspected(_ name: NodeName, at node: Int) {
        checkIncarnation(name, at: node)
        let member = SimulatedName.node(name)
        let index = crashCaseOf[member]
        if index >= 0 {
            if crashCases[index].suspectedAt == nil { crashCases[index].suspectedAt = now }
        } else if isHealthy(name, at: node) {
            seen.falseSuspicions += 1
        }
    }

    private mutating func seeDead(_ name: NodeName, at node: Int) {
        checkIncarnation(name, at: node)
        seen.viewChanges += 1
        let member = SimulatedName.node(name)
        endDrain(observer: node, member: member)
        let index = crashCaseOf[member]
        if index < 0 {
            guard isHealthy(name, at: node) else { return }
            seen.falseDeaths += 1
            if !isDegraded[node] { seen.falseDeathsAtHealthy += 1 }
            return
        }
        crashCases[index].die(at: now)
    }

    // MARK: Drains

    private mutating func seeDrained(_ name: NodeName, at node: Int) {
        seen.drains += 1
        let member = SimulatedName.node(name)
        drainedSince[node * nodes + member] = now
        let drained = hosts[node].engine.table.drainedCount
        let present = hosts[node].engine.table.presentCount
        seen.drainChecked += 1
        if 2 * drained > max(present, 2) { seen.drainBroken += 1 }
        seen.drainedAtOnce = max(seen.drainedAtOnce, UInt64(1000 * drained / max(1, present)))
        let index = crashCaseOf[member]
        guard index >= 0 else { return }
        crashCases[index].drain(at: now)
    }

    mutating func endDrain(observer node: Int, member: Int, isAdmitted: Bool = false) {
        guard let since = drainedSince.removeValue(forKey: node * nodes + member) else { return }
        if !isDegraded[node], !isDegraded[member], crashCaseOf[member] < 0 {
            seen.wronglyDrained += now - since
        }
        if isAdmitted, hosts[member].condition == .running {
            let took = (now - max(since, wellSince[member])) / 1000
            seen.readmission.add(took)
            // One that still loses most of what it says is drained for a reason.
            if weather.isWell(member) { seen.readmissionOfWell.add(took) }
        }
    }

    // MARK: Rumours and crashes

    private mutating func seeRumour(_ name: NodeName, at node: Int) {
        checkIncarnation(name, at: node)
        let index = rumourCaseOf[SimulatedName.node(name)]
        guard index >= 0 else { return }
        rumourCases[index].hear(at: now)
    }

    mutating func finishRumour(of node: Int) {
        let index = rumourCaseOf[node]
        guard index >= 0 else { return }
        rumourCaseOf[node] = -1
        rumourCases[index].add(to: &seen)
    }

    /// Writes down what became of a crash, when the node is back or all is over.
    mutating func endCrash(_ node: Int) {
        let index = crashCaseOf[node]
        guard index >= 0 else { return }
        crashCaseOf[node] = -1
        crashCases[index].add(to: &seen)
    }

    // MARK: Views

    /// Looks at every node, once a second.
    mutating func lookAround() {
        seen.busiestSecond = max(seen.busiestSecond, octetsThisSecond)
        octetsThisSecond = 0
        seen.boundsChecked += 1
        var isBroken = false
        var full = 0
        for node in 0..<nodes where hosts[node].condition == .running {
            if hosts[node].engine.queueDepth > 2 * rules.queueMax
                || hosts[node].engine.table.count > 2 * nodes
            {
                isBroken = true
            }
            guard episode.watchesViews else { continue }
            let size = min(nodes, hosts[node].engine.table.presentCount)
            sizesSeen[size] = true
            if size == liveCount { full += 1 }
        }
        if isBroken { seen.boundsBroken += 1 }
        isStillFull =
            episode.watchesViews && full == liveCount && liveCount > 1 && now >= lastFault
        if isStillFull, !isViewFull {
            isViewFull = true
            let since = begunAt == Self.start ? lastFault : begunAt
            seen.fullView.add((now - since) / 1_000_000)
        }
        let next = now + 1_000_000_000
        if next <= end { queue.schedule(Kind.second.rawValue, at: next, node: 0) }
    }

    /// When the last of the faults happens, and the ring is left to itself.
    private var lastFault: UInt64 {
        Self.start + (episode.faults.last?.at ?? 0) * 1_000_000
    }

    // MARK: The end

    mutating func finish() {
        seen.runs = 1
        for node in 0..<nodes {
            endCrash(node)
            finishRumour(of: node)
            if hosts[node].condition != .absent {
                seen.nodeTime += now - max(runningSince[node], begunAt)
            }
        }
        // In an order of its own, since sums have none, but samples do.
        for pair in drainedSince.keys.sorted() {
            endDrain(observer: pair / nodes, member: pair % nodes)
        }
        let well = (0..<nodes).filter { !isDegraded[$0] }.count
        seen.watched = UInt64(well) * UInt64(max(0, well - 1)) * (now - begunAt)
        seen.codecChecked = packing.checked
        seen.codecBroken = packing.violations
        if episode.watchesViews {
            if !isViewFull { seen.runsWithoutFullView = 1 }
            seen.distinctSizes.add(UInt64(sizesSeen.filter { $0 }.count))
        }
        compareViews()
    }

    /// Whether every node that is there has every other, and nobody else.
    private mutating func compareViews() {
        guard episode.healsAtEnd else { return }
        for node in 0..<nodes where hosts[node].condition == .running {
            for member in 0..<nodes where member != node {
                let isThere = hosts[member].condition == .running
                let isKnown = hosts[node].engine.table[names[member]]?.isPresent ?? false
                seen.pairsChecked += 1
                if isThere, !isKnown { seen.missingAtEnd += 1 }
                if !isThere, isKnown { seen.strangersAtEnd += 1 }
            }
        }
    }
}
