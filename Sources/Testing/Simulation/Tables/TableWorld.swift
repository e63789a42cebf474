import Base
import BasicContainers
import Gossip
import GossipWire

/// A whole ring with its tables in one value: the production engines of membership and of tables, once
/// for each node, on a simulated network, in virtual time.
///
/// What one node says travels as a value with the length of its encoding and shares its memory with all
/// who keep it; `TablePacking` writes and reads a sample. A node reads one thing after another and each
/// costs it time, so that what comes too fast waits, and beyond a socket's buffer falls. What every node
/// should have is kept by a `TableOracle`. One thread, no clock, no floating point. Source:
/// gossip-scale.md §4.
struct TableWorld: ~Copyable {
    static let start = GossipRing.start
    /// What a record costs a node that reads it.
    static let recordNanoseconds: UInt64 = 2000

    enum Kind: UInt8 {
        case wake, parcel, streamAsked, streamAnswered, streamFailed, streamTimeout, step, read
        case second, look
    }

    /// What is on its way, in a datagram or over a stream that nobody answers.
    struct Parcel {
        enum Content {
            case membership([GossipMessage], [RumourQueue.Item], taken: Int)
            case tables(TableMessage)
        }

        let from: Int
        let content: Content
        let octets: Int
        var isStream = false
    }

    let episode: TableEpisode
    let preset: TablePreset
    let chance: Chance
    let nodes: Int
    let records: Int
    let end: UInt64
    var now = TableWorld.start
    var queue = EventQueue(start: TableWorld.start)
    var hosts: UniqueArray<TableHost>
    var names: [NodeName]
    let addresses: [PeerAddress]
    let keys: [EntryKey]
    let networks: [NetworkID]
    var parcels = Pool<Parcel>()
    var streams = Pool<StreamRecord>()
    var streamSerial: UInt32 = 0
    var weather: Weather
    var packing = Packing()
    var tablePacking = TablePacking()
    let shelf = MessageShelf()
    /// Broadcasts that were read before, so that a hundred nodes read one once.
    var broadcasts: [[UInt8]: TableMessage] = [:]
    var happened = Happenings()
    var seen = TableObservations()
    var oracle: TableOracle

    // What is followed.
    /// Versions that each node shows, by `node * records + record`; 0: none.
    var shown: [UInt32]
    /// The highest that it has shown.
    var highest: [UInt32]
    var cases: [WriteCase] = []
    var openCases: [[Int]]
    /// Since when a node does not show what it should, by `node * records + record`.
    var hiddenSince: [Int: UInt64] = [:]
    /// Machines that will be back with what they had.
    let returning: Set<Int>
    var runningSince: [UInt64]
    var joined: [UInt64]
    var deletedInSplit: [Int] = []
    var walls = 0
    var begunAt = TableWorld.start
    var calmSince = TableWorld.start
    var settleFrom: UInt64?
    var isOver = false
    var haveAll = 0
    var have: [Int]
    var octetsThisSecond: UInt64 = 0
    var ownOctetsThisSecond: [UInt64]

    init(_ episode: TableEpisode, _ preset: TablePreset) {
        self.episode = episode
        self.preset = preset
        nodes = episode.nodes
        records = episode.records
        let nodes = episode.nodes
        let chance = Chance(seed: episode.seed)
        self.chance = chance
        end = Self.start + episode.milliseconds * 1_000_000
        names = (0..<nodes).map { SimulatedName.name($0) }
        addresses = (0..<nodes).map { SimulatedName.address($0) }
        keys = (0..<episode.records).map { RecordName.key($0, chance) }
        networks = (0..<episode.networks).map { RecordName.network($0) }
        weather = Weather(nodes: nodes, chance: chance)
        oracle = TableOracle(machines: nodes, networks: episode.networks, records: episode.records)
        shown = Array(repeating: 0, count: nodes * episode.records)
        highest = shown
        openCases = Array(repeating: [], count: episode.records)
        var returning: Set<Int> = []
        for (_, step) in episode.steps {
            if case .fault(.restart(let node, _, true)) = step { returning.insert(node) }
        }
        self.returning = returning
        runningSince = Array(repeating: Self.start, count: nodes)
        joined = Array(repeating: 0, count: nodes)
        have = Array(repeating: 0, count: nodes)
        ownOctetsThisSecond = Array(repeating: 0, count: nodes)
        hosts = UniqueArray(minimumCapacity: nodes)
        for node in 0..<nodes { hosts.append(makeHost(node, start: 0, identity: 0)) }
        begin()
    }

    /// Runs the episode to its end and says what was seen.
    consuming func run() -> (seen: TableObservations, happened: Happenings) {
        while !isOver, let event = queue.next(until: end) {
            now = event.time
            seen.events += 1
            happen(event)
        }
        if !isOver { now = end }
        finish()
        return (seen, happened)
    }

    func moment(of node: Int) -> Moment {
        Moment(nanoseconds: now + hosts[node].clockAhead)
    }

    // MARK: Beginning

    /// What a process says of itself: a name of its own, and in its meta, where it has one, whose it is.
    private func word(_ node: Int, start: UInt32, identity: Int) -> Alive {
        let part = preset.part(of: node)
        let first = part.startsHigh ? 218_000_000 + UInt32(now / 1_000_000_000) : 1
        var meta: [UInt8] = []
        if part.hasMeta {
            let id = (0..<16).map { place in
                UInt8(truncatingIfNeeded: (node << 8 | identity) >> (8 * (place & 3)))
            }
            var said = NodeMeta(name: [], id: id, boot: UInt64(start) + 1)
            said.capabilities = .all
            meta = said.octets
        }
        return Alive(
            node: SimulatedName.name(node, identity: Int(start)),
            incarnation: Incarnation(first),
            address: AddressOctets(addresses[node].address),
            port: addresses[node].port,
            meta: meta,
            versions: part.versions
        )
    }

    func makeHost(_ node: Int, start: UInt32, identity: Int) -> TableHost {
        let part = preset.part(of: node)
        let word = word(node, start: start, identity: identity)
        let at = Moment(nanoseconds: now)
        let seed = chance.draw(.engine, UInt64(node), UInt64(start))
        let engine = Membership(
            own: word,
            rules: part.membership,
            seed: seed,
            encode: { $0.octets },
            at: at
        )
        var rules = part.tables
        rules.isInStep = episode.startsTogether
        let tables = TableRing(
            own: word,
            rules: rules,
            codec: shelf.codec,
            seed: chance.draw(.engine, UInt64(node), UInt64(start), 1),
            at: at
        )
        return TableHost(engine: engine, tables: tables)
    }

    private mutating func begin() {
        for (index, entry) in episode.steps.enumerated() {
            let at = Self.start + entry.at * 1_000_000
            queue.schedule(Kind.step.rawValue, at: at, node: 0, payload: UInt32(index))
        }
        queue.schedule(Kind.second.rawValue, at: Self.start + 1_000_000_000, node: 0)
        if episode.stopsWhenFull {
            queue.schedule(Kind.look.rawValue, at: Self.start + 1_000_000_000, node: 0)
        }
        form()
    }

    /// Lets the first nodes know each other, and have all that is there from the beginning.
    private mutating func form() {
        let formed = episode.formed
        let at = Moment(nanoseconds: now)
        var members: [MemberEntry] = []
        var words: [Alive] = []
        var attachments: [Attachment] = []
        for node in 0..<formed {
            members += hosts[node].engine.table.entries
            words.append(hosts[node].engine.table.ownWord)
            oracle.came(node, run: 0)
            guard node < episode.attached else { continue }
            for (number, network) in networks.enumerated() {
                hosts[node].tables.handle(.attach(network), at: at)
                attachments.append(
                    Attachment(names[node], network, at: LamportTime(1), isLeaving: false)
                )
                oracle.attached(node, to: number, at: now)
            }
        }
        var events: [TableEvent] = []
        for (record, owner) in episode.initial.enumerated() {
            let network = episode.network(record)
            let version = oracle.wrote(owner, record, in: network, at: now)
            events.append(
                TableEvent(
                    .create,
                    keys[record],
                    in: networks[network],
                    owner: names[owner],
                    at: LamportTime(UInt64(record) + 1),
                    value: RecordName.value(record, version: version, chance)
                )
            )
        }
        for node in 0..<formed {
            hosts[node].engine.adopt(members, at: at)
            while hosts[node].engine.next() != nil {}
            hosts[node].tables.adopt(
                words,
                attached: attachments,
                entries: node < episode.attached ? events : [],
                at: at
            )
            hosts[node].condition = .running
            guard node < episode.attached else { continue }
            for (record, owner) in episode.initial.enumerated() where owner != node {
                shown[node * records + record] = 1
                highest[node * records + record] = 1
            }
        }
        for node in 0..<formed { schedule(node) }
    }

    private mutating func happen(_ event: Event) {
        let node = Int(event.node)
        switch Kind(rawValue: event.kind) {
        case .wake: wake(node, scheduledAt: event.time)
        case .parcel: arrive(.parcel(event.payload), at: node)
        case .streamAsked: arrive(.streamAsked(event.payload), at: node)
        case .streamAnswered: arrive(.streamAnswered(event.payload), at: node)
        case .streamFailed: arrive(.streamFailed(event.payload), at: node)
        case .streamTimeout: endStream(event.payload)
        case .step: take(episode.steps[Int(event.payload)].step)
        case .read: readNext(node)
        case .second: lookAround()
        case .look: look()
        case nil: preconditionFailure("an event of kind \(event.kind)")
        }
    }

    // MARK: Nodes

    /// Wakes a node when its time has come.
    private mutating func wake(_ node: Int, scheduledAt time: UInt64) {
        // Another wake-up took this one's place.
        guard hosts[node].wakeAt == time else { return }
        hosts[node].wakeAt = .max
        guard hosts[node].condition == .running else { return }
        wakeEngines(of: node)
        drain(node)
    }

    mutating func wakeEngines(of node: Int) {
        let at = moment(of: node)
        if let next = hosts[node].engine.nextWake, next.moment <= at {
            hosts[node].engine.wake(at: at)
        }
        if let next = hosts[node].tables.nextWake, next.moment <= at {
            hosts[node].tables.wake(at: at)
        }
    }

    /// Asks for the node's next wake-up, unless one comes sooner already.
    mutating func schedule(_ node: Int) {
        guard hosts[node].condition == .running else { return }
        var next = hosts[node].engine.nextWake?.moment
        if let also = hosts[node].tables.nextWake?.moment { next = min(next ?? also, also) }
        guard let next else { return }
        let ahead = hosts[node].clockAhead
        let time = max(now, next.nanoseconds > ahead ? next.nanoseconds - ahead : 0)
        guard time < hosts[node].wakeAt, time <= end else { return }
        hosts[node].wakeAt = time
        queue.schedule(Kind.wake.rawValue, at: time, node: UInt32(node))
    }

    /// Obeys what the node wants, then lets it sleep.
    mutating func drain(_ node: Int) {
        while true {
            if let output = hosts[node].engine.next() {
                obey(output, of: node)
            } else if let output = hosts[node].tables.next() {
                obey(output, of: node)
            } else {
                break
            }
        }
        schedule(node)
    }

    // MARK: What arrives

    private mutating func arrive(_ arrival: TableHost.Arrival, at node: Int) {
        switch hosts[node].condition {
        case .absent:
            discard(arrival)
            return
        case .running:
            if !hosts[node].hasArrivals, hosts[node].busyUntil <= now {
                deliver(arrival, to: node)
                return
            }
        case .stopped: break
        }
        if case .parcel(let number) = arrival, !parcels[number].isStream {
            let octets = Host.kernelOctets(parcels[number].octets)
            guard hosts[node].heldOctets + octets <= Host.bufferOctets else {
                happened.count(.overflow)
                discard(arrival)
                return
            }
            hosts[node].heldOctets += octets
        }
        hosts[node].arrivals.append(arrival)
        read(node)
    }

    /// Reads what waits, as soon as the node is done with what it read before.
    mutating func read(_ node: Int) {
        guard hosts[node].condition == .running, !hosts[node].isReading, hosts[node].hasArrivals
        else { return }
        hosts[node].isReading = true
        let at = max(now, hosts[node].busyUntil)
        queue.schedule(Kind.read.rawValue, at: at, node: UInt32(node))
    }

    private mutating func readNext(_ node: Int) {
        hosts[node].isReading = false
        guard hosts[node].condition == .running, let arrival = hosts[node].nextArrival() else {
            return
        }
        if case .parcel(let number) = arrival, !parcels[number].isStream {
            hosts[node].heldOctets -= Host.kernelOctets(parcels[number].octets)
        }
        deliver(arrival, to: node)
        read(node)
    }

    private mutating func deliver(_ arrival: TableHost.Arrival, to node: Int) {
        let at = moment(of: node)
        switch arrival {
        case .parcel(let number): deliver(parcels.take(number), to: node, at: at)
        case .streamAsked(let number): ask(number, of: node, at: at)
        case .streamAnswered(let number): answer(number, to: node, at: at)
        case .streamFailed(let number): fail(number, at: at)
        }
        drain(node)
    }

    private mutating func deliver(_ parcel: Parcel, to node: Int, at: Moment) {
        let from = addresses[parcel.from]
        var cost = GossipRing.datagramNanoseconds
        cost += UInt64(parcel.octets) * GossipRing.octetNanoseconds
        switch parcel.content {
        case .membership(let messages, let candidates, let taken):
            cost += UInt64(messages.count + taken) * GossipRing.messageNanoseconds
            for message in messages {
                hosts[node].engine.handle(.message(message, from: from), at: at)
            }
            for index in 0..<taken {
                guard let message = candidates[index].message else { continue }
                hosts[node].engine.handle(.message(message, from: from), at: at)
            }
        case .tables(let message):
            if hosts[node].engine.hasLeft { break }
            switch message {
            case .rumours(let rumours): cost += UInt64(rumours.count) * Self.recordNanoseconds
            case .bulkSync(let sync): cost += UInt64(sync.rumours.count) * Self.recordNanoseconds
            case .digest: cost += Self.recordNanoseconds
            }
            // Over a stream the sender's port is none that it is known by.
            let source = parcel.isStream ? nil : from
            hosts[node].tables.handle(
                .said(message, from: source, isStream: parcel.isStream),
                at: at
            )
        }
        hosts[node].busyUntil = max(now, hosts[node].busyUntil) + cost
    }

    private mutating func discard(_ arrival: TableHost.Arrival) {
        switch arrival {
        case .parcel(let number): _ = parcels.take(number)
        case .streamAsked(let number), .streamAnswered(let number), .streamFailed(let number):
            release(number)
        }
    }

    mutating func discardArrivals(of node: Int) {
        while let arrival = hosts[node].nextArrival() { discard(arrival) }
        hosts[node].heldOctets = 0
    }
}
