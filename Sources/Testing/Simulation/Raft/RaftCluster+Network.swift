import Base
import SwarmCore

/// What becomes of messages.
extension RaftCluster {
    /// Kinds of messages, as far as faults tell them apart.
    static let messageKinds: UInt32 = 11
    /// More messages than this are a storm.
    private static let travellingMax = 30_000

    func send(_ message: RaftMessage, _ host: RaftHost) {
        figures.messages += 1
        check.sent(message, host, rules)
        let from = place(of: message.from)
        let to = place(of: message.to)
        guard to < hosts.count else { return }
        if message.body == .timeoutNow { occasion(.timeoutNow, hosts[to]) }
        if case .snapshot = message.body { return transfer(message, host) }
        if cuts[from] >> UInt64(to) & 1 == 1 || isFiltered(message, hosts[from], hosts[to])
            || strikes(.loss, oneIn: weather.lossOneIn)
        {
            return
        }
        if messages.count > Self.travellingMax {
            check.fail("I16: \(messages.count) messages are on their way")
        }
        schedule(message, to: to)
        if strikes(.duplicate, oneIn: weather.duplicateOneIn) { schedule(message, to: to) }
        if strikes(.misdelivery, oneIn: 300) {
            schedule(message, to: Int(network.below(UInt32(hosts.count))))
        }
    }

    private func schedule(_ message: RaftMessage, to place: Int) {
        var wait = 100_000 + UInt64(network.below(1_400_000))
        var isHeld = false
        if active.contains(.hold), weather.heldKinds >> message.body.kind & 1 == 1,
            strikes(.hold, oneIn: weather.holdOneIn)
        {
            wait += UInt64(network.below(weather.holdMax)) * Self.millisecond
            isHeld = true
        } else if strikes(.delay, oneIn: weather.delayOneIn) {
            wait += UInt64(network.below(weather.delayMax)) * Self.millisecond
            // Every other one was on its way before a cut that comes meanwhile.
            isHeld = network.below(2) == 0
        }
        schedule(
            isHeld ? .arrive : .deliver,
            in: wait,
            node: UInt32(place),
            payload: messages.put(message)
        )
    }

    private func isFiltered(_ message: RaftMessage, _ from: RaftHost, _ to: RaftHost) -> Bool {
        let isLost =
            (from.lostUntil > now && from.lostFrom >> message.body.kind & 1 == 1)
            || (to.lostUntil > now && to.lostTo >> message.body.kind & 1 == 1)
        if isLost { figures.faults[.selective] += 1 }
        return isLost
    }

    /// Whether this fault hits this message.
    func strikes(_ kind: RaftFaultKind, oneIn count: UInt32) -> Bool {
        guard active.contains(kind), !isQuiet, network.below(count) == 0 else { return false }
        figures.faults[kind] += 1
        return true
    }

    /// `isHeld`: it was beyond the cut before there was one.
    func deliver(_ event: Event, isHeld: Bool) {
        let host = hosts[Int(event.node)]
        if host.pausedUntil > now, host.isRunning {
            events.schedule(
                event.kind,
                at: host.pausedUntil,
                node: event.node,
                payload: event.payload
            )
            return
        }
        let message = messages.take(event.payload)
        guard host.isRunning else { return }
        let from = place(of: message.from)
        let isCut = cuts[from] >> UInt64(event.node) & 1 == 1 && from != Int(event.node)
        if isCut, !isHeld { return }
        check.hears(message, host)
        tell(host, .received(message))
        check.heard(message, host, at: now)
        if case .append(let append) = message.body, !append.entries.isEmpty {
            occasion(.appended, host)
        }
    }
}

extension RaftMessage.Body {
    /// Which kind it is for faults, below `RaftCluster.messageKinds`.
    var kind: UInt32 {
        switch self {
        case .preVote: 0
        case .preVoteReply: 1
        case .vote: 2
        case .voteReply: 3
        case .append: 4
        case .appendReply: 5
        case .heartbeat: 6
        case .heartbeatReply: 7
        case .timeoutNow: 8
        case .propose, .proposalReply, .read, .readReply, .transferLeadership: 9
        default: 10
        }
    }
}
