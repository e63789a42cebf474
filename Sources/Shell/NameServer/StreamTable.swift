import Base
import LinuxSystem
import Names

/// The TCP connections of one worker, and the limits that keep them few.
///
/// At a limit somebody who asks nothing gives way to who comes anew (RFC 7766 §6.2.3, RFC 9210 §4):
/// first of the same client, and when the worker is full of the client that has the most. So many
/// connections from one sandbox cost another one nothing. A connection that questions wait on is
/// closed for nobody but a client that has fewer.
struct StreamTable: ~Copyable {
    /// Whose connections are counted together: in a container's namespace all have one address.
    struct Client: Hashable {
        let slot: Int
        let address: IPAddress
    }

    private let counters: WorkerCounters
    private var streams: [UInt64: StreamConnection] = [:]
    private var clients: [Client: Set<UInt64>] = [:]
    /// One for each connection, never later than its own: one that has moved on is looked at again
    /// when it would have been due.
    private var deadlines = Deadlines<UInt64>()
    /// Connections with whole messages that have not had their turn.
    private var queued: [UInt64] = []
    /// Octets in the inboxes and outboxes of all connections.
    private var heldOctets = 0
    private var nextToken: UInt64 = 0
    /// What one read can bring; shared by all connections.
    var scratch = [UInt8](repeating: 0, count: StreamLimits.readOctetsMax)

    init(counters: WorkerCounters) {
        self.counters = counters
    }

    subscript(token: UInt64) -> StreamConnection? { streams[token] }

    mutating func nextDeadline() -> Moment? {
        // Asked twice in each turn, mostly without a connection there.
        streams.isEmpty ? nil : deadlines.earliest()
    }

    /// Whether a connection has more to be answered at once.
    var hasQueued: Bool { !queued.isEmpty }

    /// Takes out the connections that have, for one turn each.
    mutating func takeQueued() -> [UInt64] {
        let tokens = queued
        queued = []
        for token in tokens { streams[token]?.isQueued = false }
        return tokens
    }

    /// Takes a connection, or refuses it by closing.
    mutating func add(
        _ accepted: consuming Sockets.Accepted,
        slot: Int,
        _ poller: borrowing Poller,
        at now: Moment
    ) {
        let peer = accepted.peer
        let client = Client(slot: slot, address: peer.address)
        if !makeRoom(for: client, poller) {
            counters.add(.streamsRefused)
            return
        }
        nextToken += 1
        let token = nextToken | Worker.streamBit
        let stream = StreamConnection(accepted.takeDescriptor(), peer: peer, slot: slot, at: now)
        do throws(SystemError) {
            try poller.add(stream.descriptor.raw, token: token, for: .read)
        } catch {
            counters.add(.streamsRefused)
            return
        }
        streams[token] = stream
        clients[client, default: []].insert(token)
        arm(stream, token)
        counters.add(.streamsAccepted)
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
        stream.queue(octets, at: now)
        do throws(StreamConnection.Fault) {
            try stream.flush(at: now)
        } catch {
            fail(token, poller)
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
        let wanted = stream.interest
        if wanted != stream.polledFor {
            do throws(SystemError) {
                try poller.change(stream.descriptor.raw, token: token, to: wanted)
                stream.polledFor = wanted
            } catch {
                close(token, poller)
                return
            }
        }
        if stream.hasMessage, !stream.isCongested, !stream.isQueued {
            stream.isQueued = true
            queued.append(token)
        }
        arm(stream, token)
        heldOctets += stream.heldOctets - stream.countedOctets
        stream.countedOctets = stream.heldOctets
        while heldOctets > StreamLimits.heldOctetsMax, closeLargest(poller) {}
    }

    private mutating func arm(_ stream: StreamConnection, _ token: UInt64) {
        let deadline = stream.deadline
        if deadline >= stream.armedFor { return }
        stream.armedFor = deadline
        deadlines.set(token, at: deadline)
    }

    mutating func expire(_ poller: borrowing Poller, at now: Moment) {
        for token in deadlines.takeDue(at: now) {
            guard let stream = streams[token] else { continue }
            if stream.deadline <= now {
                counters.add(.streamsTimedOut)
                close(token, poller)
            } else {
                stream.armedFor = .distantFuture
                arm(stream, token)
            }
        }
    }

    // MARK: Room

    private mutating func makeRoom(for client: Client, _ poller: borrowing Poller) -> Bool {
        let own = clients[client]?.count ?? 0
        if own >= StreamLimits.connectionsPerClientMax {
            return evict(of: client, evenWaiting: false, poller)
        }
        if streams.count >= StreamLimits.connectionsMax { return evict(for: client, poller) }
        return true
    }

    /// Closes the connection that is missed least of the client that has the most.
    ///
    /// `client`: who comes. Returns whether there was one.
    mutating func evict(for client: Client, _ poller: borrowing Poller) -> Bool {
        let own = clients[client]?.count ?? 0
        let largest = clients.max { left, right in
            // Of equals the one with the oldest connection.
            (left.value.count, right.value.min() ?? 0) < (right.value.count, left.value.min() ?? 0)
        }
        guard let largest else { return false }
        if evict(of: largest.key, evenWaiting: largest.value.count > own + 1, poller) {
            return true
        }
        // The largest only waits; somebody else may be idle.
        let idlest = streams.filter { $0.value.patience == .idle }.min {
            ($0.value.idleSince, $0.key) < ($1.value.idleSince, $1.key)
        }
        guard let idlest else { return false }
        counters.add(.streamsEvicted)
        close(idlest.key, poller)
        return true
    }

    private mutating func evict(
        of client: Client,
        evenWaiting: Bool,
        _ poller: borrowing Poller
    ) -> Bool {
        var found: (StreamConnection.Patience, Moment, UInt64)?
        for token in clients[client] ?? [] {
            guard let stream = streams[token] else { continue }
            let candidate = (stream.patience, stream.idleSince, token)
            if found.map({ candidate < $0 }) ?? true { found = candidate }
        }
        guard let found, evenWaiting || found.0 != .waiting else { return false }
        counters.add(.streamsEvicted)
        close(found.2, poller)
        return true
    }

    private mutating func closeLargest(_ poller: borrowing Poller) -> Bool {
        let largest = streams.max {
            ($0.value.countedOctets, $1.key) < ($1.value.countedOctets, $0.key)
        }
        guard let largest else { return false }
        counters.add(.streamsEvicted)
        close(largest.key, poller)
        return true
    }

    // MARK: Closing

    /// Closes a connection whose client has broken the rules, or is gone.
    mutating func fail(_ token: UInt64, _ poller: borrowing Poller) {
        if streams[token] == nil { return }
        counters.add(.streamFaults)
        close(token, poller)
    }

    private mutating func close(_ token: UInt64, _ poller: borrowing Poller) {
        guard let stream = streams.removeValue(forKey: token) else { return }
        poller.remove(stream.descriptor.raw)
        heldOctets -= stream.countedOctets
        deadlines.clear(token)
        let client = Client(slot: stream.slot, address: stream.peer.address)
        clients[client]?.remove(token)
        if clients[client]?.isEmpty == true { clients[client] = nil }
    }

    mutating func close(slots: Set<Int>, _ poller: borrowing Poller) {
        for (token, stream) in streams where slots.contains(stream.slot) { close(token, poller) }
    }

    mutating func closeAll(_ poller: borrowing Poller) {
        for token in Array(streams.keys) { close(token, poller) }
    }
}
