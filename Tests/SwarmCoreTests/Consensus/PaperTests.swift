import SwarmCore
import Testing

/// The Raft paper's sentences, each quoted by its section.
///
/// Source: Ongaro & Ousterhout, "In search of an understandable consensus algorithm", extended version.
@Suite("The Raft paper")
struct PaperTests {
    // MARK: - §5.1

    @Test(
        "§5.1: if one server's term is smaller than the other's, it updates to the larger value",
        arguments: [RaftRole.follower, .candidate, .leader]
    )
    func largerTerm(role: RaftRole) {
        let group = RaftGroup(3)
        switch role {
        case .leader: group.elect(1)
        case .candidate:
            group.tell(1, .campaign)
            group.deliver(group.message(2, 1, term: 1, .preVoteReply(isGranted: true)))
        default: break
        }
        #expect(group[1].raft.role == role)
        group.deliver(group.message(2, 1, term: 9, .heartbeat(commit: .zero, reads: 0)))
        #expect(group[1].raft.role == .follower)
        #expect(group[1].raft.term == Term(9))
        #expect(group[1].raft.leader == RaftID(2))
    }

    @Test("§5.1: a request with a stale term number is rejected")
    func staleTerm() {
        let group = RaftGroup(3)
        group.elect(1)
        let before = group.terms(2)
        let append = RaftMessage.Append(
            previous: .zero,
            entries: RaftGroup.log([0, 0, 0]),
            commit: .zero
        )
        group.deliver(group.message(3, 2, term: 0, .append(append)))
        #expect(group.terms(2) == before)
        #expect(group[2].raft.leader == RaftID(1))
        #expect(group[2].raft.counts.staleTerm == 1)
    }

    // MARK: - §5.2

    @Test("§5.2: when servers start up, they begin as followers")
    func beginsAsFollower() {
        #expect(RaftGroup(3)[1].raft.role == .follower)
    }

    @Test("§5.2: leaders send periodic heartbeats to all followers")
    func heartbeats() {
        let group = RaftGroup(3)
        group.elect(1)
        group.tick(1)
        let beats = group.messages.filter { if case .heartbeat = $0.body { true } else { false } }
        #expect(beats.map(\.to) == [RaftID(2), RaftID(3)])
    }

    @Test("§5.2: a follower that receives no communication begins an election")
    func election() {
        let group = RaftGroup(3) { $0.compatibility = .noPreVote }
        group.tick(1, 20)
        #expect(group[1].raft.role == .candidate)
        #expect(group[1].raft.vote == RaftID(1))
        let asked = group.messages.filter { if case .vote = $0.body { true } else { false } }
        #expect(Set(asked.map(\.to)) == [RaftID(2), RaftID(3)])
        // A candidate that gets no answer begins another.
        let term = group[1].raft.term
        group.tick(1, 20)
        #expect(group[1].raft.term > term)
    }

    @Test(
        "§5.2: a candidate wins with votes from a majority, loses without, and waits in between",
        arguments: [
            (1, [], RaftRole.leader), (3, [true], .leader), (3, [], .candidate),
            (3, [false], .candidate), (3, [false, false], .follower),
            (5, [true, true], .leader), (5, [true], .candidate),
            (5, [false, false, false], .follower), (5, [true, false, true], .leader),
        ] as [(Int, [Bool], RaftRole)]
    )
    func oneRound(size: Int, votes: [Bool], role: RaftRole) {
        let group = RaftGroup(size) { $0.compatibility = .noPreVote }
        group.tell(1, .campaign)
        for (place, vote) in votes.enumerated() {
            let voter = UInt64(place + 2)
            group.deliver(group.message(voter, 1, term: 1, .voteReply(isGranted: vote)))
        }
        #expect(group[1].raft.role == role)
    }

    @Test("§5.2: each server votes for at most one candidate in a term, first come, first served")
    func oneVote() {
        let group = RaftGroup(3)
        let request = RaftMessage.VoteRequest(last: .zero, isTransfer: false)
        for candidate: UInt64 in [2, 3, 2] {
            group.deliver(group.message(candidate, 1, term: 1, .vote(request)))
        }
        let answers = group.messages.map { message in
            if case .voteReply(let isGranted) = message.body { isGranted } else { false }
        }
        #expect(answers == [true, false, true])
        #expect(group[1].hardState.vote == RaftID(2))
    }

    @Test(
        "§5.2: a candidate that hears the leader of its term or a later one follows it",
        arguments: [1, 2]
    )
    func candidateFollows(term: UInt64) {
        let group = RaftGroup(3) { $0.compatibility = .noPreVote }
        group.tell(1, .campaign)
        let append = RaftMessage.Append(previous: .zero, entries: [], commit: .zero)
        group.deliver(group.message(2, 1, term: term, .append(append)))
        #expect(group[1].raft.role == .follower)
        #expect(group[1].raft.leader == RaftID(2))
    }

    @Test("§5.2: election timeouts are spread over an interval")
    func timeouts() {
        var waits: Set<Int> = []
        let group = RaftGroup(3) { $0.compatibility = .noPreVote }
        for _ in 0..<400 {
            let term = group[1].raft.term
            var wait = 0
            while group[1].raft.term == term {
                group.tick(1)
                wait += 1
            }
            waits.insert(wait)
        }
        #expect(waits == Set(10...19))
    }

    // MARK: - §5.3

    @Test("§5.3: the leader appends the command and sends it to each of the others")
    func replicates() {
        let group = RaftGroup(3)
        group.elect(1)
        group.propose(1, "x")
        #expect(group.terms(1) == [1, 1])
        #expect(group[1].raft.log.committed == LogIndex(1))
        let appends = group.messages.filter { if case .append = $0.body { true } else { false } }
        #expect(Set(appends.map(\.to)) == [RaftID(2), RaftID(3)])
    }

    @Test(
        "§5.3: an entry is committed once the leader has replicated it on a majority",
        arguments: [
            (3, [2], true), (3, [], false), (5, [2], false), (5, [2, 5], true), (1, [], true),
        ] as [(Int, [UInt64], Bool)]
    )
    func commits(size: Int, acknowledging: [UInt64], isCommitted: Bool) {
        let group = RaftGroup(size)
        group.elect(1)
        group.propose(1, "x")
        group.loses = { message in
            message.to != RaftID(1) && !acknowledging.contains(message.to.raw)
        }
        group.settle()
        #expect((group[1].raft.log.committed == LogIndex(2)) == isCommitted)
        #expect(group[1].applied.contains { $0.index == LogIndex(2) } == isCommitted)
    }

    @Test("§5.3: it commits all preceding entries in the leader's log, of previous leaders, too")
    func commitsPreceding() {
        let logs: [[UInt64]] = [[1, 2], [1], []]
        let group = RaftGroup(3, logs: logs)
        group.elect(1)
        #expect(group[1].applied.map(\.term.raw) == [1, 2, 3])
        #expect(group[3].raft.log.committed == LogIndex(3))
        group.tick(1)
        group.settle()
        #expect(group[3].applied == group[1].applied)
    }

    @Test("§5.3: a follower that does not find the entry before refuses the new ones")
    func consistency() {
        let group = RaftGroup(3, logs: [[1, 2], [1, 2]])
        let cases: [(UInt64, UInt64, RaftMessage.AppendReply)] = [
            (1, 1, .matched(LogIndex(1), isStalled: false)),
            (2, 2, .matched(LogIndex(2), isStalled: false)),
            (1, 2, .rejected(LogIndex(2), hint: LogPosition(term: Term(1), index: LogIndex(1)))),
            (3, 3, .rejected(LogIndex(3), hint: LogPosition(term: Term(2), index: LogIndex(2)))),
        ]
        for (term, index, reply) in cases {
            let append = RaftMessage.Append(
                previous: LogPosition(term: Term(term), index: LogIndex(index)),
                entries: [],
                commit: .zero
            )
            group.deliver(group.message(2, 1, term: 5, .append(append)))
            #expect(group.messages.popLast()?.body == .appendReply(reply))
        }
    }

    @Test("§5.3: conflicting entries are overwritten, and only those")
    func overwrites() {
        let cases: [([UInt64], Int, [UInt64], [UInt64])] = [
            // Log, entries the leader says stand before, its log, what is here then.
            ([1, 2], 2, [1, 2, 3], [1, 2, 3]),
            ([1, 2], 1, [1, 3, 4], [1, 3, 4]),
            ([1, 2, 2], 0, [1], [1, 2, 2]),
            ([1, 2, 2], 1, [1, 2], [1, 2, 2]),
        ]
        for (log, before, leader, result) in cases {
            let group = RaftGroup(2, logs: [log, []])
            let entries = RaftGroup.log(leader)
            let previous = before == 0 ? .zero : entries[before - 1].position
            let append = RaftMessage.Append(
                previous: previous,
                entries: Array(entries[before...]),
                commit: .zero
            )
            group.deliver(group.message(2, 1, term: 9, .append(append)))
            #expect(group.terms(1) == result, "\(log) after \(leader)")
            #expect(group[1].disk.map(\.term.raw) == result)
        }
    }

    @Test(
        "Figure 7: a new leader brings every one of these logs in line with its own",
        arguments: 0..<6
    )
    func figure7(follower: Int) {
        let logs: [[UInt64]] = [
            [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], [1, 1, 1, 4, 4, 4, 4],
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        ]
        let leader: [UInt64] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
        // The third node, with nothing, is what makes a majority.
        let group = RaftGroup(3, logs: [leader, logs[follower], []], term: 7) {
            $0.compatibility = [.noPreVote, .noCheckQuorum]
        }
        var tries = 0
        while group[1].raft.role != .leader, tries < 3 {
            tries += 1
            group.elect(1)
        }
        group.settle()
        #expect(group[1].raft.role == .leader)
        #expect(group.terms(2) == group.terms(1))
        #expect(group.terms(3) == group.terms(1))
        #expect(group[2].disk == group[1].disk)
    }

    // MARK: - §5.4

    @Test("§5.4.1: the request says where the candidate's log ends")
    func voteRequest() {
        let group = RaftGroup(2, logs: [[1, 2]]) { $0.compatibility = .noPreVote }
        group.tell(1, .campaign)
        let last = LogPosition(term: Term(2), index: LogIndex(2))
        let request = RaftMessage.VoteRequest(last: last, isTransfer: false)
        #expect(group.messages.first?.body == .vote(request))
    }

    @Test(
        "§5.4.1: the voter denies its vote if its own log is more up to date",
        arguments: [
            ([1], 1, 1, true), ([1], 1, 2, true), ([1, 1], 1, 1, false), ([1], 2, 1, true),
            ([1, 1], 2, 1, true), ([2], 1, 1, false), ([2], 1, 2, false), ([2, 1], 1, 1, false),
        ] as [([UInt64], UInt64, UInt64, Bool)]
    )
    func upToDate(log: [UInt64], term: UInt64, index: UInt64, isGranted: Bool) {
        let group = RaftGroup(2, logs: [log])
        let last = LogPosition(term: Term(term), index: LogIndex(index))
        for isReal in [false, true] {
            let request = RaftMessage.VoteRequest(last: last, isTransfer: false)
            let body: RaftMessage.Body = isReal ? .vote(request) : .preVote(request)
            group.deliver(group.message(2, 1, term: 3, body))
            let reply: RaftMessage.Body =
                isReal ? .voteReply(isGranted: isGranted) : .preVoteReply(isGranted: isGranted)
            #expect(group.messages.popLast()?.body == reply)
        }
    }

    @Test(
        "B-04, §5.4.2, Figure 8: only entries from the leader's current term are committed by counting"
    )
    func figure8() {
        let group = RaftGroup(3, logs: [[1, 2], [1, 2], [1]]) { $0.compatibility = .noPreVote }
        // Its own entry of term 3 reaches nobody, while the entry of term 2 is on a majority.
        group.loses = { message in
            guard case .append(let append) = message.body else { return false }
            return append.entries.contains { $0.term == Term(3) }
        }
        group.elect(1)
        #expect(group[1].raft.role == .leader)
        #expect(group[1].raft.log.committed == .zero)
        group.loses = { _ in false }
        for _ in 0..<3 {
            group.tick(1)
            group.settle()
        }
        #expect(group[1].raft.log.committed == LogIndex(3))
    }
}
