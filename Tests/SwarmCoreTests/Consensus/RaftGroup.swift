import Base
import SwarmCore

/// Managers whose messages go at once, or are held, dropped or looked at, as a test wants.
final class RaftGroup {
    final class Member {
        var raft: Raft
        var disk: [LogEntry] = []
        var hardState = HardState()
        var applied: [LogEntry] = []
        var news: [RaftOutput] = []
        /// Batches that are not yet on the disk, where the disk is held.
        var held: [PersistBatch] = []

        init(_ raft: consuming Raft) { self.raft = raft }
    }

    static let cluster = ClusterIdentity(high: 1, low: 2, epoch: 1)

    private(set) var members: [RaftID: Member] = [:]
    let ids: [RaftID]
    /// What is on its way.
    var messages: [RaftMessage] = []
    /// Messages of these kinds, or between these nodes, are lost.
    var loses: (RaftMessage) -> Bool = { _ in false }
    /// Nodes whose disk does nothing.
    var holdsDisk: Set<RaftID> = []
    private var now = Moment.zero
    private var starts: UInt64 = 1

    init(
        _ count: Int,
        learners: Int = 0,
        logs: [[UInt64]] = [],
        term: UInt64 = 0,
        rules: (inout RaftRules) -> Void = { _ in }
    ) {
        ids = (1...(count + learners)).map { RaftID(UInt64($0)) }
        var configured = RaftRules()
        rules(&configured)
        let membership = RaftMembership(
            voters: Array(ids.prefix(count)),
            learners: Array(ids.suffix(learners))
        )
        let mark = SnapshotMark(position: .zero, membership: membership)
        for (place, id) in ids.enumerated() {
            let terms = place < logs.count ? logs[place] : []
            let entries = Self.log(terms)
            let state = HardState(term: Term(max(terms.last ?? 0, term)))
            let raft = Raft(
                id: id,
                cluster: Self.cluster,
                rules: configured,
                boot: Raft.Boot(hardState: state, snapshot: mark, entries: entries),
                seed: id.raw,
                at: now
            )
            let member = Member(raft)
            member.disk = entries
            member.hardState = state
            members[id] = member
        }
    }

    /// A log whose entries have these terms.
    static func log(_ terms: [UInt64]) -> [LogEntry] {
        terms.enumerated().map { place, term in
            let position = LogPosition(term: Term(term), index: LogIndex(UInt64(place + 1)))
            return LogEntry(
                position: position,
                content: .command([UInt8(term), UInt8(place % 256)])
            )
        }
    }

    subscript(number: UInt64) -> Member {
        guard let member = members[RaftID(number)] else {
            preconditionFailure("there is no node \(number)")
        }
        return member
    }

    var leader: RaftID? { ids.first { members[$0]?.raft.role == .leader } }

    /// Gives one node an input, and lets nothing travel.
    func tell(_ number: UInt64, _ input: RaftInput) {
        self[number].raft.handle(input, at: now)
        obey(self[number])
    }

    func propose(_ number: UInt64, _ text: String, fence: Term? = nil) {
        let proposal = RaftProposal(
            tag: ProposalTag(UInt64(text.utf8.first ?? 0)),
            content: .command(Array(text.utf8)),
            fence: fence
        )
        tell(number, .propose([proposal]))
    }

    func change(_ number: UInt64, _ change: MembershipChange, insists: Bool = false) {
        let proposal = RaftProposal(
            tag: ProposalTag(0),
            content: .membership(change),
            insists: insists
        )
        tell(number, .propose([proposal]))
    }

    /// Lets time pass at one node.
    func tick(_ number: UInt64, _ count: Int = 1) {
        for _ in 0..<count {
            guard let wake = self[number].raft.nextWake else { return }
            now = max(now, wake.moment)
            self[number].raft.wake(at: now)
            obey(self[number])
        }
    }

    /// Delivers until nothing is on its way.
    func settle() {
        var rounds = 0
        while !messages.isEmpty, rounds < 10_000 {
            rounds += 1
            deliver(messages.removeFirst())
        }
    }

    /// Makes a node leader, with all told.
    func elect(_ number: UInt64) {
        tell(number, .campaign)
        settle()
    }

    func deliver(_ message: RaftMessage) {
        guard !loses(message), let member = members[message.to] else { return }
        member.raft.handle(.received(message), at: now)
        obey(member)
    }

    private func obey(_ member: Member) {
        while let output = member.raft.next() {
            switch output {
            case .send(let message): messages.append(message)
            case .persist(let batch):
                if holdsDisk.contains(member.raft.id) {
                    member.held.append(batch)
                } else {
                    write(batch, member)
                }
            case .apply(let entries):
                member.applied += entries
                if let last = entries.last {
                    member.raft.handle(.applied(through: last.index), at: now)
                }
            default: member.news.append(output)
            }
        }
    }

    /// A node's process ends and begins again, with what its disk has of its log, or less.
    func restart(_ number: UInt64, keeping count: Int = .max, isRepairing: Bool = false) {
        let member = self[number]
        starts += 1
        member.disk = Array(member.disk.prefix(count))
        let old = member.raft.snapshot
        let boot = Raft.Boot(
            hardState: member.hardState,
            snapshot: old,
            entries: member.disk.filter { $0.index > old.position.index },
            count: UInt32(starts),
            start: starts,
            isRepairing: isRepairing
        )
        member.applied = []
        member.raft = Raft(
            id: RaftID(number),
            cluster: Self.cluster,
            rules: member.raft.rules,
            boot: boot,
            seed: starts,
            at: now
        )
        obey(member)
    }

    /// A node takes a snapshot of what it applied, and forgets the entries.
    func takeSnapshot(_ number: UInt64) {
        let raft = self[number].raft.log
        let index = raft.applied
        guard let term = raft.term(at: index) else { return }
        let mark = SnapshotMark(
            position: LogPosition(term: term, index: index),
            membership: self[number].raft.membership,
            id: index.raw
        )
        tell(number, .snapshotTaken(mark))
        tell(number, .compact(before: index.next))
    }

    /// The disk of a node catches up.
    func release(_ number: UInt64) {
        holdsDisk.remove(RaftID(number))
        let held = self[number].held
        self[number].held = []
        for batch in held { write(batch, self[number]) }
        obey(self[number])
    }

    /// The disk of a node, which is held, gets one batch done.
    func finishWrite(_ number: UInt64) {
        if self[number].held.isEmpty { return }
        let batch = self[number].held.removeFirst()
        write(batch, self[number])
        obey(self[number])
    }

    private func write(_ batch: PersistBatch, _ member: Member) {
        if let state = batch.hardState { member.hardState = state }
        if let first = batch.entries.first {
            member.disk.removeAll { $0.index >= first.index }
            member.disk += batch.entries
        }
        for message in batch.after where message.to != member.raft.id { messages.append(message) }
        for message in batch.after where message.to == member.raft.id {
            member.raft.handle(.received(message), at: now)
        }
        member.raft.handle(.persisted(batch.token), at: now)
    }

    /// A message as `from` would say it in `term`.
    func message(
        _ from: UInt64,
        _ to: UInt64,
        term: UInt64,
        _ body: RaftMessage.Body,
        session: UInt32 = 0
    ) -> RaftMessage {
        RaftMessage(
            cluster: Self.cluster,
            from: RaftID(from),
            to: RaftID(to),
            term: Term(term),
            boot: 1,
            session: session,
            body: body
        )
    }

    /// The terms of a node's log.
    func terms(_ number: UInt64) -> [UInt64] {
        let log = self[number].raft.log
        return (0..<log.count).compactMap { place in
            log.entry(at: log.first.advanced(by: place))?.term.raw
        }
    }
}
