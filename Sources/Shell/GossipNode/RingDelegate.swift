import Base
package import Gossip
import GossipWire

/// What rides on a ring's membership, as a node is told to have it.
package enum DelegateChoice: Sendable {
    /// Nothing: what comes for a delegate is counted and let go.
    case none
    /// Serf's intents, events and queries; the settings' versions and meta are serf's then.
    case serf(SerfRing.Rules)
    /// NetworkDB's tables. `times`: of both clocks, at or after all that an earlier run said.
    case tables(TableRing.Rules, times: (networks: LamportTime, tables: LamportTime))
}

/// What one of the delegates has to say.
enum DelegateOutput {
    case serf(SerfRing.Output)
    case tables(TableRing.Output)
}

/// The delegate of one node: its engine where there is one, and its octets.
struct RingDelegate: ~Copyable {
    private var serf: SerfRing?
    private var tables: TableRing?

    init(_ choice: DelegateChoice, own: Alive, seed: UInt64, at now: Moment) {
        switch choice {
        case .none:
            serf = nil
            tables = nil
        case .serf(let rules):
            serf = SerfRing(own: own, rules: rules, codec: .wire, seed: seed, at: now)
            tables = nil
        case .tables(let rules, let times):
            serf = nil
            tables = TableRing(
                own: own,
                rules: rules,
                codec: .wire,
                seed: seed,
                times: times,
                at: now
            )
        }
    }

    /// The delegate's part of a table of members that is sent.
    mutating func state(isJoin: Bool, isBrief: Bool = false) -> [UInt8] {
        if let state = tables?.state(isJoin: isJoin, isBrief: isBrief) { return state }
        return look { $0.state.octets } ?? []
    }

    /// Takes a user message; false when nobody is there to take it, or nobody can read it.
    mutating func hear(
        _ octets: [UInt8],
        from source: PeerAddress?,
        isStream: Bool,
        at now: Moment
    ) -> Bool {
        if tables != nil {
            tables?.handle(.heard(octets, from: source, isStream: isStream), at: now)
            return true
        }
        guard serf != nil, let message = try? SerfMessage(octets.span) else { return false }
        serf?.handle(.heard(message, octets: octets), at: now)
        return true
    }

    /// Takes the delegate's part of a table that came; false as for `hear`.
    mutating func merge(_ octets: [UInt8], isJoin: Bool, at now: Moment) -> Bool {
        if tables != nil {
            tables?.handle(.merged(octets), at: now)
            return true
        }
        guard serf != nil, let state = try? SerfState(octets.span) else { return false }
        serf?.handle(.merged(state, isJoin: isJoin), at: now)
        return true
    }

    /// Takes what changed in the ring, with what is said of the member then.
    mutating func follow(_ event: MembershipEvent, _ word: Alive?, at now: Moment) {
        serf?.handle(.membership(event, word: word), at: now)
        tables?.handle(.membership(event, word: word), at: now)
    }

    /// Takes what an ack carried.
    mutating func hearAck(_ octets: [UInt8], from node: NodeName, at now: Moment) {
        tables?.handle(.acked(octets, from: node), at: now)
    }

    /// Has its part in networks changed, where there are tables.
    mutating func handle(_ input: TableRing.Input, at now: Moment) {
        tables?.handle(input, at: now)
    }

    /// Begins to leave; false when membership is to be asked at once.
    mutating func leave(at now: Moment) -> Bool {
        if serf == nil, tables == nil { return false }
        serf?.handle(.leave, at: now)
        tables?.handle(.leave, at: now)
        return true
    }

    mutating func hasLeft(at now: Moment) {
        serf?.handle(.membershipLeft, at: now)
        tables?.handle(.membershipLeft, at: now)
    }

    /// Says that this node ends and will be back; false where nobody can be told.
    mutating func sayRestart(at now: Moment) -> Bool {
        guard tables != nil else { return false }
        tables?.handle(.restart, at: now)
        return true
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

    mutating func wake(at now: Moment) {
        serf?.wake(at: now)
        tables?.wake(at: now)
    }

    var nextWake: Moment? {
        look { $0.nextWake?.moment } ?? lookAtTables { $0.nextWake?.moment } ?? nil
    }

    mutating func next() -> DelegateOutput? {
        if let output = serf?.next() { return .serf(output) }
        return tables?.next().map { .tables($0) }
    }

    // MARK: Looking

    /// What the delegate has of a member; nil where it knows no more than membership.
    func status(of member: NodeName) -> SerfMember.Status? { look { $0[member]?.status } ?? nil }

    /// Members that the delegate remembers.
    var names: [NodeName] { look { $0.names } ?? [] }

    func word(of member: NodeName) -> Alive? { look { $0[member]?.word } ?? nil }

    func since(_ member: NodeName) -> Moment? { look { $0[member]?.goneSince } ?? nil }

    var counts: SerfRing.Counts? { look { $0.counts } }

    /// What tables have counted and hold; nil where there are none.
    var tableReport: TableReport? {
        lookAtTables { tables in
            TableReport(
                counts: tables.counts,
                networkTime: tables.times.networks,
                tableTime: tables.times.tables,
                networks: tables.attached.map { id in
                    TableReport.Network(
                        id: id,
                        isSynced: tables.isSynced(id),
                        participants: tables.participants(of: id),
                        liveEntries: tables.liveCount(of: id)
                    )
                },
                queueDepth: tables.queueDepth,
                parked: tables.parkedCount
            )
        }
    }

    /// All that is kept of each network this node is on.
    var snapshots: [TableNews] {
        lookAtTables { tables in
            tables.attached.map { .snapshot($0, tables.entries(of: $0)) }
        } ?? []
    }

    private func lookAtTables<Result>(_ body: (borrowing TableRing) -> Result) -> Result? {
        switch tables {
        case .some(let tables): body(tables)
        case .none: nil
        }
    }

    private func look<Result>(_ body: (borrowing SerfRing) -> Result) -> Result? {
        switch serf {
        case .some(let ring): body(ring)
        case .none: nil
        }
    }
}
