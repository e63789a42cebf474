import Base
import SwarmCore

/// What becomes of messages.
extension RaftCluster {
    func send(_ message: RaftMessage) {
        figures.messages += 1
        check.sent(message)
        let from = place(of: message.from)
        let to = place(of: message.to)
        guard to < hosts.count else { return }
        if cuts[from] >> UInt64(to) & 1 == 1 || strikes(.loss, oneIn: weather.lossOneIn) {
            if case .snapshot = message.body { report(message, isThere: false) }
            return
        }
        if case .snapshot = message.body { report(message, isThere: true) }
        schedule(message, to: to)
        if strikes(.duplicate, oneIn: weather.duplicateOneIn) { schedule(message, to: to) }
        if strikes(.misdelivery, oneIn: 300) {
            schedule(message, to: Int(network.below(UInt32(hosts.count))))
        }
    }

    private func schedule(_ message: RaftMessage, to place: Int) {
        var wait = 100_000 + UInt64(network.below(1_400_000))
        if case .snapshot = message.body { wait += 20 * Self.millisecond }
        if strikes(.delay, oneIn: weather.delayOneIn) {
            wait += UInt64(network.below(weather.delayMax)) * Self.millisecond
        }
        schedule(.deliver, in: wait, node: UInt32(place), payload: messages.put(message))
    }

    /// The sender hears what became of a snapshot, unless that is lost, too.
    private func report(_ message: RaftMessage, isThere: Bool) {
        if network.below(4) == 0 { return }
        schedule(
            .snapshot,
            in: 60 * Self.millisecond,
            node: UInt32(place(of: message.from)),
            payload: UInt32(message.to.raw) << 1 | (isThere ? 1 : 0)
        )
    }

    /// Whether this fault hits this message.
    private func strikes(_ kind: RaftFaultKind, oneIn count: UInt32) -> Bool {
        guard active.contains(kind), !isCalm, network.below(count) == 0 else { return false }
        figures.faults[kind] += 1
        return true
    }

    func deliver(_ event: Event) {
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
        if cuts[from] >> UInt64(event.node) & 1 == 1, from != Int(event.node) { return }
        tell(host, .received(message))
    }
}
