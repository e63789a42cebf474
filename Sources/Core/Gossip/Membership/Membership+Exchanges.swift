import Base

/// Tables that go over streams: anti-entropy, joining, and finding those who were lost.
///
/// Source: gossip-wire.md §6, §13; gossip-scale.md §3.5.
extension Membership {
    /// What a stream that this node opened is for.
    enum Exchange: Hashable, Sendable {
        case probe(SequenceNumber)
        case round
        case seed(PeerAddress)
        case rejoin(PeerAddress)
    }

    /// An address where the ring, or another part of it, is to be found.
    struct Seed: Sendable {
        let address: PeerAddress
        /// After the next failure it is left alone for so long.
        var delay: UInt64
        var nextTry: Moment?
    }

    /// A member that died and may only have been out of reach.
    struct Lost: Sendable {
        let node: NodeName
        let address: PeerAddress
        let since: Moment
    }

    private static var lostMax: Int { 4096 }
    /// So many that come back within so many milliseconds are a ring that was cut.
    private static var returnsMany: Int { 4 }
    private static var returnsWithin: UInt64 { 5000 }
    /// Of so many members one is new: then much is.
    private static var muchNews: Int { 16 }
    /// Addresses to join that are held; a few are enough to find a ring.
    package static var seedsMax: Int { 64 }

    mutating func openStream(_ purpose: Exchange) -> StreamID {
        nextStream += 1
        let stream = StreamID(nextStream)
        exchanges[stream] = purpose
        return stream
    }

    // MARK: Anti-entropy

    /// Source: gossip-wire.md §13; the larger the ring, the rarer.
    mutating func pushPull(at now: Moment) {
        let interval = rules.exchangeInterval(members: table.count)
        while pushPullAt <= now { pushPullAt = pushPullAt.advanced(milliseconds: interval) }
        guard let partner = pick(1, where: { $0.state == .alive }).first, let peer = partner.peer
        else { return }
        if saysWhetherItAgrees(partner), let agreed = lastAgreed,
            now.milliseconds(since: agreed) <= 4 * rules.probeInterval
        {
            counts.exchangesSpared += 1
            return
        }
        exchange(with: peer, isJoin: false, purpose: .round, at: now)
    }

    /// Its acks tell whether it knows the same, so that a difference is seen without an exchange.
    private func saysWhetherItAgrees(_ member: MemberTable.Member) -> Bool {
        Self.agrees(member.word.versions)
    }

    private static func agrees(_ versions: VersionVector) -> Bool {
        versions.isWhole && versions.delegateCurrent == 0
            && versions.delegateMax >= VersionVector.agreeing.delegateMax
    }

    mutating func exchange(with node: NodeName, at now: Moment) {
        guard node != own, let member = table[node], member.isPresent, let peer = member.peer else {
            return
        }
        exchange(with: peer, isJoin: false, purpose: .round, at: now)
    }

    /// 1 up to 32 members, one more for each doubling.
    package static func pushPullScale(members: Int) -> UInt64 {
        guard members > 32 else { return 1 }
        let logarithm = Int.bitWidth - (members - 1).leadingZeroBitCount
        return UInt64(logarithm - 5 + 1)
    }

    mutating func exchange(
        with peer: PeerAddress,
        isJoin: Bool,
        purpose: Exchange,
        at now: Moment
    ) {
        let stream = openStream(purpose)
        let state = StateExchange(isJoin: isJoin, members: table.entries)
        let until = now.advanced(milliseconds: rules.streamTimeout)
        put(.openStream(stream, to: peer, .exchange(state), until: until))
    }

    /// Answers first and merges then, as peers do: what they said need not go back to them.
    mutating func serve(_ stream: StreamID, _ exchange: StateExchange, at now: Moment) {
        guard !hasLeft else {
            put(.closeStream(stream))
            return
        }
        let isBrief = exchange.isJoin && isReferred(exchange, at: now)
        let members = isBrief ? referral() : table.entries
        let state = StateExchange(isJoin: exchange.isJoin, members: members)
        put(.answerExchange(stream, state, isBrief: isBrief))
        merge(exchange, from: nil, at: now)
    }

    /// Whether one that joins is told of a few members alone, which it then asks itself: many come at a
    /// time, and a whole table for each would keep this node busy for longer than they can wait.
    ///
    /// One that knows no more than memberlist would not ask them. Source: gossip-scale.md §3.5.
    private mutating func isReferred(_ exchange: StateExchange, at now: Moment) -> Bool {
        guard rules.habits.contains(.referral) else { return false }
        if now.milliseconds(since: joins.since) >= rules.probeInterval { joins = (now, 0) }
        joins.count += 1
        // The asker is alone, but for those that another referred it to.
        guard joins.count > rules.joinsServedMax, table.presentCount > 4 * rules.referredTo,
            exchange.members.count <= 1 + rules.referredTo,
            exchange.members.allSatisfy({ Self.agrees($0.versions) })
        else { return false }
        counts.referrals += 1
        return true
    }

    /// This node and some others.
    private mutating func referral() -> [MemberEntry] {
        let others = pick(rules.referredTo) { $0.state == .alive }
        return (CollectionOfOne(own) + others.map(\.node)).compactMap { table.entry(of: $0) }
    }

    mutating func finish(_ stream: StreamID, _ exchange: StateExchange, at now: Moment) {
        guard let purpose = exchanges.removeValue(forKey: stream) else { return }
        switch purpose {
        case .probe: return
        case .round: merge(exchange, from: nil, at: now)
        case .rejoin(let address):
            lost.removeAll { $0.address == address }
            merge(exchange, from: address, at: now)
        case .seed(let address):
            let isMerged = merge(exchange, from: address, at: now)
            settle(address, isMerged: isMerged, at: now)
        }
    }

    mutating func failStream(_ stream: StreamID, at now: Moment) {
        switch exchanges.removeValue(forKey: stream) {
        case .probe?, nil: break
        case .round?, .rejoin?: counts.exchangesFailed += 1
        case .seed(let address)?:
            counts.exchangesFailed += 1
            settle(address, isMerged: false, at: now)
        }
    }

    @discardableResult
    private mutating func merge(
        _ exchange: StateExchange,
        from peer: PeerAddress?,
        at now: Moment
    ) -> Bool {
        guard VersionVector.agree(exchange.members, table.entries) else {
            counts.exchangesIncompatible += 1
            put(.event(.incompatible(peer)))
            return false
        }
        counts.exchanges += 1
        proveConnected(at: now)
        let ownPort = table.ownWord.port
        let entries = exchange.members.map { entry in
            guard entry.port == 0 else { return entry }
            var filled = entry
            filled.port = ownPort
            return filled
        }
        let before = table.count
        obey(table.merge(entries, at: now), at: now)
        considerSync(news: table.count - before, at: now)
        if !exchange.userState.isEmpty {
            put(.delegateState(exchange.userState, isJoin: exchange.isJoin))
        }
        return true
    }

    /// While a ring forms, tables say more than rumours do: the next exchange comes soon when this one
    /// brought members, until one brings none.
    private mutating func considerSync(news: Int, at now: Moment) {
        guard rules.habits.contains(.eagerSync), news > 1 else { return }
        // Where little is new rumours and one exchange will do: others do not lack much either.
        if rules.habits.contains(.parallelSync), Self.muchNews * news >= table.count {
            let tenth = rules.probeInterval / 10
            let wait = tenth + generator.milliseconds(below: tenth)
            let due = now.advanced(milliseconds: wait)
            syncAt = syncAt.map { min($0, due) } ?? due
            return
        }
        let wait = rules.probeInterval / 2 + generator.milliseconds(below: rules.probeInterval)
        pushPullAt = min(pushPullAt, now.advanced(milliseconds: wait))
    }

    mutating func syncWithSeveral(at now: Moment) {
        syncAt = nil
        for partner in pick(rules.syncFanout, where: { $0.state == .alive }) {
            guard let peer = partner.peer else { continue }
            exchange(with: peer, isJoin: false, purpose: .round, at: now)
        }
    }

    /// When several come back at a time a ring that was cut is whole again: what rumours leave out, which
    /// each tells so often and no more, a table brings.
    mutating func noticeReturn(of node: NodeName, at now: Moment) {
        guard rules.habits.contains(.eagerSync), lost.contains(where: { $0.node == node }) else {
            return
        }
        if now.milliseconds(since: returns.since) > Self.returnsWithin { returns = (now, 0) }
        returns.count += 1
        guard returns.count == Self.returnsMany else { return }
        let wait = 2 * rules.probeInterval + generator.milliseconds(below: 2 * rules.probeInterval)
        pushPullAt = min(pushPullAt, now.advanced(milliseconds: wait))
    }

    // MARK: Joining

    mutating func addSeeds(_ addresses: [PeerAddress], at now: Moment) {
        if hasLeft {
            hasLeft = false
            forgetOthers()
            obey(table.comeBack(at: now), at: now)
        }
        let word = table.ownWord
        let ownAddress = word.address.address.map { PeerAddress($0, port: word.port) }
        for address in addresses where address != ownAddress {
            if isPresent(at: address) { put(.event(.joinSucceeded(address))) }
            if let index = seeds.firstIndex(where: { $0.address == address }) {
                if seeds[index].nextTry != nil { seeds[index].nextTry = now }
            } else if seeds.count < Self.seedsMax {
                seeds.append(Seed(address: address, delay: rules.joinRetry, nextTry: now))
            } else {
                counts.seedsRefused += 1
                put(.event(.joinRefused(address)))
            }
        }
    }

    /// Who was there when this node left may not be any more: it begins as one that knows nobody.
    private mutating func forgetOthers() {
        for node in table.dropOthers() { put(.event(.reaped(node))) }
        order = [own]
        cursor = 0
        doubted = []
        inquired = []
    }

    var nextSeed: Moment? {
        if seeds.isEmpty { return nil }
        return seeds.lazy.compactMap(\.nextTry).min()
    }

    /// Tries those that are due; where a member is at the address there is nothing to do.
    mutating func wakeSeeds(at now: Moment) {
        guard let next = nextSeed, next <= now else { return }
        for index in seeds.indices {
            guard let due = seeds[index].nextTry, due <= now else { continue }
            let address = seeds[index].address
            if isPresent(at: address) {
                seeds[index].nextTry = now.advanced(milliseconds: rules.joinRetryMax)
            } else {
                seeds[index].nextTry = nil
                exchange(with: address, isJoin: true, purpose: .seed(address), at: now)
            }
        }
    }

    private func isPresent(at address: PeerAddress) -> Bool {
        table.names.contains { name in
            guard let member = table[name], member.isPresent, name != own else { return false }
            return member.peer == address
        }
    }

    private mutating func settle(_ address: PeerAddress, isMerged: Bool, at now: Moment) {
        guard let index = seeds.firstIndex(where: { $0.address == address }) else { return }
        if isMerged {
            seeds[index].delay = rules.joinRetry
            seeds[index].nextTry = now.advanced(milliseconds: rules.joinRetryMax)
            put(.event(.joinSucceeded(address)))
        } else {
            let delay = seeds[index].delay
            let jittered = delay - delay / 4 + generator.milliseconds(below: delay / 2 + 1)
            seeds[index].nextTry = now.advanced(milliseconds: jittered)
            seeds[index].delay = min(2 * delay, rules.joinRetryMax)
            put(.event(.joinFailed(address, retryIn: jittered)))
        }
    }

    // MARK: The lost

    /// Remembers where a member was that died: a ring that was cut in two has to find itself again.
    mutating func miss(_ member: MemberTable.Member, at now: Moment) {
        guard rules.habits.contains(.rejoin), !table.isLeaving, let peer = member.peer else {
            return
        }
        if lost.count >= Self.lostMax { lost.removeFirst() }
        lost.append(Lost(node: member.node, address: peer, since: now))
        if rejoinAt == nil { rejoinAt = nextKnock(at: now) }
    }

    private mutating func nextKnock(at now: Moment) -> Moment {
        let jitter = generator.milliseconds(below: rules.probeInterval)
        return now.advanced(milliseconds: rules.probeInterval / 2 + jitter)
    }

    /// Pings one of the lost: about one ping in each interval in the whole ring, however large it is.
    mutating func knock(at now: Moment) {
        lost.removeAll { now.milliseconds(since: $0.since) > rules.lostFor }
        guard !lost.isEmpty, !hasLeft else {
            rejoinAt = nil
            return
        }
        rejoinAt = nextKnock(at: now)
        guard generator.below(UInt32(clamping: max(1, table.presentCount))) == 0 else { return }
        let sought = lost[Int(generator.below(UInt32(lost.count)))]
        let sequence = nextSequence()
        waiting.append(
            Waiting(
                sequence: sequence,
                node: sought.node,
                purpose: .knock(sought.address),
                until: now.advanced(milliseconds: rules.probeInterval)
            )
        )
        // Whoever is there now: it may have come back under another name.
        let ping = Ping(sequence: sequence, node: .anyone, source: ownSource)
        sendAlone([.ping(ping)], to: sought.address, takesChecksum: false)
    }
}

extension VersionVector {
    /// Whether two tables may be merged: what each member speaks, all of them understand.
    ///
    /// Source: gossip-wire.md §7.
    package static func agree(_ theirs: [MemberEntry], _ ours: [MemberEntry]) -> Bool {
        var protocolMin: UInt8 = 0
        var protocolMax = UInt8.max
        var delegateMin: UInt8 = 0
        var delegateMax = UInt8.max
        for entry in theirs where entry.state == .alive && entry.versions.isWhole {
            protocolMin = max(protocolMin, entry.versions.protocolMin)
            protocolMax = min(protocolMax, entry.versions.protocolMax)
            delegateMin = max(delegateMin, entry.versions.delegateMin)
            delegateMax = min(delegateMax, entry.versions.delegateMax)
        }
        for entry in ours where entry.state == .alive && entry.versions.isWhole {
            protocolMin = max(protocolMin, entry.versions.protocolMin)
            protocolMax = min(protocolMax, entry.versions.protocolMax)
            delegateMin = max(delegateMin, entry.versions.delegateMin)
            delegateMax = min(delegateMax, entry.versions.delegateMax)
        }
        // A line whose versions are not whole is refused by itself, and fails nobody else.
        func speaks(_ entry: MemberEntry) -> Bool {
            guard entry.state == .alive, entry.versions.isWhole else { return true }
            return (protocolMin...max(protocolMin, protocolMax))
                .contains(entry.versions.protocolCurrent) && protocolMin <= protocolMax
                && (delegateMin...max(delegateMin, delegateMax))
                    .contains(entry.versions.delegateCurrent)
                && delegateMin <= delegateMax
        }
        return theirs.allSatisfy(speaks) && ours.allSatisfy(speaks)
    }
}
