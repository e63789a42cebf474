import Base

/// A probe of a member that waits for its answer.
///
/// Source: gossip-wire.md §10; SWIM §3.1.
struct Probe: Sendable {
    let sequence: SequenceNumber
    let node: NodeName
    let began: Moment
    /// One of the round; others are made because somebody accused the member.
    let isRegular: Bool
    /// When others are asked.
    var timeout: Moment
    /// When it has failed.
    var deadline: Moment
    var isIndirect = false
    var nacksWanted = 0
    var nacks = 0
    var stream: StreamID?
    var isAnsweredOverStream = false

    var due: Moment { isIndirect ? deadline : min(timeout, deadline) }

    mutating func shift(_ milliseconds: UInt64) {
        timeout = timeout.advanced(milliseconds: milliseconds)
        deadline = deadline.advanced(milliseconds: milliseconds)
    }
}

extension Membership {
    /// Probes beside the regular one.
    static var extraProbesMax: Int { 16 }

    var nextProbe: (moment: Moment, reason: WakeReason) {
        var moment = Moment.distantFuture
        var isRegularOut = false
        for probe in probes {
            moment = min(moment, probe.due)
            if probe.isRegular { isRegularOut = true }
        }
        return (isRegularOut ? moment : min(moment, probeAt), .probe)
    }

    mutating func wakeProbes(at now: Moment) {
        var index = 0
        while index < probes.count {
            if !probes[index].isIndirect, probes[index].timeout <= now {
                askOthers(index, at: now)
            }
            if probes[index].deadline <= now {
                fail(probes.remove(at: index), at: now)
            } else {
                index += 1
            }
        }
        guard probeAt <= now, !probes.contains(where: { $0.isRegular }) else { return }
        // One tick that was missed is made up for at once, further ones are not.
        let behind = now.milliseconds(since: probeAt) / rules.probeInterval
        probeAt = probeAt.advanced(milliseconds: (behind + 1) * rules.probeInterval)
        if let node = nextInTurn(at: now) { probe(node, isRegular: true, at: now) }
    }

    /// The next member of the round; at its end the dead are forgotten and the order is changed.
    ///
    /// Source: gossip-wire.md §9.6, §10.
    private mutating func nextInTurn(at now: Moment) -> NodeName? {
        var checked = 0
        while checked < order.count {
            if cursor >= order.count {
                reap(at: now)
                order.shuffle(using: &generator)
                cursor = 0
                checked += 1
                continue
            }
            let node = order[cursor]
            cursor += 1
            if node != own, let member = table[node], member.isPresent { return node }
            checked += 1
        }
        return nil
    }

    private mutating func reap(at now: Moment) {
        let gone = table.reap(olderThan: rules.gossipToTheDead, at: now)
        if gone.isEmpty { return }
        for node in gone { put(.event(.reaped(node))) }
        order = order.filter { table[$0] != nil }
    }

    /// Asks a member whether it is there.
    ///
    /// `accusation`: what it is to speak up against, with the question.
    mutating func probe(
        _ node: NodeName,
        isRegular: Bool,
        accusation: Incarnation? = nil,
        at now: Moment
    ) {
        guard let member = table[node], let peer = member.peer else { return }
        let interval = rules.probeInterval * UInt64(awareness + 1)
        let time = isRegular ? interval : min(interval, rules.probeTimeout * 6 / 5)
        let probe = Probe(
            sequence: nextSequence(),
            node: node,
            began: now,
            isRegular: isRegular,
            // Others are asked at the same time where an accusation is looked into.
            timeout: isRegular ? now.advanced(milliseconds: rules.probeTimeout) : now,
            deadline: now.advanced(milliseconds: time)
        )
        probes.append(probe)
        let ping = GossipMessage.ping(
            Ping(sequence: probe.sequence, node: node, source: ownSource)
        )
        let accused = accusation ?? (member.state == .suspect ? member.incarnation : nil)
        if let accused, rules.habits.contains(.buddy) {
            let suspect = Suspect(node: node, incarnation: accused, accuser: own)
            sendAlone([ping, .suspect(suspect)], to: peer, takesChecksum: member.takesChecksum)
        } else {
            send([ping], to: peer, takesChecksum: member.takesChecksum)
        }
        if !isRegular { askOthers(probes.count - 1, at: now) }
    }

    /// Asks about a member that somebody accuses, beside the round; false where there is no room.
    mutating func probeNow(
        _ node: NodeName,
        accusation: Incarnation? = nil,
        at now: Moment
    ) -> Bool {
        if probes.contains(where: { $0.node == node && !$0.isRegular }) { return true }
        guard probes.count < Self.extraProbesMax else { return false }
        probe(node, isRegular: false, accusation: accusation, at: now)
        return true
    }

    var ownSource: ProbeSource {
        let word = table.ownWord
        return ProbeSource(address: word.address, port: word.port, node: own)
    }

    mutating func askOthers(_ index: Int, at now: Moment) {
        probes[index].isIndirect = true
        let probe = probes[index]
        guard let target = table[probe.node] else { return }
        let helpers = pick(rules.indirectProbes) { $0.state == .alive && $0.node != probe.node }
        probes[index].nacksWanted = ask(helpers, about: target, probe.sequence)
        guard rules.probesOverStreams, target.word.versions.isWhole,
            target.word.versions.protocolMax >= 3, let peer = target.peer
        else { return }
        let stream = openStream(.probe(probe.sequence))
        probes[index].stream = stream
        let ping = Ping(sequence: probe.sequence, node: probe.node, source: ownSource)
        put(.openStream(stream, to: peer, .ping(ping), until: probe.deadline))
    }

    /// Asks `helpers` to probe a member; returns how many will say so when they hear nothing.
    mutating func ask(
        _ helpers: [MemberTable.Member],
        about target: MemberTable.Member,
        _ sequence: SequenceNumber
    ) -> Int {
        var nacks = 0
        for helper in helpers {
            guard let peer = helper.peer else { continue }
            let saysNo = helper.word.versions.isWhole && helper.word.versions.protocolMax >= 4
            if saysNo { nacks += 1 }
            let question = IndirectPing(
                sequence: sequence,
                node: target.node,
                target: target.word.address,
                port: target.word.port,
                wantsNack: saysNo,
                source: ownSource
            )
            send([.indirectPing(question)], to: peer, takesChecksum: helper.takesChecksum)
        }
        return nacks
    }

    // MARK: Answers

    mutating func hear(_ ack: Ack, from source: PeerAddress, at now: Moment) {
        if let index = probes.firstIndex(where: { $0.sequence == ack.sequence }) {
            let probe = probes.remove(at: index)
            succeed(probe, from: source, at: now)
            if !ack.payload.isEmpty { put(.acked(ack.payload, from: probe.node)) }
            return
        }
        guard let index = waiting.firstIndex(where: { $0.sequence == ack.sequence }) else {
            counts.lateAnswers += 1
            return
        }
        let answered = waiting.remove(at: index)
        hearOf(answered.node, at: now)
        switch answered.purpose {
        case .relay(let original, let to, let takesChecksum, _):
            send([.ack(Ack(sequence: original))], to: to, takesChecksum: takesChecksum)
        case .inquiry(let node):
            proveConnected(at: now)
            vindicate(node, at: now)
        case .knock(let address):
            proveConnected(at: now)
            exchange(with: address, isJoin: true, purpose: .rejoin(address), at: now)
        }
    }

    private mutating func succeed(_ probe: Probe, from source: PeerAddress, at now: Moment) {
        if let stream = probe.stream, exchanges.removeValue(forKey: stream) != nil {
            put(.closeStream(stream))
        }
        let isDirect = table[probe.node]?.peer == source
        if isDirect { counts.probesDirect += 1 } else { counts.probesIndirect += 1 }
        let nanoseconds = now.nanoseconds - probe.began.nanoseconds
        table.see(
            probe.node,
            at: now,
            roundTrip: isDirect ? UInt32(clamping: nanoseconds / 1000) : nil
        )
        proveConnected(at: now)
        admit(probe.node)
        doubted.removeAll { $0.node == probe.node }
        if probe.isRegular { adjustAwareness(by: -1) }
    }

    mutating func hear(_ nack: Nack, at now: Moment) {
        if let index = probes.firstIndex(where: { $0.sequence == nack.sequence }) {
            probes[index].nacks += 1
            proveConnected(at: now)
        } else if waiting.contains(where: { $0.sequence == nack.sequence }) {
            proveConnected(at: now)
        } else {
            counts.lateAnswers += 1
        }
    }

    mutating func hearStreamAck(_ stream: StreamID, _ ack: Ack, at now: Moment) {
        guard case .probe(let sequence)? = exchanges.removeValue(forKey: stream),
            sequence == ack.sequence,
            let index = probes.firstIndex(where: { $0.sequence == sequence })
        else { return }
        probes[index].isAnsweredOverStream = true
        hearOf(probes[index].node, at: now)
    }

    /// Nobody listens at `address`: the others are asked at once.
    mutating func hearRefusal(_ address: PeerAddress, at now: Moment) {
        for index in probes.indices
        where !probes[index].isIndirect && table[probes[index].node]?.peer == address {
            probes[index].timeout = now
        }
    }

    private mutating func fail(_ probe: Probe, at now: Moment) {
        if let stream = probe.stream, exchanges.removeValue(forKey: stream) != nil {
            put(.closeStream(stream))
        }
        if probe.isAnsweredOverStream {
            counts.probesOverStreams += 1
            if probe.isRegular { adjustAwareness(by: -1) }
            doubted.removeAll { $0.node == probe.node }
            put(.event(.datagramsLost(probe.node)))
            return
        }
        counts.probesFailed += 1
        noticeIsolation(at: now)
        let health = awareness
        if probe.isRegular {
            let missed = max(0, probe.nacksWanted - probe.nacks)
            adjustAwareness(by: probe.nacksWanted > 0 ? missed : 1)
        }
        accuse(probe.node, nacks: probe.nacks, health: health, at: now)
    }

    // MARK: Questions

    mutating func hear(_ ping: Ping, from source: PeerAddress, at now: Moment) {
        guard ping.node.isEmpty || ping.node == own else {
            counts.misdirectedPings += 1
            return
        }
        let (to, asker) = answerAddress(ping.source, from: source)
        var messages: [GossipMessage] = [.ack(Ack(sequence: ping.sequence, payload: payload))]
        guard let asker else {
            sendAlone(messages, to: to, takesChecksum: false)
            return
        }
        proveConnected(at: now)
        if asker.isPresent {
            hearOf(asker.node, at: now)
        } else if rules.habits.contains(.rejoin) {
            // It does not know what is said of it: so that it speaks up.
            let dead = Dead(node: asker.node, incarnation: asker.incarnation, accuser: own)
            messages.append(.dead(dead))
        }
        send(messages, to: to, takesChecksum: asker.takesChecksum)
    }

    mutating func hear(_ question: IndirectPing, from source: PeerAddress, at now: Moment) {
        let port = question.port == 0 ? table.ownWord.port : question.port
        guard let address = question.target.address, waiting.count < rules.relaysMax else {
            counts.relaysRefused += 1
            return
        }
        let (to, asker) = answerAddress(question.source, from: source)
        if asker != nil { proveConnected(at: now) }
        counts.relays += 1
        let takesChecksum = asker?.takesChecksum ?? false
        let sequence = nextSequence()
        let nackAt = question.wantsNack ? now.advanced(milliseconds: rules.nackAfter) : nil
        waiting.append(
            Waiting(
                sequence: sequence,
                node: question.node,
                purpose: .relay(
                    question.sequence,
                    to: to,
                    takesChecksum: takesChecksum,
                    nackAt: nackAt
                ),
                until: now.advanced(milliseconds: max(rules.probeTimeout, rules.nackAfter))
            )
        )
        let ping = Ping(sequence: sequence, node: question.node, source: ownSource)
        let isKnown = table[question.node]?.takesChecksum ?? false
        send([.ping(ping)], to: PeerAddress(address, port: port), takesChecksum: isKnown)
    }

    /// Where an answer goes, and which member asked.
    ///
    /// A member's own word about its address is believed when that is where the member is; a stranger is
    /// answered where its datagram came from, so that nobody else can be made to hear the answer.
    private func answerAddress(
        _ asker: ProbeSource,
        from source: PeerAddress
    ) -> (PeerAddress, MemberTable.Member?) {
        guard let member = table[asker.node], let peer = member.peer else { return (source, nil) }
        if peer == source { return (source, member) }
        guard asker.address == member.word.address, asker.port == member.word.port else {
            return (source, nil)
        }
        return (peer, member)
    }

    // MARK: What waits

    var nextAnswer: Moment? {
        if waiting.isEmpty { return nil }
        return waiting.lazy.map(\.due).min()
    }

    mutating func wakeWaiting(at now: Moment) {
        var index = 0
        while index < waiting.count {
            if case .relay(let original, let to, let takesChecksum, let nackAt?) =
                waiting[index].purpose, nackAt <= now
            {
                send([.nack(Nack(sequence: original))], to: to, takesChecksum: takesChecksum)
                waiting[index].purpose = .relay(
                    original,
                    to: to,
                    takesChecksum: takesChecksum,
                    nackAt: nil
                )
            }
            if waiting[index].until <= now { waiting.remove(at: index) } else { index += 1 }
        }
    }

    /// Up to `wanted` members at random of those that `isFit`, never this node.
    ///
    /// Source: gossip-wire.md §13.
    mutating func pick(
        _ wanted: Int,
        where isFit: (MemberTable.Member) -> Bool
    ) -> [MemberTable.Member] {
        var picked: [MemberTable.Member] = []
        let isSmall = order.count < 3 * wanted
        var left = order
        for draw in 0..<(isSmall ? order.count : 3 * order.count) {
            if picked.count >= wanted { break }
            let place: Int
            if isSmall {
                place = draw + Int(generator.below(UInt32(left.count - draw)))
                left.swapAt(draw, place)
            } else {
                place = Int(generator.below(UInt32(order.count)))
            }
            let node = isSmall ? left[draw] : order[place]
            guard node != own, let member = table[node], isFit(member),
                !picked.contains(where: { $0.node == node })
            else { continue }
            picked.append(member)
        }
        return picked
    }
}
