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

        package var node: NodeName { word.node }
        package var incarnation: Incarnation { word.incarnation }
    }

    package struct Rules: Hashable, Sendable {
        package var suspicion: Suspicion.Rules
        /// After so many milliseconds a dead node's name may come back at another address; nil: never.
        package var reclaimMilliseconds: UInt64?

        package init(suspicion: Suspicion.Rules = .lan, reclaimMilliseconds: UInt64? = nil) {
            self.suspicion = suspicion
            self.reclaimMilliseconds = reclaimMilliseconds
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

    /// A ring of this node alone.
    ///
    /// `word` has its address, versions and first incarnation.
    package init(own word: Alive, rules: Rules = Rules(), at now: Moment) {
        precondition(Self.refusal(of: word, by: word.versions) == nil, "an own word nobody takes")
        own = word.node
        self.rules = rules
        members[own] = Member(word: word, state: .alive, since: now)
        names = [own]
    }

    package var count: Int { names.count }

    package subscript(node: NodeName) -> Member? { members[node] }

    /// What this node says of itself.
    package var ownWord: Alive { ownMember.word }

    /// The whole table, as a stream carries it, in the order in which members came.
    package var entries: [MemberEntry] {
        names.compactMap { name in
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
        guard let known = members[alive.node] else { return welcome(alive, at: now) }
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
        endSuspicion(of: alive.node)
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
        if let index = suspicionIndex(of: suspect.node) {
            let isNews = suspicions[index].suspicion.confirm(by: suspect.accuser)
            return isNews ? [.tell(.suspect(suspect))] : []
        }
        guard known.state == .alive else { return [] }
        if suspect.node == own { return refute(suspect.incarnation) }
        known.word.incarnation = suspect.incarnation
        known.state = .suspect
        known.since = now
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
        endSuspicion(of: dead.node)
        known.word.incarnation = dead.incarnation
        known.state = dead.isLeave ? .left : .dead
        known.since = now
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

    // MARK: What time does

    /// When the next suspicion becomes a death; nil when nobody is suspected.
    package var nextDeadline: Moment? { suspicions.map(\.suspicion.deadline).min() }

    /// Declares those dead whose time is over.
    ///
    /// Source: gossip-wire.md §11.
    package mutating func wake(at now: Moment) -> [MemberEffect] {
        let due = suspicions.filter { $0.suspicion.deadline <= now }.map(\.node)
        return due.flatMap { node -> [MemberEffect] in
            guard let member = members[node] else { return [] }
            return hear(Dead(node: node, incarnation: member.incarnation, accuser: own), at: now)
        }
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
        if gone.isEmpty { return [] }
        for name in gone { members[name] = nil }
        names.removeAll { members[$0] == nil }
        return gone
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
        return [.tell(.alive(alive)), .joined(alive.node)]
    }

    private mutating func accept(
        _ alive: Alive,
        instead known: Member,
        at now: Moment
    ) -> [MemberEffect] {
        let since = known.state == .alive ? known.since : now
        members[alive.node] = Member(word: alive, state: .alive, since: since)
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
    }

    private mutating func endSuspicion(of node: NodeName) {
        suspicions.removeAll { $0.node == node }
    }
}
