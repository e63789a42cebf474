import Base
package import SwarmCore

/// A Raft cluster in virtual time: production engines, a network, disks, clocks, faults and clients.
///
/// All of it follows from the seed: each subsystem has a generator of its own, so that fewer faults of one
/// kind do not move those of another. After every event what must hold is checked; the first violation ends
/// the run. Source: raft.md §4.4, §4.5.
package final class RaftCluster {
    /// How a run is laid out.
    package struct Plan: Hashable, Sendable {
        package var nodes = 3
        package var seed: UInt64 = 1
        /// Virtual seconds of faults; then all heals, and the cluster has to come to rest.
        package var seconds: UInt64 = 30
        /// Kinds that may happen; each is on with an even chance, and in one run of ten none is.
        package var faults = Set(RaftFaultKind.allCases)
        /// Whether each of them happens for certain.
        package var isCertain = false
        /// The weather of every day instead of one that the seed chooses.
        package var isEveryday = false
        /// The seed chooses how many nodes there are, and how they behave, too.
        package var isWild = false
        package var clients = 5
        package var rules = RaftRules()

        package init() {}
    }

    enum Happening: UInt8 {
        case wake, deliver, arrive, written, applied, fault, heal, restart, client, timeout,
            piece, pieceWake, verified
        case reader, gambit, rest, probe, judge, churn
    }

    static let millisecond: UInt64 = 1_000_000
    static let second: UInt64 = 1_000_000_000
    /// Virtual seconds that a healed cluster has to agree.
    static let calmSeconds: UInt64 = 30

    let plan: Plan
    let rules: RaftRules
    /// Virtual seconds of faults.
    let seconds: UInt64
    let cluster: ClusterIdentity
    var hosts: [RaftHost] = []
    var now: UInt64 = 0
    var events = EventQueue(start: 0)
    var messages = Pool<RaftMessage>()
    var pieces = Pool<SnapshotMessage>()
    /// For each node, those that it does not reach, by bits.
    var cuts: [UInt64] = []
    /// Rises with each cut: only the end of the last one heals.
    var cutNumber: UInt32 = 0
    /// The faults that this seed has.
    var active: Set<RaftFaultKind> = []
    var isCalm = false
    /// The majority that works now, while everything else does not.
    var rest: RaftRest?
    var rests: UInt32 = 0
    var probes: UInt32 = 0
    /// How often the leadership changed, and what was sent, when a calm cluster was looked at first.
    var calmMark: (elections: Int, messages: Int) = (0, 0)
    let weather: RaftWeather

    var network: SeededGenerator
    var disks: SeededGenerator
    var fortune: SeededGenerator
    var demand: SeededGenerator

    var check = RaftChecks()
    var clients: [RaftClient] = []
    var history = RaftHistory()
    /// States by the index at which they were, as snapshots hold them.
    var snapshots: [UInt64: KeyValueMachine] = [:]
    package internal(set) var figures = RaftFigures()
    /// When the last leader crashed, and whether others were told; nil while more than it is down.
    var vacancy: (since: UInt64, isNoticed: Bool)?
    /// What happened last, for whoever looks for the cause.
    var story = RaftStory()

    package init(_ plan: Plan) {
        self.plan = plan
        cluster = ClusterIdentity(high: 7, low: plan.seed, epoch: 1)
        var seeds = SeededGenerator(seed: plan.seed)
        network = SeededGenerator(seed: seeds.next())
        disks = SeededGenerator(seed: seeds.next())
        fortune = SeededGenerator(seed: seeds.next())
        demand = SeededGenerator(seed: seeds.next())
        let drawn = RaftWeather(&fortune)
        weather = plan.isEveryday ? .everyday : drawn
        let shape = plan.isWild ? RaftShape(&fortune, plan) : RaftShape(plan)
        rules = shape.rules
        seconds = shape.seconds
        let mark = SnapshotMark(
            position: LogPosition(term: Term(1), index: LogIndex(1)),
            membership: shape.membership
        )
        snapshots[1] = KeyValueMachine()
        check.begin(with: mark)
        for id in shape.membership.members { addHost(id, mark: mark) }
        chooseFaults()
        if weather.readEvery > 0 { schedule(.reader, in: Self.second, node: 0) }
        for number in 0..<plan.clients {
            clients.append(RaftClient())
            schedule(.client, in: UInt64(number + 1) * 100 * Self.millisecond, node: UInt32(number))
        }
    }

    // MARK: - The run

    /// Runs to the end, or to the first violation.
    package func run() {
        let end = seconds * Self.second
        if !active.isEmpty { schedule(.fault, in: Self.second, node: 0) }
        if active.contains(.rest) { scheduleRest() }
        advance(to: end)
        becomeCalm()
        advance(to: end + Self.calmSeconds * Self.second / 2)
        calmMark = (figures.elections, figures.messages)
        advance(to: end + Self.calmSeconds * Self.second)
        if check.violation == nil { checkEnd() }
        if check.violation == nil { judgeHistory() }
        figures.virtualSeconds = now / Self.second
        figures.invariants = check.count
    }

    package var violation: String? { check.violation }
    package var transcript: [String] { story.lines }

    private func advance(to end: UInt64) {
        while check.violation == nil, let event = events.next(until: end) {
            now = max(now, event.time)
            figures.events += 1
            figures.add(event)
            if let happening = Happening(rawValue: event.kind) { happen(happening, event) }
        }
        now = max(now, end)
    }

    private func happen(_ happening: Happening, _ event: Event) {
        let place = Int(event.node)
        switch happening {
        case .client: clientActs(place)
        case .timeout: clientGivesUp(place, event.payload)
        case .fault: strike()
        case .heal: heal(event)
        case .restart: if !hosts[place].isRemoved { restart(hosts[place]) }
        case .deliver: deliver(event, isHeld: false)
        case .arrive: deliver(event, isHeld: true)
        case .reader: readersAct()
        case .gambit: play(weather.gambits[Int(event.payload)], hosts[place])
        case .rest: if event.payload == 0 { beginRest() } else { endRest() }
        case .probe: probe()
        case .judge: judgeRest(event.payload)
        case .churn: if !isQuiet { churn() }
        case .piece: deliverPiece(event)
        case .wake, .pieceWake, .verified, .written, .applied:
            let host = hosts[place]
            let until = max(host.pausedUntil, happening == .written ? host.diskHungUntil : 0)
            if until > now, event.payload == host.incarnation || happening != .written {
                events.schedule(event.kind, at: until, node: event.node, payload: event.payload)
            } else {
                happen(happening, event, at: host)
            }
        }
    }

    private func happen(_ happening: Happening, _ event: Event, at host: RaftHost) {
        if happening == .pieceWake { return wakeTransfers(host) }
        if happening == .wake {
            guard host.isRunning, host.wakeAt <= now else { return }
            host.wakeAt = .max
            host.raft.wake(at: host.local(now))
            obey(host)
            return
        }
        guard host.isRunning, event.payload == host.incarnation else { return }
        switch happening {
        case .written: didWrite(host)
        case .applied: didApply(host)
        case .verified: didVerify(host)
        default: break
        }
    }

    func schedule(_ kind: Happening, in wait: UInt64, node: UInt32, payload: UInt32 = 0) {
        events.schedule(kind.rawValue, at: now + wait, node: node, payload: payload)
    }

    func place(of id: RaftID) -> Int { Int(id.raw) - 1 }

    func host(_ id: RaftID) -> RaftHost? {
        let place = place(of: id)
        return place < hosts.count ? hosts[place] : nil
    }

    func addHost(_ id: RaftID, mark: SnapshotMark) {
        let transfers = SnapshotTransfers(id: id, cluster: cluster, rules: rules)
        let raft = engine(id, boot: Raft.Boot(snapshot: mark))
        let host = RaftHost(id: id, mark: mark, raft: raft, transfers: transfers)
        host.machine = snapshots[mark.position.index.raw] ?? KeyValueMachine()
        hosts.append(host)
        cuts.append(0)
        obey(host)
    }

    private func engine(_ id: RaftID, boot: Raft.Boot, at moment: Moment = .zero) -> Raft {
        Raft(
            id: id,
            cluster: cluster,
            rules: rules,
            boot: boot,
            seed: plan.seed &* 1_000_003 &+ id.raw &* 101 &+ UInt64(boot.count),
            at: moment
        )
    }

    /// Starts a node again from what its disk has.
    func restart(_ host: RaftHost) {
        guard !host.isRunning else { return }
        host.boots += 1
        host.isRunning = true
        rot(host)
        let disk = host.disk
        host.machine = snapshots[disk.snapshot.position.index.raw] ?? KeyValueMachine()
        host.applied = disk.snapshot.position.index
        host.handed = host.applied
        host.known = RaftHost.Known()
        host.wakeAt = .max
        let boot = Raft.Boot(
            hardState: disk.hardState,
            snapshot: disk.snapshot,
            base: disk.base,
            entries: disk.entries,
            count: host.boots + 1,
            start: UInt64(host.boots) + 1,
            isRepairing: disk.isRepairing
        )
        host.raft = engine(host.id, boot: boot, at: host.local(now))
        check.restarted(host)
        story.tell(now, "node \(host.id.raw) starts, log to \(disk.last.index.raw)")
        restartTransfers(host)
        obey(host)
    }

    // MARK: - What an engine wants

    /// Gives an engine an input and does what follows.
    func tell(_ host: RaftHost, _ input: RaftInput) {
        guard host.isRunning else { return }
        host.raft.handle(input, at: host.local(now))
        obey(host)
    }

    /// Obeys an engine until it wants nothing.
    func obey(_ host: RaftHost) {
        let commit = host.known.commit
        while let output = host.raft.next() {
            obey(output, host)
            if check.violation != nil { return }
        }
        check.look(at: host, in: self)
        if host.raft.role == .leader, host.known.commit > commit { occasion(.committed, host) }
        guard let wake = host.raft.nextWake else { return }
        let due = max(host.world(wake.moment), now)
        if due < host.wakeAt {
            host.wakeAt = due
            events.schedule(Happening.wake.rawValue, at: due, node: UInt32(place(of: host.id)))
        }
    }

    private func obey(_ output: RaftOutput, _ host: RaftHost) {
        switch output {
        case .role(let change): roleChanged(change, host)
        case .persist(let batch): write(batch, host)
        case .send(let message): send(message, host)
        case .apply(let entries): apply(entries, host)
        case .restore(let mark): restore(mark, host)
        case .snapshotWanted:
            host.sinceSnapshot = .max / 2
            takeSnapshot(host)
        case .read(let tag, let verdict): readAnswered(tag, verdict, host)
        case .proposal(let tag, let verdict): proposalAnswered(tag, verdict, host)
        case .outcome(let tag, let outcome): proposalEnded(tag, outcome, host)
        case .member(let peer, let news): check.says(host, of: peer, news)
        case .repaired:
            host.disk.isRepairing = false
            host.disk.damaged = []
            figures.repairs += 1
            story.tell(now, "node \(host.id.raw) has repaired its log")
        case .fault(let fault): check.fail("node \(host.id.raw) broke: \(fault)")
        }
    }

    private func roleChanged(_ change: RoleChange, _ host: RaftHost) {
        story.tell(
            now,
            "node \(host.id.raw) is \(change.role) in term \(change.term.raw), leader \(change.leader?.raw ?? 0)"
        )
        let before = host.known.role
        host.known.role = change.role
        if change.role != .leader { tellTransfers(host, .stop(nil)) }
        switch change.role {
        case .leader where before != .leader:
            figures.elections += 1
            check.elected(host, change.term)
            didElect()
            occasion(.elected, host)
        case .preCandidate: check.campaigns(host, at: now, rules)
        case .candidate:
            if before == .preCandidate { check.raises(host, change.term) }
            occasion(.campaigning, host)
        default: break
        }
    }
}
