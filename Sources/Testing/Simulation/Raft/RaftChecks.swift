import SwarmCore

/// What must hold after every event of a simulated Raft cluster.
///
/// Source: raft.md §4.5; each check names its number there.
struct RaftChecks {
    private struct Seen {
        let digest: Int
        let previous: Term
    }

    private struct Ballot: Hashable {
        let node: RaftID
        let term: Term
    }

    /// What was applied at an index by whoever applied it first.
    struct Canon {
        let term: Term
        let digest: Int
        let result: UInt64
    }

    /// The first violation.
    private(set) var violation: String?
    var count = 0

    private var leaders: [Term: RaftID] = [:]
    private var entries: [LogPosition: Seen] = [:]
    private var votes: [Ballot: RaftID] = [:]
    private var terms: [RaftID: Term] = [:]
    /// Who may have said yes to whose question about which term, by bits.
    private var willing: [Ballot: UInt64] = [:]
    /// The entry at each index from 2 on, and in whose reign it was committed.
    var committed: [(term: Term, reign: Term)] = []
    /// Where of these the membership changes.
    var changes: [(index: LogIndex, reign: Term)] = []
    /// What was applied at each index from 2 on.
    var canon: [Canon] = []
    /// Each client's commands that had an effect.
    var effects: Set<UInt64> = []
    /// From which index on which membership holds.
    private(set) var memberships: [(index: LogIndex, membership: RaftMembership)] = []

    /// Up to which index clients were told that something is so.
    var acknowledged = LogIndex.zero
    /// What the answer to a read must not be below.
    var floors: [UInt64: LogIndex] = [:]
    /// What was proposed, as long as no answer came.
    var proposals: [UInt64: LogEntry.Content] = [:]

    mutating func begin(with mark: SnapshotMark) {
        memberships = [(mark.position.index, mark.membership)]
    }

    mutating func fail(_ why: String) {
        if violation == nil { violation = why }
    }

    mutating func expect(_ holds: Bool, _ why: @autoclosure () -> String) {
        count += 1
        if !holds { fail(why()) }
    }

    func result(at index: LogIndex) -> UInt64? {
        let place = Int(index.raw) - 2
        return place >= 0 && place < canon.count ? canon[place].result : nil
    }

    /// Whether a majority of both halves is so; counted here, since what is checked may count wrongly.
    func isMajority(of membership: RaftMembership, _ isSo: (RaftID) -> Bool) -> Bool {
        isMajority(of: membership.incoming, isSo) && isMajority(of: membership.outgoing, isSo)
    }

    private func isMajority(of half: [RaftID], _ isSo: (RaftID) -> Bool) -> Bool {
        var count = 0
        for id in half where isSo(id) { count += 1 }
        return half.isEmpty || count * 2 > half.count
    }

    /// The membership that holds once `index` is applied.
    func membership(at index: LogIndex) -> RaftMembership? {
        memberships.last { $0.index <= index }?.membership
    }

    mutating func changed(at index: LogIndex, _ change: MembershipChange) {
        guard let last = memberships.last?.membership, let new = try? last.applying(change)
        else { return }
        memberships.append((index, new.membership))
    }

    // MARK: - Elections

    /// I1: one leader for each term, by votes that are durable; I4: it has all that was ever committed.
    mutating func elected(_ host: RaftHost, _ term: Term) {
        let other = leaders.updateValue(host.id, forKey: term)
        expect(
            other == nil || other == host.id,
            "I1: nodes \(other?.raw ?? 0) and \(host.id.raw) both lead in term \(term.raw)"
        )
        expect(
            isMajority(of: host.raft.membership) {
                votes[Ballot(node: $0, term: term)] == host.id
            },
            "I1: node \(host.id.raw) leads in term \(term.raw) without the votes for it"
        )
        expect(
            host.raft.membership.isVoter(host.id),
            "I17: node \(host.id.raw) leads, and knows that it is no voter"
        )
        // A leader of an earlier term may come late; what was committed since is not for it.
        var place = committed.count - 1
        while place >= 0, committed[place].reign >= term { place -= 1 }
        let last = LogIndex(UInt64(place + 2))
        // I10: the voters it asked are those of now, or those before the last change.
        let unknown = changes.count {
            $0.index > host.raft.log.applied && $0.index <= last && $0.reign < term
        }
        expect(
            unknown <= 1,
            "I10: node \(host.id.raw) leads in term \(term.raw) by voters of \(unknown) changes ago"
        )
        guard place >= 0, last > host.raft.log.base.index else { return }
        expect(
            host.raft.log.term(at: last) == committed[place].term,
            "I4: node \(host.id.raw) leads in term \(term.raw) without the entry at \(last.raw)"
        )
    }

    mutating func restarted(_ host: RaftHost) {
        // I7: nothing that was on the disk is forgotten.
        let known = terms[host.id] ?? .zero
        expect(
            host.raft.term >= known,
            "I7: node \(host.id.raw) is in term \(host.raft.term.raw) after \(known.raw)"
        )
        host.known.term = host.raft.term
        host.known.commit = host.raft.log.committed
        host.known.last = host.raft.log.lastIndex
    }

    mutating func crashed(_ host: RaftHost) {
        terms[host.id] = host.disk.hardState.term
        for tag in host.known.asked { floors[tag] = nil }
        host.known = RaftHost.Known()
    }

    /// Before a node hears a question for its vote: whether it may say yes.
    mutating func hears(_ message: RaftMessage, _ host: RaftHost) {
        guard case .preVote(let request) = message.body, message.to == host.id,
            request.last >= host.raft.log.last, message.from.raw <= 64
        else { return }
        willing[Ballot(node: message.from, term: message.term), default: 0] |=
            1 << (host.id.raw - 1)
    }

    /// I9: nobody raises the term whom no majority could have told to go on.
    mutating func raises(_ host: RaftHost, _ term: Term) {
        let bits = willing[Ballot(node: host.id, term: term)] ?? 0
        expect(
            isMajority(of: host.raft.membership) {
                $0 == host.id || bits >> ($0.raw - 1) & 1 == 1
            },
            "I9: node \(host.id.raw) asks for votes in term \(term.raw), though too few would have let it"
        )
    }

    /// After a node heard something: whether it was its leader.
    func heard(_ message: RaftMessage, _ host: RaftHost, at now: UInt64) {
        switch message.body {
        case .append, .heartbeat, .snapshot:
            if host.raft.leader == message.from, host.raft.term == message.term,
                host.raft.role == .follower, message.to == host.id
            {
                host.known.heardAt = now
            }
        default: break
        }
    }

    /// I18: who hears a leader does not campaign within a timeout, unless it is told that that one is gone.
    mutating func campaigns(_ host: RaftHost, at now: UInt64, _ rules: RaftRules) {
        guard let heard = host.known.heardAt else { return }
        let tick = rules.tickMilliseconds * 1_000_000
        if let gone = host.known.goneAt, now < gone + 20 * tick { return }
        // One tick may have been over almost, and clocks may be fast.
        let least = UInt64(rules.electionTicks - 1) * tick / 100 * 94
        expect(
            now >= heard + least,
            "I18: node \(host.id.raw) campaigns \((now - heard) / 1_000_000) ms after it heard a leader"
        )
    }

    // MARK: - Logs

    /// I3: the same position is the same entry behind the same entry; I7: one vote in each term.
    mutating func wrote(_ batch: PersistBatch, _ host: RaftHost) {
        if let state = batch.hardState {
            let known = terms[host.id] ?? .zero
            expect(
                state.term >= known,
                "I7: node \(host.id.raw) goes back to term \(state.term.raw)"
            )
            terms[host.id] = state.term
            if let vote = state.vote {
                let ballot = Ballot(node: host.id, term: state.term)
                let other = votes.updateValue(vote, forKey: ballot)
                expect(
                    other == nil || other == vote,
                    "I7: node \(host.id.raw) votes twice in term \(state.term.raw)"
                )
            }
        }
        for entry in batch.entries {
            guard let previous = host.disk.term(at: entry.index.previous) else {
                if entry.index.previous > host.disk.base.index {
                    fail("I3: node \(host.id.raw) has nothing before \(entry.index.raw)")
                }
                continue
            }
            let digest = entry.content.hashValue
            if let seen = entries[entry.position] {
                expect(
                    seen.digest == digest && seen.previous == previous,
                    "I3: two entries at \(entry.index.raw) of term \(entry.term.raw)"
                )
            } else {
                entries[entry.position] = Seen(digest: digest, previous: previous)
            }
        }
    }
}
