import Base
package import Gossip
import GossipWire

/// What rides on a ring's membership, as a node is told to have it.
package enum DelegateChoice: Sendable {
    /// Nothing: what comes for a delegate is counted and let go.
    case none
    /// Serf's intents, events and queries; the settings' versions and meta are serf's then.
    case serf(SerfRing.Rules)
}

/// The delegate of one node: its engine where there is one, and its octets.
struct RingDelegate: ~Copyable {
    private var serf: SerfRing?

    init(_ choice: DelegateChoice, own: Alive, seed: UInt64, at now: Moment) {
        switch choice {
        case .none: serf = nil
        case .serf(let rules):
            serf = SerfRing(own: own, rules: rules, codec: .wire, seed: seed, at: now)
        }
    }

    /// The delegate's part of a table that is sent.
    func state() -> [UInt8] {
        switch serf {
        case .some(let serf): serf.state.octets
        case .none: []
        }
    }

    /// Takes a user message; false when nobody is there to take it, or nobody can read it.
    mutating func hear(_ octets: [UInt8], at now: Moment) -> Bool {
        guard serf != nil, let message = try? SerfMessage(octets.span) else { return false }
        serf?.handle(.heard(message, octets: octets), at: now)
        return true
    }

    /// Takes the delegate's part of a table that came; false as for `hear`.
    mutating func merge(_ octets: [UInt8], isJoin: Bool, at now: Moment) -> Bool {
        guard serf != nil, let state = try? SerfState(octets.span) else { return false }
        serf?.handle(.merged(state, isJoin: isJoin), at: now)
        return true
    }

    /// Takes what changed in the ring, with what is said of the member then.
    mutating func follow(_ event: MembershipEvent, _ word: Alive?, at now: Moment) {
        serf?.handle(.membership(event, word: word), at: now)
    }

    /// Begins to leave; false when membership is to be asked at once.
    mutating func leave(at now: Moment) -> Bool {
        if serf == nil { return false }
        serf?.handle(.leave, at: now)
        return true
    }

    mutating func hasLeft(at now: Moment) {
        serf?.handle(.membershipLeft, at: now)
    }

    mutating func forget(_ member: NodeName, isPrune: Bool, at now: Moment) {
        serf?.handle(.forget(member, isPrune: isPrune), at: now)
    }

    mutating func tell(_ event: UserEvent, at now: Moment) {
        serf?.handle(
            .event(name: event.name, payload: event.payload, coalesces: event.coalesces),
            at: now
        )
    }

    /// Says other tags, where tags mean something.
    mutating func say(_ tags: SerfTags, at now: Moment) {
        serf?.handle(.tags(tags), at: now)
    }

    mutating func answer(
        _ question: SerfRing.KeyQuestion,
        _ outcome: SerfKeyOutcome,
        at now: Moment
    ) {
        serf?.handle(.keysAnswered(question, outcome), at: now)
    }

    mutating func wake(at now: Moment) { serf?.wake(at: now) }

    var nextWake: Moment? {
        switch serf {
        case .some(let serf): serf.nextWake?.moment
        case .none: nil
        }
    }

    mutating func next() -> SerfRing.Output? { serf?.next() }

    // MARK: Looking

    /// What the delegate has of a member; nil where it knows no more than membership.
    func status(of member: NodeName) -> SerfMember.Status? { look { $0[member]?.status } ?? nil }

    /// Members that the delegate remembers.
    var names: [NodeName] { look { $0.names } ?? [] }

    func word(of member: NodeName) -> Alive? { look { $0[member]?.word } ?? nil }

    func since(_ member: NodeName) -> Moment? { look { $0[member]?.goneSince } ?? nil }

    var counts: SerfRing.Counts? { look { $0.counts } }

    private func look<Result>(_ body: (borrowing SerfRing) -> Result) -> Result? {
        switch serf {
        case .some(let ring): body(ring)
        case .none: nil
        }
    }
}
