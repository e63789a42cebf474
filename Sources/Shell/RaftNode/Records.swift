import ClusterWire
import Journal
import JournalWire
import SwarmCore

// What the engines mean, as the journal keeps it.

extension JournalEntry {
    init(_ entry: LogEntry) {
        self.init(
            term: entry.term.raw,
            index: entry.index.raw,
            kind: entry.content.wireKind,
            payload: entry.content.wireOctets
        )
    }
}

extension LogEntry {
    /// Throws: `WireFault` for an entry that a later version wrote.
    init(_ entry: JournalEntry) throws(WireFault) {
        let content = try LogEntry.Content(wireKind: entry.kind, octets: entry.payload)
        let position = LogPosition(term: Term(entry.term), index: LogIndex(entry.index))
        self.init(position: position, content: content)
    }
}

extension JournalMark {
    init(_ mark: SnapshotMark) {
        self.init(
            index: mark.position.index.raw,
            term: mark.position.term.raw,
            id: mark.id,
            octets: mark.octets,
            membership: mark.membership.wireOctets
        )
    }
}

extension SnapshotMark {
    /// Throws: `WireFault` for a membership that a later version wrote.
    init(_ mark: JournalMark) throws(WireFault) {
        self.init(
            position: LogPosition(term: Term(mark.term), index: LogIndex(mark.index)),
            membership: try RaftMembership(wireOctets: mark.membership.span),
            id: mark.id,
            octets: mark.octets
        )
    }
}

extension JournalHardState {
    init(_ state: HardState, isIncomplete: Bool) {
        self.init(
            term: state.term.raw,
            vote: state.vote?.raw ?? 0,
            commit: state.commit.raw,
            isIncomplete: isIncomplete
        )
    }
}
