import Base

/// A node of a table ring, as another has it.
struct RingNode: Sendable {
    enum Presence: Hashable, Sendable {
        /// Others speak of it; membership does not know it yet.
        case unknown
        case active
        /// Gone without a word: what it has is remembered, and not shown.
        case failed
        /// Gone of its own will: it has nothing.
        case left
        /// A later run of it is there: what it has is shown until that has spoken.
        case superseded
        /// Gone, and said before that it would be back: what it has is shown for a while.
        case restarting

        /// Whether what such a node has is shown.
        var isShown: Bool { self == .active || self == .superseded || self == .restarting }
    }

    /// That a node is, or was, on a network.
    struct Attached: Sendable {
        var time: LamportTime
        var isLeaving: Bool
        /// When this node heard of it.
        var since: Moment
    }

    var presence: Presence
    /// Of the last that it said of itself.
    var time = LamportTime(0)
    /// When it came to this presence.
    var since: Moment
    var address: PeerAddress?
    var capabilities: TableCapabilities = []
    var identity: NodeIdentity?
    var isDrained = false
    /// When it is back, by its own word.
    var backBy: Moment?
    var attachments: [NetworkID: Attached] = [:]

    init(_ presence: Presence, at now: Moment) {
        self.presence = presence
        since = now
    }

    func isAttached(to network: NetworkID) -> Bool {
        attachments[network].map { !$0.isLeaving } ?? false
    }

    var isCapable: Bool { capabilities.contains(.deltaSync) }
}

/// A network that this node is attached to, or was a short while ago.
struct AttachedNetwork: Sendable {
    /// A rumour that waits for the next turn, and who is not to be told.
    struct Fresh: Sendable {
        let rumour: TableRumour
        let source: NodeName?
        let isOwn: Bool
    }

    /// Who has been asked for the table, while it is not here.
    struct Joining: Sendable {
        var asked: [NodeName] = []
        var waitingFor: [NodeName] = []
        var until = Moment.zero
    }

    let id: NetworkID
    /// Short for the id, in acks.
    let hash: UInt32
    /// Of this node's clock of networks when it came, or left.
    var time: LamportTime
    var since: Moment
    var isLeaving = false
    /// When what is left of it is forgotten.
    var until: Moment?
    /// Whether others' tables have been taken: before that nothing heard is passed on.
    var isSynced = false
    var joining: Joining?
    /// Nobody else was on it when this node came, so that nobody has been asked.
    var isAlone = false
    /// Other active nodes on it.
    var participants: [NodeName] = []
    /// Of them those that only know NetworkDB.
    var legacyCount = 0
    var entries = EntryTable()
    /// When its entries last changed.
    var changedAt: Moment
    /// When they were last compared with another's, or since when they could be.
    var comparedAt: Moment
    var own = EntryQueue()
    var relayed = EntryQueue()
    var fresh: [Fresh] = []
    /// What this node wrote lately.
    var recent: [(at: Moment, rumour: TableRumour)] = []

    init(_ id: NetworkID, time: LamportTime, at now: Moment) {
        self.id = id
        hash = Self.hash(of: id)
        self.time = time
        since = now
        changedAt = now
        comparedAt = now
    }

    static func hash(of id: NetworkID) -> UInt32 {
        let hash = SipHash(key: 0x6e65_7477, 0x6f72_6b)
        return UInt32(truncatingIfNeeded: hash.value(id.octets, 0..<id.octets.count, and: 0))
    }
}

/// What is told of a network in turns: of each entry the newest.
typealias EntryQueue = TransmitQueue<EntryKey, TableRumour>
