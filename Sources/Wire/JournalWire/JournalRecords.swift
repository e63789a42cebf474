/// Whose journal it is: the cluster, its epoch, and the node's number in it.
package struct JournalIdentity: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64
    /// Rises when a cluster is recovered from lost managers.
    package var epoch: UInt32
    package var node: UInt64

    package init(high: UInt64, low: UInt64, epoch: UInt32, node: UInt64) {
        self.high = high
        self.low = low
        self.epoch = epoch
        self.node = node
    }
}

/// An entry of the log; what `kind` and the payload mean only its owner knows.
package struct JournalEntry: Hashable, Sendable {
    package var term: UInt64
    package var index: UInt64
    package var kind: UInt8
    package var payload: [UInt8]

    package init(term: UInt64, index: UInt64, kind: UInt8 = 0, payload: [UInt8] = []) {
        self.term = term
        self.index = index
        self.kind = kind
        self.payload = payload
    }
}

/// What a node may never forget.
///
/// Source: Raft paper Fig. 2, "persistent state".
package struct JournalHardState: Hashable, Sendable {
    package var term: UInt64
    /// 0 for nobody.
    package var vote: UInt64
    /// A lower bound only.
    package var commit: UInt64
    /// The node votes in no term up to this one: votes that it gave there were in what was lost.
    package var fence: UInt64
    /// How often the journal was opened.
    package var boots: UInt32
    /// Something that was durable here is not here any more: the node may not vote in any term before it has
    /// all that was committed.
    package var isIncomplete: Bool

    package init(
        term: UInt64 = 0,
        vote: UInt64 = 0,
        commit: UInt64 = 0,
        fence: UInt64 = 0,
        boots: UInt32 = 0,
        isIncomplete: Bool = false
    ) {
        self.term = term
        self.vote = vote
        self.commit = commit
        self.fence = fence
        self.boots = boots
        self.isIncomplete = isIncomplete
    }
}

/// A snapshot without its octets.
package struct JournalMark: Hashable, Sendable {
    package var index: UInt64
    package var term: UInt64
    /// Names the snapshot's octets.
    package var id: UInt64
    package var octets: UInt64
    /// Who was in the cluster, as the journal's owner writes it; at most 64 KiB.
    package var membership: [UInt8]

    package static let membershipOctetsMax = 65_536

    package init(
        index: UInt64,
        term: UInt64,
        id: UInt64 = 0,
        octets: UInt64 = 0,
        membership: [UInt8] = []
    ) {
        self.index = index
        self.term = term
        self.id = id
        self.octets = octets
        self.membership = membership
    }

    /// Nothing was applied yet, so there is nothing in the snapshot and no file.
    package var isEmpty: Bool { index == 0 }
}
