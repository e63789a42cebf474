import Base
import ClusterWire
import LinuxSystem
import SwarmCore

/// What the engines want, and what the journal says.
extension RaftLoop {
    /// Obeys until nobody wants anything.
    mutating func obey() {
        proposeBatch()
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            while let output = raft.next() {
                isQuiet = false
                obey(output)
            }
            while let output = transfers.next() {
                isQuiet = false
                obey(output)
            }
        }
    }

    private mutating func obey(_ output: RaftOutput) {
        switch output {
        case .persist(let batch): desk.post(.persist(batch))
        case .send(let message): dispatch(message)
        case .apply(let entries): apply(entries)
        case .restore(let mark): restore(mark)
        case .role(let change):
            if change.role != .leader { transfers.handle(.stop(nil), at: Clock.now()) }
        case .snapshotWanted: takeSnapshot()
        case .read(let tag, let verdict): readAnswered(tag, verdict)
        case .proposal(let tag, .accepted(let position)):
            pending[tag]?.position = position
            if pending[tag] != nil { awaited.insert(position.index) }
        case .proposal(let tag, .refused(let refusal)): proposalEnded(tag, .refused(refusal))
        case .outcome(let tag, let outcome): proposalEnded(tag, outcome)
        case .member: break
        case .repaired: desk.post(.repaired)
        case .fault(let fault):
            failure = failure ?? .fault(fault)
            isStopping = true
        }
    }

    private mutating func obey(_ output: SnapshotTransfers.Output) {
        let now = Clock.now()
        switch output {
        case .send(let message): send(.snapshot(message), to: message.to)
        case .read(let peer, let mark, let offset, let count):
            desk.post(.read(to: peer, mark, offset: offset, count: count))
        case .create(let mark): desk.post(.create(mark))
        case .write(let chunk): desk.post(.write(chunk))
        case .verify(let mark): desk.post(.verify(mark))
        case .discard(let mark):
            arrived[mark.id] = nil
            desk.post(.discard(mark))
        case .deliver(let message):
            raft.handle(.received(message), at: now)
            if let id = raft.log.installing?.id { transfers.handle(.installing(id: id), at: now) }
        case .moves(let peer): raft.handle(.snapshotMoves(peer), at: now)
        case .ended(let peer, let isThere):
            raft.handle(.snapshotSent(peer, isThere: isThere), at: now)
        }
    }

    /// A snapshot's mark goes before its octets, and Raft hears of it behind them.
    private mutating func dispatch(_ message: RaftMessage) {
        if case .snapshot(let mark) = message.body, mark.octets > 0 {
            transfers.handle(.send(message), at: Clock.now())
        } else {
            send(.raft(message), to: message.to)
        }
    }

    // MARK: - The journal

    mutating func heed(_ news: JournalNews<Machine>, at now: Moment) {
        switch news {
        case .persisted(let batches):
            status.counts.syncs += 1
            status.counts.batches += batches.count
            for batch in batches {
                for message in batch.after where message.to != settings.id { dispatch(message) }
                for message in batch.after where message.to == settings.id {
                    raft.handle(.received(message), at: now)
                }
                raft.handle(.persisted(batch.token), at: now)
            }
        case .taken(let mark):
            isTakingSnapshot = false
            status.counts.snapshotsTaken += 1
            raft.handle(.snapshotTaken(mark), at: now)
            transfers.handle(.passed(mark.position.index), at: now)
            let index = mark.position.index.raw
            if index > settings.entriesKept {
                raft.handle(.compact(before: LogIndex(index - settings.entriesKept)), at: now)
            }
            desk.post(.compact(through: raft.log.base.index))
        case .notTaken: isTakingSnapshot = false
        case .read(let peer, let chunk): transfers.handle(.read(to: peer, chunk), at: now)
        case .written(let id, let next): transfers.handle(.written(id: id, next: next), at: now)
        case .unwritable(let id): transfers.handle(.unwritable(id: id), at: now)
        case .verified(let id, let machine):
            arrived[id] = machine
            transfers.handle(.verified(id: id, isWhole: machine != nil), at: now)
        case .low(let isLow): self.isLow = isLow
        case .failed(let error):
            failure = .journal(error)
            raft.handle(.storageFailed, at: now)
            isStopping = true
        }
    }

    // MARK: - The state machine

    private mutating func apply(_ entries: [LogEntry]) {
        guard let last = entries.last else { return }
        for entry in entries {
            octetsSinceSnapshot += entry.octets
            guard case .command(let command) = entry.content else { continue }
            let result = machine.apply(command, at: entry.index.raw)
            if awaited.remove(entry.index) != nil { results[entry.index] = result }
        }
        sinceSnapshot += entries.count
        raft.handle(.applied(through: last.index), at: Clock.now())
        answerReadings()
        if sinceSnapshot >= settings.snapshotEntries
            || octetsSinceSnapshot >= settings.snapshotOctets
        {
            takeSnapshot()
        }
    }

    private mutating func takeSnapshot() {
        let index = raft.log.applied
        guard !isTakingSnapshot, let term = raft.log.term(at: index), index > .zero else { return }
        isTakingSnapshot = true
        sinceSnapshot = 0
        octetsSinceSnapshot = 0
        let mark = SnapshotMark(
            position: LogPosition(term: term, index: index),
            membership: raft.membership
        )
        desk.post(.take(mark, machine))
    }

    /// The state is that of a snapshot from another node, which is durable.
    private mutating func restore(_ mark: SnapshotMark) {
        if mark.octets == 0 {
            machine = Machine()
        } else if let state = arrived.removeValue(forKey: mark.id) {
            machine = state
        } else {
            failure = .state("the snapshot at \(mark.position.index.raw) is not here")
            isStopping = true
            return
        }
        arrived.removeAll()
        status.counts.snapshotsReceived += 1
        sinceSnapshot = 0
        octetsSinceSnapshot = 0
        transfers.handle(.passed(mark.position.index), at: Clock.now())
        answerReadings()
    }

    // MARK: - Answers

    mutating func proposalEnded(_ tag: ProposalTag, _ outcome: ProposalOutcome) {
        let position = pending[tag]?.position
        let result = position.flatMap { results.removeValue(forKey: $0.index) }
        if let position { awaited.remove(position.index) }
        switch outcome {
        case .committed(let at):
            finish(tag, with: .success(result ?? results.removeValue(forKey: at.index) ?? []))
        case .superseded: finish(tag, with: .failure(.superseded))
        case .unknown: finish(tag, with: .failure(.unknown))
        }
    }

    mutating func proposalEnded(_ tag: ProposalTag, _ verdict: ProposalVerdict) {
        if case .refused(let refusal) = verdict { finish(tag, with: .failure(.refused(refusal))) }
    }

    private mutating func finish(_ tag: ProposalTag, with result: Result<[UInt8], RaftNodeError>) {
        if let waiting = pending.removeValue(forKey: tag) {
            waiting.reply(result)
        } else if let reply = changing.removeValue(forKey: tag) {
            reply(result.map { _ in })
        }
    }

    private mutating func readAnswered(_ tag: ReadTag, _ verdict: ReadVerdict) {
        guard let reply = readers.removeValue(forKey: tag) else { return }
        if case .ready(let index) = verdict {
            readings.append(Reading(index: index, reply: reply))
            answerReadings()
        } else {
            reply(.failure(.unreadable(verdict)))
        }
    }

    private mutating func answerReadings() {
        if readings.isEmpty { return }
        let applied = raft.log.applied
        let ready = readings.filter { $0.index <= applied }
        if ready.isEmpty { return }
        readings.removeAll { $0.index <= applied }
        for reading in ready { reading.reply(.success(machine)) }
    }
}
