import Base
import Gossip
import LinuxSystem

/// The streams of one node, and the limits that keep them few.
///
/// At a limit whoever has most gives way: so many streams from one address cost another one nothing.
struct GossipStreamTable: ~Copyable {
    /// Streams taken from the listener in one turn.
    static let acceptedPerTurnMax = 16
    /// What one read takes, in octets.
    static let readOctetsMax = 65_536

    private let limits: GossipLimits
    private let counters: GossipCounters
    private var streams: [StreamID: GossipStream] = [:]
    /// Those that peers opened.
    private(set) var acceptedCount = 0
    /// No stream is due before it; it may be that of one that is gone.
    private(set) var nextDeadline: Moment?
    /// Those that peers open are counted from the end, those of the engine from the beginning.
    private var nextAccepted: UInt64 = .max >> 1
    var scratch = [UInt8](repeating: 0, count: readOctetsMax)
    /// Given up for a moment when a stream has come and no descriptor is left to take it with.
    private var spare: Descriptor?

    init(limits: GossipLimits, counters: GossipCounters) {
        self.limits = limits
        self.counters = counters
        spare = try? Descriptor.spare()
    }

    subscript(id: StreamID) -> GossipStream? { streams[id] }

    var count: Int { streams.count }
    private var openedCount: Int { streams.count - acceptedCount }
    var hasRoomToOpen: Bool { openedCount < limits.openedStreamsMax }

    mutating func newAcceptedID() -> StreamID {
        nextAccepted -= 1
        return StreamID(nextAccepted)
    }

    /// Takes the next stream that waits at the listener; nil when there is none.
    ///
    /// Left waiting for want of a descriptor it would wake this thread for ever: it is taken in the
    /// place of another one then, or only to be closed.
    mutating func accept(_ listener: Int32, _ poller: borrowing Poller) -> Sockets.Accepted? {
        do throws(SystemError) {
            return try Sockets.accept(listener)
        } catch {
            guard error.isOutOfDescriptors else { return nil }
        }
        spare = nil
        defer { spare = try? Descriptor.spare() }
        guard let accepted = try? Sockets.accept(listener) else { return nil }
        guard evict(poller) else {
            counters.add(.streamsRefused)
            return nil
        }
        return accepted
    }

    /// Whether a stream with this descriptor may stay, once others have given way to it.
    mutating func hasRoom(for descriptor: Int32, _ poller: borrowing Poller) -> Bool {
        let isFull = acceptedCount >= limits.acceptedStreamsMax
        guard isFull || descriptor > limits.descriptorMax else { return true }
        if evict(poller) { return true }
        counters.add(.streamsRefused)
        return false
    }

    /// Takes a stream; false when the poller does not.
    mutating func add(_ stream: GossipStream, _ poller: borrowing Poller) -> Bool {
        do throws(SystemError) {
            try poller.add(stream.descriptor.raw, token: stream.id.value, for: stream.interest)
        } catch {
            return false
        }
        streams[stream.id] = stream
        if stream.origin.isAccepted { acceptedCount += 1 }
        nextDeadline = nextDeadline.map { min($0, stream.deadline) } ?? stream.deadline
        return true
    }

    /// Has the poller wait for what the stream waits for.
    func watch(_ stream: GossipStream, for interest: Poller.Interest, _ poller: borrowing Poller) {
        if stream.interest == interest { return }
        stream.interest = interest
        // It fails only for a descriptor that is not there, and ours is.
        try? poller.change(stream.descriptor.raw, token: stream.id.value, to: interest)
    }

    mutating func close(_ stream: GossipStream, _ poller: borrowing Poller) {
        guard streams.removeValue(forKey: stream.id) != nil else { return }
        if stream.origin.isAccepted { acceptedCount -= 1 }
        poller.remove(stream.descriptor.raw)
        if streams.isEmpty { nextDeadline = nil }
    }

    /// Those whose time is over.
    mutating func takeDue(at now: Moment) -> [GossipStream] {
        guard let next = nextDeadline, next <= now else { return [] }
        let due = streams.values.filter { $0.deadline <= now }.sorted { $0.id.value < $1.id.value }
        nextDeadline = streams.values.lazy.map { $0.deadline }.filter { $0 > now }.min()
        return due
    }

    /// The stream that holds most, when all together hold too much.
    func heaviest() -> GossipStream? {
        var total = 0
        var heaviest: GossipStream?
        for stream in streams.values {
            total += stream.heldOctets
            if stream.heldOctets > heaviest?.heldOctets ?? 0 { heaviest = stream }
        }
        return total > limits.streamOctetsMax ? heaviest : nil
    }

    /// Closes the oldest unread stream of the address that has most of them; false without one.
    private mutating func evict(_ poller: borrowing Poller) -> Bool {
        var byAddress: [IPAddress: (count: Int, oldest: GossipStream)] = [:]
        for stream in streams.values {
            guard case .accepted(let peer) = stream.origin, stream.stage != .waiting else {
                continue
            }
            let known = byAddress[peer.address]
            // Counted down, so that the highest is the oldest.
            let oldest =
                known.map { $0.oldest.id.value > stream.id.value ? $0.oldest : stream } ?? stream
            byAddress[peer.address] = ((known?.count ?? 0) + 1, oldest)
        }
        let most = byAddress.values.max {
            ($0.count, $0.oldest.id.value) < ($1.count, $1.oldest.id.value)
        }
        guard let most else { return false }
        counters.add(.streamsEvicted)
        close(most.oldest, poller)
        return true
    }
}
