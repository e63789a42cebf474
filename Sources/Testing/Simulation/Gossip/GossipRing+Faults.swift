import Base
import BasicContainers
import Gossip

/// What is done to the ring.
extension GossipRing {
    mutating func suffer(_ fault: Fault) {
        if let name = fault.name { faults.count(name) }
        switch fault {
        case .join(let node, let through), .restart(let node, let through, true):
            appear(node, through: through, isSame: true)
        case .restart(let node, let through, false):
            appear(node, through: through, isSame: false)
        case .crash(let node): crash(node)
        case .leave(let node): sayGoodbye(node)
        case .block(let node): hold(node, as: .blocked)
        case .stop(let node): hold(node, as: .stopped)
        case .unblock(let node), .resume(let node): letGo(node)
        case .jump(let node, let milliseconds): jump(node, milliseconds)
        // Nobody looks at it before the next start: engines take monotone time.
        case .setClock(let node, let seconds): hosts[node].wallClockAhead += seconds
        case .loss(let share): weather.loss = share
        case .duplicates(let share): weather.duplicates = share
        case .nodeLoss(let node, let inbound, let outbound):
            weather.inbound[node] = inbound
            weather.outbound[node] = outbound
            if inbound == .none, outbound == .none { wellSince[node] = now }
        case .noDatagrams(let node, let stands):
            weather.isDatagramless[node] = stands
            if !stands { wellSince[node] = now }
        case .side(let node, let side): weather.group[node] = side
        case .wall(let from, let to, let stands):
            weather.wall(from: from, to: to, stands: stands)
            if !stands { for node in 0..<nodes { wellSince[node] = now } }
        case .rumour(let node): startRumour(node)
        case .begin: startCounting()
        }
    }

    private mutating func appear(_ node: Int, through seeds: [Int], isSame: Bool) {
        guard hosts[node].condition == .absent else { return }
        replace(node, isSame: isSame)
        endCrash(node)
        let others = seeds.filter { $0 != node }
        if !others.isEmpty {
            hosts[node].engine.handle(.join(others.map { addresses[$0] }), at: moment(of: node))
        }
        drain(node)
    }

    private mutating func crash(_ node: Int) {
        guard hosts[node].condition != .absent else { return }
        vanish(node)
        follow(node)
    }

    /// Watches how the ring hears that a node is not there.
    private mutating func follow(_ node: Int) {
        var audience = 0
        for other in 0..<nodes where hosts[other].condition == .running { audience += 1 }
        crashCaseOf[node] = crashCases.count
        crashCases.append(CrashCase(subject: node, at: now, audience: audience))
        seen.crashes += 1
        // Who is gone hears of nobody any more.
        for index in crashCases.indices where crashCases[index].deadAllAt == nil {
            if crashCases[index].subject != node { crashCases[index].audience -= 1 }
        }
    }

    private mutating func vanish(_ node: Int) {
        hosts[node].condition = .absent
        hosts[node].wakeAt = .max
        hosts[node].held = []
        discardArrivals(of: node)
        seen.nodeTime += now - max(runningSince[node], begunAt)
        liveCount -= 1
        for other in 0..<nodes {
            endDrain(observer: node, member: other)
            endDrain(observer: other, member: node)
        }
    }

    private mutating func sayGoodbye(_ node: Int) {
        guard hosts[node].condition == .running else { return }
        hosts[node].engine.handle(.leave, at: moment(of: node))
        drain(node)
    }

    /// The node has told the ring that it leaves.
    mutating func leave(_ node: Int) {
        if hosts[node].condition != .absent { vanish(node) }
    }

    private mutating func hold(_ node: Int, as condition: Host.Condition) {
        guard hosts[node].condition == .running else { return }
        hosts[node].condition = condition
        if episode.followsBlocked { follow(node) }
        hosts[node].isProberStuck = false
        hosts[node].wakeAt = .max
        schedule(node)
    }

    /// What waited goes out; then the node's timers have their say, and then comes what it was sent.
    private mutating func letGo(_ node: Int) {
        let condition = hosts[node].condition
        guard condition == .blocked || condition == .stopped else { return }
        if episode.followsBlocked { endCrash(node) }
        hosts[node].condition = .running
        hosts[node].wakeAt = .max
        wellSince[node] = now
        sendHeld(node)
        let at = moment(of: node)
        if preset.hasLoops {
            // The loop that probes asks the others before it accuses.
            hosts[node].engine.askLate(at: at)
            drain(node)
        }
        if let next = hosts[node].engine.nextWake, next.moment <= at {
            hosts[node].engine.wake(at: at)
        }
        drain(node)
        read(node)
    }

    private mutating func jump(_ node: Int, _ milliseconds: UInt64) {
        guard hosts[node].condition != .absent else { return }
        hosts[node].clockAhead += milliseconds * 1_000_000
        hosts[node].wakeAt = .max
        schedule(node)
    }

    private mutating func startRumour(_ node: Int) {
        guard hosts[node].condition == .running else { return }
        finishRumour(of: node)
        rumourCaseOf[node] = rumourCases.count
        rumourCases.append(RumourCase(subject: node, at: now, audience: liveCount - 1))
        let number = UInt64(rumourCases.count)
        let meta = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
        hosts[node].engine.handle(.update(meta: meta), at: moment(of: node))
        drain(node)
    }

    /// What came before was preparation.
    private mutating func startCounting() {
        begunAt = now
        seen.probeDatagrams = 0
        seen.gossipDatagrams = 0
        seen.probeOctets = 0
        seen.gossipOctets = 0
        seen.exchanges = 0
        seen.exchangeOctets = 0
        seen.nodeTime = 0
        seen.busiestSecond = 0
        octetsThisSecond = 0
    }
}
