import Base
import SwarmCore

/// A while in which some majority works, and nothing else needs to.
///
/// What holds at all times is not enough: a cluster that does nothing breaks no promise. Here it has to
/// lead, commit and tell within bounds, whatever became of the others. Source: raft.md §4.4 (the second
/// phase of TigerBeetle's simulator), §4.5 I18.
struct RaftRest {
    let number: UInt32
    /// Who works, by bits.
    let core: UInt64
    /// Until when nobody asks for anything.
    let quietUntil: UInt64
    /// Who led when the time to find a leader was over.
    var leader: RaftID?
    var term = Term.zero
    /// The proposal that has to be committed, and those that have to hear of that soon.
    var probe: UInt64 = 0
    var isCommitted = false
    var current: [RaftID] = []
}

extension RaftCluster {
    private static let leaderWithin = 12 * second
    /// From a proposal to its answer.
    private static let answeredWithin = 400 * millisecond
    /// From a commit to when those know of it that lag behind in nothing: sooner than the next heartbeat.
    private static let toldWithin = 40 * millisecond
    private static let restLength = 15 * second

    func scheduleRest() {
        let storm = 3 * Self.second + UInt64(fortune.below(8000)) * Self.millisecond
        if now + storm + Self.restLength <= seconds * Self.second {
            schedule(.rest, in: storm, node: 0)
        }
    }

    func beginRest() {
        guard !isCalm, let core = chooseCore() else { return scheduleRest() }
        figures.faults[.rest] += 1
        rests += 1
        let quiet = UInt64([0, 3][Int(fortune.below(2))]) * Self.second
        rest = RaftRest(number: rests, core: core, quietUntil: now + quiet)
        story.tell(now, "nodes \(Self.list(core)) work, others do not need to")
        for index in cuts.indices { cuts[index] = 0 }
        cutNumber += 1
        for (place, host) in hosts.enumerated() {
            host.lostUntil = 0
            if core >> UInt64(place) & 1 == 1 { mend(host) } else { doom(host) }
        }
        schedule(.rest, in: Self.restLength, node: 0, payload: 1)
        schedule(.probe, in: quiet + 1, node: 0)
        schedule(.judge, in: Self.leaderWithin, node: 0, payload: 0)
        let waits = [Self.toldWithin, 2 * Self.toldWithin, Self.answeredWithin]
        for (number, wait) in waits.enumerated() {
            schedule(.judge, in: Self.leaderWithin + wait, node: 0, payload: UInt32(number + 1))
        }
    }

    /// What becomes of one that does not need to work.
    private func doom(_ host: RaftHost) {
        let place = UInt64(place(of: host.id))
        let fate = fortune.below(7)
        story.tell(now, "fate \(fate) for node \(host.id.raw)")
        switch fate {
        case 0: if host.isRunning { crash(host, for: Self.restLength) }
        case 1: if host.isRunning { host.pausedUntil = now + Self.restLength }
        case 2: host.diskHungUntil = now + Self.restLength
        case 3: cuts[Int(place)] = .max
        case 4: for index in cuts.indices { cuts[index] |= 1 << place }
        case 5:
            cuts[Int(place)] = .max
            for index in cuts.indices { cuts[index] |= 1 << place }
        default: host.diskHungUntil = 0
        }
        host.diskSlowUntil = 0
        host.applySlowUntil = 0
    }

    private static func list(_ bits: UInt64) -> String {
        (0..<64).filter { bits >> UInt64($0) & 1 == 1 }.map { "\($0 + 1)" }.joined(separator: " ")
    }

    /// A majority in every membership that may come to hold; nil when there is none.
    private func chooseCore() -> UInt64? {
        let memberships = possibleMemberships
        var core: UInt64 = 0
        for membership in memberships {
            for id in membership.members where !(host(id)?.isRemoved ?? true) {
                core |= 1 << UInt64(place(of: id))
            }
        }
        guard isMajority(core, memberships) else { return nil }
        let leader = hosts.first { $0.isRunning && $0.raft.role == .leader }
        for (place, host) in hosts.enumerated() {
            let bit: UInt64 = 1 << UInt64(place)
            let isOut = fortune.below(host.id == leader?.id ? 2 : 3) == 0
            if isOut, isMajority(core & ~bit, memberships) { core &= ~bit }
        }
        return core
    }

    /// Those of now and of before the last change, and all that changes in logs would lead to.
    private var possibleMemberships: [RaftMembership] {
        var memberships = check.memberships.suffix(2).map(\.membership)
        for host in hosts where memberships.last?.contains(host.id) ?? false {
            var later = host.raft.membership
            for index in host.raft.log.changes {
                guard case .membership(let change)? = host.raft.log.entry(at: index)?.content,
                    let changed = try? later.applying(change)
                else { continue }
                later = changed.membership
                memberships.append(later)
            }
        }
        return memberships
    }

    /// Whether all can do without this one, and those that repair their logs already.
    func isDispensable(_ host: RaftHost) -> Bool {
        var core: UInt64 = 0
        for other in hosts where !other.isRemoved && other.id != host.id {
            core |= 1 << UInt64(place(of: other.id))
        }
        return isMajority(core, possibleMemberships)
    }

    /// Those that repair their logs do not count.
    private func isMajority(_ core: UInt64, _ memberships: [RaftMembership]) -> Bool {
        memberships.allSatisfy { membership in
            check.isMajority(of: membership) { id in
                core >> UInt64(place(of: id)) & 1 == 1 && host(id)?.disk.isRepairing == false
            }
        }
    }

    func endRest() {
        guard let rest else { return }
        let leader = newestLeader
        if leader?.id != rest.leader || leader?.raft.term != rest.term {
            check.fail("I18: the leadership changes although a majority works")
        }
        self.rest = nil
        story.tell(now, "the rest is over")
        for index in cuts.indices { cuts[index] = 0 }
        for host in hosts {
            host.diskHungUntil = 0
            host.pausedUntil = min(host.pausedUntil, now)
        }
        scheduleRest()
    }

    private var newestLeader: RaftHost? {
        hosts.filter { $0.isRunning && !$0.isRemoved && $0.raft.role == .leader }
            .max { $0.raft.term < $1.raft.term }
    }

    /// A proposal to whoever leads.
    func probe() {
        guard let rest, rest.leader == nil else { return }
        schedule(.probe, in: Self.second / 2, node: 0)
        if let leader = newestLeader, leader.pausedUntil <= now { proposeProbe(to: leader) }
    }

    private func proposeProbe(to leader: RaftHost) {
        probes += 1
        let command = KeyValueMachine.Command(
            client: UInt32(KeyValueMachine.clientsMax - 1),
            sequence: probes,
            key: 0,
            operation: .get
        )
        propose(.command(command.octets), Self.readersTag - UInt64(probes), leader)
    }

    /// First whether somebody leads, then what became of a proposal there.
    func judgeRest(_ step: UInt32) {
        guard let rest else { return }
        guard step > 0 else { return judgeLeader(of: rest) }
        guard let leader = rest.leader.flatMap({ host($0) }) else { return }
        let isCommitted = leader.raft.log.committed.raw >= rest.probe
        if step == 1 {
            self.rest?.isCommitted = isCommitted
        } else if step == 2 ? rest.isCommitted : isCommitted {
            for id in rest.current {
                guard let host = host(id), host.raft.log.committed.raw < rest.probe else {
                    continue
                }
                check.fail("I18: node \(id.raw) is not told what was committed a while ago")
            }
        }
        if step == 3, leader.applied.raw < rest.probe {
            check.fail(
                "I18: node \(leader.id.raw) leads, and what it was told \(Self.answeredWithin / Self.millisecond) ms ago is not done"
            )
        }
    }

    private func judgeLeader(of rest: RaftRest) {
        guard let leader = newestLeader, leader.pausedUntil <= now else {
            check.fail(
                "I18: nobody leads \(Self.leaderWithin / Self.second) s after a majority healed"
            )
            return
        }
        self.rest?.leader = leader.id
        self.rest?.term = leader.raft.term
        self.rest?.current = leader.raft.peers.filter {
            $0.match == leader.raft.log.lastIndex && $0.flow == .replicate
                && rest.core >> UInt64(place(of: $0.id)) & 1 == 1
        }.map(\.id)
        proposeProbe(to: leader)
        self.rest?.probe = leader.raft.log.lastIndex.raw
    }

    // MARK: - The end

    /// Whether nobody can be elected as long as logs are being repaired: only an operator can help.
    ///
    /// A minority is damaged at a time, but when a leader that removed itself is the only one to know so, and has
    /// the longest log, one voter less can be one too few.
    private var isStuckByDamage: Bool {
        guard hosts.contains(where: { $0.disk.isRepairing && !$0.isRemoved }) else { return false }
        return !hosts.contains { candidate in
            !candidate.isRemoved && candidate.raft.membership.isVoter(candidate.id)
                && !candidate.disk.isRepairing
                && check.isMajority(of: candidate.raft.membership) { id in
                    guard let voter = host(id), !voter.isRemoved else { return false }
                    return !voter.disk.isRepairing && candidate.disk.last >= voter.disk.last
                }
        }
    }

    /// I18: a healed cluster has one leader and keeps it, and all its members have applied the same.
    func checkEnd() {
        guard let leader = newestLeader else {
            if isStuckByDamage {
                figures.stuck += 1
                return
            }
            check.fail("I18: nobody leads \(Self.calmSeconds) s after all healed")
            return
        }
        if figures.elections != calmMark.elections {
            check.fail("I18: the leadership changes \(Self.calmSeconds / 2) s after all healed")
        }
        if leader.raft.membership.isJoint, leader.raft.membership.leavesByItself {
            check.fail("I18: node \(leader.id.raw) does not leave its joint configuration")
        }
        checkTraffic(leader)
        for id in leader.raft.membership.members {
            guard let host = host(id), host.isRunning else {
                check.fail("I18: member \(id.raw) does not run")
                return
            }
            if host.applied != leader.applied || host.machine != leader.machine {
                tellOfPeers(of: leader)
                check.fail(
                    "I18: node \(id.raw) has applied \(host.applied.raw), leader \(leader.id.raw) \(leader.applied.raw)"
                )
                return
            }
            check.keptPromises(host)
        }
    }

    /// I16: a cluster that is asked for nothing sends heartbeats, and little else.
    private func checkTraffic(_ leader: RaftHost) {
        let seconds = Int(Self.calmSeconds / 2)
        let ticks = seconds * 1000 / Int(rules.tickMilliseconds)
        let others = leader.raft.membership.members.count - 1
        let strangers = hosts.count { $0.isRunning && !leader.raft.membership.contains($0.id) }
        let most = others * 2 * ticks * 11 / 10 + strangers * seconds * 30 + 200
        if figures.messages - calmMark.messages > most {
            check.fail(
                "I16: \(figures.messages - calmMark.messages) messages in \(seconds) s of calm, \(most) would do"
            )
        }
    }

    private func tellOfPeers(of leader: RaftHost) {
        for peer in leader.raft.peers {
            story.tell(
                now,
                "leader \(leader.id.raw), log \(leader.raft.log.first.raw)...\(leader.raft.log.lastIndex.raw): node \(peer.id.raw) \(peer.flow) match \(peer.match.raw) next \(peer.next.raw) active \(peer.isActive) paused \(peer.isPaused)"
            )
        }
    }
}
