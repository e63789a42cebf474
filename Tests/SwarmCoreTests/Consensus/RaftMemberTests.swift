import Base
import SwarmCore
import Testing

/// What other implementations got wrong with elections and members, each by its number in raft.md §4.9.
@Suite("Mistakes of others: elections and members")
struct RaftMemberTests {
    private static func refusals(_ member: RaftGroup.Member) -> [ProposalRefusal] {
        member.news.compactMap { output in
            if case .proposal(_, .refused(let refusal)) = output { refusal } else { nil }
        }
    }

    @Test("B-07: a pre-vote is asked for with the log, too")
    func shortLog() {
        let group = RaftGroup(3, logs: [[1], [1, 1], [1, 1]])
        group.tell(1, .campaign)
        group.settle()
        #expect(group[1].raft.role == .follower)
        #expect(group[1].raft.term == Term(1))
        #expect(group[1].raft.counts.campaigns == 0)
    }

    @Test("B-08: a heartbeat of the old leader does not stop whom it hands over to")
    func heartbeatDuringTransfer() {
        let group = RaftGroup(3)
        group.elect(1)
        group.holdsDisk = [RaftID(2)]
        group.deliver(group.message(1, 2, term: 1, .timeoutNow))
        #expect(group[2].raft.role == .candidate)
        group.tick(1)
        group.settle()
        #expect(group[2].raft.role == .candidate)
        group.release(2)
        group.settle()
        #expect(group.leader == RaftID(2))
    }

    @Test("B-09: a leader that is asked for a pre-vote of a later term leads on")
    func preVoteToLeader() {
        let group = RaftGroup(3)
        group.elect(1)
        let request = RaftMessage.VoteRequest(
            last: LogPosition(term: Term(1), index: LogIndex(9)),
            isTransfer: false
        )
        group.deliver(group.message(3, 1, term: 7, .preVote(request)))
        group.propose(1, "x")
        group.settle()
        #expect(group.leader == RaftID(1))
        #expect(group[1].raft.term == Term(1))
        #expect(group[3].raft.log.committed == LogIndex(2))
    }

    @Test("B-21: entries that only the removed voter lacked are committed by its removal")
    func commitByRemoval() {
        let group = RaftGroup(2)
        group.elect(1)
        group.loses = { message in
            guard case .append(let append) = message.body else { return false }
            return append.entries.contains { $0.index > LogIndex(2) }
        }
        group.change(1, MembershipChange([.remove(RaftID(2))]))
        group.propose(1, "x")
        group.settle()
        #expect(group[1].applied.last?.content == .command([120]))
    }

    @Test("B-29: a node that never comes costs a cluster of one nothing")
    func deadJoins() {
        let group = RaftGroup(1)
        group.tick(1)
        group.change(1, MembershipChange([.addLearner(RaftID(2))]))
        group.propose(1, "x")
        #expect(group[1].applied.last?.content == .command([120]))
        for _ in 0..<50 { group.tick(1) }
        #expect(group[1].raft.role == .leader)
    }

    @Test("B-30: a leader takes no change before it has committed in its own term")
    func earlyChange() {
        let group = RaftGroup(3)
        group.elect(1)
        // The second leader's first entry is nowhere but on its own disk.
        group.loses = { message in
            if case .append = message.body { message.from == RaftID(2) } else { false }
        }
        group.tell(1, .transfer(to: RaftID(2)))
        group.settle()
        #expect(group[2].raft.role == .leader)
        let change = MembershipChange([.addLearner(RaftID(9))])
        group.change(2, change)
        #expect(Self.refusals(group[2]).count == 1)
        group.loses = { _ in false }
        for _ in 0..<2 {
            group.tick(2)
            group.settle()
        }
        group.change(2, change)
        group.settle()
        #expect(group[2].raft.membership.isLearner(RaftID(9)))
    }

    /// A group that is in a joint configuration, which its leader, node 1, did not get to leave.
    private static func joint() -> RaftGroup {
        let group = RaftGroup(3, learners: 1)
        group.elect(1)
        group.loses = { message in
            guard case .append(let append) = message.body else { return false }
            return append.entries.contains { entry in
                if case .membership(let change) = entry.content {
                    change.leavesJoint
                } else {
                    false
                }
            }
        }
        group.change(1, MembershipChange([.remove(RaftID(3)), .addVoter(RaftID(4))]))
        group.settle()
        return group
    }

    @Test("B-31: the next leader leaves a joint configuration that the last one did not")
    func nextLeaves() {
        let group = Self.joint()
        #expect(group[2].raft.membership.isJoint)
        group.loses = { $0.from == RaftID(1) || $0.to == RaftID(1) }
        for node: UInt64 in [2, 3, 4] { group.tell(node, .forgetLeader) }
        group.elect(2)
        #expect(group[2].raft.role == .leader)
        for _ in 0..<3 {
            group.tick(2)
            group.settle()
        }
        #expect(
            group[2].raft.membership
                == RaftMembership(voters: [RaftID(1), RaftID(2), RaftID(4)])
        )
    }

    @Test("B-31: a transfer that comes to nothing does not keep a joint configuration")
    func transferWhileJoint() {
        let group = RaftGroup(3, learners: 1)
        group.elect(1)
        // The joint configuration is applied while the leadership is being handed over.
        group.loses = { $0.to == RaftID(3) }
        group.change(1, MembershipChange([.remove(RaftID(2)), .addVoter(RaftID(4))]))
        group.tell(1, .transfer(to: RaftID(3)))
        group.settle()
        #expect(group[1].raft.transferee == RaftID(3))
        group.loses = { message in
            if case .timeoutNow = message.body { true } else { false }
        }
        for _ in 0..<25 {
            for node: UInt64 in [1, 2, 3, 4] { group.tick(node) }
            group.settle()
        }
        #expect(group[1].raft.transferee == nil)
        #expect(
            group[1].raft.membership
                == RaftMembership(voters: [RaftID(1), RaftID(3), RaftID(4)])
        )
    }

    @Test("B-32: the leader of two is removed, or becomes a learner, and the other leads")
    func leaderOfTwo() {
        for step in [MembershipChange.Step.remove(RaftID(1)), .addLearner(RaftID(1))] {
            let group = RaftGroup(2)
            group.elect(1)
            group.change(1, MembershipChange([step]))
            group.settle()
            for _ in 0..<3 {
                group.tick(2)
                group.settle()
            }
            #expect(group.leader == RaftID(2))
            group.propose(2, "x")
            group.settle()
            #expect(group[2].applied.last?.content == .command([120]))
        }
    }

    @Test("B-33: a leader that is removed tells that this is committed before it leads no more")
    func lastWord() {
        let group = RaftGroup(3)
        group.elect(1)
        group.loses = { if case .timeoutNow = $0.body { true } else { false } }
        group.change(1, MembershipChange([.remove(RaftID(1))]))
        group.settle()
        #expect(group[1].raft.role == .follower)
        for node: UInt64 in [2, 3] {
            #expect(group[node].raft.membership.incoming == [RaftID(2), RaftID(3)])
        }
    }

    @Test("B-34: who is no voter, or waits for a snapshot, does not campaign when told to")
    func timeoutNow() {
        let group = RaftGroup(2, learners: 1)
        group.elect(1)
        group.deliver(group.message(1, 3, term: 1, .timeoutNow))
        #expect(group[3].raft.role == .follower)
        group.change(1, MembershipChange([.remove(RaftID(2))]))
        group.settle()
        group.deliver(group.message(1, 2, term: 1, .timeoutNow))
        #expect(group[2].raft.role == .follower)

        let waiting = RaftGroup(3)
        waiting.holdsDisk = [RaftID(2)]
        let mark = SnapshotMark(
            position: LogPosition(term: Term(1), index: LogIndex(4)),
            membership: waiting[2].raft.membership
        )
        waiting.deliver(waiting.message(1, 2, term: 1, .snapshot(mark)))
        waiting.deliver(waiting.message(1, 2, term: 1, .timeoutNow))
        #expect(waiting[2].raft.role == .follower)
        waiting.release(2)
        waiting.deliver(waiting.message(1, 2, term: 1, .timeoutNow))
        #expect(waiting[2].raft.role == .candidate)
    }

    private struct Requests: Sendable, CustomTestStringConvertible {
        let asked: [UInt64]
        let target: UInt64?

        init(_ asked: [UInt64], _ target: UInt64?) {
            self.asked = asked
            self.target = target
        }

        var testDescription: String { "\(asked)" }
    }

    private static let requests = [
        Requests([1], nil), Requests([4], nil), Requests([9], nil), Requests([2], 2),
        Requests([2, 2], 2), Requests([2, 3], 3), Requests([2, 4], 2), Requests([2, 1], nil),
    ]

    @Test(
        "B-45: the leadership goes to another voter only, and to the last one named",
        arguments: requests
    )
    private func transfers(_ requests: Requests) {
        let group = RaftGroup(3, learners: 1)
        group.elect(1)
        group.loses = { _ in true }
        group.propose(1, "x")
        for node in requests.asked { group.tell(1, .transfer(to: RaftID(node))) }
        #expect(group[1].raft.transferee == requests.target.map { RaftID($0) })
        for _ in 0..<10 { group.tick(1) }
        #expect(group[1].raft.transferee == nil)
    }

    @Test("B-55: a node that slept for ten minutes does not rush")
    func slept() {
        let group = RaftGroup(3)
        group.elect(1)
        let now = group[2].raft.nextWake?.moment ?? .zero
        for _ in 0..<5 {
            group[2].raft.wake(at: now.advanced(milliseconds: 600_000))
        }
        #expect(group[2].raft.role == .follower)
        #expect(group[2].raft.counts.preCampaigns == 0)
    }
}
