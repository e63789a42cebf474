import SwarmCore

/// What a node may say, and what it may believe.
extension RaftChecks {
    /// I9: nothing is said that is not on the disk; I15: a message carries no more than it may.
    mutating func sent(_ message: RaftMessage, _ host: RaftHost, _ rules: RaftRules) {
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
        case .preVote(let request):
            expect(
                host.disk.last >= request.last || state.term >= message.term,
                "I9: node \(host.id.raw) asks to be let with what is not on its disk"
            )
        case .append(let append) where append.entries.count > 1:
            var octets = 0
            for entry in append.entries { octets += entry.octets }
            expect(octets <= rules.appendOctetsMax, "I15: a message of \(octets) octets")
        default: break
        }
    }

    // MARK: - States

    /// I6: nothing is handed out to be applied that is not durable here.
    mutating func hands(_ entry: LogEntry, _ host: RaftHost) {
        expect(
            host.disk.has(entry.index, of: entry.term),
            "I6: node \(host.id.raw) applies \(entry.index.raw), which is not on its disk"
        )
    }

    /// I5: everybody applies the same at the same place; I20: each command has an effect once.
    mutating func applied(_ entry: LogEntry, _ result: UInt64, _ host: RaftHost) {
        let place = Int(entry.index.raw) - 2
        let digest = entry.content.hashValue
        if place == canon.count {
            canon.append(Canon(term: entry.term, digest: digest, result: result))
            count += 1
            if case .membership(let change) = entry.content { changed(at: entry.index, change) }
            return
        }
        guard place >= 0, place < canon.count else {
            fail(
                "I5: node \(host.id.raw) applies \(entry.index.raw) before others \(canon.count + 1)"
            )
            return
        }
        let first = canon[place]
        expect(
            first.term == entry.term && first.digest == digest && first.result == result,
            "I5: node \(host.id.raw) applies another entry at \(entry.index.raw)"
        )
    }

    /// I20: a command of a client has an effect once, whoever applies it.
    mutating func took(_ command: KeyValueMachine.Command, at index: LogIndex) {
        guard Int(index.raw) - 2 == canon.count else { return }
        let number = UInt64(command.client) << 32 | UInt64(command.sequence)
        expect(
            effects.insert(number).inserted,
            "I20: command \(command.sequence) of client \(command.client) has an effect twice"
        )
    }

    /// I14: a snapshot is the state at its index, and the membership.
    mutating func snapshot(
        _ mark: SnapshotMark,
        _ machine: KeyValueMachine,
        known: KeyValueMachine?
    ) {
        expect(
            known == nil || known == machine,
            "I14: two states at index \(mark.position.index.raw)"
        )
        expect(
            mark.membership == membership(at: mark.position.index),
            "I14: a snapshot of index \(mark.position.index.raw) with another membership"
        )
    }

    /// What is checked of a node after each of its events.
    mutating func look(at host: RaftHost, in cluster: RaftCluster) {
        let commit = host.raft.log.committed
        let isLeader = host.raft.role == .leader
        if commit != host.known.commit {
            expect(commit > host.known.commit, "I6: node \(host.id.raw) takes back a commit")
            host.known.commit = commit
            if isLeader {
                durable(commit, host, cluster)
                remember(commit, host)
            } else {
                follows(commit, host)
            }
        }
        expect(
            host.raft.log.applied <= commit && commit <= host.raft.log.lastIndex,
            "I6: node \(host.id.raw) has applied or committed what it has not"
        )
        believes(host)
        if isLeader {
            leads(host)
            // What does not add up goes on not to add up: now and then is enough.
            host.known.looks &+= 1
            if host.known.looks & 3 == 0 {
                commits(host)
                progress(host, cluster)
            }
        }
        host.known.term = host.raft.term
        host.known.last = host.raft.log.lastIndex
    }

    /// I6: what a node takes for durable is; I10: its membership is that of what it has applied.
    private mutating func believes(_ host: RaftHost) {
        if host.raft.log.installing != nil { return }
        let durable = host.raft.log.durable
        if durable != host.known.durable {
            host.known.durable = durable
            expect(
                host.raft.log.term(at: durable).map { host.disk.has(durable, of: $0) } ?? true,
                "I6: node \(host.id.raw) takes \(durable.raw) for durable, which is not on its disk"
            )
        }
        let applied = host.raft.log.applied
        if applied != host.known.applied {
            host.known.applied = applied
            expect(
                host.raft.membership == membership(at: applied) ?? RaftMembership(),
                "I10: node \(host.id.raw) has applied \(applied.raw), and not its membership"
            )
        }
    }

    private mutating func remember(_ commit: LogIndex, _ host: RaftHost) {
        while committed.count + 1 < Int(commit.raw) {
            let index = LogIndex(UInt64(committed.count + 2))
            guard let term = host.raft.log.term(at: index) else { return }
            committed.append((term, host.raft.term))
            if host.raft.log.entry(at: index)?.content.isMembership ?? false {
                changes.append((index, host.raft.term))
            }
        }
    }

    /// I5: what a follower believes to be committed is.
    private mutating func follows(_ commit: LogIndex, _ host: RaftHost) {
        let place = Int(commit.raw) - 2
        guard place >= 0, let term = host.raft.log.term(at: commit) else { return }
        expect(
            place < committed.count && committed[place].term == term,
            "I5: node \(host.id.raw) commits at \(commit.raw) what no leader did"
        )
    }

    /// I8: what is committed is on the disks of a majority, of both halves, and cannot be lost any more:
    /// nobody without it could be elected by what is on the disks.
    private mutating func durable(_ index: LogIndex, _ host: RaftHost, _ cluster: RaftCluster) {
        guard let term = host.raft.log.term(at: index) else { return }
        let membership = host.raft.membership
        func has(_ id: RaftID) -> Bool {
            cluster.host(id)?.disk.has(index, of: term) ?? false
        }
        expect(
            isMajority(of: membership, has),
            "I8: node \(host.id.raw) commits \(index.raw), which no majority has on its disk"
        )
        for half in [membership.incoming, membership.outgoing] {
            for id in half where !has(id) {
                guard let disk = cluster.host(id)?.disk, !disk.isRepairing else { continue }
                expect(
                    !isMajority(of: membership) {
                        cluster.host($0).map {
                            !$0.disk.isRepairing && disk.last >= $0.disk.last
                        } ?? false
                    },
                    "I4: node \(host.id.raw) commits \(index.raw), without which node \(id.raw) could still lead"
                )
            }
        }
    }

    /// I2: a leader only appends; I8: it commits what a majority has; I10: one change after the other.
    private mutating func leads(_ host: RaftHost) {
        if host.known.term == host.raft.term {
            expect(
                host.raft.log.lastIndex >= host.known.last,
                "I2: node \(host.id.raw) leads, and cuts its log"
            )
        }
        guard let last = host.raft.log.changes.last, last > host.known.last else { return }
        let log = host.raft.log
        if log.term(at: last) != host.raft.term { return }
        expect(
            log.changes.count == 1,
            "I10: node \(host.id.raw) changes the membership before the last change is applied"
        )
        if log.entry(at: last)?.content == .membership(.leaveJoint) { return }
        expect(
            log.term(at: log.committed) == host.raft.term,
            "I10: node \(host.id.raw) changes the membership before it has committed anything"
        )
    }

    private mutating func commits(_ host: RaftHost) {
        let commit = host.raft.log.committed
        if commit == host.raft.log.lastIndex { return }
        var matches: [(id: RaftID, match: LogIndex)] = []
        for peer in host.raft.peers { matches.append((peer.id, peer.counted)) }
        for (_, match) in matches where match > commit {
            guard host.raft.log.term(at: match) == host.raft.term else { continue }
            expect(
                !isMajority(of: host.raft.membership) { id in
                    matches.contains { $0.id == id && $0.match >= match }
                },
                "I8: node \(host.id.raw) does not commit \(match.raw), which a majority has"
            )
        }
    }

    /// I11: nobody is taken to have what is not on its disk; I12, I16: windows add up and keep their bounds.
    private mutating func progress(_ host: RaftHost, _ cluster: RaftCluster) {
        let rules = host.raft.rules
        for peer in host.raft.peers {
            guard let other = cluster.host(peer.id) else { continue }
            // A later leader may have cut off what this one, which does not know of it, was told of.
            let isLater =
                other.disk.hardState.term > host.raft.term || other.disk.isRepairing
            expect(
                isLater || peer.match <= other.disk.last.index,
                "I11: node \(host.id.raw) takes node \(peer.id.raw) to have \(peer.match.raw), not \(other.disk.last.index.raw)"
            )
            expect(
                peer.match < peer.next && peer.window.isConsistent,
                "I12: what node \(host.id.raw) keeps of node \(peer.id.raw) does not add up"
            )
            let isBounded =
                peer.window.count <= rules.inflightMessagesMax
                && (rules.inflightOctetsMax == 0
                    || peer.window.octets <= rules.inflightOctetsMax + rules.appendOctetsMax + 1000)
            expect(
                isBounded,
                "I16: node \(host.id.raw) sends more than the window of node \(peer.id.raw)"
            )
        }
        let limit = rules.uncommittedOctetsMax
        expect(
            limit == 0 || host.raft.uncommittedOctets <= limit + 1000,
            "I16: node \(host.id.raw) keeps \(host.raft.uncommittedOctets) octets uncommitted"
        )
    }
}
