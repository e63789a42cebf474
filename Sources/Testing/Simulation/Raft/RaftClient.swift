import Base
import SwarmCore

/// Somebody who reads and writes, one operation after the other.
struct RaftClient {
    /// What it waits for.
    struct Waiting {
        let tag: UInt64
        let key: UInt32
        let call: UInt64
        let operation: KeyValueMachine.Operation
        /// Whether a refusal says that nothing of it will ever happen.
        let isDirect: Bool
    }

    var sequence: UInt32 = 0
    var waiting: Waiting?
    /// Whom it asks next, where that one does not listen yet.
    var place: Int?
}

/// What clients saw, key by key.
struct RaftHistory {
    /// A key is used for so many operations, or until so many are in doubt; then comes another.
    static let operationsMax = 60
    static let doubtsMax = 6

    struct Key {
        let number: UInt32
        var operations: [Linearizability.Operation] = []
        var started = 0
        var doubts = 0

        var isUsedUp: Bool {
            started >= RaftHistory.operationsMax || doubts >= RaftHistory.doubtsMax
        }
    }

    /// Keys in use.
    var current: [Key] = []
    var finished: [Key] = []
    var tags: UInt64 = 0
    var readers: UInt64 = 0
    /// Whose operation a tag is of.
    var owners: [UInt64: Int] = [:]
    private var keys: UInt32 = 0

    init() {
        for _ in 0..<3 { current.append(newKey()) }
    }

    private mutating func newKey() -> Key {
        keys += 1
        return Key(number: keys)
    }

    mutating func begin(_ place: Int) -> UInt32 {
        if current[place].isUsedUp {
            finished.append(current[place])
            current[place] = newKey()
        }
        current[place].started += 1
        return current[place].number
    }

    mutating func add(_ operation: Linearizability.Operation, to key: UInt32) {
        let isInDoubt = operation.end == .max
        if let place = current.firstIndex(where: { $0.number == key }) {
            current[place].operations.append(operation)
            if isInDoubt { current[place].doubts += 1 }
        } else if let place = finished.lastIndex(where: { $0.number == key }) {
            finished[place].operations.append(operation)
        }
    }
}

extension RaftCluster {
    /// A client without an operation begins one.
    func clientActs(_ number: Int) {
        guard clients[number].waiting == nil, now < seconds * Self.second else { return }
        if let rest, now < rest.quietUntil {
            schedule(.client, in: rest.quietUntil - now, node: UInt32(number))
            return
        }
        let host = clients[number].place.map { hosts[$0] } ?? chooseHost()
        clients[number].place = nil
        guard host.isRunning else {
            schedule(.client, in: 100 * Self.millisecond, node: UInt32(number))
            return
        }
        if host.pausedUntil > now {
            // It asks as soon as that one goes on: what it knows then is old.
            clients[number].place = place(of: host.id)
            let wait = host.pausedUntil - now + UInt64(demand.below(3000)) * 1000
            schedule(.client, in: wait, node: UInt32(number))
            return
        }
        let key = history.begin(Int(demand.below(UInt32(history.current.count))))
        history.tags += 1
        let tag = history.tags
        clients[number].sequence += 1
        let operation: KeyValueMachine.Operation =
            switch demand.below(10) {
            case 0..<4: .get
            case 4..<8: .put(tag)
            default: .swap(host.machine.value(of: key), tag)
            }
        history.owners[tag] = number
        clients[number].waiting = RaftClient.Waiting(
            tag: tag,
            key: key,
            call: now,
            operation: operation,
            isDirect: host.raft.role == .leader || host.raft.leader == nil
        )
        schedule(
            .timeout,
            in: 3 * Self.second,
            node: UInt32(number),
            payload: UInt32(truncatingIfNeeded: tag)
        )
        if operation == .get, demand.below(2) == 0 {
            ask(host, tag)
        } else {
            let command = KeyValueMachine.Command(
                client: UInt32(number),
                sequence: clients[number].sequence,
                key: key,
                operation: operation
            )
            propose(.command(command.octets), tag, host)
        }
    }

    /// Proposes, and holds a leader to saying at once what it makes of it.
    func propose(_ content: LogEntry.Content, _ tag: UInt64, _ host: RaftHost) {
        let isLeader = host.raft.role == .leader
        check.proposes(tag, content)
        tell(host, .propose([RaftProposal(tag: ProposalTag(tag), content: content)]))
        if isLeader { check.proposed(tag, host) }
    }

    private func ask(_ host: RaftHost, _ tag: UInt64) {
        check.asks(tag, host)
        tell(host, .read(ReadTag(tag)))
    }

    /// Somebody reads at any node, or at any that believes to lead.
    func readersAct() {
        if isCalm { return }
        schedule(
            .reader,
            in: UInt64(1 + demand.below(2 * weather.readEvery)) * Self.millisecond,
            node: 0
        )
        if let rest, now < rest.quietUntil { return }
        let leaders = hosts.filter { $0.raft.role == .leader }
        let all = demand.below(4) > 0 && !leaders.isEmpty ? leaders : hosts
        let host = all[Int(demand.below(UInt32(all.count)))]
        guard host.isRunning, host.pausedUntil <= now else { return }
        history.readers += 1
        ask(host, Self.readersTag + history.readers)
    }

    /// Tags of readers, of whom nobody waits for the value, begin here.
    static var readersTag: UInt64 { 1 << 62 }

    /// Mostly the leader, now and then anybody.
    private func chooseHost() -> RaftHost {
        if demand.below(3) > 0 {
            let leaders = hosts.filter { $0.isRunning && $0.raft.role == .leader }
            if !leaders.isEmpty { return leaders[Int(demand.below(UInt32(leaders.count)))] }
        }
        return hosts[Int(demand.below(UInt32(hosts.count)))]
    }

    /// The operation of this tag is over.
    private func end(_ tag: UInt64, _ outcome: (RaftClient.Waiting) -> Linearizability.Operation?) {
        guard let number = history.owners.removeValue(forKey: tag),
            let waiting = clients[number].waiting, waiting.tag == tag
        else { return }
        if let operation = outcome(waiting) { history.add(operation, to: waiting.key) }
        clients[number].waiting = nil
        let wait = UInt64(5 + demand.below(2 * weather.thinking)) * Self.millisecond
        schedule(.client, in: wait, node: UInt32(number))
    }

    private func succeed(_ tag: UInt64, _ result: UInt64) {
        end(tag) { waiting in
            figures.answered += 1
            figures.latencies.add(now - waiting.call)
            return Linearizability.Operation(
                call: waiting.call,
                end: now,
                operation: waiting.operation,
                result: result
            )
        }
    }

    /// Nothing came of it for certain, or nobody knows.
    private func fail(_ tag: UInt64, isCertain: Bool) {
        end(tag) { waiting in
            if isCertain || waiting.operation == .get {
                figures.refused += 1
                return nil
            }
            figures.doubtful += 1
            return Linearizability.Operation(call: waiting.call, operation: waiting.operation)
        }
    }

    func clientGivesUp(_ number: Int, _ tag: UInt32) {
        guard let waiting = clients[number].waiting,
            UInt32(truncatingIfNeeded: waiting.tag) == tag
        else { return }
        fail(waiting.tag, isCertain: false)
    }

    func proposalAnswered(_ tag: ProposalTag, _ verdict: ProposalVerdict, _ host: RaftHost) {
        check.answered(tag.raw, verdict, host)
        guard case .refused = verdict else { return }
        // What was passed on may have arrived twice, and be refused once only.
        let isDirect = history.owners[tag.raw].flatMap { clients[$0].waiting?.isDirect } ?? false
        fail(tag.raw, isCertain: isDirect)
    }

    func proposalEnded(_ tag: ProposalTag, _ outcome: ProposalOutcome, _ host: RaftHost) {
        check.ended(tag.raw, outcome, host)
        switch outcome {
        case .committed(let position):
            if let result = check.result(at: position.index) { succeed(tag.raw, result) }
        case .superseded, .unknown: fail(tag.raw, isCertain: false)
        }
    }

    // MARK: - Reads

    func readAnswered(_ tag: ReadTag, _ verdict: ReadVerdict, _ host: RaftHost) {
        check.answeredRead(tag.raw, verdict, host)
        if tag.raw > Self.readersTag { return }
        guard case .ready(let index) = verdict else {
            fail(tag.raw, isCertain: true)
            return
        }
        host.reads.append(RaftHost.Read(tag: tag.raw, index: index))
        answerReads(host)
    }

    /// Reads whose index is applied here.
    func answerReads(_ host: RaftHost) {
        if host.reads.isEmpty { return }
        let ready = host.reads.filter { $0.index <= host.applied }
        host.reads.removeAll { $0.index <= host.applied }
        for read in ready {
            guard let number = history.owners[read.tag], let waiting = clients[number].waiting
            else { continue }
            figures.reads += 1
            succeed(read.tag, host.machine.value(of: waiting.key))
        }
    }

    // MARK: - The end

    /// I13, I20: what clients saw can have happened in one order.
    func judgeHistory() {
        for (number, client) in clients.enumerated() {
            if let waiting = client.waiting {
                clientGivesUp(number, UInt32(truncatingIfNeeded: waiting.tag))
            }
        }
        for key in history.finished + history.current {
            figures.keys += 1
            switch Linearizability.check(key.operations) {
            case .linearizable: break
            case .tooLong: figures.unjudged += 1
            case .impossible:
                check.fail(
                    "I13: what clients saw of key \(key.number) cannot be: \(key.operations)"
                )
            }
        }
    }
}
