import Base

/// How tables get here whole, and go to others.
///
/// Source: networkdb-dns.md A8, A11; gossip-scale.md §3.2, §3.5.
extension TableRing {
    // MARK: Attaching

    mutating func attach(to id: NetworkID, at now: Moment) {
        if networks[id]?.isLeaving == false { return }
        guard Self.isName(id), networks.count < rules.networksMax || networks[id] != nil else {
            counts.refusedBound += 1
            return
        }
        let time = networkClock.tick()
        if networks[id] == nil {
            networks[id] = AttachedNetwork(id, time: time, at: now)
            order.append(id)
        }
        networks[id]?.time = time
        networks[id]?.since = now
        networks[id]?.isLeaving = false
        networks[id]?.until = nil
        countMembers(Self.hash(of: own, id), isAdded: true, at: now)
        gatherParticipants(of: id)
        tellAll(.network(NetworkEvent(.join, own, id, at: time)), at: now)
        beginJoining(id, at: now)
        scheduleAck(at: now)
    }

    mutating func detach(from id: NetworkID, at now: Moment) {
        guard let network = networks[id], !network.isLeaving else { return }
        let time = networkClock.tick()
        for entry in network.entries.all {
            networks[id]?.entries.remove(entry.entry)
            if entry.owner == own {
                // A table that comes from before this must find that it is over.
                let event = TableEvent(
                    .delete,
                    entry.entry,
                    in: id,
                    owner: own,
                    at: entry.isDeleted ? entry.time : tableClock.tick(),
                    value: entry.value
                )
                let until = entry.until ?? now.advanced(milliseconds: rules.tombstoneKept)
                networks[id]?.entries.store(
                    TableEntry(event, until: until, path: .own, at: now)
                )
            } else if entry.isVisible {
                put(
                    .change(
                        Change(
                            network: id,
                            entry: entry.entry,
                            owner: entry.owner,
                            previous: entry.value,
                            value: nil,
                            path: entry.path
                        )
                    )
                )
            }
        }
        networks[id]?.time = time
        networks[id]?.isLeaving = true
        networks[id]?.isSynced = false
        networks[id]?.joining = nil
        networks[id]?.until = now.advanced(milliseconds: rules.detachedKept)
        networks[id]?.participants = []
        networks[id]?.legacyCount = 0
        networks[id]?.own = EntryQueue()
        networks[id]?.relayed = EntryQueue()
        networks[id]?.fresh = []
        networks[id]?.recent = []
        parked.removeAll { item in
            if case .table(let event) = item.rumour.content { event.network == id } else { false }
        }
        countMembers(Self.hash(of: own, id), isAdded: false, at: now)
        tellAll(.network(NetworkEvent(.leave, own, id, at: time)), at: now)
        scheduleAck(at: now)
    }

    // MARK: Joining

    mutating func beginJoining(_ id: NetworkID, at now: Moment) {
        networks[id]?.isAlone = false
        networks[id]?.isSynced = false
        networks[id]?.joining = AttachedNetwork.Joining()
        askNext(for: id, at: now)
    }

    /// Asks whoever is next for the table of a network; it is synced when nobody is left.
    ///
    /// A capable node has what all have, as digests show; of others any may lack something, so that
    /// several are asked.
    private mutating func askNext(for id: NetworkID, at now: Moment) {
        guard let network = networks[id], var joining = network.joining else { return }
        let left = network.participants.filter { !joining.asked.contains($0) }
        guard !left.isEmpty else {
            endJoining(of: id, at: now)
            return
        }
        var asked = [left[Int(dice.below(UInt32(left.count)))]]
        if rules.habits.contains(.soleSource) {
            let good = left.filter { name in
                nodes[name].map { $0.isCapable && !$0.isDrained } ?? false
            }
            asked =
                good.isEmpty
                ? draw(3, from: left, nil) : [good[Int(dice.below(UInt32(good.count)))]]
        }
        joining.asked += asked
        joining.waitingFor = asked
        let wait = rules.habits.contains(.soleSource) ? rules.joinWait : rules.bulkSyncWait
        joining.until = now.advanced(milliseconds: wait)
        networks[id]?.joining = joining
        for node in asked { askForAll(of: [id], node, at: now) }
    }

    mutating func lookAtJoining(at now: Moment) {
        for id in order {
            guard let joining = networks[id]?.joining, joining.until <= now else { continue }
            askNext(for: id, at: now)
        }
    }

    var nextJoining: Moment? {
        var next: Moment?
        for id in order {
            guard let until = networks[id]?.joining?.until else { continue }
            next = next.map { min($0, until) } ?? until
        }
        return next
    }

    /// One that was asked has answered, with its table or without.
    private mutating func answer(
        from node: NodeName,
        of id: NetworkID,
        isComplete: Bool,
        at now: Moment
    ) {
        guard var joining = networks[id]?.joining,
            let place = joining.waitingFor.firstIndex(of: node)
        else { return }
        joining.waitingFor.remove(at: place)
        networks[id]?.joining = joining
        if rules.habits.contains(.soleSource), isComplete {
            endJoining(of: id, at: now)
        } else if joining.waitingFor.isEmpty {
            askNext(for: id, at: now)
        }
    }

    private mutating func endJoining(of id: NetworkID, at now: Moment) {
        let wasAlone = networks[id]?.joining?.asked.isEmpty ?? false
        networks[id]?.isAlone = wasAlone
        networks[id]?.joining = nil
        networks[id]?.isSynced = true
        put(.synced(id))
        if identity != nil, rules.habits.contains(.succession) {
            inheritances.append((id, now.advanced(milliseconds: 2 * rules.recent)))
        }
        scheduleAck(at: now)
    }

    // MARK: Bulk syncs

    /// Sends all that this node has of some networks, and wants the other's.
    private mutating func askForAll(of ids: [NetworkID], _ node: NodeName, at now: Moment) {
        guard let peer = nodes[node]?.address else { return }
        counts.bulkSyncs += 1
        let rumours = ids.flatMap { all(of: $0, for: node, at: now) }
        let sync = BulkSync(
            time: tableClock.tick(),
            isUnsolicited: true,
            node: own,
            networks: ids,
            rumours: rumours
        )
        waits.append(
            Wait(
                node: node,
                networks: ids,
                time: sync.time,
                until: now.advanced(milliseconds: rules.bulkSyncWait)
            )
        )
        stream(sync, to: peer)
    }

    private mutating func stream(_ sync: BulkSync, to peer: PeerAddress) {
        let octets = codec.message(.bulkSync(sync))
        counts.bulkOctets += octets.count
        put(.stream(octets, to: peer))
    }

    /// Attachments first, but the reader's own; then every entry.
    private func all(of id: NetworkID, for reader: NodeName, at now: Moment) -> [TableRumour] {
        restarts(for: reader, at: now) + attachments(to: id, for: reader)
            + (networks[id]?.entries.all.map { rumour(of: $0, in: id, at: now) } ?? [])
    }

    private func attachments(to id: NetworkID, for reader: NodeName) -> [TableRumour] {
        guard rules.habits.contains(.prerequisites), let network = networks[id] else { return [] }
        var rumours = [codec.rumour(.network(NetworkEvent(.join, own, id, at: network.time)))]
        for name in names where name != reader {
            guard let node = nodes[name], node.presence != .left,
                let attached = node.attachments[id]
            else { continue }
            let kind: NetworkEvent.Kind = attached.isLeaving ? .leave : .join
            rumours.append(
                codec.rumour(.network(NetworkEvent(kind, name, id, at: attached.time)))
            )
        }
        return rumours
    }

    /// An entry as this node would say it now.
    func rumour(of entry: TableEntry, in id: NetworkID, at now: Moment) -> TableRumour {
        let left = entry.until.map { max(1, $0.milliseconds(since: now) / 1000) } ?? 0
        return codec.rumour(
            .table(
                TableEvent(
                    entry.isDeleted ? .delete : .create,
                    entry.entry,
                    in: id,
                    owner: entry.owner,
                    at: entry.time,
                    value: entry.value,
                    residualSeconds: UInt32(clamping: left)
                )
            )
        )
    }

    mutating func hear(_ sync: BulkSync, at now: Moment) {
        guard sync.time.value == 0 || tableClock.witness(sync.time) else {
            counts.hostileTimes += 1
            return
        }
        let isAwaited = waits.contains { $0.node == sync.node }
        let path: Path = sync.isUnsolicited || isAwaited ? .sync : .push
        let participants = sync.networks.first.flatMap { networks[$0]?.participants.count } ?? 0
        let hasReachedAll = sync.reach > 0 && Int(sync.reach) >= participants
        for rumour in sync.rumours {
            hear(rumour, path, from: sync.node, passesOn: !hasReachedAll, at: now)
        }
        if sync.isUnsolicited {
            reply(to: sync, at: now)
            return
        }
        let answered = waits.filter { $0.node == sync.node && $0.time < sync.time }
        waits.removeAll { $0.node == sync.node && $0.time < sync.time }
        for wait in answered {
            for id in wait.networks {
                answer(from: sync.node, of: id, isComplete: sync.networks.contains(id), at: now)
            }
        }
    }

    /// Whoever asks hears at once: NetworkDB's nodes stand still until then.
    private mutating func reply(to sync: BulkSync, at now: Moment) {
        guard let node = nodes[sync.node], let peer = node.address else { return }
        let held = sync.networks.filter { networks[$0]?.isLeaving == false }
        // One that has not got the table itself sends a capable node on to others.
        let ready = held.filter { networks[$0]?.isSynced ?? false }
        let ids = node.isCapable && rules.habits.contains(.soleSource) ? ready : held
        var theirs: [NetworkID: [EntryKey: LamportTime]] = [:]
        if rules.habits.contains(.deltaReplies) {
            for rumour in sync.rumours {
                guard case .table(let event) = rumour.content else { continue }
                theirs[event.network, default: [:]][event.entry] = event.time
            }
        }
        var rumours = restarts(for: sync.node, at: now)
        for id in ids {
            rumours += attachments(to: id, for: sync.node)
            guard let network = networks[id] else { continue }
            let known = theirs[id] ?? [:]
            for entry in network.entries.all {
                if let time = known[entry.entry], time >= entry.time { continue }
                rumours.append(rumour(of: entry, in: id, at: now))
            }
        }
        for part in parts(of: rumours) {
            let answer = BulkSync(
                time: tableClock.tick(),
                isUnsolicited: false,
                node: own,
                networks: ids,
                rumours: part
            )
            stream(answer, to: peer)
        }
    }

    mutating func giveUpWaiting(at now: Moment) {
        let over = waits.filter { $0.until <= now }
        waits.removeAll { $0.until <= now }
        counts.bulkTimeouts += over.count
        for wait in over {
            for id in wait.networks { answer(from: wait.node, of: id, isComplete: false, at: now) }
        }
    }

    /// Whole tables with one node for each network: where digests are spoken nobody needs them.
    mutating func beginBulkSyncs(at now: Moment) {
        while bulkSyncAt <= now {
            bulkSyncAt = bulkSyncAt.advanced(milliseconds: rules.bulkSyncInterval)
        }
        var covered: Set<NetworkID> = []
        for id in order {
            guard let network = networks[id], !network.isLeaving, !covered.contains(id),
                let partner = draw(1, from: network.participants, nil).first,
                let node = nodes[partner]
            else { continue }
            if node.isCapable, rules.habits.contains(.digests) { continue }
            let common = order.filter { other in
                networks[other]?.isLeaving == false && node.isAttached(to: other)
            }
            covered.formUnion(common)
            askForAll(of: common, partner, at: now)
        }
    }
}
