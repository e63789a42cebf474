import DequeModule
package import Base

/// One manager's part in agreeing on a log: it votes, leads or follows, and says what is committed.
///
/// Raft with pre-votes, check-quorum, learners, joint configurations, linearizable reads by confirmed
/// rounds, and leadership transfer. Nothing is sent or written here: inputs and moments come in, outputs are
/// to be obeyed in order, and of what is handed out to be written the engine hears `persisted`. What
/// depends on something durable travels with the batch that makes it so (`PersistBatch.after`); a node's own
/// vote and its own acknowledgement too, as messages to itself. Changes of the membership hold once they are
/// applied. Time enters as ticks, at most one for each `wake`, so that a node that slept does not rush.
///
///     follower -> preCandidate -> candidate -> leader
///         ^____________|______________|__________|   a higher term, a leader of this term, no quorum
///
/// Never decides by a clock, never trusts what its disk has not confirmed, never counts an acknowledgement
/// of another membership or start. Source: Raft paper; Raft thesis §3.10, §4, §6.4, §9.6; raft.md §1.
package struct Raft: ~Copyable, Engine, Sendable {
    /// Why the engine wants to be woken.
    package enum WakeReason: Hashable, Sendable, CaseIterable {
        case tick, haste
    }

    /// What was found on the disk at the start.
    package struct Boot: Sendable {
        package var hardState: HardState
        /// What stands before the first entry.
        package var base: LogPosition
        package var entries: [LogEntry]
        /// The state that the machine starts from, at or behind `base`.
        package var snapshot: SnapshotMark
        /// How often this node was started, rising from start to start.
        package var count: UInt32
        /// Drawn anew at each start; a disk that was put back to an earlier state cannot repeat it.
        package var start: UInt64
        /// Whether part of the log was damaged and is missing from `entries`: the node does not vote before
        /// a leader says that it has all again.
        package var isRepairing: Bool

        /// `base`: the snapshot's position where nil.
        package init(
            hardState: HardState = HardState(),
            snapshot: SnapshotMark,
            base: LogPosition? = nil,
            entries: [LogEntry] = [],
            count: UInt32 = 1,
            start: UInt64 = 0,
            isRepairing: Bool = false
        ) {
            self.hardState = hardState
            self.base = base ?? snapshot.position
            self.entries = entries
            self.snapshot = snapshot
            self.count = count
            self.start = start
            self.isRepairing = isRepairing
        }
    }

    /// What was handed out to be written and is not yet known to be durable.
    struct Writing: Sendable {
        let token: PersistToken
        let term: Term
        let covers: LogPosition?
        let snapshot: SnapshotMark?
        let since: UInt64
    }

    /// A local proposal whose end is not known.
    struct Waiter: Sendable {
        let position: LogPosition
        let tag: ProposalTag
    }

    /// A read that waits for its round; `from` is nil for this node's own.
    struct WaitingRead: Sendable {
        let tag: ReadTag
        let from: RaftID?
        let boot: UInt32
        let index: LogIndex
        let round: UInt64
    }

    package let id: RaftID
    package let cluster: ClusterIdentity
    package let rules: RaftRules
    package internal(set) var log: RaftLog
    package internal(set) var membership: RaftMembership
    /// Who is sent the log, in the order of numbers; this node among them while it is a member.
    package internal(set) var peers: [PeerProgress] = []
    package internal(set) var term: Term
    package internal(set) var vote: RaftID?
    package internal(set) var role = RaftRole.follower
    package internal(set) var leader: RaftID?
    /// Whom the leadership is being handed to.
    package internal(set) var transferee: RaftID?
    /// The newest snapshot that is durable here.
    package internal(set) var snapshot: SnapshotMark
    package internal(set) var counts = RaftCounts()
    /// Octets of payloads that this leader appended and did not see applied.
    package internal(set) var uncommittedOctets = 0
    /// Whether entries that were acknowledged may be missing: it does not vote.
    package internal(set) var isRepairing: Bool
    /// Set once something happened that cannot be; the engine is silent from then on.
    package internal(set) var fault: RaftFault?

    let boot: UInt32
    let start: UInt64
    var generator: SeededGenerator
    var votes: [(id: RaftID, isGranted: Bool)] = []
    /// Ticks since a leader was heard, since the campaign began, or since the quorum was checked.
    var electionElapsed = 0
    var heartbeatElapsed = 0
    var electionTimeout = 0
    /// Until this index is applied no further change of the membership is taken.
    var pendingChange = LogIndex.zero
    var sessions: UInt32 = 0

    var waiters: Deque<Waiter> = []
    var reads: Deque<WaitingRead> = []
    /// Reads that came before this leader had committed an entry of its own term.
    var earlyReads: [WaitingRead] = []
    /// The newest round of reads that was sent out.
    var readRound: UInt64 = 0

    /// Whether a snapshot was asked for that is not there yet.
    var isSnapshotWanted = false
    var ticks: UInt64 = 0
    var tickAt: Moment
    /// When to campaign without waiting for the timeout.
    var hasteAt: Moment?
    /// The leader that others say is gone: what it sent before may still arrive.
    var gone: (leader: RaftID, term: Term)?
    /// How often it still hurries: what it asks may be lost on the way.
    var hasteTries = 0

    var after: [RaftMessage] = []
    var sends: [RaftMessage] = []
    var writing: Deque<Writing> = []
    /// The tick at which the disk last got something done.
    var writtenAt: UInt64 = 0
    var lastToken: UInt64 = 0
    var hardStateGiven: HardState
    var reported: RoleChange
    private var outputs: [RaftOutput] = []
    private var taken = 0

    /// A node as its disk left it, as a follower.
    ///
    /// `seed`: any number; two nodes of one seed would campaign in step.
    package init(
        id: RaftID,
        cluster: ClusterIdentity,
        rules: RaftRules,
        boot: Boot,
        seed: UInt64,
        at now: Moment
    ) {
        self.id = id
        self.cluster = cluster
        self.rules = rules
        self.boot = boot.count
        start = boot.start
        isRepairing = boot.isRepairing
        log = RaftLog(
            base: boot.base,
            entries: boot.entries,
            committed: boot.hardState.commit,
            applied: boot.snapshot.position.index,
            applyOctetsMax: rules.applyOctetsMax
        )
        membership = boot.snapshot.membership
        snapshot = boot.snapshot
        term = boot.hardState.term
        vote = boot.hardState.vote
        generator = SeededGenerator(seed: seed)
        tickAt = now.advanced(milliseconds: rules.tickMilliseconds)
        hardStateGiven = HardState(term: term, vote: vote, commit: log.committed)
        reported = RoleChange(role: .follower, leader: nil, term: boot.hardState.term)
        track(membership, fresh: [])
        reset(to: term)
        if !rules.isPlain, membership.isSingleton, isPromotable { hasteAt = now }
    }

    // MARK: - The four verbs

    package mutating func handle(_ input: consuming RaftInput, at now: Moment) {
        if fault != nil { return }
        switch input {
        case .received(let message): receive(message)
        case .propose(let proposals): propose(proposals)
        case .read(let tag): read(tag, from: nil, boot: boot)
        case .transfer(let target): transfer(to: target)
        case .campaign: campaignIfPossible(isTransfer: false)
        case .forgetLeader: forgetLeader()
        case .gone(let peer): isGone(peer, at: now)
        case .unreachable(let peer): isUnreachable(peer)
        case .snapshotSent(let peer, let isThere): snapshotSent(peer, isThere: isThere)
        case .snapshotMoves(let peer): snapshotMoves(peer)
        case .persisted(let token): didPersist(token)
        case .applied(let index): didApply(through: index)
        case .snapshotTaken(let mark):
            if mark.position.index >= snapshot.position.index { snapshot = mark }
            isSnapshotWanted = false
        case .compact(let index): log.compact(before: kept(before: index))
        case .storageFailed: fail(.storage)
        }
        reportRole()
    }

    package mutating func wake(at now: Moment) {
        if fault != nil { return }
        if let due = hasteAt, due <= now {
            hasteAt = nil
            hurry(at: now)
        }
        if tickAt <= now {
            tickAt = now.advanced(milliseconds: rules.tickMilliseconds)
            tick()
        }
        reportRole()
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        if fault != nil { return nil }
        if let hasteAt, hasteAt < tickAt { return (hasteAt, .haste) }
        return (tickAt, .tick)
    }

    package mutating func next() -> RaftOutput? {
        if let news = nextNews() { return news }
        gather()
        return nextNews()
    }

    /// The next that is only to be known: what is to be written, sent and applied stays where it is, and
    /// may still grow.
    package mutating func nextNews() -> RaftOutput? {
        if taken == outputs.count {
            outputs.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        taken += 1
        return outputs[taken - 1]
    }

    // MARK: - Outputs

    mutating func emit(_ output: RaftOutput) { outputs.append(output) }

    /// What has come together since the last time: writing begins, then messages go, then entries are applied.
    private mutating func gather() {
        if fault != nil { return }
        gatherBatch()
        for message in sends { outputs.append(.send(message)) }
        sends.removeAll(keepingCapacity: true)
        let entries = log.takeAppliable(isEarly: rules.compatibility.contains(.appliesEarly))
        if !entries.isEmpty { outputs.append(.apply(entries)) }
    }

    private mutating func gatherBatch() {
        let hardState = HardState(term: term, vote: vote, commit: log.committed)
        let isChanged = hardState != hardStateGiven
        if !isChanged, after.isEmpty, !log.hasUnwritten { return }
        let covers = log.undurable
        let (entries, installed) = log.takeUnwritten()
        let isVoteChanged =
            hardState.term != hardStateGiven.term || hardState.vote != hardStateGiven.vote
        lastToken += 1
        let token = PersistToken(lastToken)
        writing.append(
            Writing(token: token, term: term, covers: covers, snapshot: installed, since: ticks)
        )
        hardStateGiven = hardState
        let messages = after
        after.removeAll(keepingCapacity: true)
        emit(
            .persist(
                PersistBatch(
                    token: token,
                    hardState: isChanged ? hardState : nil,
                    snapshot: installed,
                    entries: entries,
                    needsSync: !entries.isEmpty || isVoteChanged || installed != nil,
                    covers: covers,
                    term: term,
                    after: messages
                )
            )
        )
    }

    private mutating func reportRole() {
        let now = RoleChange(role: role, leader: leader, term: term)
        if now == reported { return }
        reported = now
        emit(.role(now))
    }

    /// Says so, and nothing else any more.
    mutating func fail(_ fault: RaftFault) {
        self.fault = fault
        sends.removeAll()
        after.removeAll()
        emit(.fault(fault))
    }

    // MARK: - Members

    func place(of id: RaftID) -> Int? { peers.firstIndex { $0.id == id } }

    /// The members' lists are those of `membership` now; of `fresh` ones nothing is known.
    mutating func track(_ membership: RaftMembership, fresh: [RaftID]) {
        self.membership = membership
        let old = peers
        peers = membership.members.map { id in
            if !fresh.contains(id), var known = old.first(where: { $0.id == id }) {
                known.isLearner = membership.isLearner(id)
                return known
            }
            return newPeer(id)
        }
    }

    private mutating func newPeer(_ id: RaftID) -> PeerProgress {
        sessions += 1
        return PeerProgress(
            id: id,
            session: sessions,
            next: max(log.lastIndex, LogIndex(1)),
            isLearner: membership.isLearner(id),
            window: InflightWindow(
                countMax: rules.inflightMessagesMax,
                octetsMax: rules.inflightOctetsMax
            )
        )
    }

    /// Everything that belongs to a reign begins anew.
    mutating func reset(to term: Term) {
        if self.term != term {
            self.term = term
            vote = nil
        }
        leader = nil
        electionElapsed = 0
        heartbeatElapsed = 0
        redrawTimeout()
        transferee = nil
        votes.removeAll(keepingCapacity: true)
        let last = log.lastIndex
        for place in peers.indices {
            var peer = newPeer(peers[place].id)
            peer.next = last.next
            if peer.id == id { peer.match = last }
            peer.isActive = false
            peers[place] = peer
        }
        pendingChange = .zero
        uncommittedOctets = 0
        dropReads()
    }

    mutating func redrawTimeout() {
        let range = UInt32(max(1, rules.electionTicks))
        electionTimeout = rules.electionTicks + Int(generator.below(range))
    }

    /// Waits this many ticks before the next campaign; for recorded runs.
    package mutating func setElectionTimeout(ticks: Int) { electionTimeout = ticks }

    /// Whether this node may become leader at all.
    var isPromotable: Bool {
        membership.isVoter(id) && log.installing == nil && !isRepairing
    }
}
