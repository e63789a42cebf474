import Base
import SwarmCore

/// One node of a recorded run, with its disk and its state machine.
final class TraceNode {
    struct State {
        var mark: SnapshotMark
        var data: [UInt8]
    }

    /// What a node hands out at once.
    struct Ready {
        var role: RaftRole?
        var leader: RaftID?
        var batch: PersistBatch?
        var committed: [LogEntry] = []
        var messages: [RaftMessage] = []

        var isEmpty: Bool {
            role == nil && batch == nil && committed.isEmpty && messages.isEmpty
        }

        /// Whether it has to be on the disk, by etcd's measure: snapshots do not count.
        var mustSync = false
    }

    let id: RaftID
    let isAsynchronous: Bool
    var raft: Raft
    var disk: [LogEntry] = []
    var diskBase: LogPosition
    /// The state after each applied entry; the newest is what a snapshot would hold.
    var state: State
    var appendWork: [PersistBatch] = []
    var applyWork: [[LogEntry]] = []

    private var now = Moment.zero
    private var shown: (role: RaftRole, leader: RaftID?) = (.follower, nil)
    private var hardState = HardState()
    /// Taken from the engine and not yet shown.
    private var waiting: Ready?

    init(id: RaftID, rules: RaftRules, state: State, isAsynchronous: Bool) {
        self.id = id
        self.isAsynchronous = isAsynchronous
        self.state = state
        diskBase = state.mark.position
        raft = Raft(
            id: id,
            cluster: ClusterIdentity(high: 0, low: 0, epoch: 0),
            rules: rules,
            boot: Raft.Boot(snapshot: state.mark),
            seed: id.raw,
            at: .zero
        )
    }

    func handle(_ input: RaftInput) { raft.handle(input, at: now) }

    func tick(_ count: Int) {
        for _ in 0..<count {
            guard let wake = raft.nextWake else { return }
            now = wake.moment
            raft.wake(at: now)
        }
    }

    /// Why proposals were refused since the last time.
    func takeRefusals() -> [ProposalRefusal] {
        var refusals: [ProposalRefusal] = []
        while let output = raft.nextNews() {
            if case .proposal(_, .refused(let refusal)) = output { refusals.append(refusal) }
        }
        return refusals
    }

    var hasReady: Bool {
        take()
        return waiting.map { !$0.isEmpty } ?? false
    }

    func takeReady() -> Ready {
        take()
        let ready = waiting ?? Ready()
        waiting = nil
        if let role = ready.role { shown = (role, ready.leader) }
        if let state = ready.batch?.hardState { hardState = state }
        return ready
    }

    /// All that the engine hands out, as one.
    private func take() {
        if let waiting, !waiting.isEmpty { return }
        var ready = Ready()
        while let output = raft.next() { add(output, to: &ready) }
        if (raft.role, raft.leader) != shown {
            ready.role = raft.role
            ready.leader = raft.leader
        }
        waiting = ready
    }

    private func add(_ output: RaftOutput, to ready: inout Ready) {
        switch output {
        case .persist(let batch):
            ready.batch = batch
            if let state = batch.hardState {
                ready.mustSync = state.term != hardState.term || state.vote != hardState.vote
            }
            ready.mustSync = ready.mustSync || !batch.entries.isEmpty
        case .send(let message): if message.isRecorded { ready.messages.append(message) }
        case .apply(let entries): ready.committed += entries
        case .proposal, .outcome, .role, .read, .restore, .snapshotWanted, .member, .repaired,
            .fault:
            break
        }
    }

    // MARK: - Disk and state machine

    func store(_ batch: PersistBatch) {
        if let mark = batch.snapshot {
            disk = []
            diskBase = mark.position
        }
        guard let first = batch.entries.first else { return }
        disk.removeAll { $0.index >= first.index }
        disk += batch.entries
    }

    func compactDisk(through index: LogIndex) {
        guard let entry = disk.first(where: { $0.index == index }) else { return }
        diskBase = entry.position
        disk.removeAll { $0.index <= index }
        raft.handle(.compact(before: index.next), at: now)
    }

    /// Applies entries, and with each the change of the membership that it holds.
    func apply(_ entries: [LogEntry]) {
        for entry in entries {
            switch entry.content {
            case .command(let octets): state.data += octets
            case .membership: raft.applyChanges(through: entry.index)
            case .empty: break
            }
            state.mark = SnapshotMark(position: entry.position, membership: raft.membership)
            raft.handle(.snapshotTaken(state.mark), at: now)
        }
    }
}
