import Base
import SwarmCore

/// Disks and state machines.
extension RaftCluster {
    func write(_ batch: PersistBatch, _ host: RaftHost) {
        host.writes.append(batch)
        if host.writing.isEmpty { beginWrite(host) }
    }

    /// All that waits is written at once: a group commit.
    private func beginWrite(_ host: RaftHost) {
        host.writing = host.writes
        host.writes = []
        let needsSync = host.writing.contains { $0.needsSync }
        var wait: UInt64 = 1000
        if needsSync {
            wait = 200_000 + UInt64(disks.below(1_800_000))
            figures.syncs += 1
        }
        if host.diskSlowUntil > now, needsSync {
            wait += UInt64(disks.below(weather.slownessMax)) * Self.millisecond
        }
        schedule(.written, in: wait, node: UInt32(place(of: host.id)), payload: host.incarnation)
        if needsSync { occasion(.writing, host) }
    }

    func didWrite(_ host: RaftHost) {
        let batches = host.writing
        host.writing = []
        for batch in batches {
            host.disk.write(batch)
            check.wrote(batch, host)
            if check.violation != nil { return }
        }
        for batch in batches {
            for message in batch.after where message.to != host.id { send(message, host) }
            for message in batch.after where message.to == host.id {
                host.raft.handle(.received(message), at: host.local(now))
            }
            host.raft.handle(.persisted(batch.token), at: host.local(now))
        }
        if !host.writes.isEmpty { beginWrite(host) }
        obey(host)
    }

    // MARK: - Applying

    /// Entries wait for the machine, which takes them in their order.
    func apply(_ entries: [LogEntry], _ host: RaftHost) {
        guard let first = entries.first, let last = entries.last, first.index == host.handed.next
        else {
            check.fail("node \(host.id.raw) is to apply what does not follow \(host.handed.raw)")
            return
        }
        host.handed = last.index
        for entry in entries { check.hands(entry, host) }
        host.applies.append(entries)
        var wait = 20_000 + UInt64(disks.below(200_000))
        if host.applySlowUntil > now {
            wait += UInt64(disks.below(weather.slownessMax)) * Self.millisecond
        }
        let latest = now + wait + Self.second
        host.appliesUntil = min(max(host.appliesUntil, now) + wait, latest)
        events.schedule(
            Happening.applied.rawValue,
            at: host.appliesUntil,
            node: UInt32(place(of: host.id)),
            payload: host.incarnation
        )
    }

    func didApply(_ host: RaftHost) {
        // What a snapshot came over is not applied any more.
        guard let entries = host.applies.first, entries[0].index == host.applied.next else {
            return
        }
        host.applies.removeFirst()
        for entry in entries {
            host.applied = entry.index
            var result: UInt64 = 0
            if case .command(let octets) = entry.content {
                let done = host.machine.apply(octets)
                result = done.result
                if let command = done.effect { check.took(command, at: entry.index) }
            }
            host.sinceSnapshot += 1
            check.applied(entry, result, host)
            if check.violation != nil { return }
        }
        figures.applied += entries.count
        let isChange = entries.contains { $0.content.isMembership }
        tell(host, .applied(through: host.applied))
        answerReads(host)
        let bound = active.contains(.compaction) && !isCalm ? weather.snapshotEvery : 2000
        if host.sinceSnapshot >= bound { takeSnapshot(host) }
        if isChange { occasion(.changed, host) }
    }

    /// The state as it is now, durable at once, and the entries before it forgotten.
    func takeSnapshot(_ host: RaftHost) {
        guard host.raft.log.applied == host.applied, host.isRunning,
            let term = host.raft.log.term(at: host.applied),
            host.disk.term(at: host.applied) == term
        else { return }
        host.sinceSnapshot = 0
        let position = LogPosition(term: term, index: host.applied)
        let mark = SnapshotMark(
            position: position,
            membership: host.raft.membership,
            id: host.machine.digest,
            octets: UInt64(KeyValueMachine.octetCount)
        )
        check.snapshot(mark, host.machine, known: snapshots[position.index.raw])
        snapshots[position.index.raw] = host.machine
        host.disk.snapshot = mark
        tell(host, .snapshotTaken(mark))
        let kept = active.contains(.compaction) ? weather.kept : 500
        if position.index.raw > kept + 1 {
            let first = LogIndex(position.index.raw + 1 - kept)
            tell(host, .compact(before: first))
            host.disk.compact(before: host.raft.log.first)
        }
        tellTransfers(host, .passed(position.index))
        figures.snapshots += 1
        if active.contains(.compaction), !isCalm { figures.faults[.compaction] += 1 }
    }

    func restore(_ mark: SnapshotMark, _ host: RaftHost) {
        guard let machine = arrivedState(mark, host) else { return }
        if machine != snapshots[mark.position.index.raw] {
            check.fail("node \(host.id.raw) has a snapshot that nobody took")
            return
        }
        host.machine = machine
        host.applied = mark.position.index
        host.handed = host.applied
        host.applies.removeAll()
        host.sinceSnapshot = 0
        figures.restores += 1
        tellTransfers(host, .passed(mark.position.index))
        answerReads(host)
        occasion(.restored, host)
    }
}
