import Base
import Gossip
import GossipNode
import GossipWire
import HTTPAPI
import LinuxSystem
import Logging
import Names

/// What the control thread has to do with the ring's tables: what this node has is told to the ring, and
/// what others have gives names here.
///
/// Which networks and endpoints there are is the registry's to say; which entries, the gossip thread's.
/// Every minute both are held against each other, and what differs is put right and counted.
struct TableDesk {
    /// An audit looks at everything so often.
    static let auditMilliseconds: UInt64 = 60_000
    /// News that are taken up before the control thread turns to other work.
    static let newsPerTurn = 8192
    /// Names of a network with more endpoints than this are derived anew only when somebody asks.
    static let auditEndpointsMax = 20_000

    /// What is being held against what the tables say.
    struct Audit {
        /// Whether the differences are faults, and not what was lost on the way here.
        let isCounted: Bool
        let isComplete: Bool
        /// Networks whose tables have not come yet.
        var pending: Set<NetworkID>
        var differences = 0
        /// Endpoints that changed after the tables were asked for.
        var touched: Set<OwnEndpoint> = []
        var waiters: [@Sendable (Int?) -> Void] = []
    }

    let plane: RingPlane
    /// Networks that the ring knows this node is on.
    var networks: [NetworkID: DomainName] = [:]
    /// Networks of which nobody else can be told.
    var unspeakable: Set<DomainName> = []
    /// News that wait for the next turn.
    var backlog: ArraySlice<TableNews> = []
    var auditAt: Moment
    var audit: Audit?
    /// Own endpoints whose entries another node claims for itself.
    var contested: Set<OwnEndpoint> = []
    /// Networks and endpoints of which the ring does not take more.
    var refused: Set<String> = []
    var refusedCount = 0

    init(_ plane: RingPlane, at now: Moment) {
        self.plane = plane
        auditAt = now.advanced(milliseconds: Self.auditMilliseconds)
    }

    /// One sentence for each thing that others do not hear of as they should.
    var problems: [String] {
        unspeakable.sorted().map {
            "network \($0): its name has a '/', so other nodes are not told of it"
        }
            + refused.sorted()
            + contested.sorted { $0.id < $1.id }.map {
                "endpoint \($0.id) of network \($0.network): another node has one of that id; "
                    + "give one of them another"
            }
    }
}

extension ControlState {
    // MARK: Telling

    /// Begins to tell the ring what is here, and to take what others tell.
    mutating func begin(_ plane: RingPlane) {
        ring.plane = .serving
        ring.gossip = plane
        ring.problems = plane.problems
        guard plane.hasTables else { return }
        desk = TableDesk(plane, at: Clock.now())
        let endpoints = registry.endpoints().map { OwnEndpoint(network: $0.network, id: $0.id) }
        announce(Set(registry.networks.keys), endpoints, [])
    }

    /// Tells the ring what a change came to here.
    mutating func announce(_ effect: Effect) {
        if desk == nil || effect.networks.isEmpty && effect.ownEndpoints.isEmpty { return }
        announce(effect.networks, effect.ownEndpoints, effect.detachedNetworks)
    }

    private mutating func announce(
        _ networks: Set<DomainName>,
        _ endpoints: [OwnEndpoint],
        _ detached: Set<DomainName>
    ) {
        var inputs: [TableRing.Input] = []
        var lacksTable = false
        for network in networks.sorted() {
            let isOn = registry.networks[network] != nil
            guard let id = NetworkID(network) else {
                if isOn { noteUnspeakable(network) } else { desk?.unspeakable.remove(network) }
                continue
            }
            let wasOn = desk?.networks[id] != nil
            if isOn, !wasOn { inputs.append(.attach(id)) }
            if !isOn, wasOn {
                inputs.append(.detach(id))
                desk?.audit?.pending.remove(id)
            }
            desk?.networks[id] = isOn ? network : nil
            if isOn, wasOn, detached.contains(network) { lacksTable = true }
        }
        var changes: [TableRing.OwnChange] = []
        var seen: Set<OwnEndpoint> = []
        for endpoint in endpoints where seen.insert(endpoint).inserted {
            if let change = ownChange(endpoint) { changes.append(change) }
            desk?.audit?.touched.insert(endpoint)
            if registry.endpoints[endpoint.id] == nil { desk?.contested.remove(endpoint) }
        }
        if !changes.isEmpty { inputs.append(.change(changes)) }
        if !inputs.isEmpty { desk?.plane.node.change(inputs) }
        if lacksTable { beginAudit(isCounted: false) }
    }

    private mutating func noteUnspeakable(_ network: DomainName) {
        guard desk?.unspeakable.insert(network).inserted == true else { return }
        logger.warning(
            "other nodes are not told of a network: its name has a '/'",
            metadata: ["network": "\(network)"]
        )
    }

    /// What the ring is to have for an own endpoint, there or not; nil where it has no such network.
    private func ownChange(_ endpoint: OwnEndpoint) -> TableRing.OwnChange? {
        guard let id = NetworkID(endpoint.network), desk?.networks[id] != nil else { return nil }
        let (key, isID) = Endpoint.entryKey(endpoint.id)
        if !isID {
            logger.warning(
                "an endpoint's id cannot be a key; others know it by another one",
                metadata: [
                    "id": "\(endpoint.id)", "key": "\(String(decoding: key, as: UTF8.self))",
                ]
            )
        }
        let known = registry.endpoints[endpoint.id]
        let isHere = known?.network == endpoint.network
        let value = isHere ? known.map { EndpointRecord($0).octets } : nil
        return TableRing.OwnChange(id, EntryKey(.endpoints, key), value)
    }

    // MARK: Hearing

    /// Takes up what happened in the ring.
    mutating func followRing() {
        guard let plane = ring.gossip else { return }
        let events = plane.follow()
        var effect = Effect()
        if !events.drains.isEmpty { effect.merge(registry.drain(events.drains)) }
        takeNews(&effect)
        settle(effect)
        let problems = plane.problems
        if events.isNews || ring.problems != problems {
            ring.problems = problems
            tellWaiters()
        }
    }

    /// Goes on with news that were too many for one turn.
    mutating func continueNews() {
        var effect = Effect()
        workOffNews(&effect)
        settle(effect)
    }

    private mutating func settle(_ effect: Effect) {
        if effect.isVisible { follow(effect) }
    }

    private mutating func takeNews(_ effect: inout Effect) {
        guard let plane = desk?.plane else { return }
        let (news, isLost) = plane.node.takeTableNews()
        if isLost {
            logger.warning("gossip: changes of tables were lost; they are read anew")
            desk?.backlog = []
            beginAudit(isCounted: false)
        }
        desk?.backlog += news
        workOffNews(&effect)
    }

    private mutating func workOffNews(_ effect: inout Effect) {
        let now = Clock.now()
        guard let news = desk?.backlog.prefix(TableDesk.newsPerTurn), !news.isEmpty else { return }
        desk?.backlog.removeFirst(news.count)
        var changes: [RemoteChange] = []
        for item in news {
            switch item {
            case .change(let change):
                if let change = remote(change, at: now) { changes.append(change) }
            case .synced(let network):
                logger.debug("the table of a network is here", metadata: ["network": "\(network)"])
            case .refused(let change, let refusal): note(change, refusal)
            case .snapshot(let id, let entries):
                // What came before it is in it.
                if !changes.isEmpty { effect.merge(registry.take(changes, at: now)) }
                changes = []
                hold(entries, against: id, &effect, at: now)
            }
        }
        if !changes.isEmpty { effect.merge(registry.take(changes, at: now)) }
    }

    private func remote(_ change: TableRing.Change, at now: Moment) -> RemoteChange? {
        guard change.entry.table == .endpoints, let network = desk?.networks[change.network] else {
            return nil
        }
        return RemoteChange(
            network: network,
            key: change.entry.key,
            owner: change.owner,
            path: change.path,
            since: now,
            change.value.map { Self.value($0) } ?? .gone
        )
    }

    private static func value(_ octets: [UInt8]) -> RemoteChange.Value {
        (try? EndpointRecord(octets.span)).map { .record($0) } ?? .unreadable
    }

    private mutating func note(_ change: TableRing.OwnChange, _ refusal: TableRing.Refusal) {
        desk?.refusedCount += 1
        let key = String(decoding: change.entry.key, as: UTF8.self)
        switch refusal {
        // It left the network meanwhile.
        case .notAttached: return
        case .tooLong:
            desk?.refused.insert(
                "endpoint \(key) of network \(change.network): it says too much to be told to others; "
                    + "give it fewer aliases or ports"
            )
        case .tooMany:
            desk?.refused.insert(
                "network \(change.network): this node has more endpoints than others can be told of; "
                    + "they do not know all of them"
            )
        }
    }

    // MARK: Audits

    /// Has all that is kept of the ring's tables come here, to be held against what is known.
    ///
    /// `isComplete`: names of large networks are derived anew too. `done`: told how much differed; nil when
    /// it came to nothing.
    mutating func beginAudit(
        isCounted: Bool = true,
        isComplete: Bool = false,
        done: (@Sendable (Int?) -> Void)? = nil
    ) {
        guard let desk else {
            done?(nil)
            return
        }
        var audit = TableDesk.Audit(
            isCounted: isCounted,
            isComplete: isComplete,
            pending: Set(desk.networks.keys)
        )
        for waiter in desk.audit?.waiters ?? [] { waiter(nil) }
        if let done { audit.waiters = [done] }
        self.desk?.audit = audit
        self.desk?.refused = []
        self.desk?.auditAt = Clock.now().advanced(milliseconds: TableDesk.auditMilliseconds)
        desk.plane.node.askForSnapshots()
        endAuditIfDone()
    }

    private mutating func endAuditIfDone() {
        guard let audit = desk?.audit, audit.pending.isEmpty else { return }
        desk?.audit = nil
        if audit.isCounted, audit.differences > 0 {
            registry.note(drift: audit.differences)
            logger.warning(
                "an audit found names or entries other than they should be, and put them right",
                metadata: ["count": "\(audit.differences)"]
            )
        }
        for waiter in audit.waiters { waiter(audit.differences) }
    }

    /// Holds the table of a network against the endpoints of others, this node's own, and the names.
    private mutating func hold(
        _ entries: [TableEntry],
        against id: NetworkID,
        _ effect: inout Effect,
        at now: Moment
    ) {
        guard let desk, let network = desk.networks[id] else { return }
        let visible = entries.filter { $0.isVisible && $0.entry.table == .endpoints }
        let others = visible.filter { $0.owner != desk.plane.own }.map { entry in
            RemoteChange(
                network: network,
                key: entry.entry.key,
                owner: entry.owner,
                path: entry.path,
                since: entry.since,
                Self.value(entry.value)
            )
        }
        let remote = registry.settle(network, others, at: now)
        effect.merge(remote.effect)
        var differences = remote.differences + holdOwn(visible, against: network, id)
        let count = registry.networks[network].map { $0.endpointCount + $0.remoteCount } ?? 0
        let audit = desk.audit
        if audit?.isCounted == true,
            audit?.isComplete == true || count <= TableDesk.auditEndpointsMax
        {
            let names = registry.audit(network)
            effect.merge(names.effect)
            differences += names.differences
        }
        self.desk?.audit?.differences += differences
        self.desk?.audit?.pending.remove(id)
        endAuditIfDone()
    }

    /// Tells the ring again what it has of this node another way; returns how much that was.
    private mutating func holdOwn(
        _ entries: [TableEntry],
        against network: DomainName,
        _ id: NetworkID
    ) -> Int {
        guard let desk,
            (registry.networks[network]?.endpointCount ?? 0) <= TableDesk.auditEndpointsMax
        else { return 0 }
        var said: [[UInt8]: TableEntry] = [:]
        for entry in entries { said[entry.entry.key] = entry }
        var changes: [TableRing.OwnChange] = []
        let touched = desk.audit?.touched ?? []
        var own: Set<[UInt8]> = []
        for endpoint in registry.endpoints(in: network) {
            let subject = OwnEndpoint(network: network, id: endpoint.id)
            guard let change = ownChange(subject) else { continue }
            own.insert(change.entry.key)
            let entry = said[change.entry.key]
            let isSaid = entry?.owner == desk.plane.own && entry?.value == change.value
            if isSaid { self.desk?.contested.remove(subject) }
            if isSaid || touched.contains(subject) { continue }
            // Once is a correction; twice, two nodes would take it from each other for ever.
            if let entry, entry.owner != desk.plane.own,
                self.desk?.contested.insert(subject).inserted == false
            {
                continue
            }
            changes.append(change)
        }
        for entry in entries where entry.owner == desk.plane.own && !own.contains(entry.entry.key) {
            let subject = OwnEndpoint(
                network: network,
                id: String(decoding: entry.entry.key, as: UTF8.self)
            )
            if touched.contains(subject) { continue }
            changes.append(TableRing.OwnChange(id, entry.entry, nil))
        }
        if !changes.isEmpty { desk.plane.node.change([.change(changes)]) }
        return changes.count
    }
}
