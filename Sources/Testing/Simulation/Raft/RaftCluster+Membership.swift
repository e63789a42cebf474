import Base
import SwarmCore

/// Who comes and goes.
extension RaftCluster {
    /// Who is out of the cluster goes, or stays and disturbs.
    ///
    /// Not before a majority of those that stay knows durably: an operator who is in a greater hurry may
    /// lose the cluster.
    private func retire(_ leader: RaftHost) {
        guard let change = check.memberships.last, change.membership == leader.raft.membership,
            check.isMajority(
                of: change.membership,
                { id in
                    host(id).map { $0.disk.hardState.commit >= change.index } ?? false
                }
            )
        else { return }
        for host in hosts {
            if change.membership.contains(host.id) {
                host.wasMember = true
            } else if host.wasMember, !host.isRemoved, fortune.below(2) == 0 {
                host.isRemoved = true
                if host.isRunning { crash(host) }
            }
        }
    }

    /// A node that was never there; nil when there were too many.
    private func newcomer() -> RaftID? {
        if hosts.count >= 60 { return nil }
        let id = RaftID(UInt64(hosts.count + 1))
        addHost(id, mark: SnapshotMark(position: .zero, membership: RaftMembership()))
        return id
    }

    private func one<Value>(of choices: [Value]) -> Value? {
        choices.isEmpty ? nil : choices[Int(fortune.below(UInt32(choices.count)))]
    }

    private var size: Int { max(3, check.memberships[0].membership.incoming.count) }

    /// A leader changes something of the membership: it grows and shrinks about the size it began with.
    func churn() {
        guard let leader = chooseLeader() else { return }
        let membership = leader.raft.membership
        retire(leader)
        let change: MembershipChange
        if membership.isJoint, fortune.below(2) == 0 {
            change = .leaveJoint
        } else if let learner = one(of: membership.learners), fortune.below(2) > 0 {
            change = MembershipChange([.addVoter(learner)])
        } else if membership.incoming.count < size, let id = newcomer() {
            let steps: [MembershipChange.Step] = [.addLearner(id), .join(id), .addVoter(id)]
            change = MembershipChange([steps[Int(fortune.below(3))]])
        } else if let some = shuffle(membership) {
            change = some
        } else {
            return
        }
        propose(change, to: leader)
        if fortune.below(weather.churnBurst) > 0 {
            schedule(.churn, in: UInt64(1 + fortune.below(300)) * Self.millisecond, node: 0)
        }
    }

    /// Voters go, one or several, and others take their places, or none.
    private func shuffle(_ membership: RaftMembership) -> MembershipChange? {
        let voters = membership.incoming
        guard voters.count > 1, let out = one(of: voters) else { return nil }
        switch fortune.below(6) {
        case 0: return MembershipChange([.addLearner(out)])
        case 1: return MembershipChange([.remove(out)])
        case 2:
            // Out and in again, by the same number, of which nothing is to be believed any more.
            let id = one(of: hosts.filter { $0.wasMember && !$0.isRemoved }.map(\.id)) ?? out
            if membership.contains(id) { return MembershipChange([.remove(id)]) }
            host(id)?.wasMember = false
            return MembershipChange([.addVoter(id)])
        case 3:
            guard let id = newcomer() else { return nil }
            return MembershipChange([.remove(out), .addVoter(id)])
        case 4:
            // Most of them at once.
            var steps: [MembershipChange.Step] = []
            for id in voters where id != out && steps.count < 4 {
                guard let new = newcomer() else { break }
                steps += [.remove(id), .addVoter(new)]
            }
            return MembershipChange(steps)
        default:
            return MembershipChange(
                [fortune.below(2) == 0 ? .remove(out) : .addLearner(out)],
                transition: .implicit
            )
        }
    }

    private func propose(_ change: MembershipChange, to leader: RaftHost) {
        figures.faults[.churn] += 1
        story.tell(now, "node \(leader.id.raw) is to change the membership: \(change.steps)")
        history.tags += 1
        propose(.membership(change), UInt64.max - history.tags, leader)
    }
}
