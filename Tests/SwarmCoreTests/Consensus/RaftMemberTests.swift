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

    @Test(
        "B-32: a leader that removes itself takes nothing behind that, and so keeps nobody from leading"
    )
    func nothingBehind() {
        let group = RaftGroup(2)
        group.elect(1)
        // Node 2 has the removal, and is not told that it is committed.
        group.loses = { $0.to == RaftID(2) && group[1].raft.role == .follower }
        let removal = RaftProposal(
            tag: ProposalTag(1),
            content: .membership(MembershipChange([.remove(RaftID(1))]))
        )
        let command = RaftProposal(tag: ProposalTag(2), content: .command([1]))
        group.tell(1, .propose([removal, command]))
        group.propose(1, "x")
        #expect(Self.refusals(group[1]) == [.notMember, .notMember])
        group.settle()
        #expect(group[1].raft.role == .follower)
        #expect(group[1].raft.membership.incoming == [RaftID(2)])
        group.loses = { _ in false }
        group.tell(2, .forgetLeader)
        group.elect(2)
        #expect(group.leader == RaftID(2))
        #expect(group[2].raft.membership.incoming == [RaftID(2)])
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

    /// What a leader says of a member.
    private static func news(_ member: RaftGroup.Member) -> [MemberNews] {
        member.news.compactMap { output in
            if case .member(_, let news) = output { news } else { nil }
        }
    }

    /// A leader, node 1, with a log of some length, and a node that joins.
    private static func joining(_ rules: (inout RaftRules) -> Void = { _ in }) -> RaftGroup {
        let group = RaftGroup(1, learners: 1, rules: rules)
        group.tick(1)
        group.loses = { $0.to == RaftID(2) }
        for text in ["a", "b", "c"] { group.propose(1, text) }
        group.change(1, MembershipChange([.join(RaftID(2))]))
        group.settle()
        return group
    }

    private static func pass(_ group: RaftGroup, ticks: Int, also each: () -> Void = {}) {
        for _ in 0..<ticks {
            each()
            for id in group.ids { group.tick(id.raw) }
            group.settle()
        }
    }

    @Test("B-29: who joins votes once it has caught up, and not before")
    func promotion() {
        let group = Self.joining()
        Self.pass(group, ticks: 50)
        #expect(group[1].raft.membership.incoming == [RaftID(1)])
        #expect(group[1].raft.membership.joining == [RaftID(2)])
        #expect(group[1].raft.role == .leader)
        group.loses = { _ in false }
        Self.pass(group, ticks: 15)
        for node: UInt64 in [1, 2] {
            #expect(group[node].raft.membership == RaftMembership(voters: [RaftID(1), RaftID(2)]))
        }
        #expect(group[1].raft.counts.promotions == 1)
    }

    @Test("the next leader promotes whom the last one did not")
    func promotedByNext() {
        let group = RaftGroup(3)
        group.elect(1)
        group.loses = { $0.to == RaftID(4) }
        group.change(1, MembershipChange([.join(RaftID(4))]))
        group.settle()
        group.tell(1, .transfer(to: RaftID(2)))
        group.settle()
        #expect(group.leader == RaftID(2))
        // Node 4 has no process here: its answers are made up.
        group.loses = { _ in false }
        for _ in 0..<3 {
            group.tick(2)
            group.settle()
        }
        let term = group[2].raft.term.raw
        let session = group[2].raft.peers.first { $0.id == RaftID(4) }?.session ?? 0
        let last = group[2].raft.log.lastIndex
        group.deliver(
            group.message(
                4,
                2,
                term: term,
                .appendReply(.matched(last, isStalled: false)),
                session: session
            )
        )
        for _ in 0..<2 {
            group.tick(2)
            group.settle()
        }
        #expect(group[3].raft.membership.incoming.contains(RaftID(4)))
    }

    @Test("a learner that cannot keep pace is said to lag, and is not promoted")
    func lags() {
        let group = Self.joining { $0.promotionRoundsMax = 3 }
        // It gets what was sent once in two timeouts.
        var ticks = 0
        Self.pass(group, ticks: 140) {
            ticks += 1
            group.propose(1, "x")
            group.loses = { $0.to == RaftID(2) && ticks % 25 != 0 }
        }
        #expect(Self.news(group[1]).contains(.lags(rounds: 3)))
        #expect(group[1].raft.membership.incoming == [RaftID(1)])
        group.loses = { _ in false }
        Self.pass(group, ticks: 40)
        #expect(group[1].raft.membership.incoming == [RaftID(1), RaftID(2)])
    }

    @Test("a learner that was never heard is removed after a while, where that is asked for")
    func givenUp() {
        let group = Self.joining { $0.learnerPatienceTicks = 300 }
        Self.pass(group, ticks: 290)
        #expect(group[1].raft.membership.contains(RaftID(2)))
        Self.pass(group, ticks: 20)
        #expect(!group[1].raft.membership.contains(RaftID(2)))
        #expect(Self.news(group[1]) == [.givenUp])
    }

    @Test("who is a voter does not become one again by joining, and a learner may stop waiting")
    func joinSteps() throws {
        let voters = RaftMembership(voters: [RaftID(1)])
        #expect(try voters.applying(MembershipChange([.join(RaftID(1))])).membership == voters)
        let joining = try voters.applying(MembershipChange([.join(RaftID(2))])).membership
        #expect(joining.isJoining(RaftID(2)) && joining.isLearner(RaftID(2)))
        let waiting = try joining.applying(MembershipChange([.addLearner(RaftID(2))])).membership
        #expect(waiting == RaftMembership(voters: [RaftID(1)], learners: [RaftID(2)]))
        let voter = try joining.applying(MembershipChange([.addVoter(RaftID(2))])).membership
        #expect(voter == RaftMembership(voters: [RaftID(1), RaftID(2)]))
    }

    @Test(
        "B-47: a member that lost what it acknowledged is found out, and counts only when it has all again"
    )
    func lostData() {
        let group = RaftGroup(3)
        group.elect(1)
        for text in ["a", "b", "c"] {
            group.propose(1, text)
            group.settle()
        }
        #expect(group[3].raft.log.durable == LogIndex(4))
        // Its disk is put back to what it was two entries ago.
        group.restart(3, keeping: 2)
        group.loses = { $0.to == RaftID(2) }
        group.tick(1)
        group.deliver(group.messages.removeFirst())
        #expect(group.messages.count >= 1)
        var sent = 0
        group.loses = { message in
            if case .append(let append) = message.body, !append.entries.isEmpty {
                sent += 1
                return true
            }
            return message.to == RaftID(2)
        }
        group.settle()
        #expect(
            Self.news(group[1])
                == [.lostData(acknowledged: LogIndex(4), remaining: LogIndex(2))]
        )
        #expect(group[1].raft.peers.last?.counted == .zero)
        // What it is given again counts once it is all there.
        group.loses = { $0.to == RaftID(2) }
        for _ in 0..<3 {
            group.tick(1)
            group.settle()
        }
        #expect(sent > 0)
        #expect(group[1].raft.peers.last?.counted == LogIndex(4))
        group.propose(1, "d")
        group.settle()
        #expect(group[1].raft.log.committed == LogIndex(5))
    }

    @Test("B-54: whose log is damaged does not vote before a leader has given it all again")
    func repairs() {
        let group = RaftGroup(3)
        group.elect(1)
        for text in ["a", "b", "c"] {
            group.propose(1, text)
            group.settle()
        }
        group.restart(3, keeping: 1, isRepairing: true)
        let far = LogPosition(term: Term(9), index: LogIndex(99))
        let request = RaftMessage.VoteRequest(last: far, isTransfer: false)
        group.deliver(group.message(2, 3, term: 5, .preVote(request)))
        group.deliver(group.message(2, 3, term: 1, .vote(request)))
        #expect(
            group.messages.map(\.body)
                == [.preVoteReply(isGranted: false), .voteReply(isGranted: false)]
        )
        group.messages.removeAll()
        group.tell(3, .campaign)
        #expect(group[3].raft.role == .follower)
        // With node 2 cut off nothing is committed by it before it has all that is there.
        group.loses = { $0.to == RaftID(2) || $0.from == RaftID(2) }
        group.propose(1, "d")
        var counted: [LogIndex] = []
        for _ in 0..<4 {
            group.tick(1)
            while !group.messages.isEmpty {
                group.deliver(group.messages.removeFirst())
                guard let peer = group[1].raft.peers.last else { continue }
                if peer.isRepairing { counted.append(peer.counted) }
            }
        }
        #expect(Set(counted) == [.zero])
        let isRepairing = group[3].raft.isRepairing
        #expect(!isRepairing)
        #expect(group[3].raft.counts.repairs == 1)
        #expect(group[1].raft.log.committed == LogIndex(5))
        let isTold = group[3].news.contains { if case .repaired = $0 { true } else { false } }
        #expect(isTold)
    }

    @Test("what a leader said to an earlier process of a node clears nothing")
    func staleClearance() {
        let group = RaftGroup(3)
        group.restart(3, isRepairing: true)
        var message = group.message(1, 3, term: 1, .heartbeat(commit: .zero, reads: 0))
        message.cleared = 1
        group.deliver(message)
        let before = group[3].raft.isRepairing
        message.cleared = 2
        group.deliver(message)
        let after = group[3].raft.isRepairing
        #expect(before && !after)
    }

    @Test("a member that started again and kept all is not suspected")
    func keptData() {
        let group = RaftGroup(3)
        group.elect(1)
        for text in ["a", "b", "c"] {
            group.propose(1, text)
            group.settle()
        }
        group.restart(3)
        for _ in 0..<3 {
            group.tick(1)
            group.settle()
        }
        #expect(group[1].raft.counts.restarts == 1)
        #expect(group[1].raft.counts.dataLosses == 0)
        #expect(group[1].raft.peers.last?.isUnproven == false)
        group.propose(1, "d")
        group.settle()
        #expect(group[3].raft.log.lastIndex == LogIndex(5))
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
