import Base
import Journal
import JournalWire
import LinuxSystem
import SwarmCore

/// The journal's thread: writes what waits as one batch, reads and writes snapshots in between.
struct JournalClerk<Machine: StateMachine>: ~Copyable {
    /// A snapshot that is being taken, a piece in each turn, so that no batch waits for it.
    private enum Taking: Sendable {
        /// Its octets are counted and its name found.
        case naming(SnapshotMark, Machine, Machine.Pieces, StateDigest)
        case writing(SnapshotMark, Machine.Pieces, SnapshotWriter)
    }

    /// A snapshot that comes from another node.
    private struct Coming: Sendable {
        let mark: SnapshotMark
        var writer: SnapshotWriter?
        var digest = StateDigest()
        var reader = Machine.Reader()
        var isReadable = true
    }

    /// A snapshot that is sent to another node, read from its beginning on.
    private struct Going: Sendable {
        let mark: SnapshotMark
        var reader: SnapshotReader
        /// Where `rest` begins.
        var offset: UInt64 = 0
        var rest: [UInt8] = []
    }

    private var journal: Journal<DirectoryDisk>
    private let poller: Poller
    private let desk: JournalDesk<Machine>
    private let inbox: RaftInbox<Machine>
    private var taking: Taking?
    private var coming: Coming?
    private var going: [RaftID: Going] = [:]
    private var isIncomplete: Bool
    private var witnessedAt = Moment.zero
    private var isLow = false
    private var isBusyPreparing = true

    init(
        _ journal: consuming Journal<DirectoryDisk>,
        _ desk: JournalDesk<Machine>,
        _ inbox: RaftInbox<Machine>,
        _ poller: consuming Poller
    ) {
        self.poller = poller
        isIncomplete = journal.summary.hardState.isIncomplete
        self.journal = journal
        self.desk = desk
        self.inbox = inbox
    }

    /// Works until it is told to stop, or until the disk fails.
    consuming func run() {
        var events: [Poller.Event] = []
        while true {
            do throws(JournalError) {
                let work = desk.take()
                if work.isEmpty, try !idle() {
                    // What it would fail of is a kernel without memory: then the turn is tried again.
                    try? poller.wait(milliseconds: 1000, into: &events)
                    continue
                }
                if try !perform(work) { break }
                try takeOn()
            } catch {
                say(.failed(error))
                return
            }
        }
        do throws(JournalError) {
            try journal.close()
        } catch {
            inbox.post(.journal(.failed(error)))
        }
    }

    private func say(_ news: JournalNews<Machine>) { inbox.post(.journal(news)) }

    /// What is done when nothing waits; true where there is more of it.
    private mutating func idle() throws(JournalError) -> Bool {
        if taking != nil {
            try takeOn()
            return true
        }
        let now = Clock.now()
        if now >= witnessedAt.advanced(milliseconds: 1000) {
            witnessedAt = now
            isBusyPreparing = true
            try journal.witness()
        }
        if isBusyPreparing { isBusyPreparing = try journal.prepare() }
        if journal.isLow != isLow {
            isLow = journal.isLow
            say(.low(isLow))
        }
        return isBusyPreparing
    }

    /// All that waits, in order; false when it is to stop.
    private mutating func perform(_ work: [JournalWork<Machine>]) throws(JournalError) -> Bool {
        var batches: [PersistBatch] = []
        for item in work {
            if case .persist(let batch) = item {
                // An installed snapshot takes the place of what was written before it.
                if batch.snapshot != nil { try write(&batches) }
                batches.append(batch)
                if batch.snapshot != nil { try write(&batches) }
                continue
            }
            try write(&batches)
            if case .stop = item { return false }
            try perform(item)
        }
        try write(&batches)
        return true
    }

    private mutating func perform(_ item: JournalWork<Machine>) throws(JournalError) {
        switch item {
        case .persist, .stop: break
        case .take(let mark, let machine):
            if taking == nil {
                taking = .naming(mark, machine, machine.pieces(), StateDigest())
            } else {
                say(.notTaken)
            }
        case .compact(let index): try journal.compact(through: index.raw)
        case .repaired:
            isIncomplete = false
            var state = journal.summary.hardState
            state.isIncomplete = false
            try journal.append(JournalBatch(hardState: state))
        case .read(let peer, let mark, let offset, let count):
            say(.read(to: peer, chunk(for: peer, mark, offset: offset, count: count)))
        case .create(let mark): try create(mark)
        case .write(let chunk): try write(chunk)
        case .verify(let mark): verify(mark)
        case .discard(let mark):
            if coming?.mark.id == mark.id { try abandonComing() }
        }
    }

    // MARK: - The log

    /// Writes batches as one, and waits for the disk once.
    private mutating func write(_ batches: inout [PersistBatch]) throws(JournalError) {
        if batches.isEmpty { return }
        var entries: [LogEntry] = []
        var state: HardState?
        var mark: SnapshotMark?
        var mustSync = false
        for batch in batches {
            if let first = batch.entries.first, let last = entries.last, first.index <= last.index {
                entries.removeAll { $0.index >= first.index }
            }
            entries += batch.entries
            state = batch.hardState ?? state
            mark = batch.snapshot ?? mark
            mustSync = mustSync || batch.needsSync
        }
        let hardState = state.map { JournalHardState($0, isIncomplete: isIncomplete) }
        if let mark { try install(mark) }
        try journal.append(
            JournalBatch(
                hardState: hardState,
                mark: mark.map { JournalMark($0) },
                replacesLog: mark != nil,
                entries: entries.map { JournalEntry($0) }
            ),
            mustSync: mustSync
        )
        say(.persisted(batches))
        batches = []
    }

    /// The octets that came are made durable before the log speaks of them.
    private mutating func install(_ mark: SnapshotMark) throws(JournalError) {
        guard coming?.mark == mark, let writer = coming?.writer else { return }
        coming = nil
        try journal.finish(writer, replacesLog: true)
    }

    // MARK: - Taking a snapshot

    private mutating func takeOn() throws(JournalError) {
        guard let step = taking else { return }
        taking = nil
        switch step {
        case .naming(var mark, let machine, var pieces, var digest):
            if let piece = pieces.next() {
                digest.add(piece)
                taking = .naming(mark, machine, pieces, digest)
                return
            }
            mark.octets = digest.octets
            mark.id = digest.finish()
            do throws(JournalError) {
                let writer = try journal.beginSnapshot(JournalMark(mark))
                taking = .writing(mark, machine.pieces(), writer)
            } catch { try giveUp(error) }
        case .writing(let mark, var pieces, var writer):
            do throws(JournalError) {
                if let piece = pieces.next() {
                    try journal.add(piece, to: &writer)
                    taking = .writing(mark, pieces, writer)
                } else {
                    try journal.finish(writer)
                    say(.taken(mark))
                }
            } catch { try giveUp(error) }
        }
    }

    private func giveUp(_ error: JournalError) throws(JournalError) {
        if error.isFatal { throw error }
        say(.notTaken)
    }

    // MARK: - Snapshots of other nodes

    private mutating func create(_ mark: SnapshotMark) throws(JournalError) {
        try abandonComing()
        do throws(JournalError) {
            coming = Coming(mark: mark, writer: try journal.beginSnapshot(JournalMark(mark)))
        } catch {
            if error.isFatal { throw error }
            say(.unwritable(id: mark.id))
        }
    }

    private mutating func write(_ chunk: SnapshotChunk) throws(JournalError) {
        guard var coming, coming.mark.id == chunk.id, var writer = coming.writer else {
            say(.unwritable(id: chunk.id))
            return
        }
        self.coming = nil
        do throws(JournalError) {
            try journal.add(chunk.octets, to: &writer)
        } catch {
            if error.isFatal { throw error }
            say(.unwritable(id: chunk.id))
            return
        }
        coming.writer = writer
        coming.digest.add(chunk.octets)
        if coming.isReadable { coming.isReadable = coming.reader.read(chunk.octets) }
        self.coming = coming
        say(.written(id: chunk.id, next: coming.digest.octets))
    }

    private mutating func verify(_ mark: SnapshotMark) {
        guard let coming, coming.mark.id == mark.id, coming.isReadable,
            coming.digest.octets == mark.octets, coming.digest.finish() == mark.id
        else {
            say(.verified(id: mark.id, nil))
            return
        }
        say(.verified(id: mark.id, coming.reader.finish()))
    }

    private mutating func abandonComing() throws(JournalError) {
        guard let writer = coming?.writer else { return }
        coming = nil
        try journal.abandon(writer)
    }

    /// A piece of a snapshot that is here; nil where it is not, or not any more.
    private mutating func chunk(
        for peer: RaftID,
        _ mark: SnapshotMark,
        offset: UInt64,
        count: Int
    ) -> SnapshotChunk? {
        do throws(JournalError) {
            var reading: Going
            if let known = going[peer], known.mark == mark, known.offset <= offset {
                reading = known
            } else {
                reading = Going(mark: mark, reader: try journal.openSnapshot(JournalMark(mark)))
            }
            going[peer] = nil
            var octets: [UInt8] = []
            while octets.count < count {
                if reading.rest.isEmpty {
                    guard let piece = try journal.next(&reading.reader) else { return nil }
                    reading.rest = piece
                }
                let skipped = Int(
                    min(UInt64(reading.rest.count), offset - min(offset, reading.offset))
                )
                let taken = min(reading.rest.count - skipped, count - octets.count)
                octets += reading.rest[skipped..<skipped + taken]
                reading.offset += UInt64(skipped + taken)
                reading.rest.removeFirst(skipped + taken)
                if !octets.isEmpty, reading.offset < offset { return nil }
            }
            going[peer] = reading
            return SnapshotChunk(id: mark.id, offset: offset, octets: octets)
        } catch {
            return nil
        }
    }
}
