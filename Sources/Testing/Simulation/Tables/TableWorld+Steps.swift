import Base
import BasicContainers
import Gossip

/// What is done to the ring and to its tables.
extension TableWorld {
    mutating func take(_ step: TableStep) {
        switch step {
        case .fault(let fault): suffer(fault)
        case .attach(let node, let network): attach(node, to: network)
        case .detach(let node, let network): detach(node, from: network)
        case .write(let node, let records): write(node, records)
        case .delete(let node, let records): delete(node, records)
        case .rewrite(let node): hosts[node].toWrite = oracle.kept(by: node)
        case .terminate(let node): terminate(node)
        case .count: startCounting()
        case .settle:
            settleFrom = now
            queue.schedule(Kind.look.rawValue, at: now + 1_000_000, node: 0)
        }
    }

    // MARK: Faults

    private mutating func suffer(_ fault: Fault) {
        calmSince = now
        switch fault {
        case .join(let node, let through): appear(node, through: through, isSame: true)
        case .restart(let node, let through, let isSame):
            happened.count(.restart)
            appear(node, through: through, isSame: isSame)
        case .crash(let node):
            guard hosts[node].condition != .absent else { return }
            happened.count(.crash)
            vanish(node)
        case .leave(let node):
            guard hosts[node].condition == .running else { return }
            happened.count(.leave)
            hosts[node].tables.handle(.leave, at: moment(of: node))
            drain(node)
        case .stop(let node):
            guard hosts[node].condition == .running else { return }
            happened.count(.stop)
            hosts[node].condition = .stopped
            hosts[node].wakeAt = .max
        case .resume(let node): resume(node)
        case .loss(let share): weather.loss = share
        case .duplicates(let share): weather.duplicates = share
        case .nodeLoss(let node, let inbound, let outbound):
            weather.inbound[node] = inbound
            weather.outbound[node] = outbound
        case .noDatagrams(let node, let stands): weather.isDatagramless[node] = stands
        case .side(let node, let side): weather.group[node] = side
        case .wall(let from, let to, let stands): wall(from: from, to: to, stands: stands)
        default: preconditionFailure("\(fault) is nothing that happens to tables")
        }
    }

    private mutating func resume(_ node: Int) {
        guard hosts[node].condition == .stopped else { return }
        hosts[node].condition = .running
        wakeEngines(of: node)
        drain(node)
        read(node)
    }

    private mutating func wall(from: UInt8, to: UInt8, stands: Bool) {
        weather.wall(from: from, to: to, stands: stands)
        if stands {
            happened.count(.partition)
            walls += 1
            return
        }
        walls -= 1
        guard walls == 0 else { return }
        for record in deletedInSplit where isStillKept(record) {
            happened.count(.crossedTombstone)
        }
        deletedInSplit = []
    }

    /// Whether some node has a record still that was deleted.
    private func isStillKept(_ record: Int) -> Bool {
        let network = networks[episode.network(record)]
        for node in 0..<nodes where hosts[node].condition == .running {
            let entry = hosts[node].tables.entry(keys[record], of: network)
            if let entry, !entry.isDeleted { return true }
        }
        return false
    }

    /// A machine's process begins: one that knows nothing, under a new name.
    private mutating func appear(_ node: Int, through seeds: [Int], isSame: Bool) {
        guard hosts[node].condition == .absent else { return }
        let wasHere = hosts[node].start > 0 || node < episode.formed
        let toAttach = hosts[node].toAttach
        discardArrivals(of: node)
        let start = wasHere ? hosts[node].start + 1 : 0
        let identity = hosts[node].identity + (isSame ? 0 : 1)
        let kept = wasHere && isSame ? oracle.kept(by: node) : []
        if !isSame {
            for record in oracle.kept(by: node) { _ = oracle.deleted(record, at: now) }
        }
        names[node] = SimulatedName.name(node, identity: Int(start))
        hosts[node] = makeHost(node, start: start, identity: identity)
        hosts[node].start = start
        hosts[node].identity = identity
        hosts[node].condition = .running
        hosts[node].toAttach = wasHere ? Array(networks.indices) : toAttach
        hosts[node].toWrite = kept
        for record in 0..<records {
            shown[node * records + record] = 0
            highest[node * records + record] = 0
            hiddenSince[node * records + record] = nil
        }
        runningSince[node] = now
        oracle.came(node, run: start)
        let others = seeds.filter { $0 != node }
        if others.isEmpty {
            haveJoined(node)
        } else {
            hosts[node].engine.handle(.join(others.map { addresses[$0] }), at: moment(of: node))
        }
        drain(node)
    }

    /// A node is in the ring: it attaches itself, and says what it has.
    mutating func haveJoined(_ node: Int) {
        joined[node] = now
        let (toAttach, toWrite) = (hosts[node].toAttach, hosts[node].toWrite)
        hosts[node].toAttach = []
        hosts[node].toWrite = []
        for network in toAttach { beginAttachment(of: node, to: network) }
        if !toWrite.isEmpty { happened.count(.rewrite, toWrite.count) }
        change(node, toWrite)
    }

    /// A process is told to end, and says that it will be back before it does.
    private mutating func terminate(_ node: Int) {
        guard hosts[node].condition == .running else { return }
        calmSince = now
        happened.count(.terminate)
        hosts[node].tables.handle(.restart, at: moment(of: node))
        drain(node)
    }

    mutating func vanish(_ node: Int) {
        hosts[node].condition = .absent
        hosts[node].wakeAt = .max
        discardArrivals(of: node)
        seen.nodeTime += now - max(runningSince[node], begunAt)
        oracle.went(node)
        for record in 0..<records { hiddenSince[node * records + record] = nil }
    }

    /// The node has told the ring that it leaves; what it had is over.
    mutating func leave(_ node: Int) {
        guard hosts[node].condition != .absent else { return }
        for record in oracle.kept(by: node) { _ = oracle.deleted(record, at: now) }
        vanish(node)
    }

    // MARK: Tables

    private mutating func attach(_ node: Int, to network: Int) {
        calmSince = now
        if hosts[node].condition == .absent {
            hosts[node].toAttach.append(network)
            return
        }
        beginAttachment(of: node, to: network)
        drain(node)
    }

    private mutating func beginAttachment(of node: Int, to network: Int) {
        happened.count(.attach)
        oracle.attached(node, to: network, at: now)
        hosts[node].tables.handle(.attach(networks[network]), at: moment(of: node))
    }

    private mutating func detach(_ node: Int, from network: Int) {
        guard hosts[node].condition == .running else { return }
        calmSince = now
        happened.count(.detach)
        oracle.detached(node, from: network, at: now)
        hosts[node].tables.handle(.detach(networks[network]), at: moment(of: node))
        drain(node)
    }

    private mutating func write(_ node: Int, _ written: [Int]) {
        guard hosts[node].condition == .running else { return }
        change(node, written)
        drain(node)
    }

    private mutating func change(_ node: Int, _ written: [Int]) {
        var changes: [TableRing.OwnChange] = []
        for record in written {
            let network = episode.network(record)
            guard oracle.isOn(node, network) else { continue }
            happened.count(walls > 0 ? .writeInSplit : .write)
            let version = oracle.wrote(node, record, in: network, at: now)
            openCase(record, version: version, writer: node, network: network)
            // Readers are not told of what is their own node's.
            shown[node * records + record] = 0
            changes.append(
                TableRing.OwnChange(
                    networks[network],
                    keys[record],
                    RecordName.value(record, version: version, chance)
                )
            )
        }
        if !changes.isEmpty { hosts[node].tables.handle(.change(changes), at: moment(of: node)) }
    }

    private mutating func delete(_ node: Int, _ deleted: [Int]) {
        guard hosts[node].condition == .running else { return }
        var changes: [TableRing.OwnChange] = []
        for record in deleted where oracle.isLive(record) && oracle.machine(of: record) == node {
            let network = episode.network(record)
            guard oracle.isOn(node, network) else { continue }
            happened.count(walls > 0 ? .deleteInSplit : .delete)
            if walls > 0 { deletedInSplit.append(record) }
            let version = oracle.deleted(record, at: now)
            openCase(record, version: version, writer: node, network: network, isDeletion: true)
            changes.append(TableRing.OwnChange(networks[network], keys[record], nil))
        }
        if !changes.isEmpty { hosts[node].tables.handle(.change(changes), at: moment(of: node)) }
        drain(node)
    }

    /// What came before was preparation.
    private mutating func startCounting() {
        begunAt = now
        seen.restart()
        octetsThisSecond = 0
    }
}
