import Base
import Gossip
import GossipWire

/// What rides on a ring's membership and has messages and state of its own.
struct RingDelegate: ~Copyable {
    /// What is to be done for the delegate, in this order.
    enum Output: Sendable {
        /// Octets for every member.
        case broadcast([UInt8])
        /// Octets for one, in a datagram of their own.
        case message([UInt8], to: PeerAddress)
        case update(meta: [UInt8])
        /// To be done with the keys; answered by `keysAnswered`.
        case keys(SerfKeyRequest, SerfRing.KeyQuestion)
        /// Now membership may leave.
        case leaveMembership
        /// Something that a member says to all of them.
        case event(SerfEvent)
    }

    /// nil: what comes for a delegate is counted and let go.
    private(set) var serf: SerfRing?

    init(_ settings: GossipSettings, own: Alive, seed: UInt64, at now: Moment) {
        switch settings.delegate {
        case .none: serf = nil
        case .serf:
            serf = SerfRing(
                own: own,
                rules: SerfRing.Rules(settings.rules),
                codec: .wire,
                seed: seed,
                at: now
            )
        }
    }

    // MARK: What membership brings

    /// The delegate's part of a table that is sent.
    func state(isJoin: Bool) -> [UInt8] { look { $0.state.octets } ?? [] }

    /// Takes a user message; false when nobody is there to take it, or it says nothing.
    mutating func hear(_ octets: [UInt8], from peer: PeerAddress, at now: Moment) -> Bool {
        guard serf != nil, let message = try? SerfMessage(octets.span) else { return false }
        serf?.handle(.heard(message, octets: octets), at: now)
        return true
    }

    /// Takes the delegate's part of a table that came; false as for messages.
    mutating func merge(_ octets: [UInt8], isJoin: Bool, at now: Moment) -> Bool {
        guard serf != nil, let state = try? SerfState(octets.span) else { return false }
        serf?.handle(.merged(state, isJoin: isJoin), at: now)
        return true
    }

    /// Takes what changed in the ring, with what is known of the member it is about.
    mutating func follow(_ event: MembershipEvent, _ word: Alive?, at now: Moment) {
        serf?.handle(.membership(event, word: word), at: now)
    }

    // MARK: What others ask

    /// Begins to leave; false when there is nothing to be done before membership does.
    mutating func leave(at now: Moment) -> Bool {
        guard serf != nil else { return false }
        serf?.handle(.leave, at: now)
        return true
    }

    /// Membership has left.
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

    /// Says other tags; false where tags mean nothing.
    mutating func say(_ tags: SerfTags, at now: Moment) -> Bool {
        guard serf != nil else { return false }
        serf?.handle(.tags(tags), at: now)
        return true
    }

    mutating func keysAnswered(
        _ question: SerfRing.KeyQuestion,
        _ outcome: SerfKeyOutcome,
        at now: Moment
    ) {
        serf?.handle(.keysAnswered(question, outcome), at: now)
    }

    // MARK: Time

    mutating func wake(at now: Moment) {
        serf?.wake(at: now)
    }

    var nextWake: Moment? { look { $0.nextWake?.moment } ?? nil }

    mutating func next() -> Output? {
        while let output = serf?.next() {
            switch output {
            case .broadcast(let octets): return .broadcast(octets)
            case .send(let octets, let peer): return .message(octets, to: peer)
            case .meta(let meta): return .update(meta: meta)
            case .keys(let request, let question): return .keys(request, question)
            case .leaveMembership: return .leaveMembership
            case .event(let event): return .event(event)
            // Whoever asks for the members sees it.
            case .status, .forgotten, .eventRefused, .tagsRefused: continue
            }
        }
        return nil
    }

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
