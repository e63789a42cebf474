import Base
import Gossip
import GossipNode
import GossipWire
import HTTPAPI
import LinuxSystem
import Logging
import Synchronization

/// The gossip plane of a daemon: its node of the ring, the files it keeps, and those who wait for it.
///
/// The node's thread decides; here its answers become documents, and its events lines of the log.
final class RingPlane: Sendable {
    /// A `join` is answered after so long, though nobody has answered; it goes on all the same.
    static let joinSeconds: Int64 = 12
    /// A daemon that leaves ends after so long, whoever has heard of it.
    static let farewellSeconds: Int64 = 6
    /// As long as tables keep what a node has that starts again.
    static let restartMilliseconds = TableRing.Rules().restartKept

    let node: GossipNode
    let keys: RingKeys
    let endpoint: SocketEndpoint
    /// This run of this node.
    let own: NodeName
    /// Whether the members tell each other what they have.
    let hasTables: Bool
    private let overdue = Atomic(false)
    private let clocks: RingClocks?
    private let keeping: Task<Void, Never>?
    private let logger: Logger
    private let warnings: [String]
    private let joins = JoinDesk()
    private let state = Mutex(State())

    private struct State {
        /// Names that members with different ids have: those of one id are runs of one machine.
        var claims: [String] {
            var ids: [[UInt8]: Set<[UInt8]>] = [:]
            for meta in metas.values { ids[meta.name, default: []].insert(meta.id) }
            return ids.filter { $0.value.count > 1 }
                .map { String(decoding: $0.key, as: UTF8.self) }.sorted()
        }

        /// Members that answer over streams alone, and of which that was said.
        var withoutDatagrams: Set<NodeName> = []
        /// Names that two nodes claim.
        var conflicts: Set<NodeName> = []
        /// What members say of themselves that are there.
        var metas: [NodeName: NodeMeta] = [:]
        /// When members said that they start again, until they are gone or back.
        var restarts: [NodeName: Moment] = [:]
        /// What people call members, until the ring forgets them.
        var names: [NodeName: String] = [:]
    }

    /// Begins to gossip, and to look for those it is to join.
    ///
    /// `onEvents`: somebody is to call `follow` soon, on any thread but the node's.
    init(
        _ plan: RingPlan,
        stateDirectory: String,
        logger: Logger,
        onEvents: @escaping @Sendable () -> Void
    ) throws {
        let desk = KeyDesk()
        var settings = plan.settings
        settings.onKeyQuestion = { desk.ask($0, $1) }
        node = try GossipNode(settings, onEvents: onEvents)
        let files = RingFiles(directory: stateDirectory)
        keys = RingKeys(plan.settings.keys, files: files, node: node)
        own = plan.settings.name
        hasTables = plan.hasTables
        let clocks = plan.hasTables ? RingClocks(files, node, logger) : nil
        self.clocks = clocks
        keeping = clocks.map { clocks in Task { await clocks.run() } }
        desk.open(keys)
        endpoint = plan.settings.advertised ?? node.endpoint
        self.logger = logger
        warnings = plan.warnings
        node.join(plan.join)
    }

    /// Stops.
    ///
    /// The ring is told before, for so long as the daemon may take to end: with `isLeaving` that
    /// this node leaves, else that it will be back.
    func end(isLeaving: Bool) async {
        let outcome = Outcome<Bool>()
        if isLeaving {
            node.leave { _ in outcome.settle(true) }
        } else {
            node.announceRestart { _ in outcome.settle(true) }
        }
        // The end of waiting for an answer, and taken back when it comes: nothing is paced by it.
        let timeout = Task {
            try? await Task.sleep(for: .seconds(Self.farewellSeconds))
            outcome.settle(false)
        }
        if await !outcome.value {
            let what = isLeaving ? "has left" : "will be back"
            logger.warning("the ring may not know that this node \(what)")
        }
        timeout.cancel()
        keeping?.cancel()
        await clocks?.keep(isFinal: true)
        node.stop()
    }

    /// Leaves, and goes on alone; whoever waits for it may be cancelled.
    func leave() async throws(GossipNodeError) {
        let outcome = Outcome<Result<Void, GossipNodeError>>()
        node.leave { outcome.settle($0) }
        try await withTaskCancellationHandler {
            await outcome.value
        } onCancel: {
            outcome.settle(.failure(.stopped))
        }.get()
    }

    /// What was counted up to now; nil when the node has stopped.
    func reading() async -> RingReading? {
        guard let counts = try? await GossipNode.answer({ self.node.counts($0) }) else {
            return nil
        }
        return RingReading(counts: counts, counters: node.counters)
    }

    // MARK: Events

    /// What came of events.
    struct Followed {
        /// Whether a list of members may look another way now.
        var isNews = false
        /// Members that are to be asked last from now on, or as all others again; in order.
        var drains: [(node: NodeName, isDrained: Bool)] = []
    }

    /// Whether something has happened that nobody could take up yet.
    var isOverdue: Bool { overdue.load(ordering: .relaxed) }

    /// Remembers that something has happened that nobody can take up now.
    func putOff() { overdue.store(true, ordering: .relaxed) }

    /// Takes the events that have come.
    func follow() -> Followed {
        overdue.store(false, ordering: .relaxed)
        let news = node.takeEvents()
        if news.dropped > 0 {
            logger.warning("gossip: events were lost", metadata: ["count": "\(news.dropped)"])
        }
        var followed = Followed(isNews: !news.events.isEmpty || news.dropped > 0)
        for event in news.events {
            follow(event)
            if let drain = drain(event) { followed.drains.append(drain) }
        }
        return followed
    }

    /// Whether an event changes how a member's endpoints are answered.
    ///
    /// What the dead had leaves the tables a moment later, and until then nobody is sent there. What a
    /// node has that said it starts again is answered as ever, until its time is over.
    private func drain(_ event: RingEvent) -> (node: NodeName, isDrained: Bool)? {
        switch event.event {
        case .drained(let node), .died(let node):
            let since = state.withLock { $0.restarts[node] }
            let isKept =
                since.map { event.moment.milliseconds(since: $0) < Self.restartMilliseconds }
                ?? false
            return isKept ? nil : (node, true)
        case .left(let node): return (node, true)
        case .joined(let node), .admitted(let node), .reaped(let node): return (node, false)
        default: return nil
        }
    }

    /// What people call a member.
    func name(of node: NodeName) -> String {
        state.withLock { $0.names[node] } ?? "\(node)"
    }

    private func follow(_ event: RingEvent) {
        // What this node does is no news to whoever had it done.
        if let member = event.member, member.isOwn {
            logger.debug("own event", metadata: ["event": "\(event.event)"])
            return
        }
        note(event)
        func about(_ node: NodeName) -> Logger.Metadata {
            ["member": "\(node)", "address": "\(event.member?.address.map { "\($0)" } ?? "-")"]
        }
        switch event.event {
        case .joined(let node):
            logger.info("member joined", metadata: about(node))
        case .died(let node):
            logger.warning("member died", metadata: about(node))
            state.withLock { _ = $0.withoutDatagrams.remove(node) }
        case .left(let node):
            logger.info("member left", metadata: about(node))
            state.withLock { _ = $0.withoutDatagrams.remove(node) }
        case .conflict(let node, let address):
            let isNews = state.withLock { $0.conflicts.insert(node).inserted }
            guard isNews else { return }
            logger.error(
                "two nodes claim one name; the one that was there first stays",
                metadata: ["member": "\(node)", "other": "\(address.map { "\($0)" } ?? "-")"]
            )
        case .incompatible(let peer):
            logger.warning(
                "a peer's versions do not meet ours; nothing was taken from it",
                metadata: ["address": "\(peer.map { "\($0)" } ?? "-")"]
            )
        case .datagramsLost(let node):
            let isNews = state.withLock { $0.withoutDatagrams.insert(node).inserted }
            guard isNews else { return }
            logger.warning(
                "member answers over TCP and not over UDP; see that UDP passes both ways",
                metadata: about(node)
            )
        case .joinSucceeded(let address):
            logger.info("joined", metadata: ["address": "\(address)"])
            joins.settle(address, .joined)
        case .joinFailed(let address, let milliseconds):
            logger.warning(
                "no answer from a node to join",
                metadata: ["address": "\(address)", "retryIn": "\(milliseconds) ms"]
            )
            joins.settle(address, .silent)
        case .joinRefused(let address):
            logger.warning(
                "an address to join was left out; so many are held already",
                metadata: ["address": "\(address)", "limit": "\(Membership.seedsMax)"]
            )
            joins.settle(address, .refused)
        case .isolated:
            logger.error("no member is heard: the trouble is with this node or its network")
        case .reconnected: logger.info("members are heard again")
        case .restarting(let node):
            logger.info("member starts again", metadata: about(node))
        case .stalled(let milliseconds):
            logger.warning(
                "this node did not run for a while",
                metadata: ["milliseconds": "\(milliseconds)"]
            )
        case .suspected, .cleared, .drained, .admitted, .updated, .reaped:
            logger.debug("member", metadata: ["event": "\(event.event)"])
        }
    }

    /// Keeps what members say of themselves, and says when two machines have one name.
    private func note(_ event: RingEvent) {
        switch event.event {
        case .joined(let node), .updated(let node):
            guard let meta = event.member.flatMap({ NodeMeta($0.meta.span) }) else { return }
            let isNews = state.withLock { state in
                let before = state.claims
                state.metas[node] = meta
                state.names[node] = String(decoding: meta.name, as: UTF8.self)
                return state.claims.count > before.count
            }
            guard isNews else { return }
            logger.error(
                "two machines have one name; give one of them another",
                metadata: ["name": "\(String(decoding: meta.name, as: UTF8.self))"]
            )
        case .restarting(let node):
            state.withLock { $0.restarts[node] = event.moment }
        case .died(let node):
            state.withLock { _ = $0.metas.removeValue(forKey: node) }
        case .left(let node):
            state.withLock { state in
                state.metas[node] = nil
                state.restarts[node] = nil
            }
        case .reaped(let node):
            state.withLock { state in
                state.metas[node] = nil
                state.names[node] = nil
                state.restarts[node] = nil
            }
        default: break
        }
    }

    /// One sentence for each thing that does not work as asked.
    var problems: [String] {
        let (conflicts, claims) = state.withLock { ($0.conflicts.sorted(), $0.claims) }
        return warnings + conflicts.map { "gossip: two nodes claim the name \($0)" }
            + claims.map { "gossip: two machines have the name \($0); give one of them another" }
    }

    // MARK: Joining

    /// Joins, and waits for nobody.
    func seek(_ addresses: [SocketEndpoint]) {
        node.join(addresses)
    }

    /// Joins, and waits for the first of `addresses` that answers.
    func join(_ addresses: [SocketEndpoint]) async -> JoinDesk.Answer {
        await joins.wait(for: addresses, seconds: Self.joinSeconds) { node.join(addresses) }
    }
}
