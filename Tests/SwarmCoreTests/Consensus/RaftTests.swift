import Base
import SwarmCore
import Testing

/// What other implementations got wrong, each by its number in raft.md §4.9.
@Suite("Mistakes of others")
struct RaftTests {
    @Test("B-01: pre-votes of one who is cut off keep nobody from campaigning")
    func preVoteStorm() {
        let group = RaftGroup(3)
        let request = RaftMessage.VoteRequest(last: .zero, isTransfer: false)
        for round in 0..<40 {
            group.deliver(group.message(3, 2, term: UInt64(round + 1), .preVote(request)))
            group.messages.removeAll()
            group.tick(2)
            if group[2].raft.role != .follower { break }
        }
        #expect(group[2].raft.role == .preCandidate)
    }

    @Test("B-02: who believes to be a learner votes all the same")
    func learnerVotes() {
        let group = RaftGroup(1, learners: 1)
        let request = RaftMessage.VoteRequest(last: .zero, isTransfer: false)
        group.deliver(group.message(1, 2, term: 1, .vote(request)))
        #expect(group.messages.first?.body == .voteReply(isGranted: true))
    }

    @Test("B-03: nobody campaigns with a change that is committed and not applied")
    func unappliedChange() {
        var change = MembershipChange([.addLearner(RaftID(9))])
        for _ in 0..<2 {
            let entry = LogEntry(
                position: LogPosition(term: Term(1), index: LogIndex(1)),
                content: .membership(change)
            )
            let raft = Raft(
                id: RaftID(1),
                cluster: RaftGroup.cluster,
                rules: RaftRules(),
                boot: Raft.Boot(
                    hardState: HardState(term: Term(1), commit: LogIndex(1)),
                    snapshot: SnapshotMark(
                        position: .zero,
                        membership: RaftMembership(voters: [RaftID(1), RaftID(2)])
                    ),
                    entries: [entry]
                ),
                seed: 1,
                at: .zero
            )
            var node = raft
            node.handle(.campaign, at: .zero)
            #expect(node.role == .follower)
            while let output = node.next() {
                if case .apply = output { node.handle(.applied(through: LogIndex(1)), at: .zero) }
            }
            node.handle(.campaign, at: .zero)
            #expect(node.role == .preCandidate)
            change = MembershipChange([.addVoter(RaftID(3)), .remove(RaftID(2))])
        }
    }

    @Test("B-06: an own vote or acknowledgement that comes late is of its own term")
    func lateSelf() {
        let group = RaftGroup(3) { $0.compatibility = .noPreVote }
        group.holdsDisk = [RaftID(1)]
        group.tell(1, .campaign)
        group.deliver(group.message(2, 1, term: 5, .heartbeat(commit: .zero, reads: 0)))
        group.release(1)
        #expect(group[1].raft.role == .follower)
        #expect(group[1].raft.term == Term(5))
    }

    @Test("B-10: an append that is refused is heard all the same")
    func refusedAppend() {
        let group = RaftGroup(3)
        let far = LogPosition(term: Term(1), index: LogIndex(9))
        for _ in 0..<40 {
            let append = RaftMessage.Append(previous: far, entries: [], commit: .zero)
            group.deliver(group.message(1, 2, term: 1, .append(append)))
            group.tick(2, 5)
        }
        #expect(group[2].raft.role == .follower)
        #expect(group[2].raft.term == Term(1))
    }

    @Test("B-12: a leader whose disk stands still hands over within three timeouts")
    func stalledDisk() {
        let group = RaftGroup(3)
        group.elect(1)
        group.holdsDisk = [RaftID(1)]
        group.propose(1, "x")
        group.settle()
        for _ in 0..<30 {
            for node: UInt64 in [1, 2, 3] { group.tick(node) }
            group.settle()
        }
        #expect(group[1].raft.role == .follower)
        #expect(group.leader != nil && group.leader != RaftID(1))
    }

    @Test("a leader whose disk is slow and works leads on")
    func slowDisk() throws {
        let group = RaftGroup(3)
        group.elect(1)
        group.holdsDisk = [RaftID(1)]
        // Two batches are always on their way, each for eight ticks, so that one waits for sixteen.
        group.propose(1, "w")
        for _ in 0..<10 {
            group.propose(1, "x")
            for _ in 0..<8 {
                for node: UInt64 in [1, 2, 3] { group.tick(node) }
                group.settle()
            }
            group.finishWrite(1)
        }
        #expect(group[1].raft.role == .leader)
        #expect(group[1].raft.term == Term(1))
        #expect(group[1].raft.counts.transfers == 0)
    }

    @Test("B-16, B-17: a member from which every message was lost gets all in the end")
    func lostWindow() {
        let group = RaftGroup(3) { $0.inflightMessagesMax = 2 }
        group.elect(1)
        group.loses = { $0.to == RaftID(3) }
        for text in ["a", "b", "c", "d", "e"] {
            group.propose(1, text)
            group.settle()
        }
        #expect(group[1].raft.log.committed == LogIndex(6))
        group.loses = { _ in false }
        for _ in 0..<8 {
            group.tick(1)
            group.settle()
        }
        #expect(group.terms(3) == group.terms(1))
        #expect(group[3].applied.count == 6)
    }

    @Test("B-19: five terms of a thousand entries each are stepped over in as many round trips")
    func conflicts() {
        let own = Array(repeating: UInt64(1), count: 10) + Array(repeating: 7, count: 5)
        let other =
            Array(repeating: UInt64(1), count: 10)
            + (2...6).flatMap { Array(repeating: UInt64($0), count: 1000) }
        let group = RaftGroup(3, logs: [own, other, own]) { $0.compatibility = .noPreVote }
        group.elect(1)
        while group[1].raft.role != .leader { group.elect(1) }
        #expect(group.terms(2) == group.terms(1))
    }

    @Test("B-23: a change that cannot be is refused with its reason, and nothing is appended")
    func refusedChange() {
        let group = RaftGroup(3)
        group.elect(1)
        let before = group.terms(1)
        group.change(1, .leaveJoint)
        #expect(Self.refusals(group[1]) == [.membership(.notJoint)])
        #expect(group.terms(1) == before)

        // Of the two voters that would be only one is heard.
        let alone = RaftGroup(1)
        alone.tick(1)
        let change = MembershipChange([.addVoter(RaftID(4))])
        alone.change(1, change)
        #expect(Self.refusals(alone[1]) == [.membership(.noActiveQuorum)])
        alone.change(1, change, insists: true)
        #expect(Self.refusals(alone[1]).count == 1)
    }

    private static func refusals(_ member: RaftGroup.Member) -> [ProposalRefusal] {
        member.news.compactMap { output in
            if case .proposal(_, .refused(let refusal)) = output { refusal } else { nil }
        }
    }

    @Test("B-26: a lone voter says nothing before it is on its disk")
    func loneVoter() {
        let group = RaftGroup(1)
        group.tick(1)
        #expect(group[1].raft.role == .leader)
        group.holdsDisk = [RaftID(1)]
        group.propose(1, "x")
        #expect(group[1].applied.count == 1)
        group.release(1)
        #expect(group[1].applied.count == 2)
    }

    @Test("B-28: votes are asked for once the own vote and the log are durable")
    func asksLate() {
        let group = RaftGroup(3) { $0.compatibility = .noPreVote }
        group.holdsDisk = [RaftID(1)]
        group.tell(1, .campaign)
        #expect(group.messages.isEmpty)
        group.release(1)
        #expect(group.messages.count == 2)
    }

    @Test("B-35: what was acknowledged before a member was removed and added again does not count")
    func rejoins() throws {
        let group = RaftGroup(3)
        group.elect(1)
        group.change(1, MembershipChange([.remove(RaftID(3))]))
        group.settle()
        let old = try #require(group[1].raft.peers.first { $0.id == RaftID(2) }).session
        group.change(1, MembershipChange([.addLearner(RaftID(3))]))
        group.settle()
        let before = try #require(group[1].raft.peers.first { $0.id == RaftID(3) })
        #expect(before.session != old)
        let late = RaftMessage.AppendReply.matched(LogIndex(2), isStalled: false)
        let outdated = group[1].raft.counts.outdated
        group.deliver(group.message(3, 1, term: 1, .appendReply(late), session: 3))
        #expect(group[1].raft.counts.outdated == outdated + 1)
    }

    @Test("B-42, B-44: a read waits for a round that began after it")
    func reads() {
        let group = RaftGroup(3)
        group.elect(1)
        group.tell(1, .read(ReadTag(1)))
        #expect(group[1].news.allSatisfy { if case .read = $0 { false } else { true } })
        // An answer to a round of before says nothing.
        let session = group[1].raft.peers[1].session
        group.deliver(
            group.message(
                2,
                1,
                term: 1,
                .heartbeatReply(reads: 0, isStalled: false),
                session: session
            )
        )
        #expect(!Self.isAnswered(group[1], 1))
        group.settle()
        #expect(Self.isAnswered(group[1], 1))
        // A follower's read goes through the leader.
        group.tell(2, .read(ReadTag(2)))
        group.settle()
        #expect(Self.isAnswered(group[2], 2))
    }

    private static func isAnswered(_ member: RaftGroup.Member, _ tag: UInt64) -> Bool {
        member.news.contains { output in
            if case .read(ReadTag(tag), .ready) = output { true } else { false }
        }
    }

    @Test("B-05: no read outlives the reign in which it was asked")
    func deposedReads() {
        let group = RaftGroup(3)
        group.elect(1)
        group.tell(1, .read(ReadTag(1)))
        group.deliver(group.message(2, 1, term: 9, .heartbeat(commit: .zero, reads: 9)))
        group.settle()
        #expect(!Self.isAnswered(group[1], 1))
        let isLost = group[1].news.contains { output in
            if case .read(_, .leadershipLost) = output { true } else { false }
        }
        #expect(isLost)
    }

    @Test("B-46: a commit index beyond the log is not taken")
    func commitBeyond() {
        let group = RaftGroup(3)
        group.deliver(group.message(2, 1, term: 1, .heartbeat(commit: LogIndex(50), reads: 0)))
        #expect(group[1].raft.log.committed == .zero)
        #expect(group[1].raft.counts.commitsBeyond == 1)
        #expect(group[1].raft.fault == nil)
    }

    @Test("B-60: a lone voter leads at once")
    func leadsAtOnce() {
        let group = RaftGroup(1)
        let wake = group[1].raft.nextWake
        #expect(wake?.moment == .zero)
        group.tick(1)
        #expect(group[1].raft.role == .leader)
    }

    @Test("what is for another node or cluster is counted, and nothing else happens")
    func misdelivered() {
        let group = RaftGroup(3)
        var message = group.message(2, 1, term: 9, .heartbeat(commit: .zero, reads: 0))
        message.cluster = ClusterIdentity(high: 9, low: 9, epoch: 1)
        group.deliver(message)
        message = group.message(2, 1, term: 9, .voteReply(isGranted: true))
        message.boot = 7
        group.deliver(message)
        #expect(group[1].raft.term == .zero)
        #expect(group[1].raft.counts.misdelivered == 1)
        #expect(group[1].raft.counts.outdated == 1)
    }

    @Test("what no member could send is counted, and changes nothing")
    func impossible() {
        func entry(_ term: UInt64, _ index: UInt64) -> LogEntry {
            let position = LogPosition(term: Term(term), index: LogIndex(index))
            return LogEntry(position: position, content: .empty)
        }
        func append(_ index: UInt64, _ entries: [LogEntry]) -> RaftMessage.Body {
            let previous = LogPosition(term: Term(index == 0 ? 0 : 1), index: LogIndex(index))
            return .append(
                RaftMessage.Append(previous: previous, entries: entries, commit: LogIndex(.max))
            )
        }
        let far = SnapshotMark(
            position: LogPosition(term: Term(2), index: LogIndex(.max)),
            membership: RaftMembership(voters: [RaftID(1)])
        )
        let bodies: [RaftMessage.Body] = [
            append(0, [entry(1, 2)]), append(0, [entry(1, 1), entry(1, 3)]),
            append(0, [entry(2, 1), entry(1, 2)]), append(0, [entry(9, 1)]),
            append(.max, [entry(1, 0)]), .snapshot(far),
        ]
        let group = RaftGroup(3)
        for body in bodies { group.deliver(group.message(2, 1, term: 2, body)) }
        group.deliver(
            group.message(2, 1, term: .max, .heartbeat(commit: LogIndex(.max), reads: .max))
        )
        #expect(group[1].raft.counts.malformed == bodies.count + 1)
        #expect(group[1].raft.term == .zero)
        #expect(group[1].raft.log.lastIndex == .zero)
        // What is possible and wrong is answered, whatever its numbers.
        group.deliver(group.message(2, 1, term: 2, append(1 << 60, [])))
        group.elect(1)
        let session = group[1].raft.peers[1].session
        for reply in [
            RaftMessage.AppendReply.matched(LogIndex(.max), isStalled: false),
            .rejected(LogIndex(.max), hint: LogPosition(term: Term(.max), index: LogIndex(.max))),
        ] {
            let term = group[1].raft.term.raw
            group.deliver(group.message(2, 1, term: term, .appendReply(reply), session: session))
        }
        group.settle()
        #expect(group[1].raft.fault == nil)
    }

    @Test("leadership goes to whom it is given, and proposals are refused meanwhile")
    func transfer() {
        let group = RaftGroup(3)
        group.elect(1)
        group.loses = { $0.to == RaftID(2) }
        group.propose(1, "x")
        group.tell(1, .transfer(to: RaftID(2)))
        group.propose(1, "y")
        #expect(Self.refusals(group[1]) == [.transferring(to: RaftID(2))])
        group.messages.removeAll()
        group.loses = { _ in false }
        group.tick(1)
        group.settle()
        #expect(group.leader == RaftID(2))
        #expect(group[2].raft.term == Term(2))
    }

    @Test("commands without octets are not without end, either")
    func emptyCommands() {
        let group = RaftGroup(3) { $0.uncommittedOctetsMax = 320 }
        group.elect(1)
        group.loses = { _ in true }
        for _ in 0..<20 {
            group.tell(1, .propose([RaftProposal(tag: ProposalTag(1), content: .command([]))]))
        }
        #expect(Self.refusals(group[1]).count == 10)
        group.loses = { _ in false }
        group.messages.removeAll()
        for _ in 0..<3 {
            group.tick(1)
            group.settle()
        }
        #expect(group[1].raft.uncommittedOctets == 0)
    }

    @Test("two nodes that take each other for the leader pass no request to hand over around")
    func transferLoop() {
        let group = RaftGroup(3)
        for (own, other): (UInt64, UInt64) in [(2, 3), (3, 2)] {
            group.deliver(
                group.message(other, own, term: 1, .heartbeat(commit: .zero, reads: 0))
            )
        }
        group.messages.removeAll()
        group.tell(2, .transfer(to: RaftID(1)))
        group.settle()
        #expect(group.messages.isEmpty)
        #expect(group[3].raft.counts.transfers == 0)
    }

    @Test("a proposal for a term that is over is refused")
    func fence() {
        let group = RaftGroup(3)
        group.elect(1)
        group.propose(1, "x", fence: Term(1))
        group.propose(1, "y", fence: Term(4))
        #expect(Self.refusals(group[1]) == [.fenced(term: Term(1))])
    }

    @Test("a follower passes a proposal on, and hears where it stands and that it is committed")
    func passesOn() {
        let group = RaftGroup(3)
        group.elect(1)
        group.propose(2, "x")
        group.settle()
        group.tick(1)
        group.settle()
        let outcomes = group[2].news.compactMap { output in
            if case .outcome(let tag, let outcome) = output { (tag, outcome) } else { nil }
        }
        let position = LogPosition(term: Term(1), index: LogIndex(2))
        #expect(outcomes.map(\.1) == [.committed(position)])
    }

    @Test("two voters become one through the leader, which goes on alone")
    func shrinks() {
        let group = RaftGroup(2)
        group.elect(1)
        group.change(1, MembershipChange([.remove(RaftID(2))]))
        group.settle()
        #expect(group[1].raft.membership.incoming == [RaftID(1)])
        group.loses = { _ in true }
        group.propose(1, "x")
        #expect(group[1].applied.last?.content == .command([120]))
    }

    @Test("a joint configuration is left by itself, and the removed leader hands over")
    func replaceLeader() {
        let group = RaftGroup(3, learners: 1)
        group.elect(1)
        group.change(1, MembershipChange([.remove(RaftID(1)), .addVoter(RaftID(4))]))
        for _ in 0..<3 {
            group.settle()
            for node: UInt64 in [1, 2, 3, 4] { group.tick(node) }
        }
        group.settle()
        let voters = [RaftID(2), RaftID(3), RaftID(4)]
        #expect(group[1].raft.role == .follower)
        #expect(group.leader.map { voters.contains($0) } == true)
        for node: UInt64 in [2, 3, 4] {
            #expect(group[node].raft.membership == RaftMembership(voters: voters))
        }
    }

    @Test("when others say that the leader is gone, a follower campaigns at once")
    func gone() {
        let group = RaftGroup(3)
        group.elect(1)
        group.loses = { $0.to == RaftID(1) || $0.from == RaftID(1) }
        for node: UInt64 in [2, 3] { group.tell(node, .gone(RaftID(1))) }
        let wake = group[2].raft.nextWake
        #expect(wake?.reason == .haste || wake?.reason == .tick)
        for _ in 0..<4 {
            for node: UInt64 in [2, 3] {
                group.tick(node)
                group.settle()
            }
        }
        let roles = [group[2].raft.role, group[3].raft.role]
        #expect(roles.count { $0 == .leader } == 1)
    }
}
