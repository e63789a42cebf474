import Gossip

/// A ring of up to 100,000 nodes in one value: the rules of `Membership` without its tables.
///
/// Everybody knows everybody and finds them well; kept is only where views are otherwise. A member of
/// which something is being said is a *subject*: it has one `CompactView` for each node, and when all
/// agree again its place is free for another. Rounds of probes are permutations and no lists. Probes of
/// members that are well, gossip and exchanges happen one by one as in `GossipRing`; the answer to a
/// question is worked out when the question is sent, at the moment at which it would come. Suspicion
/// times, tellings and lengths come from the engine's own functions.
///
/// Left out: members that join or are forgotten, blocked nodes, walls, and joining those again that were
/// lost. `Equivalence` holds it against `GossipRing`. Source: gossip-scale.md §4.1, L2.
struct CompactRing: ~Copyable {
    static let start = GossipRing.start
    /// What a subject's place is called where there is none.
    static let none = UInt16.max
    /// Probes beside the round, the engine's bound.
    static let extraProbesMax = 16

    enum Kind: UInt8 {
        case probe, gossip, hurry, suspicion, exchange, exchangeAsked, timeout, probeEnd, nack,
            lostNack
        case fault, second
    }

    let episode: Episode
    let nodes: Int
    let rules: CompactRules
    let lengths: CompactLengths
    let order: RoundOrder
    let end: UInt64
    var dice: Dice
    var now = CompactRing.start
    var queue = EventQueue(start: CompactRing.start)
    var loss = Millionths.none

    var members: [CompactNode]
    /// The place of each node among the subjects.
    var placeOf: [UInt16]
    var subjects: [Subject] = []
    /// By `place * nodes + node`.
    var views: [CompactView] = []
    /// What each node still tells: a bit for each place, in `words` words for each node.
    var telling: [UInt64]
    let words: Int
    var probes = Pool<SlowProbe>()

    // Scratch, so that a datagram costs no memory.
    var told: [UInt16] = []
    var listeners: [UInt32] = []
    /// Accusations that are looked into once what was heard has been taken in.
    var questions: [(node: Int, target: Int, isAccused: Bool)] = []

    // What is followed.
    var seen = Observations()
    var faults = FaultCounts()
    var crashCases: [CrashCase] = []
    var rumourCases: [RumourCase] = []
    /// When each pair of a node and a live member was drained, by `node * nodes + member`.
    var drainedSince: [Int: UInt64] = [:]
    var liveCount: Int
    var begunAt = CompactRing.start
    var octetsThisSecond: UInt64 = 0
    /// Thousandths of a node that would knock at the door of the dead by now.
    var knocks = 0

    init(_ episode: Episode, _ preset: Preset) {
        precondition(
            episode.nodes <= SimulatedName.nodesMax && episode.beginning == .formed
                && episode.milliseconds * CompactRules.millisecond <= CompactView.longest,
            "an episode that a compact ring does not play"
        )
        self.episode = episode
        nodes = episode.nodes
        rules = CompactRules(preset.rules, nodes: episode.nodes)
        var followed = 0
        for entry in episode.faults {
            if case .loss = entry.fault { continue }
            followed += 1
        }
        // Every subject of the episode, and those that are accused though they are there.
        words = 1 + (followed + 63) / 64
        lengths = CompactLengths(
            nodes: episode.nodes,
            startsHigh: preset.startsHigh,
            meta: episode.isQuiet ? Array(repeating: 0, count: 8) : []
        )
        order = RoundOrder(count: episode.nodes)
        end = Self.start + episode.milliseconds * CompactRules.millisecond
        dice = Dice(seed: Chance(seed: episode.seed).draw(.engine, 0))
        members = Array(repeating: CompactNode(), count: episode.nodes)
        placeOf = Array(repeating: Self.none, count: episode.nodes)
        telling = Array(repeating: 0, count: episode.nodes * words)
        liveCount = episode.nodes
        begin()
    }

    /// Runs the episode to its end and says what was seen.
    consuming func run() -> (seen: Observations, faults: FaultCounts) {
        while let event = queue.next(until: end) {
            now = event.time
            seen.events += 1
            happen(event)
            while !questions.isEmpty { lookInto() }
        }
        now = end
        finish()
        return (seen, faults)
    }

    private mutating func begin() {
        for (index, entry) in episode.faults.enumerated() {
            let at = Self.start + entry.at * CompactRules.millisecond
            queue.schedule(Kind.fault.rawValue, at: at, node: 0, payload: UInt32(index))
        }
        schedule(.second, at: Self.start + 1_000_000_000, node: 0)
        for node in 0..<nodes {
            members[node].key = dice.next()
            let beats = Int(rules.gossipInterval / CompactRules.millisecond)
            members[node].gossipPhase = UInt16(dice.below(beats))
            guard !episode.isQuiet else { continue }
            let turns = Int(rules.probeInterval / CompactRules.millisecond)
            let turn = UInt64(dice.below(turns)) * CompactRules.millisecond
            members[node].probeAt = Self.start + turn
            schedule(.probe, at: Self.start + turn, node: node)
            let round = UInt64(dice.below(Int(rules.pushPullFirst))) * CompactRules.millisecond
            schedule(.exchange, at: Self.start + round, node: node)
        }
    }

    @inline(__always)
    mutating func schedule(_ kind: Kind, at time: UInt64, node: Int, payload: Int = 0) {
        guard time <= end else { return }
        queue.schedule(
            kind.rawValue,
            at: time,
            node: UInt32(truncatingIfNeeded: node),
            payload: UInt32(truncatingIfNeeded: payload)
        )
    }

    private mutating func happen(_ event: Event) {
        let node = Int(event.node)
        let payload = Int(event.payload)
        switch Kind(rawValue: event.kind) {
        case .probe: takeTurn(node)
        case .gossip: gossip(node)
        case .hurry: tellSome(node)
        case .suspicion: judge(node, place: payload)
        case .exchange: openExchange(node)
        case .exchangeAsked: exchange(payload, with: node)
        case .timeout: askOthers(UInt32(payload))
        case .probeEnd: endProbe(UInt32(payload))
        case .nack: sayNo(node, to: payload, isLost: false)
        case .lostNack: sayNo(node, to: payload, isLost: true)
        case .fault: suffer(episode.faults[payload].fault)
        case .second: lookAround()
        case nil: preconditionFailure("an event of kind \(event.kind)")
        }
    }

    // MARK: Subjects

    @inline(__always)
    func index(_ place: Int, _ node: Int) -> Int { place * nodes + node }

    /// The place of a member among the subjects; a free one where it has none yet.
    mutating func place(for node: Int) -> Int {
        if placeOf[node] != Self.none { return Int(placeOf[node]) }
        let place = subjects.firstIndex { $0.node == .max } ?? subjects.count
        if place == subjects.count {
            precondition(place < 64 * words, "more than \(place) members are spoken of at a time")
            subjects.append(Subject())
            views.append(contentsOf: repeatElement(CompactView(), count: nodes))
        } else {
            for view in index(place, 0)..<index(place + 1, 0) { views[view] = CompactView() }
        }
        subjects[place] = Subject(node: node)
        placeOf[node] = UInt16(place)
        return place
    }

    /// The place of an accuser among those of a subject.
    mutating func accuser(_ node: Int, in place: Int) -> UInt16 {
        if let known = subjects[place].accusers.firstIndex(of: UInt32(node)) {
            return UInt16(known)
        }
        let number = subjects[place].accusers.count
        precondition(number < Int(CompactView.nobody), "\(number) accusers of one member")
        subjects[place].accusers.append(UInt32(node))
        return UInt16(number)
    }

    /// Frees the place of a member of whom everybody thinks the same again, and nobody tells.
    mutating func settle(_ place: Int) {
        let node = subjects[place].node
        guard node != .max, subjects[place].telling == 0, subjects[place].crash == nil else {
            return
        }
        let own = views[index(place, node)].incarnation
        for other in 0..<nodes where !members[other].isGone {
            let view = views[index(place, other)]
            guard view.state == .alive, view.incarnation == own, !view.isDrained, !view.isDoubted,
                !view.isProbed
            else { return }
        }
        finishRumour(of: place)
        placeOf[node] = Self.none
        subjects[place].node = .max
    }
}
