import Base
import BasicContainers
import Gossip
import GossipWire

/// A whole ring in one value: the production engine once for each node, on a simulated network, in
/// virtual time.
///
/// Messages travel as values with the lengths of their encoding; `Packing` writes and reads a sample of
/// them. One thread, no clock, no floating point: an episode and a set of rules give the same
/// observations on every run. The network has its weather whatever the rules are, so that sets of rules
/// are compared under the same faults. Source: gossip-scale.md §4.
struct GossipRing: ~Copyable {
    /// Virtual time begins an hour in, so that nothing is near its zero.
    static let start: UInt64 = 3_600_000_000_000
    /// What a woken node needs for each datagram that waited, for each message in it, and for each octet
    /// that was compressed (gossip-scale.md §4.4).
    static let datagramNanoseconds: UInt64 = 20_000
    static let messageNanoseconds: UInt64 = 2000
    static let octetNanoseconds: UInt64 = 50
    /// A gigabit each second.
    static let nanosecondsPerOctet: UInt64 = 8

    enum Kind: UInt8 {
        case wake, parcel, streamAsked, streamAnswered, streamFailed, streamTimeout, fault, read
        case second
    }

    /// A datagram on its way.
    struct Parcel: Sendable {
        let from: Int
        let messages: [GossipMessage]
        let candidates: [RumourQueue.Item]
        let taken: Int
        let octets: Int
    }

    let episode: Episode
    let preset: Preset
    let rules: MembershipRules
    let chance: Chance
    let nodes: Int
    /// When the run may be over, and when it is.
    let enough: UInt64
    let end: UInt64
    var now = GossipRing.start
    var queue = EventQueue(start: GossipRing.start)
    var hosts: UniqueArray<Host>
    var names: [NodeName]
    let addresses: [PeerAddress]
    var parcels = Pool<Parcel>()
    var streams = Pool<StreamRecord>()
    var streamSerial: UInt32 = 0
    var weather: Weather
    var packing = Packing()
    var faults: FaultCounts
    var seen = Observations()

    // What is followed.
    let isDegraded: [Bool]
    var crashCaseOf: [Int]
    var crashCases: [CrashCase] = []
    var rumourCaseOf: [Int]
    var rumourCases: [RumourCase] = []
    /// When each pair of a node and a member was drained, by `node * nodes + member`.
    var drainedSince: [Int: UInt64] = [:]
    var wellSince: [UInt64]
    var runningSince: [UInt64]
    var incarnations: [UInt32]
    var liveCount = 0
    var begunAt = GossipRing.start
    /// Whether the ring was ever whole after the last fault, and whether it was a second ago.
    var isViewFull = false
    var isStillFull = false
    var isOver: Bool {
        // Somebody may be given up for what happened long before: that has to heal, too.
        episode.stopsWhenFull ? isViewFull : isStillFull && now > enough
    }
    var sizesSeen: [Bool]
    var octetsThisSecond: UInt64 = 0

    init(_ episode: Episode, _ preset: Preset) {
        self.episode = episode
        self.preset = preset
        let nodes = episode.nodes
        self.nodes = nodes
        var rules = preset.rules
        if episode.isQuiet {
            // Fifty days: the first of each falls anywhere in them.
            rules.probeInterval = 4_294_967_295
            rules.pushPullInterval = 4_294_967_295
        }
        self.rules = rules
        chance = Chance(seed: episode.seed)
        // Where nobody looks at views nobody sees that the ring is whole.
        let heals = episode.watchesViews && preset.rules.habits.contains(.rejoin)
        let grace = heals ? episode.graceMilliseconds : 0
        enough = Self.start + episode.milliseconds * 1_000_000
        end = enough + grace * 1_000_000
        names = (0..<nodes).map { SimulatedName.name($0) }
        addresses = (0..<nodes).map { SimulatedName.address($0) }
        weather = Weather(nodes: nodes, chance: chance)
        faults = FaultCounts()
        isDegraded = (0..<nodes).map { episode.degraded.contains($0) }
        crashCaseOf = Array(repeating: -1, count: nodes)
        rumourCaseOf = Array(repeating: -1, count: nodes)
        wellSince = Array(repeating: Self.start, count: nodes)
        runningSince = Array(repeating: Self.start, count: nodes)
        incarnations = Array(repeating: 0, count: nodes * nodes)
        sizesSeen = Array(repeating: false, count: nodes + 1)
        hosts = UniqueArray(minimumCapacity: nodes)
        for node in 0..<nodes {
            let first = firstIncarnation(wallClockAhead: 0)
            var host = Host(engine: makeEngine(node, start: 0, identity: 0, first))
            host.firstIncarnation = first
            hosts.append(host)
        }
        begin()
    }

    /// Runs the episode to its end and says what was seen.
    consuming func run() -> (seen: Observations, faults: FaultCounts) {
        while let event = queue.next(until: end) {
            now = event.time
            seen.events += 1
            happen(event)
            if isOver { break }
        }
        if !isOver { now = end }
        finish()
        return (seen, faults)
    }

    func moment(of node: Int) -> Moment {
        Moment(nanoseconds: now + hosts[node].clockAhead)
    }

    /// Seconds since 2020 by a machine's wall clock, as a real node has them, or one as memberlist begins.
    private func firstIncarnation(wallClockAhead: Int64) -> UInt32 {
        guard preset.startsHigh else { return 1 }
        return UInt32(218_000_000 + Int64(now / 1_000_000_000) + wallClockAhead)
    }

    private func makeEngine(
        _ node: Int,
        start: UInt32,
        identity: Int,
        _ first: UInt32
    ) -> Membership {
        let address = addresses[node]
        return Membership(
            own: Alive(
                node: SimulatedName.name(node, identity: identity),
                incarnation: Incarnation(first),
                address: AddressOctets(address.address),
                port: address.port,
                meta: [],
                versions: rules.habits.contains(.referral) ? .agreeing : .networkDB
            ),
            rules: rules,
            seed: chance.draw(.engine, UInt64(node), UInt64(start)),
            encode: { $0.octets },
            at: Moment(nanoseconds: now)
        )
    }

    private mutating func begin() {
        for (index, entry) in episode.faults.enumerated() {
            let at = Self.start + entry.at * 1_000_000
            queue.schedule(Kind.fault.rawValue, at: at, node: 0, payload: UInt32(index))
        }
        queue.schedule(Kind.second.rawValue, at: Self.start + 1_000_000_000, node: 0)
        guard episode.beginning == .formed else { return }
        var entries: [MemberEntry] = []
        for node in 0..<episode.formed { entries += hosts[node].engine.table.entries }
        liveCount = episode.formed
        for node in 0..<episode.formed {
            hosts[node].engine.adopt(entries, at: Moment(nanoseconds: now))
            hosts[node].condition = .running
            while hosts[node].engine.next() != nil {}
            schedule(node)
        }
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
        case .fault: suffer(episode.faults[Int(event.payload)].fault)
        case .read: readNext(node)
        case .second: lookAround()
        case nil: preconditionFailure("an event of kind \(event.kind)")
        }
    }

    // MARK: Nodes

    /// Wakes a node when its time has come and it can be woken.
    private mutating func wake(_ node: Int, scheduledAt time: UInt64) {
        // Another wake-up took this one's place.
        guard hosts[node].wakeAt == time else { return }
        hosts[node].wakeAt = .max
        let at = moment(of: node)
        switch hosts[node].condition {
        case .absent, .stopped: return
        case .running:
            if let next = hosts[node].engine.nextWake, next.moment <= at {
                hosts[node].engine.wake(at: at)
                drain(node)
                return
            }
        case .blocked:
            if !hosts[node].isProberStuck, let tick = hosts[node].engine.nextTick, tick <= at {
                // The loop that probes comes to its next send and stays there.
                hosts[node].isProberStuck = true
                hosts[node].engine.wake(at: at)
            } else {
                hosts[node].engine.wakeSuspicions(at: at)
            }
            drain(node)
            return
        }
        schedule(node)
    }

    /// Asks for the node's next wake-up, unless one comes sooner already.
    mutating func schedule(_ node: Int) {
        var next: Moment?
        switch hosts[node].condition {
        case .absent, .stopped: return
        case .running: next = hosts[node].engine.nextWake?.moment
        case .blocked:
            next = hosts[node].engine.table.nextDeadline
            if !hosts[node].isProberStuck, let tick = hosts[node].engine.nextTick {
                next = min(next ?? tick, tick)
            }
        }
        guard let next else { return }
        let ahead = hosts[node].clockAhead
        let time = max(now, next.nanoseconds > ahead ? next.nanoseconds - ahead : 0)
        guard time < hosts[node].wakeAt, time <= end else { return }
        hosts[node].wakeAt = time
        queue.schedule(Kind.wake.rawValue, at: time, node: UInt32(node))
    }

    /// Obeys what the node wants, then lets it sleep.
    mutating func drain(_ node: Int) {
        while let output = hosts[node].engine.next() { obey(output, of: node) }
        let depth = hosts[node].engine.queueDepth
        if depth > seen.queueDepth { seen.queueDepth = depth }
        schedule(node)
    }

    // MARK: What arrives

    private mutating func arrive(_ arrival: Host.Arrival, at node: Int) {
        switch hosts[node].condition {
        case .absent: discard(arrival)
        case .running:
            if hosts[node].hasArrivals {
                hosts[node].arrivals.append(arrival)
            } else {
                deliver(arrival, to: node)
            }
        case .blocked, .stopped:
            if case .parcel(let parcel) = arrival {
                let octets = Host.kernelOctets(parcels[parcel].octets)
                guard hosts[node].heldOctets + octets <= Host.bufferOctets else {
                    faults.count(.overflow)
                    discard(arrival)
                    return
                }
                hosts[node].heldOctets += octets
            }
            hosts[node].arrivals.append(arrival)
        }
    }

    /// Begins to read what waited.
    mutating func read(_ node: Int) {
        guard !hosts[node].isReading, hosts[node].hasArrivals else { return }
        hosts[node].isReading = true
        queue.schedule(
            Kind.read.rawValue,
            at: now + Self.datagramNanoseconds,
            node: UInt32(node)
        )
    }

    /// Reads one of what waited; the next is read once this one is done with.
    private mutating func readNext(_ node: Int) {
        hosts[node].isReading = false
        guard hosts[node].condition == .running, let arrival = hosts[node].nextArrival() else {
            return
        }
        var cost = Self.datagramNanoseconds
        if case .parcel(let number) = arrival {
            let parcel = parcels[number]
            let octets = Host.kernelOctets(parcel.octets)
            hosts[node].heldOctets -= min(octets, hosts[node].heldOctets)
            cost += UInt64(parcel.messages.count + parcel.taken) * Self.messageNanoseconds
            cost += UInt64(parcel.octets) * Self.octetNanoseconds
        }
        deliver(arrival, to: node)
        guard hosts[node].hasArrivals else { return }
        hosts[node].isReading = true
        queue.schedule(Kind.read.rawValue, at: now + cost, node: UInt32(node))
    }

    private mutating func deliver(_ arrival: Host.Arrival, to node: Int) {
        let at = moment(of: node)
        switch arrival {
        case .parcel(let number):
            let parcel = parcels.take(number)
            let from = addresses[parcel.from]
            for message in parcel.messages {
                hosts[node].engine.handle(.message(message, from: from), at: at)
            }
            for index in 0..<parcel.taken {
                guard let message = parcel.candidates[index].message else { continue }
                hosts[node].engine.handle(.message(message, from: from), at: at)
            }
        case .streamAsked(let number): ask(number, of: node, at: at)
        case .streamAnswered(let number): answer(number, to: node, at: at)
        case .streamFailed(let number): fail(number, at: at)
        }
        drain(node)
    }

    private mutating func discard(_ arrival: Host.Arrival) {
        switch arrival {
        case .parcel(let number): _ = parcels.take(number)
        case .streamAsked(let number), .streamAnswered(let number), .streamFailed(let number):
            release(number)
        }
    }

    mutating func discardArrivals(of node: Int) {
        while let arrival = hosts[node].nextArrival() { discard(arrival) }
    }

    /// Puts another node where one was: it knows nothing.
    mutating func replace(_ node: Int, isSame: Bool) {
        discardArrivals(of: node)
        hosts[node].start += 1
        if !isSame { hosts[node].identity += 1 }
        let start = hosts[node].start
        let identity = hosts[node].identity
        names[node] = SimulatedName.name(node, identity: identity)
        let first = firstIncarnation(wallClockAhead: hosts[node].wallClockAhead)
        hosts[node].firstIncarnation = first
        hosts[node].engine = makeEngine(node, start: start, identity: identity, first)
        hosts[node].held = []
        hosts[node].heldOctets = 0
        hosts[node].wakeAt = .max
        hosts[node].isProberStuck = false
        for other in 0..<nodes {
            incarnations[node * nodes + other] = 0
            if !isSame { incarnations[other * nodes + node] = 0 }
        }
        hosts[node].condition = .running
        runningSince[node] = now
        wellSince[node] = now
        liveCount += 1
    }
}
