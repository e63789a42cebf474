package import Base

/// One node's part in its ring: it probes, tells, hears, judges, joins and leaves.
///
/// SWIM with Lifeguard's local health as memberlist has it, octet for octet on the wire, and beyond it
/// what `MembershipRules.Habits` lists, which are this node's own decisions. Sends nothing and reads no
/// clock: inputs and moments come in, `MembershipOutput`s come out and are to be obeyed in order. After a
/// datagram with candidates `packed` has to come before the next output is taken, since what was told is
/// charged before the next datagram is filled. One value costs about 200 octets for each member.
/// Source: gossip-wire.md §9-§13; gossip-scale.md §3.4.
package struct Membership: ~Copyable, Engine {
    /// Why the engine wants to be woken.
    package enum WakeReason: Hashable, Sendable, CaseIterable {
        case probe, answer, gossip, suspicion, pushPull, join, rejoin, leave
    }

    /// Something this node sent and may hear an answer to.
    struct Waiting: Sendable {
        enum Purpose: Sendable {
            /// For another node, which waits there under its own number.
            case relay(SequenceNumber, to: PeerAddress, takesChecksum: Bool, nackAt: Moment?)
            /// About a member that only this node accuses.
            case inquiry(NodeName)
            /// At the door of a member that was lost.
            case knock(PeerAddress)
        }

        let sequence: SequenceNumber
        let node: NodeName
        var purpose: Purpose
        var until: Moment

        var due: Moment {
            if case .relay(_, _, _, let nackAt?) = purpose { return nackAt }
            return until
        }
    }

    /// What an output is before it is taken: rumours are chosen at the last moment.
    enum Pending: Sendable {
        case output(MembershipOutput)
        case datagram(PeerAddress, takesChecksum: Bool, [GossipMessage])
    }

    package let rules: MembershipRules
    package internal(set) var table: MemberTable
    package internal(set) var counts = MembershipCounts()
    /// This node's own health: 0 is best; times its probes.
    ///
    /// Source: Lifeguard §IV-A.
    package internal(set) var awareness = 0
    /// Whether nobody was heard for so long that the trouble must be here.
    package internal(set) var isIsolated = false

    let encode: @Sendable (GossipMessage) -> [UInt8]
    var generator: SeededGenerator
    var sequence: UInt32
    var payload: [UInt8] = []
    /// When a member last said that it knows the same.
    var lastAgreed: Moment?

    /// Every member, in the order in which they are probed; source: SWIM §4.3.
    var order: [NodeName]
    var cursor = 0
    var probes: [Probe] = []
    var waiting: [Waiting] = []
    /// Deaths that came too early to be believed.
    var doubted: [Dead] = []
    /// Members that were asked about because only this node accuses them.
    var inquired: [NodeName] = []
    /// When this node last heard a member: a sign that it is connected.
    var lastProof: Moment
    /// When this node last did anything.
    private var lastRun = Moment.zero
    /// Before this moment nobody is given up.
    var trustedFrom: Moment

    var queue = RumourQueue()
    var delegateQueue = RumourQueue()
    var offered: [RumourQueue.Item] = []
    var seeds: [Seed] = []
    var lost: [Lost] = []
    /// When the last members came back that were lost, and how many at about that time.
    var returns: (since: Moment, count: Int) = (.zero, 0)
    var exchanges: [StreamID: Exchange] = [:]
    var nextStream: UInt64 = 0

    var probeAt: Moment
    var gossipPhase: Moment
    var gossipAt: Moment?
    /// Before this moment nothing is hurried any more.
    var hurriedUntil: Moment
    var pushPullAt: Moment
    /// When tables are exchanged with several.
    var syncAt: Moment?
    /// Who joined through this node lately, and since when they are counted.
    var joins: (since: Moment, count: Int) = (.zero, 0)
    var rejoinAt: Moment?
    var leaveBy: Moment?
    /// Whether the ring was told that this node leaves: it is silent until it joins again.
    package internal(set) var hasLeft = false

    private var pending: [Pending] = []
    private var taken = 0

    /// A node of which no other knows.
    ///
    /// `own`: what the node says of itself, in an incarnation higher than any of an earlier run: seconds
    /// since 2020 serve. `seed`: any number; two nodes of one seed would act in step. `encode`: the octets
    /// of a message; a pure function.
    package init(
        own: Alive,
        rules: MembershipRules,
        seed: UInt64,
        encode: @escaping @Sendable (GossipMessage) -> [UInt8],
        at now: Moment
    ) {
        var generator = SeededGenerator(seed: seed)
        let suspicion = Suspicion.Rules(
            multiplier: rules.suspicion.multiplier,
            maxMultiplier: rules.habits.contains(.healthSuspicion)
                ? rules.suspicion.maxMultiplier : 1,
            probeIntervalMilliseconds: rules.suspicion.probeIntervalMilliseconds
        )
        table = MemberTable(
            own: own,
            rules: MemberTable.Rules(suspicion: suspicion, membersMax: rules.membersMax),
            at: now
        )
        self.rules = rules
        self.encode = encode
        order = [own.node]
        sequence = UInt32(truncatingIfNeeded: generator.next())
        probeAt = now.advanced(milliseconds: generator.milliseconds(below: rules.probeInterval))
        gossipPhase = now.advanced(
            milliseconds: generator.milliseconds(below: rules.gossipInterval)
        )
        hurriedUntil = now
        pushPullAt = now.advanced(
            milliseconds: generator.milliseconds(below: rules.pushPullInterval)
        )
        self.generator = generator
        lastProof = now
        trustedFrom = now
    }

    package var own: NodeName { table.own }

    /// Rumours still to be told, the delegate's among them.
    package var queueDepth: Int { queue.count + delegateQueue.count }

    // MARK: Inputs

    package mutating func handle(_ input: consuming MembershipInput, at now: Moment) {
        noticeStall(at: now)
        switch input {
        case .message(let message, let source): hear(message, from: source, at: now)
        case .exchangeAsked(let stream, let exchange): serve(stream, exchange, at: now)
        case .exchangeAnswered(let stream, let exchange): finish(stream, exchange, at: now)
        case .streamAck(let stream, let ack): hearStreamAck(stream, ack, at: now)
        case .streamFailed(let stream): failStream(stream, at: now)
        case .packed(let count): charge(count, at: now)
        case .refused(let address): hearRefusal(address, at: now)
        case .broadcast(let octets): broadcast(octets, at: now)
        case .ackPayload(let octets): payload = octets
        case .agreed: lastAgreed = now
        case .exchange(let node): exchange(with: node, at: now)
        case .join(let addresses): addSeeds(addresses, at: now)
        case .update(let meta): obey(table.update(meta: meta), at: now)
        case .leave: leave(at: now)
        case .forget(let node): forget(node, at: now)
        }
    }

    private mutating func hear(_ message: GossipMessage, from source: PeerAddress, at now: Moment) {
        if hasLeft { return }
        switch message {
        case .ping(let ping): hear(ping, from: source, at: now)
        case .indirectPing(let ping): hear(ping, from: source, at: now)
        case .ack(let ack): hear(ack, from: source, at: now)
        case .nack(let nack): hear(nack, at: now)
        case .alive(let alive): hear(Rumour.alive(alive), from: source, at: now)
        case .suspect(let suspect): hear(Rumour.suspect(suspect), from: source, at: now)
        case .dead(let dead): hear(Rumour.dead(dead), from: source, at: now)
        case .user(let octets): put(.user(octets, from: source))
        }
    }

    // MARK: Time

    package mutating func wake(at now: Moment) {
        if hasLeft { return }
        noticeStall(at: now)
        wakeProbes(at: now)
        wakeWaiting(at: now)
        wakeSuspicions(at: now)
        wakeSeeds(at: now)
        if let at = rejoinAt, at <= now { knock(at: now) }
        if pushPullAt <= now { pushPull(at: now) }
        if let at = syncAt, at <= now { syncWithSeveral(at: now) }
        if let at = gossipAt, at <= now { gossip(at: now) }
        if let by = leaveBy, by <= now { endLeave() }
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        if hasLeft { return nil }
        var next = nextProbe
        func consider(_ moment: Moment?, _ reason: WakeReason) {
            if let moment, moment < next.moment { next = (moment, reason) }
        }
        consider(gossipAt, .gossip)
        consider(table.nextDeadline, .suspicion)
        consider(nextAnswer, .answer)
        consider(pushPullAt, .pushPull)
        consider(syncAt, .pushPull)
        consider(nextSeed, .join)
        consider(rejoinAt, .rejoin)
        consider(leaveBy, .leave)
        return next
    }

    /// Adds to every deadline what this node slept through: others were not asked meanwhile, and their
    /// answers may still be unread.
    ///
    /// Source: gossip-scale.md §3.4, 1.
    private mutating func noticeStall(at now: Moment) {
        // Asked for each input, so that looking for what is due is left to those that come after a
        // pause; all that was heard after one stall is late for one stall.
        let before = lastRun
        lastRun = now
        guard now.milliseconds(since: before) > rules.stallAfter,
            rules.habits.contains(.stallCompensation), let due = nextWake?.moment
        else { return }
        let late = now.milliseconds(since: max(due, before))
        guard late > rules.stallAfter else { return }
        table.shiftSuspicions(milliseconds: late)
        for index in probes.indices { probes[index].shift(late) }
        for index in waiting.indices {
            waiting[index].until = waiting[index].until.advanced(milliseconds: late)
        }
        trustedFrom = now.advanced(milliseconds: rules.probeInterval)
        counts.stalls += 1
        put(.event(.stalled(late)))
    }

    // MARK: Outputs

    package mutating func next() -> MembershipOutput? {
        while taken < pending.count {
            taken += 1
            switch pending[taken - 1] {
            case .output(let output): return output
            case .datagram(let to, let takesChecksum, let messages):
                offered = offer(beside: messages)
                if messages.isEmpty, offered.isEmpty { continue }
                counts.datagramsOut += 1
                return .datagram(
                    GossipDatagram(
                        to: to,
                        takesChecksum: takesChecksum,
                        messages: messages,
                        candidates: offered
                    )
                )
            }
        }
        pending.removeAll(keepingCapacity: true)
        taken = 0
        return nil
    }

    mutating func put(_ output: MembershipOutput) {
        pending.append(.output(output))
    }

    /// A datagram that also takes along what is to be told.
    mutating func send(_ messages: [GossipMessage], to: PeerAddress, takesChecksum: Bool) {
        pending.append(.datagram(to, takesChecksum: takesChecksum, messages))
    }

    /// A datagram of these messages alone.
    mutating func sendAlone(_ messages: [GossipMessage], to: PeerAddress, takesChecksum: Bool) {
        counts.datagramsOut += 1
        put(
            .datagram(
                GossipDatagram(
                    to: to,
                    takesChecksum: takesChecksum,
                    messages: messages,
                    candidates: []
                )
            )
        )
    }

    mutating func nextSequence() -> SequenceNumber {
        sequence &+= 1
        return SequenceNumber(sequence)
    }

    // MARK: What follows from the table

    mutating func obey(_ effects: [MemberEffect], at now: Moment) {
        for effect in effects {
            switch effect {
            case .tell(let rumour): tell(rumour, at: now)
            case .joined(let node):
                noticeReturn(of: node, at: now)
                enter(node)
                put(.event(.joined(node)))
            case .updated(let node): put(.event(.updated(node)))
            case .suspected(let node):
                counts.suspicions += 1
                put(.event(.suspected(node)))
            case .confirmed(let node): considerDraining(node, at: now)
            case .cleared(let node):
                put(.event(.cleared(node)))
                admit(node)
                hurry(at: now)
            case .gone(let node): takeLeave(of: node, at: now)
            case .conflict(let node, let address, let port):
                counts.conflicts += 1
                let at = address.address.map { PeerAddress($0, port: port) }
                put(.event(.conflict(node, at: at)))
            case .refuted:
                counts.refutations += 1
                adjustAwareness(by: 1)
                hurry(at: now)
            case .refused: counts.refusedWords += 1
            }
        }
    }

    /// A member that is new, or back, takes its place among those to be probed.
    mutating func enter(_ node: NodeName) {
        lost.removeAll { $0.node == node }
        admit(node)
        guard table.count > order.count else { return }
        let place = Int(generator.below(UInt32(order.count + 1)))
        order.append(node)
        order.swapAt(place, order.count - 1)
    }

    private mutating func takeLeave(of node: NodeName, at now: Moment) {
        doubted.removeAll { $0.node == node }
        inquired.removeAll { $0 == node }
        guard let member = table[node] else { return }
        _ = table.drain(node, false)
        if member.state == .left {
            put(.event(.left(node)))
        } else {
            counts.deaths += 1
            put(.event(.died(node)))
            miss(member, at: now)
        }
    }

    mutating func adjustAwareness(by delta: Int) {
        guard rules.habits.contains(.healthProbe) else { return }
        awareness = min(max(awareness + delta, 0), rules.awarenessMax - 1)
    }

    private mutating func forget(_ node: NodeName, at now: Moment) {
        guard let member = table[node], !member.isPresent, table.forget(node) else { return }
        order.removeAll { $0 == node }
        cursor = 0
        lost.removeAll { $0.node == node }
        tell(.dead(Dead(node: node, incarnation: member.incarnation, accuser: node)), at: now)
        put(.event(.reaped(node)))
    }
}

extension SeededGenerator {
    /// A uniform number of milliseconds below `bound`; 0 when that is 0.
    mutating func milliseconds(below bound: UInt64) -> UInt64 {
        bound == 0 ? 0 : UInt64(below(UInt32(clamping: bound)))
    }
}
