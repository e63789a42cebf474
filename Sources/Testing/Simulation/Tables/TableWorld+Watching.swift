import Base
import BasicContainers
import Gossip

/// What is seen of a ring's tables.
extension TableWorld {
    /// A change that is being followed until every node shows it.
    struct WriteCase {
        let version: UInt32
        let at: UInt64
        let isDeletion: Bool
        let audience: Int
        var told = 0
    }

    // MARK: Changes

    mutating func openCase(
        _ record: Int,
        version: UInt32,
        writer: Int,
        network: Int,
        isDeletion: Bool = false
    ) {
        var audience = 0
        for node in 0..<nodes where node != writer && oracle.isOn(node, network) { audience += 1 }
        guard audience > 0, now >= begunAt else { return }
        openCases[record].append(cases.count)
        cases.append(
            WriteCase(version: version, at: now, isDeletion: isDeletion, audience: audience)
        )
    }

    /// A node shows something else of a record.
    mutating func see(_ change: TableRing.Change, at node: Int) {
        let record = RecordName.record(change.entry)
        let place = node * records + record
        let version = change.value.map { RecordName.version($0) } ?? 0
        seen.changes += 1
        seen.streamChecked += 1
        // What a reader is told follows from what it was told before.
        if (change.previous.map { RecordName.version($0) } ?? 0) != shown[place] {
            seen.streamBroken += 1
        }
        shown[place] = version
        if version > 0 {
            if version < highest[place] { seen.backwards += 1 }
            if highest[place] == 0 { countFirst(node) }
            tell(record, upTo: version, to: node, isDeletion: false)
            if let since = hiddenSince.removeValue(forKey: place) {
                seen.hiddenNanoseconds += now - since
            }
        } else {
            // What is only hidden is not deleted.
            let network = networks[episode.network(record)]
            if hosts[node].tables.entry(change.entry, of: network)?.isDeleted ?? true {
                tell(record, upTo: .max, to: node, isDeletion: true)
            }
            considerFalseDeletion(of: record, at: node)
        }
    }

    /// One that a node never showed before.
    private mutating func countFirst(_ node: Int) {
        have[node] += 1
        guard have[node] == records, episode.initial.isEmpty else { return }
        haveAll += 1
        seen.complete.add((now - begunAt) / 1_000_000)
        if haveAll == 1 { seen.firstComplete.add((now - begunAt) / 1_000_000) }
        if haveAll == nodes - 1 {
            seen.lastComplete.add((now - begunAt) / 1_000_000)
            seen.octetsToComplete.add(seen.octets / UInt64(nodes))
        }
    }

    private mutating func tell(_ record: Int, upTo version: UInt32, to node: Int, isDeletion: Bool)
    {
        let place = node * records + record
        let before = highest[place]
        if !isDeletion { highest[place] = max(before, version) }
        if openCases[record].isEmpty { return }
        var isAnyOver = false
        for index in openCases[record] {
            let item = cases[index]
            guard item.version > before, item.version <= version,
                item.isDeletion || !isDeletion
            else { continue }
            if isDeletion { highest[place] = max(highest[place], item.version) }
            cases[index].told += 1
            let took = (now - item.at) / 1000
            if 2 * item.told < item.audience, 2 * (item.told + 1) >= item.audience {
                seen.toldHalf.add(took)
            }
            if item.told + 1 == item.audience {
                seen.toldEverywhere.add(took)
                isAnyOver = true
            }
        }
        guard isAnyOver else { return }
        openCases[record].removeAll { cases[$0].told >= cases[$0].audience }
    }

    /// A node stops to show what is there all the time.
    private mutating func considerFalseDeletion(of record: Int, at node: Int) {
        guard oracle.isLive(record), oracle.isOn(node, episode.network(record)) else { return }
        let owner = oracle.machine(of: record)
        let isThere = oracle.expected(record) > 0 || returning.contains(owner)
        guard isThere else { return }
        if walls > 0, weather.group[owner] != weather.group[node] { return }
        seen.falseDeletions += 1
        hiddenSince[node * records + record] = now
    }

    // MARK: Looking around

    /// Looks at every node, once a second.
    mutating func lookAround() {
        var deepest = 0
        var total = 0
        for node in 0..<nodes where hosts[node].condition == .running {
            let depth = hosts[node].tables.queueDepth
            deepest = max(deepest, depth)
            total += depth
            seen.boundsChecked += 1
            if depth > 2 * preset.part(of: node).tables.queueMax { seen.boundsBroken += 1 }
            if preset.part(of: node).reconnects { reconnect(node) }
        }
        seen.note(depth: deepest, total: total, octets: octetsThisSecond)
        for node in 0..<nodes {
            seen.busiestNode = max(seen.busiestNode, ownOctetsThisSecond[node])
            ownOctetsThisSecond[node] = 0
        }
        octetsThisSecond = 0
        judgeSome()
        let next = now + 1_000_000_000
        if next <= end { queue.schedule(Kind.second.rawValue, at: next, node: 0) }
    }

    /// NetworkDB asks one of those that failed, every second, whether it is back.
    private mutating func reconnect(_ node: Int) {
        guard hosts[node].engine.table.count(of: .dead) > 0 else { return }
        let second = now / 1_000_000_000
        let dead = hosts[node].engine.table.names.filter {
            hosts[node].engine.table[$0]?.state == .dead
        }
        let pick = Int(chance.below(UInt64(dead.count), .join, UInt64(node), second))
        guard let peer = hosts[node].engine.table[dead[pick]]?.peer else { return }
        hosts[node].engine.handle(.join([peer]), at: moment(of: node))
        drain(node)
    }

    /// Whether every node knows every other.
    private mutating func considerFull() {
        var live = 0
        for node in 0..<nodes where hosts[node].condition == .running { live += 1 }
        for node in 0..<nodes where hosts[node].condition == .running {
            if hosts[node].engine.table.presentCount != live { return }
            if hosts[node].tables.participantCount(of: networks[0]) != live - 1 { return }
        }
        guard live == nodes else { return }
        seen.settled.add((now - begunAt) / 1_000_000)
        isOver = true
    }

    // MARK: Judging

    /// What a node shows, as whoever reads it would find.
    private func shownBy(_ node: Int) -> [TableOracle.Shown] {
        var shown: [TableOracle.Shown] = []
        guard hosts[node].condition == .running else { return [] }
        for network in networks {
            for entry in hosts[node].tables.entries(of: network) where entry.isVisible {
                shown.append(
                    TableOracle.Shown(
                        record: RecordName.record(entry.entry),
                        version: RecordName.version(entry.value),
                        machine: SimulatedName.node(entry.owner)
                    )
                )
            }
        }
        return shown
    }

    /// Where nothing happened for a minute all that is older must be where it belongs: three nodes at a
    /// time are asked.
    private mutating func judgeSome() {
        let minute: UInt64 = 60_000_000_000
        guard preset.isSafe, episode.isJudged, walls == 0, now > calmSince + minute else { return }
        for turn in 0..<3 {
            let second = now / 1_000_000_000
            let node = Int(chance.below(UInt64(nodes), .fault, second, UInt64(turn)))
            guard hosts[node].condition == .running else { continue }
            let verdict = oracle.judge(node, shownBy(node), settled: now - minute)
            seen.sampled.add(verdict)
        }
    }

    /// Asks every node, or of very many records as many nodes as a minute's work allows.
    mutating func judgeAll() -> TableOracle.Verdict {
        var total = TableOracle.Verdict()
        let step = max(1, nodes * records / 8_000_000)
        for node in stride(from: 0, to: nodes, by: step)
        where hosts[node].condition == .running {
            total.add(oracle.judge(node, shownBy(node)))
        }
        return total
    }

    /// Whether every node has what it should have; asked each millisecond until it is so.
    mutating func look() {
        if episode.stopsWhenFull {
            considerFull()
            lookAgain(after: 100_000_000)
            return
        }
        guard let from = settleFrom else { return }
        if isSettled() {
            seen.settled.add((now - from) / 1_000_000)
            seen.octetsToSettle.add(seen.octets / UInt64(nodes))
            settleFrom = nil
            if episode.stopsWhenSettled { isOver = true }
            return
        }
        lookAgain(after: nodes <= 32 ? 1_000_000 : 100_000_000)
    }

    private mutating func lookAgain(after step: UInt64) {
        if now + step <= end { queue.schedule(Kind.look.rawValue, at: now + step, node: 0) }
    }

    private func isSettled() -> Bool {
        // What readers were told is quick to look through; what engines have decides.
        for node in 0..<nodes where hosts[node].condition == .running {
            for record in 0..<records where oracle.machine(of: record) != node {
                let isOn = oracle.isOn(node, episode.network(record))
                let expected = isOn ? oracle.expected(record) : 0
                if shown[node * records + record] != expected { return false }
            }
        }
        for (number, network) in networks.enumerated() {
            let on = (0..<nodes).filter { oracle.isOn($0, number) }
            for node in on where hosts[node].condition == .running {
                if !hosts[node].tables.isSynced(network) { return false }
                if hosts[node].tables.participantCount(of: network) != on.count - 1 {
                    return false
                }
            }
        }
        return true
    }

    // MARK: The end

    mutating func finish() {
        seen.runs = 1
        for octets in ownOctetsThisSecond { seen.busiestNode = max(seen.busiestNode, octets) }
        for node in 0..<nodes where hosts[node].condition != .absent {
            seen.nodeTime += now - max(runningSince[node], begunAt)
            seen.add(hosts[node].tables.counts)
        }
        for (place, since) in hiddenSince.sorted(by: { $0.key < $1.key })
        where oracle.expected(place % records) > 0 {
            seen.hiddenNanoseconds += now - since
        }
        seen.unsettled = settleFrom == nil ? 0 : 1
        for record in 0..<records { seen.untold += openCases[record].count }
        seen.codecChecked = packing.checked + tablePacking.checked
        seen.codecBroken = packing.violations + tablePacking.violations
        guard episode.isJudged else { return }
        seen.judged = judgeAll()
        foldViews()
    }

    /// What readers were told, taken together, is what a reader finds who looks.
    private mutating func foldViews() {
        let step = max(1, nodes * records / 8_000_000)
        for node in stride(from: 0, to: nodes, by: step)
        where hosts[node].condition == .running {
            var found = [UInt32](repeating: 0, count: records)
            for item in shownBy(node) where item.machine != node {
                found[item.record] = item.version
            }
            for record in 0..<records where oracle.machine(of: record) != node {
                seen.streamChecked += 1
                if found[record] != shown[node * records + record] { seen.streamBroken += 1 }
            }
        }
    }
}
