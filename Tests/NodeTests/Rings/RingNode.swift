import Base
import Foundation
import Glibc
import Gossip
import GossipNode
import GossipWire
import LinuxSystem
import Synchronization

/// One of our nodes in a ring, within the test's own process: its sockets are in the ring's namespace.
///
/// To be used through `RingSpace`, which ends it whatever happens.
final class RingNode: Sendable {
    let name: String
    let address: PeerAddress
    /// Of the namespace its sockets are in.
    private let path: String
    private let adjust: @Sendable (inout GossipSettings) -> Void
    private let node = Mutex<GossipNode?>(nil)
    private let keys = Mutex(KeyRing())
    private let heard = Mutex<(events: [MembershipEvent], userEvents: [SerfEvent])>(([], []))
    private let read = Mutex<[NetworkID: [EntryKey: [UInt8]]]>([:])
    private static let starts = Atomic<UInt32>(0)

    init(
        _ name: String,
        at address: String,
        inside path: String,
        _ adjust: @escaping @Sendable (inout GossipSettings) -> Void
    ) throws {
        guard let address = SocketEndpoint(address) else {
            throw HarnessError("\(address): no address")
        }
        self.name = name
        self.address = address
        self.path = path
        self.adjust = adjust
    }

    private var running: GossipNode {
        get throws {
            guard let node = node.withLock({ $0 }) else {
                throw HarnessError("\(name) is not running")
            }
            return node
        }
    }

    /// Starts it, in a higher incarnation each time; joins who is given.
    func up(_ seeds: String...) throws {
        // Seconds since 2020, and one more for each start: tests start nodes quickly.
        let seconds = UInt32(Date.now.timeIntervalSince1970) - 1_577_836_800
        let start = Self.starts.add(1, ordering: .relaxed).newValue
        var settings = GossipSettings(
            name: NodeName(name),
            bind: address,
            incarnation: Incarnation(seconds + start)
        )
        settings.rules = .local
        adjust(&settings)
        let ring = settings.keys
        keys.withLock { $0 = ring }
        settings.onKeyQuestion = { [weak self] in self?.obey($0, $1) }
        let final = settings
        let fresh = try open(final)
        node.withLock { $0 = fresh }
        try join(seeds)
    }

    /// Opens its sockets; a program that another test is about to start may hold those of the last run for
    /// a moment.
    private func open(_ settings: GossipSettings) throws -> GossipNode {
        for _ in 0..<50 {
            let made = try NetworkNamespace.inside(path: path) { () throws(SystemError) in
                Result { try GossipNode(settings) }
            }
            guard case .failure(let error as SystemError) = made, error.isAddressInUse else {
                return try made.get()
            }
            usleep(20_000)
        }
        throw HarnessError("\(name): its address stays in use")
    }

    /// Keeps the ring's keys, as whoever writes them down does.
    private func obey(
        _ request: SerfKeyRequest,
        _ tell: @escaping @Sendable (SerfKeyOutcome) -> Void
    ) {
        let (before, outcome) = keys.withLock { ring in (ring, ring.obey(request)) }
        let after = keys.withLock { $0 }
        let change: KeyChange? =
            switch request {
            case .list: nil
            case .install(let octets): (try? RingKey(octets)).map { .add($0) }
            case .use(let octets): (try? RingKey(octets)).map { .use($0) }
            case .remove(let octets): (try? RingKey(octets)).map { .remove($0) }
            }
        guard before != after, let change, let node = try? running else {
            tell(outcome)
            return
        }
        node.keys(change) { _ in tell(outcome) }
    }

    func join(_ seeds: [String]) throws {
        if seeds.isEmpty { return }
        try running.join(seeds.compactMap { SocketEndpoint($0.contains(":") ? $0 : "\($0):7946") })
    }

    /// Ends it as a crash does.
    func crash() {
        node.withLock { $0.take() }?.stop()
    }

    func leave() async throws {
        let node = try running
        try await GossipNode.answer { node.leave($0) }
    }

    func forget(_ member: String, isPrune: Bool = false) async throws {
        let node = try running
        try await GossipNode.answer { node.forget(NodeName(member), isPrune: isPrune, $0) }
    }

    func tell(_ event: String, _ payload: String = "") throws {
        try running.tell(UserEvent(name: Array(event.utf8), payload: Array(payload.utf8)))
    }

    func update(tags: SerfTags) throws {
        try running.update(tags: tags)
    }

    func update(meta: String) throws {
        try running.update(meta: Array(meta.utf8))
    }

    func change(_ change: KeyChange) async throws {
        let node = try running
        _ = try await GossipNode.answer { node.keys(change, $0) }
    }

    // MARK: Looking

    func reports() async throws -> [String: MemberReport] {
        let node = try running
        let reports = try await GossipNode.answer { node.members($0) }
        return Dictionary(reports.map { ($0.name.description, $0) }, uniquingKeysWith: { $1 })
    }

    func counts() async throws -> NodeCounts {
        let node = try running
        return try await GossipNode.answer { node.counts($0) }
    }

    /// Whether it comes to show a member so.
    func shows(
        _ member: String,
        _ state: MemberState,
        within seconds: Double = Spread.seconds
    ) async -> Bool {
        await eventually(within: seconds) {
            (try? await self.reports())?[member]?.state == state
        }
    }

    /// Whether it comes to hold exactly these alive.
    func shows(_ members: Set<String>, within seconds: Double = Spread.seconds) async -> Bool {
        await eventually(within: seconds) {
            let alive = (try? await self.reports())?.filter { $0.value.state == .alive }.keys
            return alive.map { Set($0) } == members
        }
    }

    /// All events so far.
    var events: [MembershipEvent] {
        collect()
        return heard.withLock { $0.events }
    }

    /// The names of the members' own events so far.
    var userEvents: [String] {
        collect()
        return heard.withLock { $0.userEvents.map { String(decoding: $0.name, as: UTF8.self) } }
    }

    /// Attaches to networks, detaches from them, changes own entries.
    func change(_ inputs: TableRing.Input...) throws {
        try running.change(inputs)
    }

    /// What a reader of the tables has by now.
    func entries(_ table: TableName, of network: NetworkID) throws -> [String: [UInt8]] {
        let news = try running.takeTableNews().news
        return read.withLock { read in
            for case .change(let change) in news {
                read[change.network, default: [:]][change.entry] = change.value
            }
            var entries: [String: [UInt8]] = [:]
            for (entry, value) in read[network] ?? [:] where entry.table == table {
                entries[String(decoding: entry.key, as: UTF8.self)] = value
            }
            return entries
        }
    }

    private func collect() {
        guard let news = node.withLock({ $0 })?.takeEvents() else { return }
        heard.withLock {
            $0.events += news.events.map(\.event)
            $0.userEvents += news.userEvents
        }
    }

    func hears(_ event: String, within seconds: Double = Spread.seconds) async -> Bool {
        await eventually(within: seconds) { self.userEvents.contains(event) }
    }
}

extension RingSpace {
    /// Makes one of our nodes at 127.0.0.`host`, in a serf ring; not started yet.
    func waggle(
        _ name: String,
        _ host: Int,
        tags: SerfTags = SerfTags(),
        keys: [[UInt8]] = []
    ) throws -> RingNode {
        let ring = try KeyRing(keys.map { try RingKey($0) })
        return try node(name, at: "127.0.0.\(host):7946") { settings in
            settings.speakSerf(tags)
            settings.keys = ring
        }
    }

    func node(
        _ name: String,
        at address: String,
        _ adjust: @escaping @Sendable (inout GossipSettings) -> Void = { _ in }
    ) throws -> RingNode {
        let node = try RingNode(name, at: address, inside: space.path, adjust)
        atEnd { node.crash() }
        return node
    }
}
