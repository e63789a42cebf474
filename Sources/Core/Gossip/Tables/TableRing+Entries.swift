import Base

/// What the tables say.
///
/// Source: networkdb-dns.md A5.3, A8, A9, H13.
extension TableRing {
    // MARK: Own entries

    mutating func make(_ change: OwnChange, at now: Moment) {
        guard networks[change.network]?.isLeaving == false else {
            refuse(change, .notAttached)
            return
        }
        let known = networks[change.network]?.entries[change.entry]
        if let value = change.value {
            guard value.count <= rules.valueOctetsMax, Self.isName(change.entry) else {
                refuse(change, .tooLong)
                return
            }
            let hasRoom = networks[change.network]?.entries.hasRoom(for: own, rules) ?? true
            guard known != nil || hasRoom else {
                refuse(change, .tooMany)
                return
            }
            if let known, known.owner == own, !known.isDeleted, known.value == value { return }
            let isNew = known.map { !$0.isVisible } ?? true
            write(isNew ? .create : .update, change.entry, in: change.network, value, at: now)
        } else if let known, !known.isDeleted {
            write(.delete, change.entry, in: change.network, known.value, at: now)
        }
    }

    private mutating func refuse(_ change: OwnChange, _ refusal: Refusal) {
        counts.ownRefused += 1
        put(.refused(change, refusal))
    }

    /// Says something of an entry that is later than all that was said.
    mutating func write(
        _ kind: TableEvent.Kind,
        _ entry: EntryKey,
        in network: NetworkID,
        _ value: [UInt8],
        at now: Moment
    ) {
        let event = TableEvent(
            kind,
            entry,
            in: network,
            owner: own,
            at: tableClock.tick(),
            value: value,
            residualSeconds: kind == .delete ? UInt32(rules.tombstoneKept / 1000) : 0
        )
        let until = kind == .delete ? now.advanced(milliseconds: rules.tombstoneKept) : nil
        store(TableEntry(event, until: until, path: .own, at: now), in: network, at: now)
        tell(event, at: now)
    }

    mutating func store(_ entry: TableEntry, in network: NetworkID, at now: Moment) {
        networks[network]?.entries.store(entry)
        networks[network]?.changedAt = now
        scheduleAck(at: now)
    }

    // MARK: Others' entries

    mutating func hear(
        _ event: TableEvent,
        _ rumour: TableRumour,
        _ path: Path,
        from sender: NodeName?,
        passesOn: Bool,
        at now: Moment
    ) {
        if event.owner == own {
            correct(event, at: now)
            return
        }
        guard tableClock.witness(event.time) else {
            counts.hostileTimes += 1
            return
        }
        guard let kind = event.kind, networks[event.network]?.isLeaving == false else { return }
        guard event.value.count <= rules.valueOctetsMax, Self.isName(event.entry) else {
            counts.refusedEntry += 1
            return
        }
        guard let owner = nodes[event.owner], owner.isAttached(to: event.network) else {
            counts.unattached += 1
            if rules.habits.contains(.prerequisites) { park(rumour, path, at: now) }
            return
        }
        let known = networks[event.network]?.entries[event.entry]
        // Of one time too: two that count alike would keep what each has.
        if let known, known.owner == own, !known.isDeleted, known.time <= event.time, isOver(owner)
        {
            reassert(known, in: event.network, at: now)
            return
        }
        if let known, known.time >= event.time {
            counts.stale += 1
            return
        }
        if owner.presence == .unknown, let known, known.isVisible, known.owner != own,
            rules.habits.contains(.prerequisites)
        {
            // The next run of a node may be heard of before it is a member: until then it is the last
            // one's entry that counts, and nothing is hidden for one that nobody can see yet.
            park(rumour, path, at: now)
            return
        }
        if let known, isHeld(known, against: owner, event.owner) {
            counts.stale += 1
            return
        }
        guard known != nil || hasRoom(for: event) else {
            counts.refusedBound += 1
            return
        }
        apply(event, kind, over: known, owner.presence, path, at: now)
        passOn(
            Heard(rumour, event, kind, known, path),
            from: sender,
            isWanted: passesOn,
            at: now
        )
    }

    /// Whether a node's words about what this one has are of the past: it is not there, or it was this
    /// one, which began to count from less than its earlier run had come to.
    private func isOver(_ node: RingNode) -> Bool {
        guard rules.habits.contains(.authority) else { return false }
        return node.presence != .active || identity != nil && node.identity?.id == identity?.id
    }

    /// Whether an entry is of one who is there, and the word against it of one who is not, as of an earlier run
    /// that counted further: whoever has it would say it again, so that nobody need hide it until then.
    private func isHeld(_ known: TableEntry, against node: RingNode, _ name: NodeName) -> Bool {
        guard rules.habits.contains(.authority), node.presence != .active,
            node.presence != .unknown, known.isVisible, known.owner != own, known.owner != name,
            let holder = nodes[known.owner]
        else { return false }
        return holder.presence == .active && holder.isCapable
    }

    private mutating func reassert(_ entry: TableEntry, in network: NetworkID, at now: Moment) {
        counts.corrected += 1
        write(.update, entry.entry, in: network, entry.value, at: now)
    }

    /// An event that was new, and what it came to.
    struct Heard {
        let rumour: TableRumour
        let event: TableEvent
        let isDeletion: Bool
        let wasKnown: Bool
        let path: Path

        init(
            _ rumour: TableRumour,
            _ event: TableEvent,
            _ kind: TableEvent.Kind,
            _ known: TableEntry?,
            _ path: Path
        ) {
            self.rumour = rumour
            self.event = event
            isDeletion = kind == .delete
            wasKnown = known != nil
            self.path = path
        }
    }

    private func hasRoom(for event: TableEvent) -> Bool {
        guard let entries = networks[event.network]?.entries else { return false }
        return entries.count < rules.entriesMax && entries.hasRoom(for: event.owner, rules)
    }

    private mutating func apply(
        _ event: TableEvent,
        _ kind: TableEvent.Kind,
        over known: TableEntry?,
        _ presence: RingNode.Presence,
        _ path: Path,
        at now: Moment
    ) {
        counts.applied += 1
        let isHidden = kind != .delete && !presence.isShown
        var kept: UInt64?
        if kind == .delete || isHidden {
            kept = min(
                event.residualSeconds > 0
                    ? UInt64(event.residualSeconds) * 1000 : rules.tombstoneKept,
                rules.tombstoneKept
            )
        }
        var entry = TableEntry(
            event,
            until: kept.map { now.advanced(milliseconds: $0) },
            path: path,
            at: now
        )
        entry.isHidden = isHidden
        store(entry, in: event.network, at: now)
        let previous = known.flatMap { $0.isVisible && $0.owner != own ? $0.value : nil }
        let value = entry.isVisible ? event.value : nil
        if previous != nil || value != nil {
            tellReader(entry, of: event.network, previous, value)
        }
    }

    private mutating func tellReader(
        _ entry: TableEntry,
        of network: NetworkID,
        _ previous: [UInt8]?,
        _ value: [UInt8]?
    ) {
        put(
            .change(
                Change(
                    network: network,
                    entry: entry.entry,
                    owner: entry.owner,
                    previous: previous,
                    value: value,
                    path: entry.path
                )
            )
        )
    }

    /// Others have something of this node's that it did not say, or no longer says.
    ///
    /// NetworkDB's nodes ignore what bears their own name, so that a deletion that all others forgot comes
    /// back and stays. Source: gossip-scale.md §3.7.
    private mutating func correct(_ event: TableEvent, at now: Moment) {
        guard rules.habits.contains(.authority), event.kind != nil,
            networks[event.network]?.isLeaving == false, Self.isName(event.entry)
        else { return }
        let known = networks[event.network]?.entries[event.entry]
        if let known, known.time >= event.time { return }
        if known == nil, event.kind == .delete { return }
        guard tableClock.witness(event.time) else {
            counts.hostileTimes += 1
            return
        }
        counts.corrected += 1
        if let known, known.owner == own, !known.isDeleted {
            write(.update, event.entry, in: event.network, known.value, at: now)
        } else {
            write(.delete, event.entry, in: event.network, event.value, at: now)
        }
    }

    /// What an earlier run of this node left in a network and this one does not have goes.
    mutating func settleInheritance(of network: NetworkID, at now: Moment) {
        guard let identity, let left = networks[network], !left.isLeaving else { return }
        for name in names where nodes[name]?.identity?.id == identity.id && name != own {
            for entry in left.entries.entries(of: name) where !entry.isDeleted {
                write(.delete, entry.entry, in: network, entry.value, at: now)
                if entry.isVisible { tellReader(entry, of: network, entry.value, nil) }
            }
        }
    }

    // MARK: What becomes of a node's entries

    /// A node failed: what it has is not shown.
    mutating func hide(_ node: NodeName, in network: NetworkID, at now: Moment) {
        let until = now.advanced(milliseconds: rules.tombstoneKept)
        for entry in networks[network]?.entries.hide(node, until: until) ?? []
        where !entry.isHidden {
            tellReader(entry, of: network, entry.value, nil)
        }
    }

    /// A node is back: what it had is shown at once.
    mutating func show(_ node: NodeName, in network: NetworkID) {
        for entry in networks[network]?.entries.hide(node, until: nil) ?? [] where entry.isHidden {
            tellReader(entry, of: network, nil, entry.value)
        }
    }

    /// A node is off a network: what it had there goes, and nobody needs to be told of each entry.
    mutating func erase(_ node: NodeName, from network: NetworkID, at now: Moment) {
        guard let entries = networks[network]?.entries.entries(of: node), !entries.isEmpty else {
            return
        }
        for entry in entries {
            networks[network]?.entries.remove(entry.entry)
            if entry.isVisible { tellReader(entry, of: network, entry.value, nil) }
        }
        networks[network]?.changedAt = now
        scheduleAck(at: now)
    }

    // MARK: What came too early

    private mutating func park(_ rumour: TableRumour, _ path: Path, at now: Moment) {
        guard parked.count < rules.parkedMax else {
            counts.parkedDropped += 1
            return
        }
        counts.parked += 1
        parked.append((now.advanced(milliseconds: rules.parkedKept), rumour, path))
    }

    mutating func replayParked(of node: NodeName, in network: NetworkID, at now: Moment) {
        if parked.isEmpty { return }
        var due: [(rumour: TableRumour, path: Path)] = []
        parked.removeAll { item in
            guard case .table(let event) = item.rumour.content, event.owner == node,
                event.network == network
            else { return false }
            due.append((item.rumour, item.path))
            return true
        }
        counts.parkedReplayed += due.count
        for (rumour, path) in due { hear(rumour, path, from: nil, at: now) }
    }

    mutating func expireParked(at now: Moment) {
        let over = parked.prefix { $0.until <= now }.count
        parked.removeFirst(over)
        counts.parkedDropped += over
    }

    // MARK: Time

    mutating func reap(at now: Moment) {
        reapAt = now.advanced(milliseconds: rules.reapInterval)
        for id in order where networks[id]?.entries.hasCounted ?? false {
            let reaped = networks[id]?.entries.reap(at: now) ?? []
            if reaped.isEmpty { continue }
            counts.reaped += reaped.count
            if reaped.contains(where: { !$0.isDeleted }) {
                networks[id]?.changedAt = now
                scheduleAck(at: now)
            }
        }
        let over = order.filter { id in networks[id]?.until.map { $0 <= now } ?? false }
        for id in over { networks[id] = nil }
        if !over.isEmpty { order.removeAll { networks[$0] == nil } }
        forgetAttachments(at: now)
        forgetNodes(at: now)
    }

    static func isName(_ entry: EntryKey) -> Bool {
        !entry.key.isEmpty && entry.key.count <= EntryKey.octetsMax
            && !entry.key.contains(UInt8(ascii: "/")) && !entry.table.octets.isEmpty
            && entry.table.octets.count <= TableName.octetsMax
            && !entry.table.octets.contains(UInt8(ascii: "/"))
    }
}
