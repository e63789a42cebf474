import Base
import SwarmCore
import Testing

/// Mistakes of this engine that its simulator found.
@Suite("Findings of the simulator")
struct RaftFindingTests {
    @Test("a yes to an earlier question for a pre-vote is none to a later one")
    func oldPreVote() throws {
        let group = RaftGroup(3)
        group.tell(1, .campaign)
        // Another leader came and went: the term that was asked about is this node's own now.
        group.deliver(group.message(3, 1, term: 1, .heartbeat(commit: .zero, reads: 0)))
        group.tell(1, .forgetLeader)
        group.tell(1, .campaign)
        #expect(group[1].raft.role == .preCandidate && group[1].raft.term == Term(1))
        group.deliver(group.message(2, 1, term: 1, .preVoteReply(isGranted: true)))
        #expect(group[1].raft.role == .preCandidate)
        group.deliver(group.message(2, 1, term: 2, .preVoteReply(isGranted: true)))
        #expect(group[1].raft.role == .candidate)
    }

    @Test("a snapshot that comes while entries are applied does not stop what follows it")
    func snapshotWhileApplying() {
        let cluster = RaftGroup.cluster
        let voters = RaftMembership(voters: [RaftID(1), RaftID(2)])
        var rules = RaftRules()
        rules.applyOctetsMax = 1
        var node = Raft(
            id: RaftID(1),
            cluster: cluster,
            rules: rules,
            boot: Raft.Boot(
                hardState: HardState(term: Term(1), commit: LogIndex(2)),
                snapshot: SnapshotMark(position: .zero, membership: voters),
                entries: RaftGroup.log([1, 1])
            ),
            seed: 1,
            at: .zero
        )
        var applied: [LogIndex] = []
        func obey() {
            while let output = node.next() {
                if case .apply(let entries) = output { applied += entries.map(\.index) }
                if case .persist(let batch) = output {
                    node.handle(.persisted(batch.token), at: .zero)
                }
            }
        }
        func hear(_ body: RaftMessage.Body) {
            let message = RaftMessage(
                cluster: cluster,
                from: RaftID(2),
                to: RaftID(1),
                term: Term(1),
                body: body
            )
            node.handle(.received(message), at: .zero)
            obey()
        }
        obey()
        // The first entry is handed out, and fills what may be; the host never gets to saying that it is done.
        #expect(applied == [LogIndex(1)])
        let position = LogPosition(term: Term(1), index: LogIndex(9))
        hear(.snapshot(SnapshotMark(position: position, membership: voters)))
        let entry = LogEntry(
            position: LogPosition(term: Term(1), index: LogIndex(10)),
            content: .command([1])
        )
        hear(.append(.init(previous: position, entries: [entry], commit: entry.index)))
        #expect(applied == [LogIndex(1), LogIndex(10)])
    }

    @Test("what was promised in an earlier term keeps nobody waiting who was promised less")
    func promisesInOrder() {
        let group = RaftGroup(3)
        group.elect(1)
        // The leader takes a proposal of node 2, which nobody else hears of before it is gone.
        group.deliver(
            group.message(
                1,
                2,
                term: 1,
                .proposalReply(
                    ProposalTag(7),
                    .accepted(LogPosition(term: Term(1), index: LogIndex(40)))
                )
            )
        )
        group.tell(1, .storageFailed)
        group.tell(3, .forgetLeader)
        group.tick(2, 40)
        group.settle()
        #expect(group[2].raft.role == .leader)
        group.propose(2, "x")
        group.settle()
        let isTold = group[2].news.contains { news in
            if case .outcome(let tag, .committed) = news { tag == ProposalTag(120) } else { false }
        }
        #expect(isTold)
    }

    @Test(
        "what is promised below a snapshot that is being written is called neither done nor undone"
    )
    func promisedBelowSnapshot() {
        let group = RaftGroup(3)
        group.holdsDisk = [RaftID(2)]
        let mark = SnapshotMark(
            position: LogPosition(term: Term(1), index: LogIndex(9)),
            membership: group[2].raft.membership
        )
        group.deliver(group.message(1, 2, term: 1, .snapshot(mark)))
        let promised = LogPosition(term: Term(1), index: LogIndex(5))
        group.deliver(
            group.message(1, 2, term: 1, .proposalReply(ProposalTag(7), .accepted(promised)))
        )
        group.release(2)
        let outcomes = group[2].news.compactMap { news in
            if case .outcome(_, let outcome) = news { outcome } else { nil }
        }
        #expect(outcomes == [.unknown])
    }
}
