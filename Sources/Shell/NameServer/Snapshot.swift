import Base
import DNSWire
package import Names
import Synchronization

/// One sandbox's view, at the slot that the sandbox's sockets carry.
package final class PublishedView: Sendable {
    let view: View
    /// Of the sandbox's sockets.
    let slot: Int
    /// The header's bits of a local answer, without those that repeat the query's.
    let replyBits: UInt16
    /// Octets that a datagram of ours may have, whatever the client takes.
    let datagramMax: Int
    /// Whether answers carry OPT records and denials SOA records: all but Docker's do.
    let isModern: Bool

    package init(view: View, slot: Int) {
        self.view = view
        self.slot = slot
        isModern = view.profile != .docker
        // Docker sends what the client takes; our datagram buffers end at 4096.
        datagramMax = isModern ? MessageSize.datagramMax : datagramOctetsMax
        var bits: HeaderFlags = [.response]
        if isModern { bits.insert(.authoritative) }
        if !view.isInternal || !isModern { bits.insert(.recursionAvailable) }
        replyBits = bits.rawValue
    }

    /// The groups of upstreams that the view speaks of.
    package var groups: [UInt64] { [view.upstreams.id] + view.domains.map { $0.upstreams.id } }
}

/// All views and all names at one moment.
///
/// Immutable; a worker takes it once per batch.
final class Snapshot: Sendable {
    let views: [PublishedView?]
    let tables: NameTables

    init(views: [PublishedView?], tables: NameTables) {
        self.views = views
        self.tables = tables
    }

    /// The view of the sandbox with this slot, if it has one.
    @inline(__always)
    func view(at slot: Int) -> PublishedView? {
        slot < views.count ? views[slot] : nil
    }
}

/// Where the publisher leaves snapshots and workers find them.
///
/// A worker says while it reads and when it has stopped. The publisher keeps every snapshot that a
/// worker may still hold, so that the last reference is never a worker's and freeing a large table
/// never delays an answer.
final class SnapshotBoard: Sendable {
    private struct State {
        /// None before the first is published.
        var current: Snapshot?
        var epoch: UInt64 = 1
        var retired: [(epoch: UInt64, snapshot: Snapshot?)] = []
    }

    private static let idle = UInt64.max
    private let state: Mutex<State>
    private let readers: [ReaderEpoch]

    private final class ReaderEpoch: Sendable {
        let value = Atomic<UInt64>(UInt64.max)
    }

    init(readerCount: Int) {
        state = Mutex(State())
        readers = (0..<readerCount).map { _ in ReaderEpoch() }
    }

    /// Takes the current snapshot; to be given back with `done` before the next one is taken.
    func read(reader: Int) -> Snapshot? {
        state.withLock { state in
            readers[reader].value.store(state.epoch, ordering: .relaxed)
            return state.current
        }
    }

    /// The reader holds no snapshot any more.
    func done(reader: Int) {
        readers[reader].value.store(Self.idle, ordering: .releasing)
    }

    /// Makes a snapshot current and frees those that nobody reads; publisher's thread only.
    func publish(_ snapshot: Snapshot) {
        let free = state.withLock { state in
            state.retired.append((state.epoch, state.current))
            state.current = snapshot
            state.epoch += 1
            return takeUnread(&state)
        }
        // Freed here, outside the lock.
        _ = free.count
    }

    private func takeUnread(_ state: inout State) -> [Snapshot?] {
        let oldest = readers.map { $0.value.load(ordering: .acquiring) }.min() ?? Self.idle
        let free = state.retired.filter { $0.epoch < oldest }.map { $0.snapshot }
        state.retired.removeAll { $0.epoch < oldest }
        return free
    }
}
