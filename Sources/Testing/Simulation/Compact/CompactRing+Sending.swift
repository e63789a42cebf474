import Gossip

/// Datagrams: what goes into them, what becomes of them, and what is told with them.
extension CompactRing {
    /// What a datagram is about; the fewest octets of it are counted as gossip.
    enum Cargo {
        case probe, gossip
    }

    // MARK: The network

    @inline(__always)
    mutating func isLost() -> Bool {
        guard loss != .none, loss.contains(dice.next()) else { return false }
        faults.count(.drop)
        return true
    }

    @inline(__always)
    mutating func delay() -> UInt64 { DelayTable.nanoseconds(dice.next()) }

    @inline(__always)
    mutating func count(_ octets: Int, _ cargo: Cargo) {
        switch cargo {
        case .probe:
            seen.probeDatagrams += 1
            seen.probeOctets += UInt64(octets)
        case .gossip:
            seen.gossipDatagrams += 1
            seen.gossipOctets += UInt64(octets)
        }
        octetsThisSecond += UInt64(octets)
    }

    /// Sends a message of `octets` octets and takes along what is to be told; when it arrives, or nil.
    ///
    /// What was told has been heard when this returns.
    @inline(__always)
    mutating func send(_ octets: Int, from: Int, to: Int, at time: UInt64) -> UInt64? {
        if isTelling(from) { return tell(beside: octets, from: from, to: to, at: time) }
        count(lengths.datagram(count: 1, octets: octets), .probe)
        guard !isLost(), !members[to].isGone else { return nil }
        return time + delay()
    }

    /// Sends messages alone; when they arrive, or nil.
    mutating func sendAlone(
        _ octets: Int,
        count messages: Int = 1,
        to: Int,
        at time: UInt64
    ) -> UInt64? {
        count(lengths.datagram(count: messages, octets: octets), .probe)
        guard !isLost(), !members[to].isGone else { return nil }
        return time + delay()
    }

    /// A datagram with rumours, beside a message of `octets` octets where that is not 0.
    @discardableResult
    mutating func tell(beside octets: Int, from: Int, to: Int, at time: UInt64) -> UInt64? {
        let length = take(from, beside: octets)
        count(length, octets == 0 ? .gossip : .probe)
        guard !isLost(), !members[to].isGone else { return nil }
        let arrival = time + delay()
        for index in told.indices {
            let place = Int(told[index])
            let said = views[self.index(place, from)]
            hear(said, place, at: to, from: from, time: arrival)
        }
        return arrival
    }

    // MARK: What is told

    @inline(__always)
    func isTelling(_ node: Int) -> Bool {
        for word in node * words..<(node + 1) * words where telling[word] != 0 { return true }
        return false
    }

    func depth(of node: Int) -> Int {
        var depth = 0
        for word in node * words..<(node + 1) * words { depth += telling[word].nonzeroBitCount }
        return depth
    }

    @inline(__always)
    func octets(of view: CompactView) -> Int {
        switch view.state {
        case .alive: lengths.alive
        case .suspect: lengths.suspect
        case .dead, .left: lengths.dead
        }
    }

    /// Chooses what is told with a datagram and charges it; the length of the datagram.
    private mutating func take(_ node: Int, beside octets: Int) -> Int {
        told.removeAll(keepingCapacity: true)
        for word in 0..<words {
            var bits = telling[node * words + word]
            while bits != 0 {
                told.append(UInt16(64 * word + bits.trailingZeroBitCount))
                bits &= bits &- 1
            }
        }
        let messages = octets == 0 ? 0 : 1
        let most = told.count * (lengths.rumour + 2)
        if !lengths.fits(count: messages + told.count, octets: octets + most)
            || most > rules.offeredOctets - 80 * messages
        {
            choose(node, beside: octets, messages)
        }
        var sum = octets
        for index in told.indices {
            let place = Int(told[index])
            let view = self.index(place, node)
            sum += self.octets(of: views[view])
            views[view].transmits += 1
            if views[view].transmits >= rules.transmitsMax { stopTelling(place, node) }
        }
        return lengths.datagram(count: messages + told.count, octets: sum)
    }

    /// Leaves of what is to be told what one datagram holds: those told least first, of these the
    /// longest, of these the newest.
    private mutating func choose(_ node: Int, beside octets: Int, _ messages: Int) {
        let ranked = told.map { place in
            let view = views[index(Int(place), node)]
            return (place: place, view: view, octets: self.octets(of: view))
        }.sorted { left, right in
            if left.view.transmits != right.view.transmits {
                return left.view.transmits < right.view.transmits
            }
            if left.octets != right.octets { return left.octets > right.octets }
            return left.view.since != right.view.since
                ? left.view.since > right.view.since : left.place < right.place
        }
        told.removeAll(keepingCapacity: true)
        var left = rules.offeredOctets - 80 * messages
        var sum = octets
        for rumour in ranked {
            left -= rumour.octets + 2
            sum += rumour.octets
            guard left >= 0, lengths.fits(count: messages + told.count + 1, octets: sum) else {
                break
            }
            told.append(rumour.place)
        }
    }

    /// What a node holds of a subject is to be told, instead of what it told of it before.
    mutating func tell(_ place: Int, by node: Int, at time: UInt64) {
        views[index(place, node)].transmits = 0
        let word = node * words + place / 64
        let bit = UInt64(1) << UInt64(place % 64)
        if telling[word] & bit == 0 {
            telling[word] |= bit
            subjects[place].telling += 1
            let depth = depth(of: node)
            if depth > seen.queueDepth { seen.queueDepth = depth }
        }
        if !members[node].isGossiping { scheduleGossip(node, after: time) }
    }

    mutating func stopTelling(_ place: Int, _ node: Int) {
        let word = node * words + place / 64
        let bit = UInt64(1) << UInt64(place % 64)
        guard telling[word] & bit != 0 else { return }
        telling[word] &= ~bit
        subjects[place].telling -= 1
    }

    // MARK: Beats

    /// The node's own beat, so that nodes that heard at one moment do not speak at one moment.
    private mutating func scheduleGossip(_ node: Int, after time: UInt64) {
        members[node].isGossiping = true
        let first = Self.start + UInt64(members[node].gossipPhase) * CompactRules.millisecond
        let beats = time < first ? 0 : (time - first) / rules.gossipInterval + 1
        schedule(.gossip, at: first + beats * rules.gossipInterval, node: node)
    }

    /// What clears a member is told at once, once between two beats at most.
    mutating func hurry(_ node: Int, at time: UInt64) {
        guard rules.isDrain, members[node].isGossiping, !members[node].hasHurried else { return }
        members[node].hasHurried = true
        schedule(.hurry, at: time, node: node)
    }

    mutating func gossip(_ node: Int) {
        members[node].isGossiping = false
        members[node].hasHurried = false
        tellSome(node)
        if !members[node].isGone, isTelling(node) { scheduleGossip(node, after: now) }
    }

    /// Tells as many as are told in one beat.
    mutating func tellSome(_ node: Int) {
        guard !members[node].isGone, isTelling(node) else { return }
        let crowding = rules.isEagerSync ? min(4, 1 + depth(of: node) / 64) : 1
        pick(rules.gossipFanout * crowding, by: node, forGossip: true)
        for index in listeners.indices where isTelling(node) {
            tell(beside: 0, from: node, to: Int(listeners[index]), at: now)
        }
    }

    /// Chooses up to `wanted` members by chance, into `listeners`: of all that are told, or of those that
    /// are well.
    mutating func pick(_ wanted: Int, by node: Int, besides other: Int? = nil, forGossip: Bool) {
        listeners.removeAll(keepingCapacity: true)
        var draws = 3 * nodes
        while listeners.count < wanted, draws > 0 {
            draws -= 1
            let member = dice.below(nodes)
            guard member != node, member != other, isFit(member, for: node, forGossip: forGossip),
                !listeners.contains(UInt32(member))
            else { continue }
            listeners.append(UInt32(member))
        }
    }

    @inline(__always)
    private func isFit(_ member: Int, for node: Int, forGossip: Bool) -> Bool {
        let place = placeOf[member]
        if place == Self.none { return true }
        let view = views[index(Int(place), node)]
        switch view.state {
        case .alive: return true
        case .suspect: return forGossip
        case .dead, .left: return forGossip && now - min(now, view.since) <= rules.gossipToTheDead
        }
    }
}
