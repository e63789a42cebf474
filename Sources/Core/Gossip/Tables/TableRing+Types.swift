extension TableRing {
    /// What a node does beyond NetworkDB, each to be left out; the wire is the same.
    ///
    /// Source: gossip-scale.md §3.2, §3.3, §3.5, §3.7.
    package struct Habits: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Passes on at once what is new, to several, within a budget of octets.
        package static let eager = Habits(rawValue: 1 << 0)
        /// Compares sums with whoever acks, and asks for what differs.
        package static let digests = Habits(rawValue: 1 << 1)
        /// Answers a whole table with what the other lacks.
        package static let deltaReplies = Habits(rawValue: 1 << 2)
        /// Says who is attached before it says what they have, and keeps what came too early.
        package static let prerequisites = Habits(rawValue: 1 << 3)
        /// Takes a network's table from one node and not from all.
        package static let soleSource = Habits(rawValue: 1 << 4)
        /// Skips exchanges of whole tables of members with those who have the same.
        package static let memberDigest = Habits(rawValue: 1 << 5)
        /// Corrects what others say that it has said.
        package static let authority = Habits(rawValue: 1 << 6)
        /// Keeps what an earlier run of a node said until its new run has spoken.
        package static let succession = Habits(rawValue: 1 << 7)
        /// Gives a node that attaches itself what was written just before.
        package static let welcome = Habits(rawValue: 1 << 8)

        package static let networkDB: Habits = []
        package static let waggle: Habits = [
            .eager, .digests, .deltaReplies, .prerequisites, .soleSource, .memberDigest,
            .authority, .succession, .welcome,
        ]
    }

    /// Times in milliseconds, counts, and sizes in octets.
    ///
    /// Source: networkdb-dns.md H1; gossip-scale.md §2, §3.3.
    package struct Rules: Hashable, Sendable {
        package var habits = Habits.waggle
        /// What of a table event's octets a datagram holds, before compression.
        package var datagramOctets = 1395
        package var gossipInterval: UInt64 = 200
        package var gossipFanout = 3
        package var retransmitMultiplier = 4
        package var bulkSyncInterval: UInt64 = 30_000
        /// Whether the first round comes a whole interval after the start, as NetworkDB's does, and not
        /// anywhere within it: nodes that start together have their rounds together.
        package var isInStep = false
        /// How long an answer to a bulk sync is waited for; 30 s with Docker.
        package var bulkSyncWait: UInt64 = 3000
        /// Beyond it nothing that came in bulk is gossiped on.
        package var relayedMax = 500
        /// A deletion is remembered for so long.
        package var tombstoneKept: UInt64 = 1_800_000
        /// The end of an attachment is remembered for so long: longer than what was in it.
        package var detachedKept: UInt64 = 1_825_000
        package var nodeKept: UInt64 = 86_400_000
        package var reapInterval: UInt64 = 5000
        /// A deletion is told on while more than this is left of its time.
        package var tombstoneToldFrom: UInt64 = 300_000

        // Eager forwarding
        /// What is heard within so long goes together.
        package var window: UInt64 = 2
        /// The same while there is more to send than the budget likes.
        package var busyWindow: UInt64 = 10
        package var eagerFanout = 8
        /// Fewer when there is much to tell.
        package var busyFanout = 5
        /// So long after it was first sent a rumour is sent again, for those whom the first missed.
        package var againAfter: UInt64 = 50
        package var againFanout = 4
        /// Octets in a second, and in one go.
        package var budgetRate: UInt64 = 256 << 10
        package var budgetDepth = 1 << 20
        /// More octets than this for one network go over streams.
        package var streamFrom = 24 << 10
        package var streamFanout = 4
        /// To so many attached nodes a writer gives a stream's worth itself.
        package var streamAllMax = 8
        /// Octets of one stream at most.
        package var streamOctets = 4 << 20

        // Digests
        /// A difference counts once this node's own entries have stood still for so long.
        package var settle: UInt64 = 300
        /// Where they never do, all are compared so long after the last time, but owners who just spoke.
        package var settleMax: UInt64 = 5000
        /// Differences that are looked into in a second.
        package var repairsMax = 4
        /// A difference in members is looked into no sooner than so long after the last.
        package var memberRepairInterval: UInt64 = 5000
        /// Octets of an `owners` digest that still goes as a datagram.
        package var digestDatagramOctets = 1200

        /// How long a node that attaches itself is told what was written before.
        package var recent: UInt64 = 1000
        package var recentMax = 64
        /// An answer to a joining node is waited for so long before another is asked.
        package var joinWait: UInt64 = 1000
        /// What an earlier run said is kept so long for its successor.
        package var successionKept: UInt64 = 30_000
        /// How long an own leave is told.
        package var leaveTold: UInt64 = 500
        /// How long this node's word is told that it starts again: two waves at once, and a turn.
        package var restartTold: UInt64 = 200
        /// What a node has that starts again is shown for so long without it.
        package var restartKept: UInt64 = 30_000

        // Bounds
        package var parkedMax = 4096
        package var parkedKept: UInt64 = 60_000
        package var nodesMax = 131_072
        package var attachmentsMax = 1 << 20
        package var networksMax = 4096
        package var entriesMax = 1_000_000
        package var ownerEntriesMax = 20_000
        /// Deletions, which are remembered for half an hour, among them: 55 entries a second may come and go.
        package var ownerKeptMax = 100_000
        package var valueOctetsMax = 8192
        package var queueMax = 65_536

        package init(habits: Habits = .waggle) {
            self.habits = habits
            if !habits.contains(.soleSource) { bulkSyncWait = 30_000 }
        }
    }

    /// What this node does to an entry of its own.
    package struct OwnChange: Hashable, Sendable {
        package let network: NetworkID
        package let entry: EntryKey
        /// nil: the entry goes.
        package let value: [UInt8]?

        package init(_ network: NetworkID, _ entry: EntryKey, _ value: [UInt8]?) {
            self.network = network
            self.entry = entry
            self.value = value
        }
    }

    /// What happens to a node's tables.
    package enum Input: Sendable {
        /// What membership says; of a member with the word that it has of it.
        case membership(MembershipEvent, word: Alive?)
        /// A user message.
        case heard([UInt8], from: PeerAddress?, isStream: Bool)
        /// The same, read already: of a driver that has no use for octets.
        case said(TableMessage, from: PeerAddress?, isStream: Bool)
        /// The user state of an exchange.
        case merged([UInt8])
        /// What an ack carried.
        case acked([UInt8], from: NodeName)
        case attach(NetworkID)
        case detach(NetworkID)
        /// Entries of this node, in networks it is attached to.
        case change([OwnChange])
        /// Says that this node leaves; `leaveMembership` follows.
        case leave
        /// Membership has left: this node is no part of the ring any more.
        case membershipLeft
        /// Says that this node ends and will be back; `restartTold` follows.
        case restart
    }

    /// How an entry came.
    package enum Path: UInt8, Hashable, Sendable, CaseIterable {
        /// This node wrote it.
        case own
        /// A datagram, from whoever passes on.
        case gossip
        /// A stream of somebody who had much to say.
        case push
        /// The answer to a question of this node, or the question of another.
        case sync
    }

    /// An entry appears, has another value, or goes, for whoever reads entries.
    ///
    /// Entries of this node are not among them.
    package struct Change: Hashable, Sendable {
        package let network: NetworkID
        package let entry: EntryKey
        package let owner: NodeName
        /// nil: it was not there.
        package let previous: [UInt8]?
        /// nil: it is not there any more.
        package let value: [UInt8]?
        package let path: Path
    }

    /// What is to be done, in this order.
    package enum Output: Hashable, Sendable {
        /// A user message for every member, by membership's own gossip.
        case broadcast([UInt8])
        /// For one node and at once, in as few datagrams as hold them.
        case rumours([TableRumour], to: PeerAddress)
        /// A user message of one datagram.
        case datagram([UInt8], to: PeerAddress)
        /// A user message over a stream.
        case stream([UInt8], to: PeerAddress)
        /// What acks carry from now on.
        case ackPayload([UInt8])
        case change(Change)
        /// That member knows the same members and attachments.
        case agreed(NodeName)
        /// Tables of members are to be exchanged with that one.
        case exchange(NodeName)
        /// The table of a network is here as far as others had it.
        case synced(NetworkID)
        /// An own change that cannot be told.
        case refused(OwnChange, Refusal)
        /// The ring knows that this node is about to leave: now it may.
        case leaveMembership
        /// A member says that it starts again: what it has is shown meanwhile.
        case restarting(NodeName)
        /// The ring was told that this node starts again: now it may end.
        case restartTold
    }

    package enum Refusal: Hashable, Sendable {
        /// This node is not attached to the network.
        case notAttached
        case tooLong
        case tooMany
    }

    package enum WakeReason: Hashable, Sendable, CaseIterable {
        case gossip, flush, again, bulkSync, answer, reap, succession, parked, leave
    }

    /// What was heard, told and refused.
    package struct Counts: Hashable, Sendable {
        package internal(set) var rumours = 0
        /// Nothing new.
        package internal(set) var stale = 0
        package internal(set) var applied = 0
        package internal(set) var unreadable = 0
        /// Times at the end of their numbers.
        package internal(set) var hostileTimes = 0
        /// Of nodes, networks or tables beyond what is kept.
        package internal(set) var refusedBound = 0
        /// Longer than an entry may be, or named by what is no name.
        package internal(set) var refusedEntry = 0
        /// Of an owner that is not attached.
        package internal(set) var unattached = 0
        package internal(set) var parked = 0
        package internal(set) var parkedReplayed = 0
        package internal(set) var parkedDropped = 0
        /// Said of this node, by others.
        package internal(set) var corrected = 0
        package internal(set) var eagerOctets = 0
        /// Not sent at once since the budget was gone.
        package internal(set) var eagerDropped = 0
        package internal(set) var tickOctets = 0
        package internal(set) var queueDropped = 0
        package internal(set) var bulkSyncs = 0
        package internal(set) var bulkOctets = 0
        package internal(set) var bulkTimeouts = 0
        package internal(set) var pushes = 0
        package internal(set) var pushedOctets = 0
        package internal(set) var digests = 0
        /// Differences that were looked into.
        package internal(set) var repairs = 0
        package internal(set) var memberRepairs = 0
        package internal(set) var reaped = 0
        package internal(set) var ownRefused = 0
        package internal(set) var superseded = 0
        /// Nodes that said that they start again.
        package internal(set) var restarts = 0
    }
}
