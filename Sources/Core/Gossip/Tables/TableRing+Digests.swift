import Base

/// How nodes find out that they differ, and send no more than the difference.
///
/// An ack carries one sum for each of a few networks. Where a sum differs, and the own entries have stood
/// still for a moment, the asker says what it has of each owner; the other gives what is missing there
/// and asks for what is missing here, by sixteenths of an owner's entries where neither has all that
/// the other has. Source: gossip-scale.md §3.2, §3.9; docs/decisions/0010.
extension TableRing {
    // MARK: Acks

    mutating func scheduleAck(at now: Moment) {
        guard rules.habits.contains(.digests), ackAt == nil else { return }
        ackAt = now.advanced(milliseconds: 100)
    }

    /// Says in acks from now on what this node has.
    mutating func sayAck(at now: Moment) {
        let ready = order.filter { id in
            networks[id].map { $0.isSynced && !$0.isLeaving && !$0.participants.isEmpty } ?? false
        }
        // More networks than an ack speaks of take turns.
        ackAt = ready.count > AckDigest.rootsMax ? now.advanced(milliseconds: 1000) : nil
        var roots: [AckDigest.Root] = []
        for offset in 0..<min(ready.count, AckDigest.rootsMax) {
            guard let network = networks[ready[(ackTurn + offset) % ready.count]] else { continue }
            roots.append(AckDigest.Root(network: network.hash, root: network.entries.root))
        }
        ackTurn = ready.isEmpty ? 0 : (ackTurn + AckDigest.rootsMax) % ready.count
        put(.ackPayload(codec.ack(AckDigest(fill: 0, members: membersRoot, roots: roots))))
    }

    mutating func hearAck(_ octets: [UInt8], from node: NodeName, at now: Moment) {
        guard let other = nodes[node], other.capabilities.contains(.ackDigest),
            rules.habits.contains(.digests)
        else { return }
        guard let digest = codec.readAck(octets) else {
            counts.unreadable += 1
            return
        }
        counts.digests += 1
        if other.capabilities.contains(.memberDigest), rules.habits.contains(.memberDigest) {
            compareMembers(digest.members, with: node, at: now)
        }
        for root in digest.roots {
            for id in order {
                guard let network = networks[id], network.hash == root.network, network.isSynced,
                    other.isAttached(to: id), network.entries.root != root.root,
                    now.milliseconds(since: network.changedAt) >= rules.settle
                        || now.milliseconds(since: network.comparedAt) >= rules.settleMax
                else { continue }
                askAbout(id, node, at: now)
            }
        }
    }

    private mutating func compareMembers(_ root: UInt64, with node: NodeName, at now: Moment) {
        if root == membersRoot {
            put(.agreed(node))
            return
        }
        // A rumour on its way is no difference.
        guard now.milliseconds(since: membersChangedAt) >= 2000,
            now.milliseconds(since: lastMemberRepair) >= rules.memberRepairInterval
        else { return }
        lastMemberRepair = now
        counts.memberRepairs += 1
        put(.exchange(node))
    }

    // MARK: Differences

    /// Tells a node what this one has of each owner, unless it was just asked, or many were.
    mutating func askAbout(_ id: NetworkID, _ node: NodeName, at now: Moment) {
        repairs.removeAll { now.milliseconds(since: $0.at) >= 1000 }
        guard repairs.count < rules.repairsMax,
            !repairs.contains(where: { $0.node == node && $0.network == id })
        else { return }
        repairs.append((node, id, now))
        networks[id]?.comparedAt = now
        counts.repairs += 1
        say(.owners(owners(of: id), isWhole: true), of: id, wantsAnswer: true, to: node)
    }

    private func owners(of id: NetworkID) -> [TableDigest.Owner] {
        guard let entries = networks[id]?.entries else { return [] }
        return entries.owners.map { TableDigest.Owner($0, entries.sum(of: $0)) }
    }

    private mutating func say(
        _ content: TableDigest.Content,
        of id: NetworkID,
        wantsAnswer: Bool,
        to node: NodeName
    ) {
        guard let peer = nodes[node]?.address else { return }
        let digest = TableDigest(from: own, of: id, wantsAnswer: wantsAnswer, content)
        let octets = codec.message(.digest(digest))
        put(
            octets.count <= rules.digestDatagramOctets
                ? .datagram(octets, to: peer) : .stream(octets, to: peer)
        )
    }

    mutating func hear(_ digest: TableDigest, at now: Moment) {
        let (id, node) = (digest.network, digest.sender)
        guard rules.habits.contains(.digests), let other = nodes[node], other.isCapable else {
            return
        }
        counts.digests += 1
        guard isOpen(id, to: other) else { return }
        let wantsAnswer = digest.wantsAnswer
        switch digest.content {
        case .owners(let owners, let isWhole):
            compare(id, owners, isWhole: isWhole, wantsAnswer: wantsAnswer, with: node, at: now)
        case .ranges(let ranges):
            compare(id, ranges, wantsAnswer: wantsAnswer, with: node, at: now)
        }
    }

    /// Whether this node has a network's table, and the other is to have it.
    private func isOpen(_ id: NetworkID, to other: RingNode) -> Bool {
        networks[id].map { $0.isSynced && !$0.isLeaving } ?? false && other.isAttached(to: id)
    }

    private mutating func compare(
        _ id: NetworkID,
        _ theirs: [TableDigest.Owner],
        isWhole: Bool,
        wantsAnswer: Bool,
        with node: NodeName,
        at now: Moment
    ) {
        guard let entries = networks[id]?.entries else { return }
        var said: [NodeName: EntrySum] = [:]
        for owner in theirs { said[owner.node] = owner.sum }
        let compared = isWhole ? Set(said.keys).union(entries.owners).sorted() : said.keys.sorted()
        var given: [TableRumour] = []
        var questions: [TableDigest.Owner] = []
        var ranges: [TableDigest.Ranges] = []
        for owner in compared {
            let their = said[owner] ?? EntrySum()
            let mine = entries.sum(of: owner)
            if mine.count == their.count, mine.sum == their.sum { continue }
            // What was said just now is on its way to the other too, or from it.
            if now.milliseconds(since: entries.lastStored(of: owner)) < rules.settle { continue }
            let older = entries.sum(of: owner, upTo: their.latest)
            if older.count == their.count, older.sum == their.sum {
                // They have the beginning of what is here.
                for entry in entries.entries(of: owner) where entry.time > their.latest {
                    given.append(rumour(of: entry, in: id, at: now))
                }
            } else if wantsAnswer, mine.latest < their.latest || mine.count == 0,
                !entries.hasDeletions(of: owner)
            {
                // Where something was deleted what the other has too much has to be told from news.
                questions.append(TableDigest.Owner(owner, mine))
            } else {
                ranges.append(TableDigest.Ranges(owner, sums: entries.ranges(of: owner)))
            }
        }
        push(given, to: node, of: id, at: now)
        if !questions.isEmpty {
            say(.owners(questions, isWhole: false), of: id, wantsAnswer: false, to: node)
        }
        if !ranges.isEmpty { say(.ranges(ranges), of: id, wantsAnswer: true, to: node) }
    }

    private mutating func compare(
        _ id: NetworkID,
        _ theirs: [TableDigest.Ranges],
        wantsAnswer: Bool,
        with node: NodeName,
        at now: Moment
    ) {
        guard let entries = networks[id]?.entries else { return }
        var given: [TableRumour] = []
        var answer: [TableDigest.Ranges] = []
        for their in theirs {
            let mine = entries.ranges(of: their.node)
            if mine == their.sums { continue }
            for entry in entries.entries(of: their.node) {
                let range = EntryTable.range(of: entry.entry)
                if mine[range] != their.sums[range] {
                    given.append(rumour(of: entry, in: id, at: now))
                }
            }
            answer.append(TableDigest.Ranges(their.node, sums: mine))
        }
        push(given, to: node, of: id, at: now)
        if wantsAnswer, !answer.isEmpty {
            say(.ranges(answer), of: id, wantsAnswer: false, to: node)
        }
    }
}
