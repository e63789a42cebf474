import Base
import Gossip
import GossipWire

/// A node of a serf ring without membership: a test says what membership and others say.
struct Serf: ~Copyable {
    static let start = Moment(nanoseconds: 1_000_000_000_000)

    var ring: SerfRing
    private(set) var now = Serf.start

    init(
        _ name: String = "me",
        tags: SerfTags = SerfTags(),
        seed: UInt64 = 1,
        _ adjust: (inout SerfRing.Rules) -> Void = { _ in }
    ) {
        var rules = SerfRing.Rules(.lan)
        adjust(&rules)
        ring = SerfRing(
            own: Self.word(name, host: 1, tags: tags),
            rules: rules,
            codec: .wire,
            seed: seed,
            at: Self.start
        )
    }

    static func word(_ name: String, host: UInt8, tags: SerfTags = SerfTags()) -> Alive {
        Alive(
            node: NodeName(name),
            incarnation: Incarnation(1),
            address: address(host),
            port: 7946,
            meta: tags.meta,
            versions: .serf
        )
    }

    static func address(_ host: UInt8) -> AddressOctets {
        AddressOctets(.v4(IPv4Address(10, 0, 0, host)))
    }

    static func peer(_ host: UInt8) -> PeerAddress {
        PeerAddress(.v4(IPv4Address(10, 0, 0, host)), port: 7946)
    }

    static func tags(_ pairs: (String, String)...) -> SerfTags {
        SerfTags(
            pairs.map { SerfTags.Tag(name: Array($0.0.utf8), value: Array($0.1.utf8)) }
        )
    }

    // MARK: What happens

    /// One input; what follows from it.
    @discardableResult
    mutating func take(_ input: SerfRing.Input) -> [SerfRing.Output] {
        ring.handle(input, at: now)
        return outputs()
    }

    /// A message of another node's.
    @discardableResult
    mutating func hear(_ message: SerfMessage) -> [SerfRing.Output] {
        take(.heard(message, octets: message.octets))
    }

    @discardableResult
    mutating func join(_ name: String, host: UInt8) -> [SerfRing.Output] {
        take(.membership(.joined(NodeName(name)), word: Self.word(name, host: host)))
    }

    @discardableResult
    mutating func die(_ name: String) -> [SerfRing.Output] {
        take(.membership(.died(NodeName(name)), word: nil))
    }

    /// Time passes, and whatever comes due happens when it is due.
    @discardableResult
    mutating func pass(milliseconds: UInt64) -> [SerfRing.Output] {
        let end = now.advanced(milliseconds: milliseconds)
        var all: [SerfRing.Output] = []
        var wakes = 0
        while let wake = ring.nextWake, wake.moment <= end {
            wakes += 1
            precondition(wakes < 10_000, "wakes for ever: \(wake)")
            now = max(now, wake.moment)
            ring.wake(at: now)
            all += outputs()
        }
        now = end
        return all
    }

    private mutating func outputs() -> [SerfRing.Output] {
        var all: [SerfRing.Output] = []
        while let output = ring.next() { all.append(output) }
        return all
    }

    func status(_ name: String) -> SerfMember.Status? { ring[NodeName(name)]?.status }
}

extension SerfMessage {
    static func joins(_ name: String, _ time: UInt64) -> SerfMessage {
        .join(SerfJoin(time: LamportTime(time), node: NodeName(name)))
    }

    static func leaves(_ name: String, _ time: UInt64, isPrune: Bool = false) -> SerfMessage {
        .leave(SerfLeave(time: LamportTime(time), node: NodeName(name), isPrune: isPrune))
    }

    static func event(_ name: String, _ time: UInt64, payload: [UInt8] = []) -> SerfMessage {
        .userEvent(
            SerfEvent(
                time: LamportTime(time),
                name: Array(name.utf8),
                payload: payload,
                coalesces: false
            )
        )
    }
}

extension SerfRing.Output {
    /// The message of a broadcast or of what is sent; nil for other outputs.
    var message: SerfMessage? {
        switch self {
        case .broadcast(let octets), .send(let octets, to: _): try? SerfMessage(octets.span)
        default: nil
        }
    }

    /// Whom a message is sent to.
    var receiver: PeerAddress? {
        if case .send(_, let to) = self { to } else { nil }
    }

    var isBroadcast: Bool { if case .broadcast = self { true } else { false } }
}
