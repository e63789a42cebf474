import Base

/// How this node takes its leave: for good, for a moment, or because membership has.
///
/// Source: networkdb-dns.md A13; docs/decisions/0010.
extension TableRing {
    mutating func leave(at now: Moment) {
        // One that has left may have joined again since.
        if leaveAt != nil { return }
        tellAll(.node(NodeEvent(.leave, own, at: networkClock.tick())), at: now)
        leaveAt = now.advanced(milliseconds: active.isEmpty ? 0 : rules.leaveTold)
    }

    /// Membership has left: nobody tells this node any more what others have, so it has nothing of it.
    ///
    /// What it has itself stays, for the ring that it may join next.
    mutating func endMembership(at now: Moment) {
        for name in names { takeLeave(of: name, at: now) }
        freshForAll = []
        again = []
        waits = []
        parked = []
        for id in order where networks[id]?.isLeaving == false {
            networks[id]?.joining = nil
            networks[id]?.isSynced = true
            networks[id]?.isAlone = true
            networks[id]?.own = EntryQueue()
            networks[id]?.relayed = EntryQueue()
            networks[id]?.fresh = []
        }
    }

    /// This node has come to others: of networks that it was on alone it takes what they have.
    mutating func askWhereAlone(at now: Moment) {
        guard rules.habits.contains(.soleSource) else { return }
        for id in order where networks[id]?.isAlone == true && networks[id]?.isLeaving == false {
            beginJoining(id, at: now)
        }
    }

    // MARK: Starting again

    /// Says that this node ends and is back in a moment.
    mutating func sayRestart(at now: Moment) {
        if restartAt != nil || leaveAt != nil { return }
        let event = NodeEvent(
            .join,
            own,
            at: networkClock.tick(),
            backSeconds: UInt32(rules.restartKept / 1000)
        )
        tellAll(.node(event), at: now)
        restartAt = now.advanced(milliseconds: active.isEmpty ? 0 : rules.restartTold)
    }

    /// A node says that it is about to start again: until then what it has is shown, whatever membership
    /// says of it.
    ///
    /// Returns whether it is new to others too.
    mutating func noteRestart(_ event: NodeEvent, at now: Moment) -> Bool {
        guard let node = nodes[event.node] else { return false }
        let kept = min(UInt64(event.backSeconds) * 1000, rules.restartKept)
        let until = now.advanced(milliseconds: kept)
        switch node.presence {
        case .active: break
        case .failed, .unknown:
            // Membership was faster, or this node came meanwhile; a word that comes later is too late.
            guard now.milliseconds(since: node.since) <= rules.restartKept else { return false }
            showAgain(event.node, until: until, at: now)
        case .left, .superseded, .restarting: return false
        }
        nodes[event.node]?.backBy = until
        counts.restarts += 1
        put(.restarting(event.node))
        return true
    }

    /// What a node that came meanwhile has to know of those who start again, before what they have.
    func restarts(for reader: NodeName, at now: Moment) -> [TableRumour] {
        guard nodes[reader]?.isCapable == true else { return [] }
        return names.compactMap { name in
            guard name != reader, let node = nodes[name], let until = node.backBy, until > now,
                node.presence == .active || node.presence == .restarting
            else { return nil }
            let seconds = UInt32(clamping: (until.milliseconds(since: now) + 999) / 1000)
            return codec.rumour(
                .node(NodeEvent(.join, name, at: node.time, backSeconds: seconds))
            )
        }
    }
}
