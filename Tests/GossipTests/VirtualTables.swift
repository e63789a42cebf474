import Base
import Gossip
import GossipWire

/// Nodes with tables in one virtual time: membership is what a test says, and what one node sends another
/// hears a millisecond later, unless a test says otherwise.
struct VirtualTables {
    /// An engine in a box, since arrays hold no noncopyable values.
    final class Node {
        var engine: TableRing
        let word: Alive
        var isUp = true
        /// What its changes come to: what a reader of its tables has.
        var seen: [NetworkID: [EntryKey: [UInt8]]] = [:]
        var changes: [TableRing.Change] = []
        var refusals: [TableRing.Refusal] = []
        var ack: [UInt8] = []
        var exchanges: [NodeName] = []
        var agreements = 0
        var streamed = 0
        var hasLeft = false
        var restarts: [NodeName] = []

        init(_ engine: consuming TableRing, word: Alive) {
            self.engine = engine
            self.word = word
        }

        var counts: TableRing.Counts { engine.counts }
        func root(_ network: NetworkID) -> UInt64 { engine.root(of: network) }
        func isSynced(_ network: NetworkID) -> Bool { engine.isSynced(network) }
        func entry(_ entry: EntryKey, _ network: NetworkID) -> TableEntry? {
            engine.entry(entry, of: network)
        }
    }

    private struct Letter {
        let at: Moment
        let to: Int
        let octets: [UInt8]
        let from: PeerAddress?
        let isStream: Bool
    }

    var nodes: [Node] = []
    var now = Moment(nanoseconds: 1_000_000_000)
    private var letters: [Letter] = []
    /// Whether what one sends another arrives.
    var passes: (_ from: Int, _ to: Int, _ isStream: Bool) -> Bool = { _, _, _ in true }

    init(
        _ count: Int,
        habits: TableRing.Habits = .waggle,
        _ adjust: (inout TableRing.Rules) -> Void = { _ in }
    ) {
        for index in 0..<count { add(index, habits: habits, adjust) }
        for one in 0..<count {
            for other in 0..<count where other != one { introduce(other, to: one) }
        }
    }

    static func address(_ index: Int) -> PeerAddress {
        PeerAddress(.v4(IPv4Address(10, 0, UInt8(index / 250), UInt8(index % 250 + 1))), port: 7946)
    }

    static func word(
        _ index: Int,
        name: String? = nil,
        boot: UInt64 = 1,
        isCapable: Bool = true,
        at address: PeerAddress? = nil
    ) -> Alive {
        var meta: [UInt8] = []
        if isCapable {
            var id = [UInt8](repeating: 0, count: 16)
            id[15] = UInt8(index % 256)
            id[14] = UInt8(index / 256)
            var said = NodeMeta(name: Array("n\(index)".utf8), id: id, boot: boot)
            said.capabilities = .all
            meta = said.octets
        }
        return Alive(
            node: NodeName(name ?? "n\(index)-\(boot)"),
            incarnation: Incarnation(1),
            address: AddressOctets((address ?? self.address(index)).address),
            port: 7946,
            meta: meta,
            versions: .networkDB
        )
    }

    /// Adds a node that knows nobody.
    mutating func add(
        _ index: Int,
        habits: TableRing.Habits = .waggle,
        boot: UInt64 = 1,
        times: (networks: LamportTime, tables: LamportTime) = (LamportTime(0), LamportTime(0)),
        _ adjust: (inout TableRing.Rules) -> Void = { _ in }
    ) {
        var rules = TableRing.Rules(habits: habits)
        adjust(&rules)
        let word = Self.word(index, boot: boot, isCapable: habits.contains(.digests))
        let engine = TableRing(
            own: word,
            rules: rules,
            codec: .wire,
            seed: UInt64(index) &* 7919 &+ boot,
            times: times,
            at: now
        )
        let node = Node(engine, word: word)
        if index < nodes.count { nodes[index] = node } else { nodes.append(node) }
    }

    mutating func introduce(_ other: Int, to node: Int) {
        tell(node, .membership(.joined(nodes[other].word.node), word: nodes[other].word))
    }

    mutating func tell(_ node: Int, _ input: TableRing.Input) {
        guard nodes[node].isUp else { return }
        nodes[node].engine.handle(input, at: now)
        obey(node)
    }

    mutating func attach(_ node: Int, _ network: NetworkID) { tell(node, .attach(network)) }

    mutating func set(_ node: Int, _ network: NetworkID, _ key: String, _ value: String?) {
        let entry = Self.key(key)
        tell(node, .change([TableRing.OwnChange(network, entry, value.map { Array($0.utf8) })]))
    }

    static func key(_ key: String) -> EntryKey { EntryKey(.endpoints, Array(key.utf8)) }

    /// What a reader at `node` sees under a key.
    func value(_ node: Int, _ network: NetworkID, _ key: String) -> String? {
        nodes[node].seen[network]?[Self.key(key)].map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func obey(_ index: Int) {
        let node = nodes[index]
        while let output = node.engine.next() {
            switch output {
            case .broadcast(let octets):
                for other in nodes.indices where other != index {
                    post(octets, from: index, to: other, isStream: false, after: 100)
                }
            case .rumours(let rumours, let peer):
                guard let to = place(of: peer) else { continue }
                for rumour in rumours {
                    post(rumour.octets, from: index, to: to, isStream: false, after: 1)
                }
            case .datagram(let octets, let peer):
                guard let to = place(of: peer) else { continue }
                post(octets, from: index, to: to, isStream: false, after: 1)
            case .stream(let octets, let peer):
                node.streamed += octets.count
                guard let to = place(of: peer) else { continue }
                post(octets, from: index, to: to, isStream: true, after: 2)
            case .ackPayload(let octets): node.ack = octets
            case .change(let change):
                node.changes.append(change)
                node.seen[change.network, default: [:]][change.entry] = change.value
            case .agreed: node.agreements += 1
            case .exchange(let name): node.exchanges.append(name)
            case .synced: break
            case .refused(_, let refusal): node.refusals.append(refusal)
            case .leaveMembership: node.hasLeft = true
            case .restarting(let name): node.restarts.append(name)
            case .restartTold: node.isUp = false
            }
        }
    }

    private func place(of peer: PeerAddress) -> Int? {
        nodes.indices.first { Self.address($0) == peer }
    }

    private mutating func post(
        _ octets: [UInt8],
        from: Int,
        to: Int,
        isStream: Bool,
        after milliseconds: UInt64
    ) {
        guard passes(from, to, isStream) else { return }
        letters.append(
            Letter(
                at: now.advanced(milliseconds: milliseconds),
                to: to,
                octets: octets,
                from: Self.address(from),
                isStream: isStream
            )
        )
    }

    /// Lets time pass, a millisecond at a time where anything happens; each second everyone's acks are heard by
    /// the next node.
    mutating func run(milliseconds: UInt64) {
        let end = now.advanced(milliseconds: milliseconds)
        var beats: UInt64 = 0
        while now < end {
            now = now.advanced(milliseconds: 1)
            beats += 1
            let due = letters.filter { $0.at <= now }
            if !due.isEmpty { letters.removeAll { $0.at <= now } }
            for letter in due where nodes[letter.to].isUp {
                nodes[letter.to].engine.handle(
                    .heard(letter.octets, from: letter.from, isStream: letter.isStream),
                    at: now
                )
                obey(letter.to)
            }
            if beats % 1000 == 0 { exchangeAcks(round: Int(beats / 1000)) }
            for index in nodes.indices where nodes[index].isUp {
                guard let due = nodes[index].engine.nextWake?.moment, due <= now else { continue }
                nodes[index].engine.wake(at: now)
                obey(index)
            }
        }
    }

    private mutating func exchangeAcks(round: Int) {
        for index in nodes.indices where nodes.count > 1 {
            let other = (index + 1 + round % (nodes.count - 1)) % nodes.count
            guard other != index, nodes[other].isUp, !nodes[other].ack.isEmpty,
                passes(other, index, false), passes(index, other, false)
            else { continue }
            tell(index, .acked(nodes[other].ack, from: nodes[other].word.node))
        }
    }

    /// Time passes in steps of so many seconds, for what takes minutes; nothing on the way is lost.
    mutating func skip(seconds: UInt64) {
        for _ in 0..<seconds {
            now = now.advanced(milliseconds: 999)
            run(milliseconds: 1)
        }
    }

    /// What a node says of attachments, to another.
    mutating func exchangeStates(_ one: Int, _ other: Int, isJoin: Bool = false) {
        let first = nodes[one].engine.state(isJoin: isJoin)
        let second = nodes[other].engine.state(isJoin: isJoin)
        tell(other, .merged(first))
        tell(one, .merged(second))
    }
}
