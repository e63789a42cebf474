import Base

/// What is told, to whom, when and how often.
///
/// NetworkDB tells in turns (`gossip`). Beyond it what is new goes at once to several (`flush`), in a
/// second wave to a few more, and where there is much of it over streams, within a budget of octets;
/// what falls through is found by digests. Source: networkdb-dns.md A10; gossip-scale.md §3.3.
extension TableRing {
    // MARK: What is new

    /// Tells of an own entry.
    mutating func tell(_ event: TableEvent, at now: Moment) {
        guard let network = networks[event.network], !network.isLeaving else { return }
        let rumour = codec.rumour(.table(event))
        let isEager = rules.habits.contains(.eager)
        if rules.habits.contains(.welcome) { note(recent: rumour, in: event.network, at: now) }
        if !isEager || network.legacyCount > 0 {
            networks[event.network]?.own.enqueue(rumour.octets, saying: rumour, about: event.entry)
            scheduleGossip(at: now)
        }
        if isEager, !network.participants.isEmpty {
            networks[event.network]?.fresh.append(
                AttachedNetwork.Fresh(rumour: rumour, source: nil, isOwn: true)
            )
            scheduleFlush(at: now)
        }
        boundQueues(of: event.network)
    }

    private mutating func note(recent rumour: TableRumour, in network: NetworkID, at now: Moment) {
        let horizon = rules.recent
        networks[network]?.recent.removeAll { now.milliseconds(since: $0.at) > horizon }
        if networks[network]?.recent.count ?? 0 >= rules.recentMax {
            networks[network]?.recent.removeFirst()
        }
        networks[network]?.recent.append((now, rumour))
    }

    /// Passes on what was new here.
    mutating func passOn(
        _ heard: Heard,
        from sender: NodeName?,
        isWanted: Bool,
        at now: Moment
    ) {
        let id = heard.event.network
        guard let network = networks[id], network.isSynced, !network.isLeaving else { return }
        let isBulk = heard.path != .gossip
        let residual = UInt64(heard.event.residualSeconds) * 1000
        let isOld =
            heard.isDeletion && !heard.wasKnown
            && !(isBulk && residual > rules.tombstoneToldFrom)
        let isEager = rules.habits.contains(.eager)
        if !isEager || network.legacyCount > 0, !isOld,
            !(isBulk && network.relayed.count > rules.relayedMax)
        {
            networks[id]?.relayed.enqueue(
                heard.rumour.octets,
                saying: heard.rumour,
                about: heard.event.entry
            )
            boundQueues(of: id)
            scheduleGossip(at: now)
        }
        if isEager, isWanted, !isOld || residual > rules.tombstoneToldFrom {
            networks[id]?.fresh.append(
                AttachedNetwork.Fresh(rumour: heard.rumour, source: sender, isOwn: false)
            )
            scheduleFlush(at: now)
        }
    }

    private mutating func boundQueues(of id: NetworkID) {
        counts.queueDropped += networks[id]?.own.prune(countMax: rules.queueMax) ?? 0
        counts.queueDropped += networks[id]?.relayed.prune(countMax: rules.queueMax) ?? 0
    }

    /// Tells all nodes something of this one.
    mutating func tellAll(_ content: TableRumour.Content, at now: Moment) {
        passOnToAll(codec.rumour(content), from: nil, at: now)
    }

    mutating func passOnToAll(_ rumour: TableRumour, from sender: NodeName?, at now: Moment) {
        put(.broadcast(rumour.octets))
        guard rules.habits.contains(.eager), !active.isEmpty else { return }
        freshForAll.append(
            AttachedNetwork.Fresh(rumour: rumour, source: sender, isOwn: sender == nil)
        )
        scheduleFlush(at: now)
    }

    /// Gives a node that came to a network what this one wrote while others did not know of it.
    mutating func welcome(_ node: NodeName, to network: NetworkID, at now: Moment) {
        guard rules.habits.contains(.welcome), let peer = nodes[node]?.address,
            let recent = networks[network]?.recent
        else { return }
        let horizon = rules.recent
        let rumours = recent.filter { now.milliseconds(since: $0.at) <= horizon }.map(\.rumour)
        if rumours.isEmpty { return }
        say(prerequisites(of: rumours, at: now) + rumours, to: peer)
    }

    // MARK: At once

    mutating func scheduleFlush(at now: Moment) {
        if flushAt != nil { return }
        refill(at: now)
        let isBusy = budget < rules.budgetDepth / 2
        let due = lastFlush.advanced(milliseconds: isBusy ? rules.busyWindow : rules.window)
        flushAt = max(now, due)
    }

    private mutating func refill(at now: Moment) {
        let passed = now.milliseconds(since: budgetAt)
        guard passed > 0 else { return }
        let gained = min(passed, 60_000) * rules.budgetRate / 1000
        if gained == 0 { return }
        budget = min(rules.budgetDepth, budget + Int(gained))
        budgetAt = now
    }

    mutating func flush(at now: Moment) {
        flushAt = nil
        lastFlush = now
        refill(at: now)
        if !freshForAll.isEmpty {
            let fresh = freshForAll
            freshForAll = []
            send(fresh, to: active, of: nil, at: now)
        }
        for id in order where networks[id]?.fresh.isEmpty == false {
            let fresh = networks[id]?.fresh ?? []
            networks[id]?.fresh = []
            guard let participants = networks[id]?.participants, !participants.isEmpty else {
                continue
            }
            let octets = fresh.reduce(0) { $0 + $1.rumour.octets.count }
            if octets > rules.streamFrom {
                sendOverStreams(fresh, octets, to: participants, of: id, at: now)
            } else {
                send(fresh, to: participants, of: id, at: now)
            }
        }
    }

    private mutating func send(
        _ fresh: [AttachedNetwork.Fresh],
        to listeners: [NodeName],
        of network: NetworkID?,
        at now: Moment
    ) {
        let isBusy = budget < rules.budgetDepth / 2
        // Own words go even when the budget is gone: nobody else has them.
        let sent = budget > 0 ? fresh : fresh.filter(\.isOwn)
        counts.eagerDropped += fresh.count - sent.count
        guard let first = sent.first else { return }
        let rumours = sent.map(\.rumour)
        let source = sent.count == 1 ? first.source : nil
        let targets = draw(isBusy ? rules.busyFanout : rules.eagerFanout, from: listeners, source)
        let head = prerequisites(of: rumours, at: now)
        deliver(head + rumours, to: targets)
        guard !isBusy else { return }
        again.append((now.advanced(milliseconds: rules.againAfter), network, head + rumours))
    }

    private mutating func deliver(_ rumours: [TableRumour], to targets: [NodeName]) {
        let octets = rumours.reduce(0) { $0 + $1.octets.count }
        for target in targets {
            guard let peer = nodes[target]?.address else { continue }
            say(rumours, to: peer)
            budget -= octets
            counts.eagerOctets += octets
        }
    }

    /// In datagrams what fits into one, the others over streams.
    private mutating func say(_ rumours: [TableRumour], to peer: PeerAddress) {
        let short = rumours.filter { $0.octets.count <= rules.datagramOctets }
        if !short.isEmpty { put(.rumours(short, to: peer)) }
        if short.count == rumours.count { return }
        for rumour in rumours where rumour.octets.count > rules.datagramOctets {
            put(.stream(codec.message(.rumours([rumour])), to: peer))
        }
    }

    /// The second wave, for whoever the first has missed.
    mutating func tellAgain(at now: Moment) {
        refill(at: now)
        let due = again.prefix { $0.at <= now }.count
        for (_, network, rumours) in again.prefix(due) where budget > rules.budgetDepth / 2 {
            let listeners = network.map { networks[$0]?.participants ?? [] } ?? active
            deliver(rumours, to: draw(rules.againFanout, from: listeners, nil))
        }
        again.removeFirst(due)
    }

    private mutating func sendOverStreams(
        _ fresh: [AttachedNetwork.Fresh],
        _ octets: Int,
        to participants: [NodeName],
        of network: NetworkID,
        at now: Moment
    ) {
        let sent = budget > 0 ? fresh : fresh.filter(\.isOwn)
        counts.eagerDropped += fresh.count - sent.count
        if sent.isEmpty { return }
        let isOwn = sent.allSatisfy(\.isOwn)
        let targets = readers(participants, of: network, octets: octets, isOwn: isOwn)
        let rumours = sent.map(\.rumour)
        for target in targets {
            push(rumours, to: target, of: network, reach: targets.count, at: now)
            // A debt of some seconds at most: what comes meanwhile is left to digests.
            budget = max(budget - octets, -4 * rules.budgetDepth)
        }
    }

    /// Who is given much over streams: all of few, some of many, who give it to others.
    ///
    /// Those that only know NetworkDB pass on a datagram in each turn and no more, so that whoever writes
    /// much gives it to them itself, to as many as the budget and its debt allow.
    private mutating func readers(
        _ participants: [NodeName],
        of network: NetworkID,
        octets: Int,
        isOwn: Bool
    ) -> [NodeName] {
        if participants.count <= rules.streamAllMax { return participants }
        guard networks[network]?.legacyCount ?? 0 > 0 else {
            return draw(rules.streamFanout, from: participants, nil)
        }
        let capable = participants.filter { !isLegacy($0) }
        let legacy = participants.filter { isLegacy($0) }
        let isAll = isOwn && capable.count <= rules.streamAllMax
        let fast = isAll ? capable : draw(rules.streamFanout, from: capable, nil)
        guard isOwn else { return fast + draw(rules.streamFanout / 2, from: legacy, nil) }
        let left = (budget + 4 * rules.budgetDepth) / max(1, octets) - fast.count
        return fast + (left < legacy.count ? draw(max(0, left), from: legacy, nil) : legacy)
    }

    /// Gives one node entries of a network: in datagrams where few hold them, else over streams.
    mutating func push(
        _ rumours: [TableRumour],
        to node: NodeName,
        of network: NetworkID,
        reach: Int = 1,
        at now: Moment
    ) {
        guard let peer = nodes[node]?.address, !rumours.isEmpty else { return }
        let head = prerequisites(of: rumours, at: now)
        let octets = (head + rumours).reduce(0) { $0 + $1.octets.count }
        counts.pushes += 1
        counts.pushedOctets += octets
        if octets <= 2 * rules.datagramOctets {
            say(head + rumours, to: peer)
            return
        }
        for part in parts(of: head + rumours) {
            let sync = BulkSync(
                time: tableClock.tick(),
                isUnsolicited: false,
                node: own,
                networks: [network],
                rumours: part,
                reach: UInt32(reach)
            )
            put(.stream(codec.message(.bulkSync(sync)), to: peer))
        }
    }

    /// Cuts what is too long for one stream.
    func parts(of rumours: [TableRumour]) -> [[TableRumour]] {
        var parts: [[TableRumour]] = [[]]
        var octets = 0
        for rumour in rumours {
            if octets + rumour.octets.count > rules.streamOctets, octets > 0 {
                parts.append([])
                octets = 0
            }
            parts[parts.count - 1].append(rumour)
            octets += rumour.octets.count + 8
        }
        return parts
    }

    /// Attachments that a reader may not have heard of, before what needs them.
    private func prerequisites(of rumours: [TableRumour], at now: Moment) -> [TableRumour] {
        guard rules.habits.contains(.prerequisites) else { return [] }
        var head: [TableRumour] = []
        var seen: [NetworkEvent] = []
        for rumour in rumours {
            guard case .table(let event) = rumour.content,
                let attached = attachment(of: event.owner, to: event.network),
                now.milliseconds(since: attached.since) <= rules.recent
            else { continue }
            let word = NetworkEvent(.join, event.owner, event.network, at: attached.time)
            if seen.contains(word) { continue }
            seen.append(word)
            head.append(codec.rumour(.network(word)))
        }
        return head
    }

    private func attachment(
        of node: NodeName,
        to network: NetworkID
    ) -> (time: LamportTime, since: Moment)? {
        if node == own { return networks[network].map { ($0.time, $0.since) } }
        return nodes[node]?.attachments[network].map { ($0.time, $0.since) }
    }

    /// Some of `listeners`, each at most once.
    mutating func draw(
        _ wanted: Int,
        from listeners: [NodeName],
        _ excluded: NodeName?
    ) -> [NodeName] {
        if listeners.count <= wanted { return listeners.filter { $0 != excluded } }
        var drawn: [NodeName] = []
        for _ in 0..<(4 * wanted + 8) where drawn.count < wanted {
            let node = listeners[Int(dice.below(UInt32(listeners.count)))]
            if node != excluded, !drawn.contains(node) { drawn.append(node) }
        }
        return drawn
    }

    // MARK: In turns

    func scheduledGossip(after now: Moment) -> Moment {
        let beats = now.milliseconds(since: gossipPhase) / rules.gossipInterval
        return gossipPhase.advanced(milliseconds: (beats + 1) * rules.gossipInterval)
    }

    mutating func scheduleGossip(at now: Moment) {
        if gossipAt == nil { gossipAt = scheduledGossip(after: now) }
    }

    /// One datagram for each network, to three of its nodes.
    mutating func gossip(at now: Moment) {
        var isMore = false
        for id in order {
            guard let network = networks[id], !(network.own.isEmpty && network.relayed.isEmpty)
            else { continue }
            let candidates = network.participants.filter { nodes[$0]?.isDrained == false }
            let listeners = draw(rules.gossipFanout, from: candidates, nil)
            let rumours = takeTurn(of: id)
            for listener in listeners {
                guard let peer = nodes[listener]?.address else { continue }
                put(.rumours(rumours, to: peer))
                counts.tickOctets += rumours.reduce(0) { $0 + $1.octets.count }
            }
            if let left = networks[id], !(left.own.isEmpty && left.relayed.isEmpty) {
                isMore = true
            }
        }
        gossipAt = isMore ? scheduledGossip(after: now) : nil
    }

    /// What one datagram holds, own words first; charged once, however many hear it.
    private mutating func takeTurn(of id: NetworkID) -> [TableRumour] {
        guard let network = networks[id] else { return [] }
        let transmits = Transmits.max(
            multiplier: rules.retransmitMultiplier,
            members: network.participants.count + 1
        )
        let own = network.own.offer(octetsMax: rules.datagramOctets, overhead: 4)
        _ = networks[id]?.own.charge(own, transmitsMax: transmits)
        let left = own.reduce(rules.datagramOctets) { $0 - $1.octets.count - 4 }
        let relayed = network.relayed.offer(octetsMax: left, overhead: 4)
        _ = networks[id]?.relayed.charge(relayed, transmitsMax: transmits)
        return (own + relayed).compactMap(\.message)
    }
}
