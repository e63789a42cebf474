import Base

@testable import Gossip

/// Nodes in one virtual time, on a network without wires: what one sends the others hear a millisecond
/// later, unless a test says otherwise.
struct VirtualRing {
    struct Letter {
        var at: Moment
        var order: Int
        var to: Int
        var input: MembershipInput
    }

    /// An engine in a box, since arrays hold no noncopyable values.
    final class Node {
        var engine: Membership
        var isUp = true
        var events: [(at: Moment, event: MembershipEvent)] = []
        var datagrams: [GossipDatagram] = []

        var table: MemberTable { engine.table }
        var counts: MembershipCounts { engine.counts }
        var isIsolated: Bool { engine.isIsolated }

        init(_ engine: consuming Membership) {
            self.engine = engine
        }
    }

    var nodes: [Node] = []
    var now = Moment(nanoseconds: 1_000_000_000)
    private var letters: [Letter] = []
    private var written = 0
    /// How many milliseconds each copy of a datagram takes; none: it is lost.
    var delays: (inout SeededGenerator) -> [UInt64] = { _ in [1] }
    private var weather = SeededGenerator(seed: 5)
    /// Whether a message from one node reaches another, over datagrams or streams.
    var passes: (_ from: Int, _ to: Int, _ isStream: Bool) -> Bool = { _, _, _ in true }

    static func address(_ index: Int) -> PeerAddress {
        PeerAddress(.v4(IPv4Address(10, 0, UInt8(index / 250), UInt8(index % 250 + 1))), port: 7946)
    }

    static func name(_ index: Int) -> NodeName { NodeName("n\(index)") }

    static func word(_ index: Int, incarnation: UInt32 = 1) -> Alive {
        Alive(
            node: name(index),
            incarnation: Incarnation(incarnation),
            address: AddressOctets(address(index).address),
            port: 7946,
            meta: [],
            versions: .networkDB
        )
    }

    static func engine(
        _ index: Int,
        rules: MembershipRules,
        incarnation: UInt32 = 1,
        at now: Moment
    ) -> Membership {
        Membership(
            own: word(index, incarnation: incarnation),
            rules: rules,
            seed: UInt64(index) * 7919 + 17 + UInt64(incarnation),
            encode: { _ in [UInt8](repeating: 0, count: 60) },
            at: now
        )
    }

    init(_ count: Int, rules: MembershipRules = .lan, isJoined: Bool = true) {
        for index in 0..<count {
            nodes.append(Node(Self.engine(index, rules: rules, at: now)))
        }
        guard isJoined, count > 1 else { return }
        for index in 1..<count { nodes[index].engine.handle(.join([Self.address(0)]), at: now) }
        for index in 0..<count { obey(index) }
        run(milliseconds: 10_000)
    }

    mutating func handle(_ index: Int, _ input: MembershipInput) {
        nodes[index].engine.handle(input, at: now)
        obey(index)
    }

    func state(of subject: Int, at observer: Int) -> MemberState? {
        nodes[observer].engine.table[Self.name(subject)]?.state
    }

    /// When `observer` first said `event` after `start`; nil when it never did.
    func moment(
        of event: MembershipEvent,
        at observer: Int,
        after start: Moment = .zero
    ) -> Moment? {
        nodes[observer].events.first { $0.event == event && $0.at >= start }?.at
    }

    mutating func crash(_ index: Int) { nodes[index].isUp = false }

    mutating func run(milliseconds: UInt64) {
        let end = now.advanced(milliseconds: milliseconds)
        while true {
            var next = end
            var who: Int?
            for (index, node) in nodes.enumerated() where node.isUp {
                if let wake = node.engine.nextWake?.moment, wake < next {
                    (next, who) = (wake, index)
                }
            }
            let letter = letters.indices.min { left, right in
                (letters[left].at, letters[left].order) < (letters[right].at, letters[right].order)
            }
            if let letter, letters[letter].at <= next {
                let taken = letters.remove(at: letter)
                now = max(now, taken.at)
                guard nodes[taken.to].isUp else { continue }
                nodes[taken.to].engine.handle(taken.input, at: now)
                obey(taken.to)
                continue
            }
            guard let who else { break }
            now = max(now, next)
            nodes[who].engine.wake(at: now)
            obey(who)
        }
        now = end
    }

    private mutating func post(_ to: Int, _ input: MembershipInput, after milliseconds: UInt64 = 1)
    {
        written += 1
        letters.append(
            Letter(
                at: now.advanced(milliseconds: milliseconds),
                order: written,
                to: to,
                input: input
            )
        )
    }

    private mutating func obey(_ index: Int) {
        while let output = nodes[index].engine.next() {
            switch output {
            case .datagram(let datagram):
                nodes[index].datagrams.append(datagram)
                let room = max(0, 20 - datagram.messages.count)
                let taken = datagram.candidates.prefix(room)
                if !datagram.candidates.isEmpty {
                    nodes[index].engine.handle(.packed(taken.count), at: now)
                }
                guard let to = receiver(of: datagram.to), passes(index, to, false) else { continue }
                for delay in delays(&weather) {
                    for message in datagram.messages + taken.compactMap(\.message) {
                        post(to, .message(message, from: Self.address(index)), after: delay)
                    }
                }
            case .openStream(let stream, let peer, let request, let until):
                let to = receiver(of: peer)
                let isUp = to.map { nodes[$0].isUp && passes(index, $0, true) } ?? false
                guard let to, isUp else {
                    post(index, .streamFailed(stream), after: until.milliseconds(since: now))
                    continue
                }
                switch request {
                case .ping(let ping): post(index, .streamAck(stream, Ack(sequence: ping.sequence)))
                case .exchange(let exchange):
                    // The stream's number tells the answerer who asked.
                    let tag = StreamID(stream.value << 16 | UInt64(index))
                    post(to, .exchangeAsked(tag, exchange))
                }
            case .answerExchange(let tag, let exchange, _):
                let asker = Int(tag.value & 0xffff)
                post(asker, .exchangeAnswered(StreamID(tag.value >> 16), exchange))
            case .closeStream, .delegateState, .user, .acked, .left: break
            case .event(let event): nodes[index].events.append((now, event))
            }
        }
    }

    private func receiver(of address: PeerAddress) -> Int? {
        nodes.indices.first { Self.address($0) == address }
    }
}
