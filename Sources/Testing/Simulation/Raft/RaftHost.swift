import Base
import SwarmCore

/// One simulated manager: its engine while it runs, its disk, and its state machine.
final class RaftHost {
    /// What is on the disk whatever happens.
    struct Disk {
        var hardState = HardState()
        var base: LogPosition
        var entries: [LogEntry] = []
        var snapshot: SnapshotMark
        /// Whether entries that were here are damaged, and not all are there again.
        var isRepairing = false
        /// What was damaged, as long as it is not all there again: it was acknowledged in good faith.
        var damaged: [LogPosition] = []

        var last: LogPosition { entries.last?.position ?? base }

        func term(at index: LogIndex) -> Term? {
            if index == base.index { return base.term }
            let place = index.distance(from: base.index) - 1
            return place >= 0 && place < entries.count ? entries[place].term : nil
        }

        /// Whether this entry is there, or was, before it went into the snapshot.
        func has(_ index: LogIndex, of term: Term) -> Bool {
            base.index >= index || self.term(at: index) == term
                || damaged.contains(LogPosition(term: term, index: index))
        }

        mutating func write(_ batch: PersistBatch) {
            if let state = batch.hardState { hardState = state }
            if let mark = batch.snapshot {
                snapshot = mark
                base = mark.position
                entries.removeAll()
            }
            guard let first = batch.entries.first else { return }
            let kept = first.index.distance(from: base.index) - 1
            if kept < entries.count { entries.removeLast(entries.count - kept) }
            entries += batch.entries
        }

        /// Drops entries before `index`, all of which the snapshot holds.
        mutating func compact(before index: LogIndex) {
            let count = index.distance(from: base.index) - 1
            guard count > 0, count <= entries.count else { return }
            base = entries[count - 1].position
            entries.removeFirst(count)
        }
    }

    /// A read that is confirmed and waits until its index is applied.
    struct Read {
        let tag: UInt64
        let index: LogIndex
    }

    let id: RaftID
    var raft: Raft
    var transfers: SnapshotTransfers
    /// When they are woken next, in world time.
    var transfersWakeAt = UInt64.max
    /// What the disk has of a snapshot that comes.
    var coming: (mark: SnapshotMark, octets: [UInt8])?
    /// The state that it holds, once all of it is there.
    var arrived: KeyValueMachine?
    var isRunning = true
    var disk: Disk
    var machine = KeyValueMachine()
    /// What the machine has applied, and what it was handed to apply.
    var applied: LogIndex
    var handed: LogIndex
    var boots: UInt32 = 0
    /// Rises with each start: what belongs to an earlier one is void.
    var incarnation: UInt32 = 0
    /// Whether a leader once knew it.
    var wasMember = false
    /// Whether it was taken out of the cluster.
    var isRemoved = false

    /// Batches that are being written.
    var writing: [PersistBatch] = []
    /// Batches that wait for the disk.
    var writes: [PersistBatch] = []
    /// Entries that wait to be applied, and when the last of them will be.
    var applies: [[LogEntry]] = []
    var appliesUntil: UInt64 = 0
    var diskSlowUntil: UInt64 = 0
    var diskHungUntil: UInt64 = 0
    var applySlowUntil: UInt64 = 0
    var pausedUntil: UInt64 = 0
    /// Kinds of messages that are lost on the way to it and from it, by bits, and until when.
    var lostTo: UInt32 = 0
    var lostFrom: UInt32 = 0
    var lostUntil: UInt64 = 0
    /// How much faster than the world its clock goes, in millionths.
    var skew: Int64 = 0
    /// When its engine is woken next, in world time.
    var wakeAt = UInt64.max
    var reads: [Read] = []
    /// Entries since its last snapshot.
    var sinceSnapshot = 0

    var known = Known()

    /// What the checks remember of a node since its start.
    struct Known {
        var commit = LogIndex.zero
        var applied = LogIndex.zero
        var durable = LogIndex.zero
        var last = LogIndex.zero
        var term = Term.zero
        var role = RaftRole.follower
        var looks: UInt8 = 0
        /// When it last heard a leader, and when it was told that one is gone.
        var heardAt: UInt64?
        var goneAt: UInt64?
        /// What it said it would say more of: proposals that it took, and reads while it led.
        var promised: [UInt64: [LogPosition]] = [:]
        var asked: Set<UInt64> = []
    }

    init(
        id: RaftID,
        mark: SnapshotMark,
        raft: consuming Raft,
        transfers: consuming SnapshotTransfers
    ) {
        self.id = id
        self.raft = raft
        self.transfers = transfers
        disk = Disk(base: mark.position, snapshot: mark)
        applied = mark.position.index
        handed = applied
    }

    /// This node's clock at a moment of the world.
    func local(_ time: UInt64) -> Moment {
        Moment(nanoseconds: UInt64(Int64(time) + Int64(time) / 1_000_000 * skew))
    }

    /// When its clock will show `moment`, or a little later.
    func world(_ moment: Moment) -> UInt64 {
        let local = Int64(min(moment.nanoseconds, UInt64(Int64.max) / 4))
        return UInt64(max(0, local / (1_000_000 + skew) * 1_000_000 + local % (1_000_000 + skew)))
    }
}
