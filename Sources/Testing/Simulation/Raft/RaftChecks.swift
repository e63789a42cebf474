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

    /// The first violation.
    private(set) var violation: String?
    private(set) var count = 0

    private var leaders: [Term: RaftID] = [:]
    private var entries: [LogPosition: Seen] = [:]
    private var votes: [Ballot: RaftID] = [:]
    private var terms: [RaftID: Term] = [:]
    /// The entry at each index from 2 on, and in whose reign it was committed.
    private var committed: [(term: Term, reign: Term)] = []
    /// What was applied at each index from 2 on, by whoever applied it first.
    private var canon: [(term: Term, digest: Int, result: UInt64)] = []

    mutating func fail(_ why: String) {
        if violation == nil { violation = why }
    }

    private mutating func expect(_ holds: Bool, _ why: @autoclosure () -> String) {
        count += 1
        if !holds { fail(why()) }
    }

    func result(at index: LogIndex) -> UInt64? {
        let place = Int(index.raw) - 2
        return place >= 0 && place < canon.count ? canon[place].result : nil
    }

    // MARK: - Elections

    /// I1: one leader for each term; I4: it has all that was ever committed.
    mutating func elected(_ host: RaftHost, _ term: Term) {
        let other = leaders.updateValue(host.id, forKey: term)
        expect(
            other == nil || other == host.id,
            "I1: nodes \(other?.raw ?? 0) and \(host.id.raw) both lead in term \(term.raw)"
        )
        // A leader of an earlier term may come late; what was committed since is not for it.
        var place = committed.count - 1
        while place >= 0, committed[place].reign >= term { place -= 1 }
        let last = LogIndex(UInt64(place + 2))
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
    }

    mutating func crashed(_ host: RaftHost) { terms[host.id] = host.disk.hardState.term }

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

    /// I9: nothing is said that is not on the disk.
    mutating func sends(_ message: RaftMessage, _ host: RaftHost) {
        let state = host.disk.hardState
        switch message.body {
        case .voteReply(isGranted: true):
            expect(
                state.term > message.term
                    || (state.term == message.term && state.vote == message.to),
                "I9: node \(host.id.raw) grants a vote that is not on its disk"
            )
        case .appendReply(.matched(let index, _)) where index > .zero:
            expect(
                host.disk.last.index >= index || state.term > message.term,
                "I9: node \(host.id.raw) acknowledges \(index.raw), its disk has \(host.disk.last.index.raw)"
            )
        case .vote(let request):
            expect(
                state.term > message.term
                    || (state.vote == host.id && host.disk.last >= request.last),
                "I9: node \(host.id.raw) asks for votes with what is not on its disk"
            )
        default: break
        }
    }

    /// I15: a message carries no more than it may.
    mutating func sent(_ message: RaftMessage) {
        guard case .append(let append) = message.body, append.entries.count > 1 else { return }
        var octets = 0
        for entry in append.entries { octets += entry.octets }
        expect(octets <= 1 << 20, "I15: a message of \(octets) octets")
    }

    // MARK: - States

    /// I5: everybody applies the same at the same place.
    mutating func applied(_ entry: LogEntry, _ result: UInt64, _ host: RaftHost) {
        let place = Int(entry.index.raw) - 2
        let digest = entry.content.hashValue
        if place == canon.count {
            canon.append((entry.term, digest, result))
            count += 1
            return
        }
        guard place >= 0, place < canon.count else {
            fail(
                "I5: node \(host.id.raw) applies \(entry.index.raw) before others \(canon.count + 1)"
            )
            return
        }
        expect(
            canon[place] == (entry.term, digest, result),
            "I5: node \(host.id.raw) applies another entry at \(entry.index.raw)"
        )
        expect(
            entry.index <= host.disk.last.index,
            "I6: node \(host.id.raw) applies \(entry.index.raw), which is not on its disk"
        )
    }

    /// I14: a snapshot is the state at its index.
    mutating func snapshot(
        _ mark: SnapshotMark,
        _ machine: KeyValueMachine,
        known: KeyValueMachine?
    ) {
        expect(
            known == nil || known == machine,
            "I14: two states at index \(mark.position.index.raw)"
        )
    }

    /// What is checked of a node after each of its events.
    mutating func look(at host: RaftHost, in cluster: RaftCluster) {
        let commit = host.raft.log.committed
        if commit != host.lastCommit {
            expect(commit > host.lastCommit, "I6: node \(host.id.raw) takes back a commit")
            host.lastCommit = commit
            if host.raft.role == .leader {
                durable(commit, host, cluster)
                remember(commit, host)
            }
        }
        expect(
            host.raft.log.applied <= commit && commit <= host.raft.log.lastIndex,
            "I6: node \(host.id.raw) has applied or committed what it has not"
        )
        if host.raft.role == .leader { progress(host, cluster) }
    }

    private mutating func remember(_ commit: LogIndex, _ host: RaftHost) {
        while committed.count + 1 < Int(commit.raw) {
            let index = LogIndex(UInt64(committed.count + 2))
            guard let term = host.raft.log.term(at: index) else { return }
            committed.append((term, host.raft.term))
        }
    }

    /// I8: what is committed is on the disks of a majority, of both halves.
    private mutating func durable(_ index: LogIndex, _ host: RaftHost, _ cluster: RaftCluster) {
        guard let term = host.raft.log.term(at: index) else { return }
        let verdict = Quorum.verdict(of: host.raft.membership) { id in
            guard let disk = cluster.host(id)?.disk else { return false }
            return disk.base.index >= index || disk.term(at: index) == term
        }
        expect(
            verdict == .won,
            "I8: node \(host.id.raw) commits \(index.raw), which no majority has on its disk"
        )
    }

    /// I11: nobody is taken to have what is not on its disk; I12: windows add up.
    private mutating func progress(_ host: RaftHost, _ cluster: RaftCluster) {
        for peer in host.raft.peers {
            guard let disk = cluster.host(peer.id)?.disk else { continue }
            // A later leader may have cut off what this one, which does not know of it, was told of.
            let isLater = disk.hardState.term > host.raft.term
            expect(
                isLater || peer.match <= disk.last.index,
                "I11: node \(host.id.raw) takes node \(peer.id.raw) to have \(peer.match.raw), not \(disk.last.index.raw)"
            )
            expect(
                peer.match < peer.next && peer.window.isConsistent,
                "I12: what node \(host.id.raw) keeps of node \(peer.id.raw) does not add up"
            )
        }
    }
}
