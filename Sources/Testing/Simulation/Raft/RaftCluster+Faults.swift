import Base
import SwarmCore

/// What strikes, and what ends it.
extension RaftCluster {
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
            .partition, .oneWay, .pause, .crash, .slowDisk, .churn, .transfer,
        ]
        let possible = kinds.filter { active.contains($0) }
        if !possible.isEmpty {
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
        let place = UInt32(place(of: victim.id))
        switch kind {
        case .partition:
            let side = UInt64(fortune.below(1 << UInt32(min(30, hosts.count))))
            for index in hosts.indices {
                let isIn = side >> UInt64(index) & 1 == 1
                cuts[index] |= isIn ? ~side : side
            }
            schedule(.heal, in: wait, node: 0, payload: 0)
        case .oneWay:
            if fortune.below(2) == 0 {
                cuts[Int(place)] = .max
            } else {
                for index in hosts.indices { cuts[index] |= 1 << UInt64(place) }
            }
            schedule(.heal, in: wait, node: 0, payload: 0)
        case .pause:
            guard victim.isRunning else { return }
            victim.pausedUntil = now + wait
        case .crash:
            guard victim.isRunning else { return }
            crash(victim)
            schedule(.restart, in: wait, node: place)
        case .slowDisk:
            victim.isDiskSlow = true
            schedule(.heal, in: wait, node: place, payload: 1)
        case .churn: return churn()
        case .transfer:
            guard let leader = hosts.first(where: { $0.isRunning && $0.raft.role == .leader })
            else {
                return
            }
            tell(leader, .transfer(to: fortune.below(2) == 0 ? nil : victim.id))
        default: return
        }
        figures.faults[kind] += 1
        story.tell(now, "\(kind.rawValue) at node \(victim.id.raw)")
    }

    /// Of what was being written some first batches are on the disk, each as a whole; what waited is not.
    func crash(_ host: RaftHost) {
        let count = Int(disks.below(UInt32(host.writing.count + 1)))
        for batch in host.writing.prefix(count) {
            host.disk.write(batch)
            check.wrote(batch, host)
        }
        let wasLeader = host.raft.role == .leader && host.isRunning
        host.writing = []
        host.writes = []
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
                tell(other, .gone(host.id))
            }
        }
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

    func heal(_ event: Event) {
        if event.payload == 0 {
            for index in cuts.indices { cuts[index] = 0 }
        } else {
            hosts[Int(event.node)].isDiskSlow = false
        }
    }

    /// Everything works from now on.
    func becomeCalm() {
        isCalm = true
        story.tell(now, "all heals")
        for index in cuts.indices { cuts[index] = 0 }
        for host in hosts {
            host.isDiskSlow = false
            host.pausedUntil = 0
            if !host.isRunning, !host.isRemoved { restart(host) }
        }
    }

    // MARK: - Membership

    /// Who is out of the cluster goes, or stays and disturbs.
    private func retire(_ membership: RaftMembership) {
        for host in hosts {
            if membership.contains(host.id) {
                host.wasMember = true
            } else if host.wasMember, !host.isRemoved, fortune.below(2) == 0 {
                host.isRemoved = true
                if host.isRunning { crash(host) }
            }
        }
    }

    /// The leader changes one thing of the membership: it grows and shrinks about the size it began with.
    private func churn() {
        guard let leader = hosts.first(where: { $0.isRunning && $0.raft.role == .leader }) else {
            return
        }
        let membership = leader.raft.membership
        retire(membership)
        let change: MembershipChange
        if let learner = membership.learners.first, fortune.below(3) > 0 {
            change = MembershipChange([.addVoter(learner)])
        } else if membership.incoming.count < plan.nodes, hosts.count < 60 {
            let id = RaftID(UInt64(hosts.count + 1))
            addHost(id, mark: SnapshotMark(position: .zero, membership: RaftMembership()))
            change = MembershipChange([.addLearner(id)])
        } else {
            let out = membership.incoming[Int(fortune.below(UInt32(membership.incoming.count)))]
            if fortune.below(3) == 0 {
                change = MembershipChange([.addLearner(out)])
            } else if fortune.below(2) == 0, hosts.count < 60 {
                let id = RaftID(UInt64(hosts.count + 1))
                addHost(id, mark: SnapshotMark(position: .zero, membership: RaftMembership()))
                change = MembershipChange([.remove(out), .addVoter(id)])
            } else {
                change = MembershipChange([.remove(out)])
            }
        }
        if membership.incoming.count <= 1, change.steps.contains(where: { $0.takesAway }) { return }
        figures.faults[.churn] += 1
        story.tell(now, "change of the membership: \(change.steps)")
        history.tags += 1
        let proposal = RaftProposal(
            tag: ProposalTag(UInt64.max - history.tags),
            content: .membership(change)
        )
        tell(leader, .propose([proposal]))
    }
}

extension MembershipChange.Step {
    fileprivate var takesAway: Bool {
        switch self {
        case .remove, .addLearner: true
        case .addVoter, .join, .update: false
        }
    }
}
