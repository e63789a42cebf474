import Base
import SwarmCore

/// What strikes, and what ends it.
extension RaftCluster {
    /// Whether nothing strikes now.
    var isQuiet: Bool { isCalm || rest != nil }

    func chooseFaults() {
        // One run of ten has none: what costs it says something about costs.
        if !plan.isCertain, fortune.below(10) == 0 { return }
        for kind in RaftFaultKind.allCases {
            let isOn = fortune.below(2) == 0
            if plan.faults.contains(kind), isOn || plan.isCertain { active.insert(kind) }
        }
        if active.contains(.skew) {
            for host in hosts { giveSkew(to: host) }
        }
    }

    private func giveSkew(to host: RaftHost) {
        host.skew = Int64(fortune.below(100_001)) - 50_000
        figures.faults[.skew] += 1
    }

    /// One stroke, and when the next comes.
    func strike() {
        if isCalm { return }
        let kinds: [RaftFaultKind] = [
            .partition, .rift, .oneWay, .pause, .crash, .blackout, .slowDisk, .hungDisk, .slowApply,
            .selective, .churn, .transfer,
        ]
        let possible = kinds.filter { active.contains($0) }
        if !possible.isEmpty, rest == nil {
            strike(possible[Int(fortune.below(UInt32(possible.count)))])
        }
        schedule(
            .fault,
            in: UInt64(weather.pace / 4 + fortune.below(weather.pace)) * Self.millisecond,
            node: 0
        )
    }

    private func strike(_ kind: RaftFaultKind) {
        let wait = UInt64(50 + fortune.below(2 * weather.pace)) * Self.millisecond
        let members = hosts.filter { !$0.isRemoved }
        let victim = members[Int(fortune.below(UInt32(members.count)))]
        switch kind {
        case .partition: cut(side: UInt64(fortune.below(1 << UInt32(min(30, hosts.count)))), wait)
        case .rift: cutWhereDifferent(victim, wait)
        case .oneWay: fortune.below(2) == 0 ? mute(victim, wait) : deafen(victim, wait)
        case .pause:
            guard victim.isRunning else { return }
            victim.pausedUntil = now + wait
        case .crash:
            guard victim.isRunning else { return }
            crash(victim, for: wait)
        case .blackout:
            // Rarely: it takes long to recover from.
            if fortune.below(4) > 0 { return }
            for host in hosts where host.isRunning { crash(host, for: jitter(wait)) }
        case .slowDisk: victim.diskSlowUntil = now + wait
        case .hungDisk: victim.diskHungUntil = now + wait
        case .slowApply: victim.applySlowUntil = now + wait
        case .selective: return filter(victim, wait)
        case .churn: return churn()
        case .transfer:
            guard let leader = chooseLeader() else { return }
            tell(leader, .transfer(to: fortune.below(2) == 0 ? nil : victim.id))
        default: return
        }
        figures.faults[kind] += 1
        story.tell(now, "\(kind.rawValue) at node \(victim.id.raw)")
    }

    /// Any time up to twice as long.
    func jitter(_ wait: UInt64) -> UInt64 {
        UInt64(1 + fortune.below(UInt32(min(4_000_000, wait / 500)))) * 1000
    }

    /// One that believes to lead, and can hear.
    func chooseLeader() -> RaftHost? {
        let leaders = hosts.filter {
            $0.isRunning && $0.raft.role == .leader && $0.pausedUntil <= now
        }
        return leaders.isEmpty ? nil : leaders[Int(fortune.below(UInt32(leaders.count)))]
    }

    // MARK: - Links

    /// Nodes of one side and of the other do not reach each other.
    func cut(side: UInt64, _ wait: UInt64) {
        for index in hosts.indices {
            let isIn = side >> UInt64(index) & 1 == 1
            cuts[index] |= isIn ? ~side : side
        }
        healLater(wait)
    }

    func mute(_ host: RaftHost, _ wait: UInt64) {
        cuts[place(of: host.id)] = .max
        healLater(wait)
    }

    func deafen(_ host: RaftHost, _ wait: UInt64) {
        let place = UInt64(place(of: host.id))
        for index in hosts.indices { cuts[index] |= 1 << place }
        healLater(wait)
    }

    private func healLater(_ wait: UInt64) {
        cutNumber += 1
        schedule(.heal, in: wait, node: 0, payload: cutNumber)
    }

    /// Those that are like this node in one respect on one side.
    func cutWhereDifferent(_ host: RaftHost, _ wait: UInt64) {
        let respect = fortune.below(5)
        var side: UInt64 = 0
        for (index, other) in hosts.enumerated() {
            let isAlike =
                switch respect {
                case 0: other.raft.membership == host.raft.membership
                case 1: other.raft.log.last == host.raft.log.last
                case 2: other.raft.log.committed == host.raft.log.committed
                case 3: other.raft.term == host.raft.term
                default: other.raft.leader == host.raft.leader
                }
            if isAlike { side |= 1 << UInt64(index) }
        }
        cut(side: side, wait)
    }

    func filter(_ host: RaftHost, _ wait: UInt64) {
        host.lostTo = 0
        host.lostFrom = 0
        for _ in 0..<(1 + fortune.below(3)) {
            let kind: UInt32 = 1 << fortune.below(Self.messageKinds)
            if fortune.below(2) == 0 { host.lostTo |= kind } else { host.lostFrom |= kind }
        }
        host.lostUntil = now + wait
        story.tell(now, "node \(host.id.raw) loses \(host.lostTo) in, \(host.lostFrom) out")
    }

    func heal(_ event: Event) {
        guard event.payload == cutNumber else { return }
        for index in cuts.indices { cuts[index] = 0 }
    }

    // MARK: - Processes

    func crash(_ host: RaftHost, for wait: UInt64) {
        guard host.isRunning else { return }
        crash(host)
        schedule(.restart, in: wait, node: UInt32(place(of: host.id)))
    }

    /// Of what was being written some first batches are on the disk, each as a whole; what waited is not.
    func crash(_ host: RaftHost) {
        let count = host.diskHungUntil > now ? 0 : disks.below(UInt32(host.writing.count + 1))
        for batch in host.writing.prefix(Int(count)) {
            host.disk.write(batch)
            check.wrote(batch, host)
        }
        let wasLeader = host.raft.role == .leader && host.isRunning
        crashTransfers(host)
        host.writing = []
        host.writes = []
        host.applies = []
        host.appliesUntil = 0
        host.reads = []
        host.isRunning = false
        host.incarnation += 1
        host.pausedUntil = 0
        check.crashed(host)
        let isNoticed = active.contains(.notice) && !isCalm && fortune.below(2) == 0
        let isAlone = hosts.allSatisfy { $0.isRunning || $0.id == host.id || $0.isRemoved }
        vacancy = wasLeader && isAlone ? (now, isNoticed) : nil
        if isNoticed {
            figures.faults[.notice] += 1
            for other in hosts where other.isRunning && other.pausedUntil <= now {
                other.known.goneAt = now
                tell(other, .gone(host.id))
            }
        }
    }

    /// The end of a log is damaged while its process does not run: of a minority of voters at a time.
    func rot(_ host: RaftHost) {
        guard active.contains(.rot), !isQuiet, fortune.below(3) == 0 else { return }
        let floor = max(host.disk.base.index, host.disk.snapshot.position.index)
        let count = host.disk.last.index.distance(from: floor)
        guard count > 0, isDispensable(host) else { return }
        let lost = 1 + Int(fortune.below(UInt32(count)))
        host.disk.damaged += host.disk.entries.suffix(lost).map(\.position)
        host.disk.entries.removeLast(lost)
        let last = host.disk.last.index
        host.disk.hardState.commit = min(host.disk.hardState.commit, last)
        host.disk.isRepairing = true
        figures.faults[.rot] += 1
        story.tell(now, "the log of node \(host.id.raw) is damaged behind \(last.raw)")
    }

    /// The place of a crashed leader is taken.
    func didElect() {
        guard let vacancy else { return }
        self.vacancy = nil
        if vacancy.isNoticed {
            figures.noticedFailovers.add(now - vacancy.since)
        } else {
            figures.silentFailovers.add(now - vacancy.since)
        }
    }

    /// Everything works from now on.
    func becomeCalm() {
        isCalm = true
        rest = nil
        story.tell(now, "all heals")
        for host in hosts { mend(host) }
        for index in cuts.indices { cuts[index] = 0 }
    }

    func mend(_ host: RaftHost) {
        host.diskSlowUntil = 0
        host.diskHungUntil = 0
        host.applySlowUntil = 0
        host.appliesUntil = min(host.appliesUntil, now)
        for _ in host.applies {
            schedule(.applied, in: 0, node: UInt32(place(of: host.id)), payload: host.incarnation)
        }
        host.lostUntil = 0
        host.pausedUntil = 0
        if !host.isRunning, !host.isRemoved { restart(host) }
    }
}
