/// What managers say to each other about the octets of a snapshot.
///
/// Source: raft.md §1.11.
package struct SnapshotMessage: Hashable, Sendable {
    package var cluster: ClusterIdentity
    package var from: RaftID
    package var to: RaftID
    package var body: Body

    package init(cluster: ClusterIdentity, from: RaftID, to: RaftID, body: Body) {
        self.cluster = cluster
        self.from = from
        self.to = to
        self.body = body
    }

    package enum Body: Hashable, Sendable {
        /// These octets are to come, and then this holds, which Raft says of a snapshot.
        indirect case offer(RaftMessage)
        case chunk(SnapshotChunk)
        /// All before `next` is there; all of it and as it should be, where that is its size.
        case acknowledged(id: UInt64, next: UInt64)
        case refused(id: UInt64, SnapshotRefusal)
    }
}

/// A part of a snapshot.
package struct SnapshotChunk: Hashable, Sendable {
    /// Names the snapshot's octets, as in its mark.
    package var id: UInt64
    package var offset: UInt64
    package var octets: [UInt8]

    package init(id: UInt64, offset: UInt64, octets: [UInt8]) {
        self.id = id
        self.offset = offset
        self.octets = octets
    }
}

/// Why a snapshot, or a part of one, is not taken.
package enum SnapshotRefusal: Hashable, Sendable {
    /// A newer one is being received, or one of a later term.
    case outdated
    /// It was not offered, or what was there of it is lost.
    case unknown
    /// What arrived is not what its name says; it is thrown away.
    case damaged
    /// The disk has no room, or it is larger than is allowed here.
    case noRoom
}
