import Base
import ClusterWire
import Journal
import JournalWire
import LinuxSystem
import SwarmCore

/// What a node begins with: what its journal has, or, where there is none, the founders of its cluster.
struct RaftStart<Machine: StateMachine>: ~Copyable {
    private var journal: Journal<DirectoryDisk>?
    private var raft: Raft?
    let machine: Machine

    /// Opens the journal, repairs it where others have what is lost, and reads all of it.
    init(_ settings: RaftNodeSettings) throws(RaftNodeError) {
        var journal = try Self.open(settings)
        let mark = try Self.mark(journal, settings)
        try Self.repair(&journal, mark, settings)
        let machine = try Self.machine(of: mark, journal)
        let raft = Raft(
            id: settings.id,
            cluster: settings.cluster,
            rules: settings.rules,
            boot: try Self.boot(mark, journal),
            seed: KernelRandom.uint64(),
            at: Clock.now()
        )
        self.machine = machine
        self.raft = consume raft
        self.journal = consume journal
    }

    /// The snapshot that the state starts from; what a cluster begins with where there is none.
    private static func mark(
        _ journal: borrowing Journal<DirectoryDisk>,
        _ settings: RaftNodeSettings
    ) throws(RaftNodeError) -> SnapshotMark {
        guard let mark = journal.report.mark else {
            let founders = RaftMembership(voters: settings.founders)
            return SnapshotMark(position: .zero, membership: founders)
        }
        do throws(WireFault) {
            return try SnapshotMark(mark)
        } catch { throw .state("the membership of \(mark.index): \(error)") }
    }

    private static func repair(
        _ journal: inout Journal<DirectoryDisk>,
        _ mark: SnapshotMark,
        _ settings: RaftNodeSettings
    ) throws(RaftNodeError) {
        guard journal.report.isDamaged else { return }
        guard mark.membership.voters != [settings.id] else {
            throw .damagedAlone("\(journal.report.condition)")
        }
        do throws(JournalError) {
            try journal.repair()
        } catch { throw .journal(error) }
    }

    mutating func takeJournal() -> Journal<DirectoryDisk> {
        guard let taken = journal.take() else { preconditionFailure("it is taken once") }
        return taken
    }

    mutating func takeRaft() -> Raft {
        guard let taken = raft.take() else { preconditionFailure("it is taken once") }
        return taken
    }

    private static func open(
        _ settings: RaftNodeSettings
    ) throws(RaftNodeError) -> Journal<DirectoryDisk> {
        let disk: DirectoryDisk
        do throws(SystemError) {
            disk = try DirectoryDisk(path: settings.folder)
        } catch { throw .system(error) }
        do throws(JournalError) {
            return try Journal.open(
                disk,
                identity: JournalIdentity(
                    high: settings.cluster.high,
                    low: settings.cluster.low,
                    epoch: settings.cluster.epoch,
                    node: settings.id.raw
                ),
                settings: settings.journal,
                seed: KernelRandom.uint64()
            )
        } catch { throw .journal(error) }
    }

    private static func machine(
        of mark: SnapshotMark,
        _ journal: borrowing Journal<DirectoryDisk>
    ) throws(RaftNodeError) -> Machine {
        if mark.position.index == .zero || mark.octets == 0 { return Machine() }
        var reader = Machine.Reader()
        do throws(JournalError) {
            var file = try journal.openSnapshot(JournalMark(mark))
            while let piece = try journal.next(&file) {
                if !reader.read(piece) { throw .snapshot("\(file.name)", .missing) }
            }
        } catch { throw .journal(error) }
        guard let machine = reader.finish() else {
            throw .state("the snapshot at \(mark.position.index.raw) has no whole state")
        }
        return machine
    }

    private static func boot(
        _ mark: SnapshotMark,
        _ journal: borrowing Journal<DirectoryDisk>
    ) throws(RaftNodeError) -> Raft.Boot {
        let summary = journal.summary
        var entries: [LogEntry] = []
        var next = summary.firstIndex
        while next <= summary.lastIndex {
            let read: [JournalEntry]
            do throws(JournalError) {
                read = try journal.read(from: next, octetsMax: 4 << 20)
            } catch { throw .journal(error) }
            for entry in read {
                do throws(WireFault) {
                    entries.append(try LogEntry(entry))
                } catch { throw .state("entry \(entry.index): \(error)") }
            }
            next += UInt64(read.count)
        }
        let state = summary.hardState
        // What it voted in terms up to the fence is not known any more: it has voted there.
        let term = max(state.term, state.fence)
        let isFenced = state.fence >= state.term && state.fence > 0
        let vote = isFenced ? journal.identity.node : state.vote
        let base = LogPosition(
            term: Term(summary.previousTerm),
            index: LogIndex(summary.firstIndex - 1)
        )
        return Raft.Boot(
            hardState: HardState(
                term: Term(term),
                vote: vote == 0 ? nil : RaftID(vote),
                commit: LogIndex(state.commit)
            ),
            snapshot: mark,
            base: base,
            entries: entries,
            count: state.boots,
            start: KernelRandom.uint64(),
            isRepairing: state.isIncomplete
        )
    }
}
