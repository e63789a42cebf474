package import Base

/// Who is in the ring, as one node sees it: what is said of each node, and what follows from it.
///
/// A word about a node counts when its incarnation does: an alive has to be newer than what is held, a
/// suspicion or a death as new. Only a node itself raises its incarnation, and does so when it hears ill
/// of itself, or another's words in its name. A suspicion becomes a death when its time is over.
///
///     unknown ──alive──▶ alive ◀──alive, newer── suspect
///                         │ ▲  ──suspect──────────▶ │ time over, or dead
///                   dead  ▼ │ alive, newer          ▼
///                   left, dead ◀────────────────────┘ ──reap──▶ unknown
///
/// Never asks anybody, never sends: it returns effects. Deviates from memberlist in that it neither keeps
/// nor passes on what harms peers: version vectors that are not whole or cannot be, names and metas that
/// are too long, incarnations at the end of their numbers. Source: gossip-wire.md §7, §9, §17, §22.
package struct MemberTable: Sendable {
    /// A node of the ring.
    package struct Member: Hashable, Sendable {
        /// As the node has it, or as it was last said to.
        package fileprivate(set) var word: Alive
        package fileprivate(set) var state: MemberState
        /// When it came into that state.
        package fileprivate(set) var since: Moment
        /// When it was last heard itself, or reached through another; zero when it never was.
        package fileprivate(set) var heard = Moment.zero
        /// How long its last direct answer took, in microseconds; 0 before the first.
        package fileprivate(set) var roundTrip: UInt32 = 0
        /// Not to be sent to, though it is not dead.
        package fileprivate(set) var isDrained = false

        package var node: NodeName { word.node }
        package var incarnation: Incarnation { word.incarnation }
        package var isPresent: Bool { state == .alive || state == .suspect }
        /// Where it is reached; nil when its octets are no address.
        package var peer: PeerAddress? {
            word.address.address.map { PeerAddress($0, port: word.port) }
        }
        /// Whether it understands checksums around messages.
        package var takesChecksum: Bool {
            word.versions.isWhole && word.versions.protocolMax >= 5
        }
    }

    package struct Rules: Hashable, Sendable {
        package var suspicion: Suspicion.Rules
        /// After so many milliseconds a dead node's name may come back at another address; nil: never.
        package var reclaimMilliseconds: UInt64?
        /// Members held; others are refused.
        package var membersMax: Int

        package init(
            suspicion: Suspicion.Rules = .lan,
            reclaimMilliseconds: UInt64? = nil,
            membersMax: Int = 131_072
        ) {
            self.suspicion = suspicion
            self.reclaimMilliseconds = reclaimMilliseconds
            self.membersMax = membersMax
        }
    }

    /// From here on an incarnation is an attack: a node could not outbid it for long.
    package static let hostileIncarnation = Incarnation(.max - 15)

    package let own: NodeName
    package let rules: Rules
    /// Whether this node has begun to leave.
    package private(set) var isLeaving = false
    private var members: [NodeName: Member] = [:]
    /// Every member, in the order in which they came.
    package private(set) var names: [NodeName] = []
    /// What runs against members that are suspected, by name.
    private var suspicions: [(node: NodeName, suspicion: Suspicion)] = []
    /// When the next suspicion becomes a death; nil when nobody is suspected.
    package private(set) var nextDeadline: Moment?
    /// Members in each state, by its number.
    private var counts = [Int](repeating: 0, count: MemberState.allCases.count)
    /// Members that are not to be sent to.
    package private(set) var drainedCount = 0

    /// A ring of this node alone.
    ///
    /// `word` has its address, versions and first incarnation.
    package init(own word: Alive, rules: Rules = Rules(), at now: Moment) {
        precondition(Self.refusal(of: word, by: word.versions) == nil, "an own word nobody takes")
        own = word.node
        self.rules = rules
        members[own] = Member(word: word, state: .alive, since: now)
        names = [own]
        counts[Int(MemberState.alive.rawValue)] = 1
    }

    package var count: Int { names.count }

    /// How many members are in `state`.
    package func count(of state: MemberState) -> Int { counts[Int(state.rawValue)] }

    /// How many members are alive or suspected, this node among them while it stays.
    package var presentCount: Int { count(of: .alive) + count(of: .suspect) }

    package subscript(node: NodeName) -> Member? { members[node] }

    /// What this node says of itself.
    package var ownWord: Alive { ownMember.word }

    /// The whole table, as a stream carries it, in the order in which members came.
    package var entries: [MemberEntry] {
        names.compactMap { entry(of: $0) }
    }

    /// A member's line of the table.
    package func entry(of name: NodeName) -> MemberEntry? {
        members[name].map { member in
            MemberEntry(
                node: name,
                incarnation: member.incarnation,
                state: member.state,
                address: member.word.address,
                port: member.word.port,
                meta: member.word.meta,
                versions: member.word.versions
            )
        }
    }

    // MARK: What is heard

    /// Takes what was said of a node that is there.
    ///
    /// Source: gossip-wire.md §9.1.
    package mutating func hear(_ alive: Alive, at now: Moment) -> [MemberEffect] {
        let isOwn = alive.node == own
        if isOwn, isLeaving { return [] }
        if let refusal = Self.refusal(of: alive, by: ownWord.versions) {
            return [.refused(alive.node, refusal)]
        }
        guard let known = members[alive.node] else {
            guard count < rules.membersMax else { return [.refused(alive.node, .room)] }
            return welcome(alive, at: now)
        }
        let isMoved = alive.address != known.word.address || alive.port != known.word.port
        if isMoved, !mayMove(known, at: now) {
            return [.conflict(alive.node, address: alive.address, port: alive.port)]
        }
        if isOwn {
            let isOurs = alive.meta == known.word.meta && alive.versions == known.word.versions
            if alive.incarnation < known.incarnation { return [] }
            if alive.incarnation == known.incarnation, isOurs { return [] }
            return refute(alive.incarnation)
        }
        guard alive.incarnation > known.incarnation || isMoved else { return [] }
        if known.state == .suspect { endSuspicion(of: alive.node) }
        return accept(alive, instead: known, at: now)
    }

    /// Takes an accusation.
    ///
    /// Source: gossip-wire.md §9.2.
    package mutating func hear(_ suspect: Suspect, at now: Moment) -> [MemberEffect] {
        if suspect.incarnation >= Self.hostileIncarnation {
            return [.refused(suspect.node, .incarnation)]
        }
        guard var known = members[suspect.node], suspect.incarnation >= known.incarnation else {
            return []
        }
        if known.state == .suspect, let index = suspicionIndex(of: suspect.node) {
            guard suspicions[index].suspicion.confirm(by: suspect.accuser) else { return [] }
            findDeadline()
            return [.tell(.suspect(suspect)), .confirmed(suspect.node)]
        }
        guard known.state == .alive else { return [] }
        if suspect.node == own { return refute(suspect.incarnation) }
        known.word.incarnation = suspect.incarnation
        move(&known, to: .suspect, at: now)
        members[suspect.node] = known
        beginSuspicion(of: suspect, at: now)
        return [.tell(.suspect(suspect)), .suspected(suspect.node)]
    }

    /// Takes a death, or a leave.
    ///
    /// Source: gossip-wire.md §9.3.
    package mutating func hear(_ dead: Dead, at now: Moment) -> [MemberEffect] {
        if dead.incarnation >= Self.hostileIncarnation {
            return [.refused(dead.node, .incarnation)]
        }
        guard var known = members[dead.node], dead.incarnation >= known.incarnation,
            known.state == .alive || known.state == .suspect
        else { return [] }
        if dead.node == own, !isLeaving { return refute(dead.incarnation) }
        if known.state == .suspect { endSuspicion(of: dead.node) }
        known.word.incarnation = dead.incarnation
        move(&known, to: dead.isLeave ? .left : .dead, at: now)
        members[dead.node] = known
        return [.tell(.dead(dead)), .gone(dead.node)]
    }

    /// Takes another node's table, line by line.
    ///
    /// Its dead are only suspected here, so that they can speak for themselves; its own line for this
    /// node is how a node that was restarted learns what it has to outbid. Source: gossip-wire.md §9.5.
    package mutating func merge(_ entries: [MemberEntry], at now: Moment) -> [MemberEffect] {
        entries.flatMap { entry -> [MemberEffect] in
            switch entry.state {
            case .alive:
                hear(
                    Alive(
                        node: entry.node,
                        incarnation: entry.incarnation,
                        address: entry.address,
                        port: entry.port,
                        meta: entry.meta,
                        versions: entry.versions
                    ),
                    at: now
                )
            case .left:
                hear(
                    Dead(node: entry.node, incarnation: entry.incarnation, accuser: entry.node),
                    at: now
                )
            case .suspect, .dead:
                hear(
                    Suspect(node: entry.node, incarnation: entry.incarnation, accuser: own),
                    at: now
                )
            case nil: []
            }
        }
    }

    // MARK: What this node says

    /// Says something else of itself, in a new incarnation.
    package mutating func update(meta: [UInt8]) -> [MemberEffect] {
        precondition(meta.count <= Alive.metaOctetsMax, "a meta of \(meta.count) octets")
        var member = ownMember
        member.word.meta = meta
        member.word.incarnation = Incarnation(member.incarnation.value + 1)
        members[own] = member
        return [.tell(.alive(member.word))]
    }

    /// Leaves; what is heard of this node from now on is not refuted.
    package mutating func leave(at now: Moment) -> [MemberEffect] {
        isLeaving = true
        let word = ownWord
        return hear(Dead(node: own, incarnation: word.incarnation, accuser: own), at: now)
    }

    /// Is there again after it left, in a new incarnation.
    package mutating func comeBack(at now: Moment) -> [MemberEffect] {
        isLeaving = false
        var member = ownMember
        member.word.incarnation = Incarnation(member.incarnation.value + 1)
        if member.state != .alive { move(&member, to: .alive, at: now) }
        members[own] = member
        return [.tell(.alive(member.word))]
    }

    // MARK: What time does

    /// Declares those dead whose time is over.
    ///
    /// Source: gossip-wire.md §11.
    package mutating func wake(at now: Moment) -> [MemberEffect] {
        suspicionsDue(at: now).flatMap { kill($0.node, at: now) }
    }

    /// The suspicions whose time is over, oldest first.
    package func suspicionsDue(at now: Moment) -> [(node: NodeName, suspicion: Suspicion)] {
        guard let nextDeadline, nextDeadline <= now else { return [] }
        return suspicions.filter { $0.suspicion.deadline <= now }
    }

    /// Declares a suspected member dead.
    package mutating func kill(_ node: NodeName, at now: Moment) -> [MemberEffect] {
        guard let member = members[node] else { return [] }
        return hear(Dead(node: node, incarnation: member.incarnation, accuser: own), at: now)
    }

    /// What runs against `node`.
    package func suspicion(of node: NodeName) -> Suspicion? {
        guard members[node]?.state == .suspect else { return nil }
        return suspicionIndex(of: node).map { suspicions[$0].suspicion }
    }

    /// Gives a suspected member until `moment`.
    package mutating func postponeSuspicion(of node: NodeName, to moment: Moment) {
        guard let index = suspicionIndex(of: node) else { return }
        suspicions[index].suspicion.postpone(to: moment)
        findDeadline()
    }

    /// Gives every suspected member so much longer.
    package mutating func shiftSuspicions(milliseconds: UInt64) {
        for index in suspicions.indices { suspicions[index].suspicion.shift(milliseconds) }
        findDeadline()
    }

    // MARK: What is seen

    /// Writes down that `node` was heard, or reached through another.
    package mutating func see(_ node: NodeName, at now: Moment, roundTrip: UInt32? = nil) {
        guard var member = members.removeValue(forKey: node) else { return }
        member.heard = now
        if let roundTrip { member.roundTrip = roundTrip }
        members[node] = member
    }

    /// Marks a member as not to be sent to, or as one that may be; true when it is news.
    package mutating func drain(_ node: NodeName, _ isDrained: Bool) -> Bool {
        guard var member = members[node], member.isDrained != isDrained else { return false }
        member.isDrained = isDrained
        drainedCount += isDrained ? 1 : -1
        members[node] = member
        return true
    }

    /// Takes a member that is dead for one that left, and forgets it; false while it is there.
    package mutating func forget(_ node: NodeName) -> Bool {
        guard node != own, let member = members[node],
            member.state == .dead || member.state == .left
        else { return false }
        drop([node])
        return true
    }

    /// Forgets those that have been dead or gone for longer; returns them.
    ///
    /// Source: gossip-wire.md §9.6.
    package mutating func reap(olderThan milliseconds: UInt64, at now: Moment) -> [NodeName] {
        let gone = names.filter { name in
            guard name != own, let member = members[name] else { return false }
            let isGone = member.state == .dead || member.state == .left
            return isGone && now.milliseconds(since: member.since) > milliseconds
        }
        if !gone.isEmpty { drop(gone) }
        return gone
    }

    /// Forgets all but this node; returns them.
    package mutating func dropOthers() -> [NodeName] {
        let others = names.filter { $0 != own }
        suspicions = []
        nextDeadline = nil
        drop(others)
        return others
    }

    private mutating func drop(_ gone: [NodeName]) {
        for name in gone {
            guard let member = members.removeValue(forKey: name) else { continue }
            counts[Int(member.state.rawValue)] -= 1
            if member.isDrained { drainedCount -= 1 }
        }
        names.removeAll { members[$0] == nil }
    }

    // MARK: Steps

    private var ownMember: Member {
        guard let member = members[own] else {
            preconditionFailure("\(own) is not in its own table")
        }
        return member
    }

    /// Why a word about a node is neither kept nor passed on.
    private static func refusal(of alive: Alive, by versions: VersionVector) -> MemberRefusal? {
        let theirs = alive.versions
        guard (1...NodeName.octetsMax).contains(alive.node.octets.count) else { return .name }
        guard alive.meta.count <= Alive.metaOctetsMax else { return .meta }
        guard alive.address.address != nil else { return .address }
        guard alive.incarnation.value > 0, alive.incarnation < hostileIncarnation else {
            return .incarnation
        }
        guard theirs.isWhole, theirs.protocolMin > 0, theirs.protocolMin <= theirs.protocolMax,
            theirs.delegateMin <= versions.delegateMax, versions.delegateMin <= theirs.delegateMax
        else { return .versions }
        return nil
    }

    private func mayMove(_ known: Member, at now: Moment) -> Bool {
        switch known.state {
        case .left: return true
        case .dead:
            guard let reclaim = rules.reclaimMilliseconds else { return false }
            return now.milliseconds(since: known.since) > reclaim
        case .alive, .suspect: return false
        }
    }

    private mutating func welcome(_ alive: Alive, at now: Moment) -> [MemberEffect] {
        members[alive.node] = Member(word: alive, state: .alive, since: now)
        names.append(alive.node)
        counts[Int(MemberState.alive.rawValue)] += 1
        return [.tell(.alive(alive)), .joined(alive.node)]
    }

    private mutating func accept(
        _ alive: Alive,
        instead known: Member,
        at now: Moment
    ) -> [MemberEffect] {
        var member = known
        member.word = alive
        if known.state != .alive { move(&member, to: .alive, at: now) }
        members[alive.node] = member
        var effects: [MemberEffect] = [.tell(.alive(alive))]
        switch known.state {
        case .dead, .left: effects.append(.joined(alive.node))
        case .suspect: effects.append(.cleared(alive.node))
        case .alive: break
        }
        let isSameMeta = alive.meta == known.word.meta
        if !isSameMeta, known.state == .alive || known.state == .suspect {
            effects.append(.updated(alive.node))
        }
        return effects
    }

    /// Speaks up in an incarnation that beats the accused one.
    ///
    /// Source: gossip-wire.md §9.4.
    private mutating func refute(_ accused: Incarnation) -> [MemberEffect] {
        var member = ownMember
        let higher = max(member.incarnation.value, accused.value) + 1
        member.word.incarnation = Incarnation(higher)
        members[own] = member
        return [.tell(.alive(member.word)), .refuted]
    }

    private mutating func move(_ member: inout Member, to state: MemberState, at now: Moment) {
        counts[Int(member.state.rawValue)] -= 1
        counts[Int(state.rawValue)] += 1
        member.state = state
        member.since = now
    }

    private func suspicionIndex(of node: NodeName) -> Int? {
        suspicions.firstIndex { $0.node == node }
    }

    private mutating func beginSuspicion(of suspect: Suspect, at now: Moment) {
        let suspicion = Suspicion(
            rules: rules.suspicion,
            members: count,
            accuser: suspect.accuser,
            at: now
        )
        suspicions.append((suspect.node, suspicion))
        findDeadline()
    }

    private mutating func endSuspicion(of node: NodeName) {
        suspicions.removeAll { $0.node == node }
        findDeadline()
    }

    private mutating func findDeadline() {
        nextDeadline = suspicions.lazy.map(\.suspicion.deadline).min()
    }
}
