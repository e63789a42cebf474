package import Base
package import Journal
package import LinuxSystem
package import SwarmCore

/// How a manager takes part in its cluster's consensus.
package struct RaftNodeSettings: Sendable {
    package var id: RaftID
    package var cluster: ClusterIdentity
    /// Where others reach this node; port 0 lets the kernel choose.
    package var listen: SocketEndpoint
    /// The folder of the journal.
    package var folder: String
    /// Who votes in a cluster that begins; not looked at where the journal has a membership.
    package var founders: [RaftID]
    /// Where others are reached.
    package var addresses: [RaftID: SocketEndpoint]
    package var rules = RaftRules()
    package var journal = JournalSettings()
    /// A snapshot is taken after so many entries, or octets of entries, whichever comes first.
    package var snapshotEntries = 20_000
    package var snapshotOctets = 16 << 20
    /// Entries that stay behind a snapshot, for members that lag a little.
    package var entriesKept: UInt64 = 2000
    /// What waits to be sent to one peer, in octets; what is more is not sent.
    package var outboxOctetsMax = 32 << 20
    /// Commands of clients that wait to be looked at.
    package var commandsMax = 65_536
    package var streamsMax = 64

    package init(
        id: RaftID,
        cluster: ClusterIdentity,
        listen: SocketEndpoint,
        folder: String,
        founders: [RaftID],
        addresses: [RaftID: SocketEndpoint]
    ) {
        self.id = id
        self.cluster = cluster
        self.listen = listen
        self.folder = folder
        self.founders = founders
        self.addresses = addresses
    }
}

/// Why a node did not do what it was asked, or does nothing any more.
package enum RaftNodeError: Error, Hashable, Sendable {
    case busy(limit: Int)
    case stopped
    /// The proposal was not appended; nothing of it is left.
    case refused(ProposalRefusal)
    /// Another entry stands in its place: it will never be applied.
    case superseded
    /// It may have been applied or not.
    case unknown
    case unreadable(ReadVerdict)
    case journal(JournalError)
    case system(SystemError)
    /// A lone voter's log is damaged, and nobody else has what is lost.
    case damagedAlone(String)
    /// The snapshot that the state would start from cannot be read.
    case state(String)
    case fault(RaftFault)
}

/// What a node says of itself.
package struct RaftNodeStatus: Hashable, Sendable {
    package var role = RaftRole.follower
    package var leader: RaftID?
    package var term = Term.zero
    package var committed = LogIndex.zero
    package var applied = LogIndex.zero
    package var last = LogIndex.zero
    package var membership = RaftMembership()
    package var isRepairing = false
    /// Why it does nothing any more.
    package var failure: RaftNodeError?
    package var counts = RaftNodeCounts()

    package init() {}
}

/// What a node did and refused, since its start.
package struct RaftNodeCounts: Hashable, Sendable {
    package var syncs = 0
    package var batches = 0
    package var messagesSent = 0
    package var messagesTaken = 0
    /// Messages for which there was no room, or no way.
    package var messagesDropped = 0
    /// Streams that were closed for what they said, and others that were too many.
    package var streamsRefused = 0
    package var snapshotsTaken = 0
    package var snapshotsReceived = 0

    package init() {}
}
