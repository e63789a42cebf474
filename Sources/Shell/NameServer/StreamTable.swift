import Base
import LinuxSystem

/// The TCP connections of one worker, and the limits that keep them few.
struct StreamTable: ~Copyable {
    private let counters: WorkerCounters
    private var streams: [UInt64: StreamConnection] = [:]
    private var nextToken: UInt64 = 0
    /// What one read can bring; shared by all connections.
    var scratch = [UInt8](repeating: 0, count: 65_536)

    init(counters: WorkerCounters) {
        self.counters = counters
    }

    subscript(token: UInt64) -> StreamConnection? { streams[token] }

    var nextDeadline: Moment? {
        var earliest: Moment?
        for stream in streams.values { earliest = min(earliest ?? .distantFuture, stream.deadline) }
        return earliest
    }

    /// Takes a connection, or refuses it by closing.
    mutating func add(
        _ accepted: consuming Sockets.Accepted,
        slot: Int,
        _ poller: borrowing Poller,
        at now: Moment
    ) {
        let peer = accepted.peer
        let same = streams.values.count { $0.slot == slot && $0.peer.address == peer.address }
        if same >= StreamLimits.connectionsPerClientMax {
            counters.add(.streamsRefused)
            return
        }
        if streams.count >= StreamLimits.connectionsMax {
            closeOldestIdle(poller)
            if streams.count >= StreamLimits.connectionsMax {
                counters.add(.streamsRefused)
                return
            }
        }
        nextToken += 1
        let token = nextToken | Worker.streamBit
        let stream = StreamConnection(accepted.takeDescriptor(), peer: peer, slot: slot, at: now)
        do throws(SystemError) {
            try poller.add(stream.descriptor.raw, token: token, for: .read)
            streams[token] = stream
            counters.add(.streamsAccepted)
        } catch {
            counters.add(.streamsRefused)
        }
    }

    /// An answer from upstream for a client that may be gone.
    mutating func deliver(
        _ octets: [UInt8],
        to token: UInt64,
        _ poller: borrowing Poller,
        at now: Moment
    ) {
        guard let stream = streams[token] else { return }
        stream.forwarded -= 1
        do throws(StreamConnection.Fault) {
            try stream.reply(octets, at: now)
        } catch {
            counters.add(.streamFaults)
            close(token, poller)
            return
        }
        settle(token, poller)
    }

    /// After a turn: waits for what the connection needs next, or closes it.
    mutating func settle(_ token: UInt64, _ poller: borrowing Poller) {
        guard let stream = streams[token] else { return }
        if stream.isDone {
            close(token, poller)
            return
        }
        var interest: Poller.Interest = []
        if !stream.isFinished, !stream.isCongested { interest.insert(.read) }
        if stream.wantsToWrite { interest.insert(.write) }
        do throws(SystemError) {
            try poller.change(stream.descriptor.raw, token: token, to: interest)
        } catch {
            close(token, poller)
        }
    }

    mutating func expire(_ poller: borrowing Poller, at now: Moment) {
        for (token, stream) in streams where stream.deadline <= now {
            counters.add(.streamsTimedOut)
            close(token, poller)
        }
    }

    /// Whether there was one to close.
    @discardableResult
    mutating func closeOldestIdle(_ poller: borrowing Poller) -> Bool {
        let oldest = streams.filter { $0.value.isIdle }.min {
            $0.value.idleFrom < $1.value.idleFrom
        }
        guard let oldest else { return false }
        close(oldest.key, poller)
        return true
    }

    mutating func close(_ token: UInt64, _ poller: borrowing Poller) {
        if let stream = streams.removeValue(forKey: token) { poller.remove(stream.descriptor.raw) }
    }

    mutating func close(slots: Set<Int>, _ poller: borrowing Poller) {
        for (token, stream) in streams where slots.contains(stream.slot) { close(token, poller) }
    }

    mutating func closeAll(_ poller: borrowing Poller) {
        for token in Array(streams.keys) { close(token, poller) }
    }
}
