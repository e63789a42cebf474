import Base

/// Who is there, and who is on which network.
///
/// Source: networkdb-dns.md A5.1, A5.2, A6, A7, A13.
extension TableRing {
    // MARK: Membership

    mutating func hear(_ event: MembershipEvent, _ word: Alive?, at now: Moment) {
        switch event {
        case .joined(let node):
            if node != own { enter(node, word, at: now) }
        case .updated(let node):
            if node != own { describe(node, word) }
        case .died(let node): if node != own { fail(node, at: now) }
        case .left(let node), .reaped(let node):
            if node != own { takeLeave(of: node, at: now) }
        case .drained(let node): nodes[node]?.isDrained = true
        case .admitted(let node): nodes[node]?.isDrained = false
        case .joinSucceeded:
            let time = networkClock.tick()
            tellAll(.node(NodeEvent(.join, own, at: time)), at: now)
            askWhereAlone(at: now)
        case .suspected, .cleared, .conflict, .incompatible, .joinFailed, .joinRefused,
            .datagramsLost, .isolated, .reconnected, .stalled, .restarting:
            break
        }
    }

    private mutating func enter(_ node: NodeName, _ word: Alive?, at now: Moment) {
        guard remember(node, .unknown, at: now) else { return }
        let before = nodes[node]?.presence ?? .unknown
        if let identity, let word, codec.identity(word.meta)?.id == identity.id,
            rules.habits.contains(.succession)
        {
            recognise(node, word, identity, at: now)
            return
        }
        if before != .active { supersede(by: node, word, at: now) }
        describe(node, word)
        if before == .active { return }
        move(node, to: .active, at: now)
        active.append(node)
        for network in attachments(of: node) { addParticipant(node, network, at: now) }
        for network in attachments(of: node) {
            show(node, in: network)
            replayParked(of: node, in: network, at: now)
        }
        scheduleAck(at: now)
    }

    /// A run of this very node: what it said is this one's to take up, or to take back.
    private mutating func recognise(
        _ node: NodeName,
        _ word: Alive,
        _ identity: NodeIdentity,
        at now: Moment
    ) {
        guard nodes[node]?.presence == .unknown else { return }
        nodes[node]?.identity = codec.identity(word.meta)
        counts.superseded += 1
        move(node, to: .superseded, at: now)
        keep(node, until: now.advanced(milliseconds: rules.successionKept))
        for network in attachments(of: node) { show(node, in: network) }
    }

    /// Takes what membership says of a node: where it is and what it can do.
    private mutating func describe(_ node: NodeName, _ word: Alive?) {
        guard let word else { return }
        if let old = nodes[node]?.address, byAddress[old] == node { byAddress[old] = nil }
        let address = word.address.address.map { PeerAddress($0, port: word.port) }
        nodes[node]?.address = address
        if let address { byAddress[address] = node }
        let identity = codec.identity(word.meta)
        nodes[node]?.identity = identity
        if let identity { byIdentity[identity.id] = node }
        let capabilities = codec.capabilities(word.meta)
        guard nodes[node]?.capabilities != capabilities else { return }
        nodes[node]?.capabilities = capabilities
        for network in attachments(of: node) { countLegacy(in: network) }
    }

    /// Whoever was at the same address, or is an earlier run of the same node, is no more.
    ///
    /// Source: networkdb-dns.md A6; H3.
    private mutating func supersede(by node: NodeName, _ word: Alive?, at now: Moment) {
        guard let word else { return }
        let identity = codec.identity(word.meta)
        if let identity, rules.habits.contains(.succession),
            let earlier = byIdentity[identity.id], earlier != node, isThere(earlier),
            let boot = nodes[earlier]?.identity?.boot, boot < identity.boot
        {
            beginSuccession(of: earlier, at: now)
        }
        let address = word.address.address.map { PeerAddress($0, port: word.port) }
        if let address, let earlier = byAddress[address], earlier != node, isThere(earlier) {
            takeLeave(of: earlier, at: now)
        }
    }

    private func isThere(_ node: NodeName) -> Bool {
        guard let presence = nodes[node]?.presence else { return false }
        return presence == .active || presence == .failed || presence == .restarting
    }

    private mutating func beginSuccession(of node: NodeName, at now: Moment) {
        guard let before = nodes[node]?.presence else { return }
        counts.superseded += 1
        withdraw(node, at: now)
        move(node, to: .superseded, at: now)
        keep(node, until: now.advanced(milliseconds: rules.successionKept))
        if before == .failed {
            for network in attachments(of: node) { show(node, in: network) }
        }
    }

    mutating func endSuccessions(at now: Moment) {
        if successions.isEmpty, inheritances.isEmpty { return }
        let over = successions.filter { $0.until <= now }
        successions.removeAll { $0.until <= now }
        for (node, _) in over {
            switch nodes[node]?.presence {
            case .superseded: takeLeave(of: node, at: now)
            case .restarting: giveUp(node, at: now)
            case .unknown, .active, .failed, .left, nil: break
            }
        }
        let due = inheritances.filter { $0.at <= now }
        inheritances.removeAll { $0.at <= now }
        for (network, _) in due { settleInheritance(of: network, at: now) }
    }

    private mutating func fail(_ node: NodeName, at now: Moment) {
        guard nodes[node]?.presence == .active else { return }
        withdraw(node, at: now)
        if let until = nodes[node]?.backBy, until > now {
            move(node, to: .restarting, at: now)
            keep(node, until: until)
        } else {
            giveUp(node, at: now)
        }
        scheduleAck(at: now)
    }

    /// A node that is not there will be: what it has is shown until then.
    mutating func showAgain(_ node: NodeName, until: Moment, at now: Moment) {
        move(node, to: .restarting, at: now)
        keep(node, until: until)
        for network in attachments(of: node) { show(node, in: network) }
    }

    private mutating func giveUp(_ node: NodeName, at now: Moment) {
        move(node, to: .failed, at: now)
        for network in attachments(of: node) { hide(node, in: network, at: now) }
    }

    /// What a node has is shown until then, though the node is not there.
    private mutating func keep(_ node: NodeName, until: Moment) {
        successions.removeAll { $0.node == node }
        successions.append((node, until))
    }

    mutating func takeLeave(of node: NodeName, at now: Moment) {
        guard let before = nodes[node]?.presence, before != .left else { return }
        withdraw(node, at: now)
        move(node, to: .left, at: now)
        for id in order { erase(node, from: id, at: now) }
        attachmentCount -= nodes[node]?.attachments.count ?? 0
        nodes[node]?.attachments = [:]
        scheduleAck(at: now)
    }

    /// It is not spoken to any more.
    mutating func withdraw(_ node: NodeName, at now: Moment) {
        active.removeAll { $0 == node }
        for network in attachments(of: node) { removeParticipant(node, network, at: now) }
    }

    private mutating func move(_ node: NodeName, to presence: RingNode.Presence, at now: Moment) {
        let before = nodes[node]?.presence
        nodes[node]?.presence = presence
        nodes[node]?.since = now
        guard (before == .active) != (presence == .active) else { return }
        // What an active node is attached to counts, and nothing of any other.
        var sum = Self.hash(of: node)
        for network in attachments(of: node) { sum &+= Self.hash(of: node, network) }
        countMembers(sum, isAdded: presence == .active, at: now)
    }

    mutating func countMembers(_ hash: UInt64, isAdded: Bool, at now: Moment) {
        membersRoot = isAdded ? membersRoot &+ hash : membersRoot &- hash
        membersChangedAt = now
    }

    /// Makes a place for a node of that name; false when there is none left.
    private mutating func remember(
        _ node: NodeName,
        _ presence: RingNode.Presence,
        at now: Moment
    ) -> Bool {
        if nodes[node] != nil { return true }
        guard names.count < rules.nodesMax else {
            counts.refusedBound += 1
            return false
        }
        nodes[node] = RingNode(presence, at: now)
        names.append(node)
        return true
    }

    /// Ascending.
    private func attachments(of node: NodeName) -> [NetworkID] {
        guard let node = nodes[node] else { return [] }
        return node.attachments.filter { !$0.value.isLeaving }.keys.sorted()
    }

    // MARK: What nodes say of themselves

    /// Returns whether it is new to others too.
    mutating func hear(_ event: NodeEvent, at now: Moment) -> Bool {
        guard event.node != own, let kind = event.kind, let node = nodes[event.node],
            node.time < event.time
        else { return false }
        nodes[event.node]?.time = event.time
        switch kind {
        // Whether a node is there is membership's to say.
        case .join: return event.backSeconds > 0 && noteRestart(event, at: now)
        case .leave:
            guard node.presence == .active else { return false }
            takeLeave(of: event.node, at: now)
            return true
        }
    }

    /// Returns whether it is new to others too.
    mutating func hear(_ event: NetworkEvent, at now: Moment) -> Bool {
        guard event.node != own, let kind = event.kind else { return false }
        guard Self.isName(event.network), !event.node.isEmpty,
            event.node.octets.count <= NodeName.octetsMax
        else {
            counts.refusedEntry += 1
            return false
        }
        let known = nodes[event.node]
        if let attached = known?.attachments[event.network] {
            guard attached.time < event.time else { return false }
        } else if kind == .leave {
            return false
        }
        switch known?.presence {
        case .left: return false
        case nil:
            // Those who speak of a node may be faster than those who say that it is there.
            guard rules.habits.contains(.prerequisites), remember(event.node, .unknown, at: now)
            else { return false }
        case .unknown, .active, .failed, .superseded, .restarting: break
        }
        return note(event, kind, at: now)
    }

    /// Returns whether it is kept: what is not is passed on by nobody either.
    private mutating func note(
        _ event: NetworkEvent,
        _ kind: NetworkEvent.Kind,
        at now: Moment
    ) -> Bool {
        let (node, network) = (event.node, event.network)
        let isActive = nodes[node]?.presence == .active
        let before = nodes[node]?.attachments[network]
        if before == nil {
            guard attachmentCount < rules.attachmentsMax else {
                counts.refusedBound += 1
                return false
            }
            attachmentCount += 1
        }
        nodes[node]?.attachments[network] = RingNode.Attached(
            time: event.time,
            isLeaving: kind == .leave,
            since: now
        )
        if isActive {
            if let before, !before.isLeaving {
                countMembers(Self.hash(of: node, network), isAdded: false, at: now)
            }
            if kind == .join {
                countMembers(Self.hash(of: node, network), isAdded: true, at: now)
            }
            scheduleAck(at: now)
        }
        switch kind {
        case .join:
            if isActive, before?.isLeaving ?? true { addParticipant(node, network, at: now) }
            replayParked(of: node, in: network, at: now)
        case .leave:
            removeParticipant(node, network, at: now)
            erase(node, from: network, at: now)
            detached.append((now.advanced(milliseconds: rules.detachedKept), node, network))
        }
        return true
    }

    private mutating func addParticipant(_ node: NodeName, _ network: NetworkID, at now: Moment) {
        guard networks[network]?.isLeaving == false else { return }
        networks[network]?.participants.append(node)
        if isLegacy(node) { networks[network]?.legacyCount += 1 }
        welcome(node, to: network, at: now)
    }

    private mutating func removeParticipant(_ node: NodeName, _ network: NetworkID, at now: Moment)
    {
        guard let place = networks[network]?.participants.firstIndex(of: node) else { return }
        networks[network]?.participants.remove(at: place)
        if isLegacy(node) { networks[network]?.legacyCount -= 1 }
    }

    func isLegacy(_ node: NodeName) -> Bool {
        !(nodes[node]?.capabilities.contains(.eagerRelay) ?? false)
    }

    private mutating func countLegacy(in network: NetworkID) {
        guard let participants = networks[network]?.participants else { return }
        let legacyCount = participants.count { isLegacy($0) }
        networks[network]?.legacyCount = legacyCount
    }

    /// Those who are on a network that this node comes to.
    mutating func gatherParticipants(of network: NetworkID) {
        let attached = active.filter { nodes[$0]?.isAttached(to: network) ?? false }
        networks[network]?.participants = attached
        countLegacy(in: network)
    }

    // MARK: States

    /// What this node adds to a table of members that goes over a stream.
    ///
    /// In an exchange of a node that joins, both say of their own networks that it is so now: whoever
    /// took them for gone has to be told later than that. `isBrief`: of this node alone.
    /// Source: networkdb-dns.md A13.
    package mutating func state(isJoin: Bool, isBrief: Bool = false) -> [UInt8] {
        if isJoin {
            let time = networkClock.tick()
            for id in order where networks[id]?.isLeaving == false { networks[id]?.time = time }
        }
        var attachments: [Attachment] = []
        for id in order {
            guard let network = networks[id] else { continue }
            attachments.append(Attachment(own, id, at: network.time, isLeaving: network.isLeaving))
        }
        for name in names where !isBrief {
            guard let node = nodes[name], node.presence != .left else { continue }
            for id in node.attachments.keys.sorted() {
                guard let attached = node.attachments[id] else { continue }
                attachments.append(
                    Attachment(name, id, at: attached.time, isLeaving: attached.isLeaving)
                )
            }
        }
        return codec.state(
            TableState(time: networkClock.time, node: own, attachments: attachments)
        )
    }

    mutating func merge(_ state: TableState, at now: Moment) {
        guard witnessNetworks(state.time) else { return }
        _ = hear(NodeEvent(.join, state.node, at: state.time), at: now)
        for attachment in state.attachments where witnessNetworks(attachment.time) {
            let event = NetworkEvent(
                attachment.isLeaving ? .leave : .join,
                attachment.node,
                attachment.network,
                at: attachment.time
            )
            _ = hear(event, at: now)
            correct(attachment, at: now)
        }
    }

    /// Another has something of this node that it does not say any more.
    private mutating func correct(_ attachment: Attachment, at now: Moment) {
        guard attachment.node == own, rules.habits.contains(.authority) else { return }
        let network = networks[attachment.network]
        let isOn = network.map { !$0.isLeaving } ?? false
        let isSaid = !attachment.isLeaving
        guard isOn != isSaid, attachment.time >= network?.time ?? LamportTime(0) else { return }
        counts.corrected += 1
        let time = networkClock.tick()
        networks[attachment.network]?.time = time
        tellAll(
            .network(NetworkEvent(isOn ? .join : .leave, own, attachment.network, at: time)),
            at: now
        )
    }

    // MARK: Forgetting

    /// The ends of attachments are forgotten when nobody can have what was in them.
    mutating func forgetAttachments(at now: Moment) {
        let over = detached.prefix { $0.until <= now }
        for (_, node, network) in over {
            guard let attached = nodes[node]?.attachments[network], attached.isLeaving,
                now.milliseconds(since: attached.since) >= rules.detachedKept
            else { continue }
            nodes[node]?.attachments[network] = nil
            attachmentCount -= 1
        }
        detached.removeFirst(over.count)
    }

    /// Nodes that have been gone for long are forgotten.
    mutating func forgetNodes(at now: Moment) {
        let gone = names.filter { name in
            guard let node = nodes[name] else { return true }
            let kept = node.presence == .unknown ? rules.parkedKept : rules.nodeKept
            return node.presence != .active && node.presence != .superseded
                && now.milliseconds(since: node.since) > kept
        }
        if gone.isEmpty { return }
        for name in gone {
            for id in order { erase(name, from: id, at: now) }
            attachmentCount -= nodes[name]?.attachments.count ?? 0
            if let address = nodes[name]?.address, byAddress[address] == name {
                byAddress[address] = nil
            }
            if let id = nodes[name]?.identity?.id, byIdentity[id] == name { byIdentity[id] = nil }
            nodes[name] = nil
        }
        names.removeAll { nodes[$0] == nil }
    }

    // MARK: Hashes

    static func hash(of node: NodeName) -> UInt64 {
        let hash = SipHash(key: 0x6d65_6d62, 0x6572_73)
        return hash.value(node.octets, 0..<node.octets.count, and: 0)
    }

    static func hash(of node: NodeName, _ network: NetworkID) -> UInt64 {
        let hash = SipHash(key: 0x6174_7461, 0x6368_6564)
        return hash.value(network.octets, 0..<network.octets.count, and: Self.hash(of: node))
    }

    static func isName(_ network: NetworkID) -> Bool {
        !network.octets.isEmpty && network.octets.count <= NetworkID.octetsMax
            && !network.octets.contains(UInt8(ascii: "/"))
    }
}
