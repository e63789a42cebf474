import Base
import SwarmCore
import Testing

/// What other implementations got wrong with logs, disks and snapshots, each by its number in raft.md §4.9.
@Suite("Mistakes of others: logs and snapshots")
struct RaftLogTests {
    /// A group whose node 3 lacks entries that its leader, node 1, has forgotten.
    static func lagging(rules: (inout RaftRules) -> Void = { _ in }) -> RaftGroup {
        let group = RaftGroup(3) {
            $0.keptOctetsMax = 0
            rules(&$0)
        }
        group.elect(1)
        group.loses = { message in
            if case .append = message.body { message.to == RaftID(3) } else { false }
        }
        for text in ["a", "b", "c", "d"] {
            group.propose(1, text)
            group.settle()
        }
        group.takeSnapshot(1)
        group.loses = { _ in false }
        return group
    }

    private static func peer(_ id: UInt64, of member: RaftGroup.Member) -> PeerProgress? {
        member.raft.peers.first { $0.id == RaftID(id) }
    }

    private static func outcomes(_ member: RaftGroup.Member) -> [ProposalOutcome] {
        member.news.compactMap { output in
            if case .outcome(_, let outcome) = output { outcome } else { nil }
        }
    }

    @Test(
        "B-14: a snapshot that nobody reports on is sent again, and an acknowledgement ends the wait"
    )
    func lostReport() {
        let group = Self.lagging()
        group.loses = { if case .snapshot = $0.body { true } else { false } }
        for _ in 0..<2 {
            group.tick(1)
            group.settle()
        }
        #expect(Self.peer(3, of: group[1])?.flow == .snapshot(LogIndex(5)))
        for _ in 0..<110 {
            for node: UInt64 in [1, 2, 3] { group.tick(node) }
            group.settle()
        }
        #expect(group[1].raft.counts.snapshotsSent == 2)
        // It has the snapshot from somebody else.
        group.loses = { _ in false }
        let mark = group[1].raft.snapshot
        let term = group[1].raft.term.raw
        let session = Self.peer(3, of: group[1])?.session ?? 0
        group.deliver(group.message(1, 3, term: term, .snapshot(mark), session: session))
        group.settle()
        #expect(Self.peer(3, of: group[1])?.flow == .replicate)
    }

    @Test("B-15: what a window counted is gone when it is cleared")
    func clearedWindow() {
        let group = RaftGroup(3) { $0.inflightOctetsMax = 100 }
        group.elect(1)
        group.loses = { $0.to == RaftID(3) }
        for _ in 0..<5 {
            group.propose(1, String(repeating: "x", count: 50))
            group.settle()
        }
        #expect(Self.peer(3, of: group[1])?.window.isFull == true)
        group.tell(1, .unreachable(RaftID(3)))
        #expect(Self.peer(3, of: group[1])?.window.octets == 0)
        #expect(Self.peer(3, of: group[1])?.window.isFull == false)
    }

    @Test("B-18: followers learn of a commit within a round trip, without a heartbeat")
    func quietCommit() {
        let group = RaftGroup(3)
        group.elect(1)
        group.propose(1, "x")
        group.settle()
        for node: UInt64 in [1, 2, 3] {
            #expect(group[node].raft.log.committed == LogIndex(2))
        }
    }

    @Test("B-20: an older, shorter append cuts off nothing")
    func shorterAppend() {
        let group = RaftGroup(3)
        let entries = RaftGroup.log([1, 1, 1])
        for count in [3, 1, 0] {
            let append = RaftMessage.Append(
                previous: .zero,
                entries: Array(entries.prefix(count)),
                commit: .zero
            )
            group.deliver(group.message(1, 2, term: 1, .append(append)))
        }
        #expect(group.terms(2) == [1, 1, 1])
        #expect(group[2].disk == entries)
    }

    @Test("B-22: a log however long goes in messages of bounded size; one entry always goes")
    func boundedMessages() {
        let group = RaftGroup(3) { $0.appendOctetsMax = 1000 }
        group.elect(1)
        group.loses = { $0.to == RaftID(3) }
        for _ in 0..<100 { group.propose(1, String(repeating: "x", count: 90)) }
        group.propose(1, String(repeating: "y", count: 5000))
        group.settle()
        var sizes: [Int] = []
        group.loses = { message in
            guard case .append(let append) = message.body, message.to == RaftID(3) else {
                return false
            }
            let octets = append.entries.reduce(0) { $0 + $1.octets }
            if append.entries.count > 1 { sizes.append(octets) }
            return false
        }
        group.tell(1, .unreachable(RaftID(3)))
        for _ in 0..<3 {
            group.tick(1)
            group.settle()
        }
        #expect(group.terms(3) == group.terms(1))
        #expect(sizes.count >= 9)
        #expect(sizes.allSatisfy { $0 <= 1000 })
    }

    @Test("B-24: whose entry was replaced hears so, and whose end a snapshot hides hears that")
    func outcomes() {
        for isHidden in [false, true] {
            let group = RaftGroup(3) { $0.keptOctetsMax = 0 }
            group.elect(1)
            group.loses = { $0.from == RaftID(1) || $0.to == RaftID(1) }
            group.propose(1, "x")
            group.settle()
            group.tell(2, .forgetLeader)
            group.tell(3, .forgetLeader)
            group.elect(2)
            group.propose(2, "y")
            group.settle()
            if isHidden { group.takeSnapshot(2) }
            group.loses = { _ in false }
            for _ in 0..<3 {
                group.tick(2)
                group.settle()
            }
            #expect(Self.outcomes(group[1]) == [isHidden ? .unknown : .superseded])
            #expect(group[1].raft.log.applied == LogIndex(3))
        }
    }

    @Test("B-25: what was written in an earlier term is not taken for what stands there now")
    func writtenBefore() throws {
        let group = RaftGroup(3)
        group.holdsDisk = [RaftID(2)]
        let old = RaftMessage.Append(
            previous: .zero,
            entries: RaftGroup.log([1]),
            commit: .zero
        )
        group.deliver(group.message(1, 2, term: 1, .append(old)))
        let new = RaftMessage.Append(
            previous: .zero,
            entries: RaftGroup.log([2]),
            commit: LogIndex(1)
        )
        group.deliver(group.message(3, 2, term: 2, .append(new)))
        let first = try #require(group[2].held.first)
        group.tell(2, .persisted(first.token))
        #expect(group[2].raft.log.durable == .zero)
        #expect(group[2].applied.isEmpty)
        group.release(2)
        #expect(group[2].applied.map(\.term) == [Term(2)])
    }

    @Test("B-27: nothing is applied before it is on the disk")
    func appliesDurable() {
        let group = RaftGroup(3)
        group.holdsDisk = [RaftID(2)]
        let append = RaftMessage.Append(
            previous: .zero,
            entries: RaftGroup.log([1, 1]),
            commit: LogIndex(2)
        )
        group.deliver(group.message(1, 2, term: 1, .append(append)))
        #expect(group[2].raft.log.committed == LogIndex(2))
        #expect(group[2].applied.isEmpty)
        group.release(2)
        #expect(group[2].applied.count == 2)
    }

    @Test("B-41: a follower that is slow and heard needs no snapshot, within limits")
    func slowFollower() {
        for limit in [1 << 20, 100] {
            let group = RaftGroup(3) { $0.keptOctetsMax = limit }
            group.elect(1)
            group.loses = { message in
                if case .append = message.body { message.to == RaftID(3) } else { false }
            }
            for _ in 0..<20 {
                group.propose(1, "abcdefgh")
                group.settle()
                group.takeSnapshot(1)
                group.tick(1)
                group.settle()
            }
            let isKept = limit > 100
            #expect((group[1].raft.log.base.index <= LogIndex(1)) == isKept)
            group.loses = { _ in false }
            for _ in 0..<3 {
                group.tick(1)
                group.settle()
            }
            #expect(group[3].raft.log.lastIndex == group[1].raft.log.lastIndex)
            #expect((group[1].raft.counts.snapshotsSent == 0) == isKept)
            // Who is not heard holds nothing back.
            group.loses = { $0.from == RaftID(3) || $0.to == RaftID(3) }
            for _ in 0..<25 {
                group.tick(1)
                group.tick(2)
                group.settle()
            }
            group.propose(1, "z")
            group.settle()
            group.takeSnapshot(1)
            #expect(group[1].raft.log.count == 0)
        }
    }

    @Test("B-36: the membership of a snapshot takes the place of that of the log")
    func snapshotMembership() {
        let group = RaftGroup(3)
        let voters = [RaftID(2), RaftID(4), RaftID(5)]
        let mark = SnapshotMark(
            position: LogPosition(term: Term(1), index: LogIndex(7)),
            membership: RaftMembership(voters: voters)
        )
        group.deliver(group.message(4, 2, term: 1, .snapshot(mark)))
        #expect(group[2].raft.membership == mark.membership)
        // It needs a majority of these now.
        group.messages.removeAll()
        group.tell(2, .forgetLeader)
        group.tell(2, .campaign)
        #expect(group.messages.map(\.to) == [RaftID(4), RaftID(5)])
    }

    @Test("B-38: a snapshot that contradicts the log takes the place of all of it")
    func conflictingTail() {
        let group = RaftGroup(3, logs: [[1], [1, 1, 2, 2, 2, 2]])
        let mark = SnapshotMark(
            position: LogPosition(term: Term(3), index: LogIndex(4)),
            membership: group[2].raft.membership
        )
        group.deliver(group.message(1, 2, term: 3, .snapshot(mark)))
        #expect(group[2].raft.log.last == mark.position)
        #expect(group[2].raft.log.count == 0)
        // One that agrees with the log leaves it as it is.
        let fitting = RaftGroup(3, logs: [[1], [1, 1, 2, 2]])
        let known = SnapshotMark(
            position: LogPosition(term: Term(1), index: LogIndex(2)),
            membership: fitting[2].raft.membership
        )
        fitting.deliver(fitting.message(1, 2, term: 3, .snapshot(known)))
        #expect(fitting.terms(2) == [1, 1, 2, 2])
        #expect(fitting[2].raft.log.committed == LogIndex(2))
    }

    @Test("B-39: a snapshot goes with the membership that it was taken with")
    func snapshotOfItsTime() {
        let group = Self.lagging()
        let before = group[1].raft.membership
        group.loses = { $0.to == RaftID(3) }
        group.change(1, MembershipChange([.addLearner(RaftID(4))]))
        group.settle()
        #expect(group[1].raft.membership != before)
        group.loses = { _ in false }
        var sent: [SnapshotMark] = []
        group.loses = { message in
            if case .snapshot(let mark) = message.body { sent.append(mark) }
            return false
        }
        group.tick(1)
        group.settle()
        #expect(sent.first?.membership == before)
        #expect(sent.first?.position == LogPosition(term: Term(1), index: LogIndex(5)))
        for _ in 0..<2 {
            group.tick(1)
            group.settle()
        }
        #expect(group[3].raft.membership == group[1].raft.membership)
    }

    @Test(
        "B-48: term, vote and what depends on them are one batch, which is synced before it is spoken of"
    )
    func oneBatch() throws {
        let group = RaftGroup(3)
        group.holdsDisk = [RaftID(2)]
        let request = RaftMessage.VoteRequest(last: .zero, isTransfer: false)
        group.deliver(group.message(3, 2, term: 4, .vote(request)))
        let batch = try #require(group[2].held.first)
        #expect(batch.hardState == HardState(term: Term(4), vote: RaftID(3)))
        #expect(batch.needsSync)
        #expect(batch.after.map(\.body) == [.voteReply(isGranted: true)])
        #expect(group.messages.isEmpty)
        // The snapshot's place in the log is written with it, and restored from once it is.
        let mark = SnapshotMark(
            position: LogPosition(term: Term(4), index: LogIndex(9)),
            membership: group[2].raft.membership
        )
        group.deliver(group.message(3, 2, term: 4, .snapshot(mark)))
        let install = try #require(group[2].held.last)
        #expect(install.snapshot == mark)
        #expect(install.needsSync)
        #expect(group[2].raft.log.applied == .zero)
        group.release(2)
        #expect(group[2].raft.log.applied == LogIndex(9))
    }
}
