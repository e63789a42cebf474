import Base

/// What is told, to whom, and how often.
///
/// Source: gossip-wire.md §12, §13.
extension Membership {
    mutating func tell(_ rumour: Rumour, at now: Moment) {
        let message: GossipMessage =
            switch rumour {
            case .alive(let alive): .alive(alive)
            case .suspect(let suspect): .suspect(suspect)
            case .dead(let dead): .dead(dead)
            }
        queue.enqueue(encode(message), saying: message, about: rumour.node)
        counts.rumoursDropped += queue.prune(countMax: rules.queueMax)
        scheduleGossip(at: now)
    }

    mutating func broadcast(_ octets: [UInt8], at now: Moment) {
        let message = GossipMessage.user(octets)
        delegateQueue.enqueue(encode(message), saying: message)
        counts.rumoursDropped += delegateQueue.prune(countMax: rules.queueMax)
        scheduleGossip(at: now)
    }

    private mutating func scheduleGossip(at now: Moment) {
        if gossipAt == nil { gossipAt = nextGossip(after: now) }
    }

    /// The node's own beat, so that nodes that heard at one moment do not speak at one moment.
    private mutating func nextGossip(after now: Moment) -> Moment {
        let beats = now.milliseconds(since: gossipPhase) / rules.gossipInterval
        gossipPhase = gossipPhase.advanced(milliseconds: beats * rules.gossipInterval)
        while gossipPhase <= now {
            gossipPhase = gossipPhase.advanced(milliseconds: rules.gossipInterval)
        }
        return gossipPhase
    }

    /// What clears an accused member is told at once and not at the next beat: those that it is drained at
    /// wait for it.
    ///
    /// Once between two beats at most, so that nothing makes a node tell more than twice as fast.
    mutating func hurry(at now: Moment) {
        guard rules.habits.contains(.drain), let due = gossipAt, due > now, hurriedUntil <= now
        else {
            return
        }
        hurriedUntil = due
        gossipAt = now
    }

    mutating func gossip(at now: Moment) {
        guard queueDepth > 0 else {
            gossipAt = nil
            return
        }
        gossipAt = nextGossip(after: now)
        let deadFor = rules.gossipToTheDead
        let listeners = pick(rules.gossipFanout * crowding) { member in
            switch member.state {
            case .alive, .suspect: true
            case .dead: now.milliseconds(since: member.since) <= deadFor
            case .left: false
            }
        }
        for listener in listeners {
            guard let peer = listener.peer else { continue }
            send([], to: peer, takesChecksum: listener.takesChecksum)
        }
        // Nobody is there to be told: what is waiting would wait for ever.
        if listeners.isEmpty, table.presentCount <= 1 { dropUntold() }
    }

    /// While more waits than a few datagrams hold, more members are told at a time; told four times as
    /// fast at most.
    ///
    /// A ring that forms has a rumour for each member, each to be told a dozen times.
    private var crowding: Int {
        guard rules.habits.contains(.eagerSync) else { return 1 }
        return min(4, 1 + queueDepth / 64)
    }

    private mutating func dropUntold() {
        gossipAt = nil
        counts.rumoursDropped += queueDepth
        queue = RumourQueue()
        delegateQueue = RumourQueue()
        if leaveBy != nil { endLeave() }
    }

    /// Rumours that may go beside `messages`, in the order in which they are told.
    mutating func offer(beside messages: [GossipMessage]) -> [RumourQueue.Item] {
        // What a ping or an ack takes, within a few octets: the packer measures.
        let room = rules.offeredOctets - 80 * messages.count
        var items = queue.isEmpty ? [] : queue.offer(octetsMax: room, overhead: 2)
        if !delegateQueue.isEmpty {
            let left = items.reduce(room) { $0 - $1.octets.count - 2 }
            items += delegateQueue.offer(octetsMax: left, overhead: 2)
        }
        return items
    }

    /// The first `count` of what was offered went out.
    mutating func charge(_ count: Int, at now: Moment) {
        let told = offered.prefix(count)
        offered = []
        if told.isEmpty { return }
        let transmitsMax = Transmits.max(
            multiplier: rules.retransmitMultiplier,
            members: table.count
        )
        var isOwnLeaveTold = false
        for item in told {
            // Each is in one of the two, by whether it is about a member.
            let finished =
                item.subject == nil
                ? delegateQueue.charge(CollectionOfOne(item), transmitsMax: transmitsMax)
                : queue.charge(CollectionOfOne(item), transmitsMax: transmitsMax)
            counts.rumoursTold += finished.count
            if item.subject == own, !finished.isEmpty { isOwnLeaveTold = true }
        }
        if isOwnLeaveTold, leaveBy != nil { endLeave() }
    }

    // MARK: Leaving

    mutating func leave(at now: Moment) {
        guard !table.isLeaving else { return }
        seeds = []
        lost = []
        rejoinAt = nil
        syncAt = nil
        obey(table.leave(at: now), at: now)
        leaveBy = now.advanced(milliseconds: table.presentCount > 0 ? rules.leaveTimeout : 0)
    }

    mutating func endLeave() {
        leaveBy = nil
        hasLeft = true
        gossipAt = nil
        probes = []
        waiting = []
        put(.left)
    }
}
