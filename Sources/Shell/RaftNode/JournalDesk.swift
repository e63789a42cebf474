import Journal
import LinuxSystem
import SwarmCore
import Synchronization

/// What a node's thread wants of the disk, in order.
enum JournalWork<Machine: StateMachine>: Sendable {
    case persist(PersistBatch)
    /// Writes down this state, which is that after `mark`.
    case take(SnapshotMark, Machine)
    case compact(through: LogIndex)
    /// The damaged log is whole again.
    case repaired
    case read(to: RaftID, SnapshotMark, offset: UInt64, count: Int)
    case create(SnapshotMark)
    case write(SnapshotChunk)
    case verify(SnapshotMark)
    case discard(SnapshotMark)
    case stop
}

/// What came of it.
enum JournalNews<Machine: StateMachine>: Sendable {
    case persisted([PersistBatch])
    case taken(SnapshotMark)
    case notTaken
    case read(to: RaftID, SnapshotChunk?)
    case written(id: UInt64, next: UInt64)
    case unwritable(id: UInt64)
    /// The state that a snapshot holds; nil where its octets are not what its name says.
    case verified(id: UInt64, Machine?)
    /// Space is short, or is not any more.
    case low(Bool)
    /// Nothing is written any more.
    case failed(JournalError)
}

/// What waits for the journal's thread.
///
/// Not bounded here: the engines hand out no more than their limits on what is uncommitted and under way.
final class JournalDesk<Machine: StateMachine>: Sendable {
    let signal: WakeSignal
    private let work = Mutex<[JournalWork<Machine>]>([])

    init() throws(SystemError) { signal = try WakeSignal() }

    func post(_ item: JournalWork<Machine>) {
        let isFirst = work.withLock { work in
            work.append(item)
            return work.count == 1
        }
        if isFirst { signal.raise() }
    }

    func take() -> [JournalWork<Machine>] {
        signal.clear()
        return work.withLock { work in
            defer { work = [] }
            return work
        }
    }
}
