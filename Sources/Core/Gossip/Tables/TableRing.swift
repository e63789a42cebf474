package import Base

/// One node's part in a NetworkDB ring: who is on which network, and what each network's tables say.
///
/// Every entry has one owner, who alone says what it is; times of the owner's Lamport clock tell later
/// from earlier. Nodes on a network have all of its entries and nobody else has any. What a node that
/// failed has is hidden and remembered, so that it is there again at once when the node is; what a node
/// that left had is gone. Deletions are remembered for half an hour, since somebody may not have heard.
///
/// NetworkDB tells three random nodes every fifth of a second what fits into one datagram, and exchanges
/// whole tables with one node every half minute. `TableRing.Habits` lists what is done beyond that, on
/// the same wire; nodes that know no more than NetworkDB are served as they expect.
///
/// Never sends, never waits: outputs say what is to be done, in order. One entry costs about 400 octets.
/// Source: networkdb-dns.md A, H13 (behaviour "G2" and "G3"); gossip-scale.md §3.
package struct TableRing: ~Copyable, Engine {
    package let rules: Rules
    package let own: NodeName
    let codec: TableCodec
    let identity: NodeIdentity?
    var dice: SeededGenerator
    package internal(set) var counts = Counts()

    // Clocks
    var networkClock: TableClock
    var tableClock: TableClock

    // Nodes
    var nodes: [NodeName: RingNode] = [:]
    /// In the order in which they were heard of.
    var names: [NodeName] = []
    /// Other nodes that are there, in the order in which they came.
    var active: [NodeName] = []
    var byAddress: [PeerAddress: NodeName] = [:]
    /// The last run of each node that says which it is.
    var byIdentity: [[UInt8]: NodeName] = [:]
    var attachmentCount = 0
    /// Ends of attachments, the first to be forgotten first.
    var detached: [(until: Moment, node: NodeName, network: NetworkID)] = []
    /// Sum of the hashes of active nodes and what they are attached to.
    var membersRoot: UInt64 = 0
    var membersChangedAt: Moment
    var lastMemberRepair: Moment
    var successions: [(node: NodeName, until: Moment)] = []
    /// Networks in which an earlier run of this node may have left something.
    var inheritances: [(network: NetworkID, at: Moment)] = []

    // Networks
    var networks: [NetworkID: AttachedNetwork] = [:]
    /// In the order in which this node was attached to them.
    var order: [NetworkID] = []
    var parked: [(until: Moment, rumour: TableRumour, path: Path)] = []

    // Telling
    var freshForAll: [AttachedNetwork.Fresh] = []
    var again: [(at: Moment, network: NetworkID?, rumours: [TableRumour])] = []
    var flushAt: Moment?
    var lastFlush: Moment
    var budget: Int
    var budgetAt: Moment
    var gossipAt: Moment?
    var gossipPhase: Moment

    // Syncing
    var bulkSyncAt: Moment
    var waits: [Wait] = []
    var repairs: [(node: NodeName, network: NetworkID, at: Moment)] = []
    var ackAt: Moment?
    var ackTurn = 0
    var reapAt: Moment
    var leaveAt: Moment?
    var restartAt: Moment?

    private var outputs: [Output] = []
    private var taken = 0

    /// An answer to a bulk sync that is still to come.
    struct Wait: Sendable {
        let node: NodeName
        let networks: [NetworkID]
        let time: LamportTime
        let until: Moment
    }

    /// A ring of this node alone.
    ///
    /// `word`: what membership says of it. `seed`: chooses who is told. `times`: readings of both clocks
    /// at or after all that an earlier run said, where they are known.
    package init(
        own word: Alive,
        rules: Rules,
        codec: TableCodec,
        seed: UInt64,
        times: (networks: LamportTime, tables: LamportTime) = (LamportTime(0), LamportTime(0)),
        at now: Moment
    ) {
        own = word.node
        self.rules = rules
        self.codec = codec
        identity = codec.identity(word.meta)
        var dice = SeededGenerator(seed: seed)
        networkClock = TableClock(times.networks)
        tableClock = TableClock(times.tables)
        membersChangedAt = now
        lastMemberRepair = now
        lastFlush = now
        budget = rules.budgetDepth
        budgetAt = now
        gossipPhase = now.advanced(milliseconds: dice.milliseconds(below: rules.gossipInterval))
        let first = dice.milliseconds(below: rules.bulkSyncInterval)
        bulkSyncAt = now.advanced(
            milliseconds: rules.isInStep ? rules.bulkSyncInterval : first
        )
        reapAt = now.advanced(milliseconds: rules.reapInterval)
        self.dice = dice
        membersRoot = Self.hash(of: own)
    }

    // MARK: Engine

    package mutating func handle(_ input: consuming Input, at now: Moment) {
        switch input {
        case .membership(let event, let word): hear(event, word, at: now)
        case .heard(let octets, let source, let isStream):
            guard let (message, malformed) = codec.read(octets) else {
                counts.unreadable += 1
                return
            }
            counts.unreadable += malformed
            hear(message, from: source, isStream: isStream, at: now)
        case .said(let message, let source, let isStream):
            hear(message, from: source, isStream: isStream, at: now)
        case .merged(let octets):
            guard let state = codec.readState(octets) else {
                counts.unreadable += 1
                return
            }
            merge(state, at: now)
        case .acked(let octets, let node): hearAck(octets, from: node, at: now)
        case .attach(let network): attach(to: network, at: now)
        case .detach(let network): detach(from: network, at: now)
        case .change(let changes): for change in changes { make(change, at: now) }
        case .leave: leave(at: now)
        case .membershipLeft: endMembership(at: now)
        case .restart: sayRestart(at: now)
        }
    }

    private mutating func hear(
        _ message: TableMessage,
        from source: PeerAddress?,
        isStream: Bool,
        at now: Moment
    ) {
        let sender = source.flatMap { byAddress[$0] }
        switch message {
        case .rumours(let rumours):
            let path = isStream ? Path.push : .gossip
            for rumour in rumours { hear(rumour, path, from: sender, at: now) }
        case .bulkSync(let sync): hear(sync, at: now)
        case .digest(let digest): hear(digest, at: now)
        }
    }

    /// `passesOn`: whether others may still need it from this node.
    mutating func hear(
        _ rumour: TableRumour,
        _ path: Path,
        from sender: NodeName?,
        passesOn: Bool = true,
        at now: Moment
    ) {
        counts.rumours += 1
        switch rumour.content {
        case .node(let event):
            guard witnessNetworks(event.time) else { return }
            if hear(event, at: now) { passOnToAll(rumour, from: sender, at: now) }
        case .network(let event):
            guard witnessNetworks(event.time) else { return }
            if hear(event, at: now) { passOnToAll(rumour, from: sender, at: now) }
        case .table(let event):
            hear(event, rumour, path, from: sender, passesOn: passesOn, at: now)
        }
    }

    mutating func witnessNetworks(_ time: LamportTime) -> Bool {
        if networkClock.witness(time) { return true }
        counts.hostileTimes += 1
        return false
    }

    package mutating func wake(at now: Moment) {
        if let at = flushAt, at <= now { flush(at: now) }
        if again.first.map({ $0.at <= now }) ?? false { tellAgain(at: now) }
        if let at = gossipAt, at <= now { gossip(at: now) }
        if waits.contains(where: { $0.until <= now }) { giveUpWaiting(at: now) }
        lookAtJoining(at: now)
        if bulkSyncAt <= now { beginBulkSyncs(at: now) }
        if let at = ackAt, at <= now { sayAck(at: now) }
        if reapAt <= now { reap(at: now) }
        endSuccessions(at: now)
        if let at = leaveAt, at <= now {
            leaveAt = nil
            put(.leaveMembership)
        }
        if let at = restartAt, at <= now {
            restartAt = nil
            put(.restartTold)
        }
        expireParked(at: now)
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        var earliest: (moment: Moment, reason: WakeReason) = (reapAt, .reap)
        func consider(_ moment: Moment?, _ reason: WakeReason) {
            if let moment, moment < earliest.moment { earliest = (moment, reason) }
        }
        consider(flushAt, .flush)
        consider(again.first?.at, .again)
        consider(gossipAt, .gossip)
        consider(waits.map(\.until).min(), .answer)
        consider(bulkSyncAt, .bulkSync)
        consider(nextJoining, .answer)
        consider(ackAt, .answer)
        consider(successions.map(\.until).min(), .succession)
        consider(inheritances.map(\.at).min(), .succession)
        consider(leaveAt, .leave)
        consider(restartAt, .leave)
        consider(parked.first?.until, .parked)
        return earliest
    }

    package mutating func next() -> Output? {
        guard taken < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        taken += 1
        return outputs[taken - 1]
    }

    mutating func put(_ output: Output) { outputs.append(output) }

    // MARK: Looking

    /// The readings of both clocks: a later run is to begin at or after them.
    package var times: (networks: LamportTime, tables: LamportTime) {
        (networkClock.time, tableClock.time)
    }

    /// Networks that this node is on, ascending.
    package var attached: [NetworkID] {
        order.filter { networks[$0].map { !$0.isLeaving } ?? false }.sorted()
    }

    package func isSynced(_ network: NetworkID) -> Bool { networks[network]?.isSynced ?? false }

    /// Other active nodes that are on a network, ascending.
    package func participants(of network: NetworkID) -> [NodeName] {
        (networks[network]?.participants ?? []).sorted()
    }

    package func participantCount(of network: NetworkID) -> Int {
        networks[network]?.participants.count ?? 0
    }

    package func entry(_ entry: EntryKey, of network: NetworkID) -> TableEntry? {
        networks[network]?.entries[entry]
    }

    /// All that is kept of a network, deletions and hidden entries among it, ascending by key.
    package func entries(of network: NetworkID) -> [TableEntry] {
        networks[network].map { $0.entries.all.sorted { $0.entry < $1.entry } } ?? []
    }

    /// Entries of a network that are there and can be seen.
    package func liveCount(of network: NetworkID) -> Int {
        networks[network]?.entries.liveCount ?? 0
    }

    /// Equal in two nodes that have the same entries.
    package func root(of network: NetworkID) -> UInt64 { networks[network]?.entries.root ?? 0 }

    /// Rumours that wait to be told in turns.
    package var queueDepth: Int {
        order.reduce(0) { depth, id in
            depth + (networks[id].map { $0.own.count + $0.relayed.count + $0.fresh.count } ?? 0)
        }
    }

    package var parkedCount: Int { parked.count }
}
