import Base
import Gossip
import GossipWire
import LinuxSystem

/// A node's sockets, opened before its thread runs so that whoever starts it hears what fails.
final class NodeSockets: Sendable {
    let datagrams: Descriptor
    let listener: Descriptor
    let poller: Poller
    /// Where both are bound.
    let endpoint: SocketEndpoint

    /// Ports that are tried when any is wanted: one has to be free for both.
    private static let triesMax = 16

    init(boundTo wanted: SocketEndpoint, signal: WakeSignal) throws(SystemError) {
        var tries = wanted.port == 0 ? Self.triesMax : 1
        let poller = try Poller()
        while true {
            tries -= 1
            let listener = try Sockets.listener(boundTo: wanted, shared: false)
            let endpoint = try Sockets.localEndpoint(of: listener.raw)
            let datagrams: Descriptor
            do throws(SystemError) {
                datagrams = try Sockets.datagram(boundTo: endpoint, shared: false)
            } catch {
                if error.isAddressInUse, tries > 0 { continue }
                throw error
            }
            try Sockets.keepErrors(datagrams.raw)
            try poller.add(signal.raw, token: GossipLoop.inboxToken, for: .read)
            try poller.add(datagrams.raw, token: GossipLoop.datagramsToken, for: .read)
            try poller.add(listener.raw, token: GossipLoop.listenerToken, for: .read)
            self.datagrams = datagrams
            self.listener = listener
            self.poller = poller
            self.endpoint = endpoint
            return
        }
    }
}

/// A node's one thread: hears what has come, lets the engine judge, does what it says.
///
/// It decides nothing: deadlines, choices of peers and what is believed are the engine's. Everything it
/// owns is touched by this thread alone; others reach it through `NodeInbox`.
struct GossipLoop: ~Copyable {
    static let inboxToken = UInt64.max
    static let datagramsToken = UInt64.max - 1
    static let listenerToken = UInt64.max - 2

    /// Datagrams of one system call.
    static let batchMax = 64
    /// Batches in one turn; then streams and commands have theirs.
    static let batchesPerTurnMax = 4
    /// Turns in which what waits is heard before the engine judges who was silent.
    private static let turnsBeforeWakeMax = 32
    /// The longest datagram there is, in octets: peers read so much (gossip-wire.md §16).
    private static let receiveOctetsMax = 65_536
    /// Up to here datagrams are sent in batches, longer ones by themselves.
    private static let batchedOctetsMax = 2048

    let inbox: NodeInbox
    let counters: GossipCounters
    let sockets: NodeSockets
    let settings: GossipSettings
    var batch: DatagramBatch
    var sender: DatagramSender
    var codec: RingCodec
    var streams: GossipStreamTable
    var membership: Membership
    var delegate: RingDelegate
    /// Those who wait until the ring knows that this node leaves.
    var leaving: [GossipReply<Void>] = []
    /// Those who wait until the ring knows that this node starts again.
    var restarting: [GossipReply<Void>] = []
    var isStopped = false
    private var events: [Poller.Event] = []

    init(
        _ settings: GossipSettings,
        sockets: NodeSockets,
        inbox: NodeInbox,
        seed: UInt64
    ) throws(SystemError) {
        let batch = try DatagramBatch(
            capacity: Self.batchMax,
            receiveOctets: Self.receiveOctetsMax,
            sendOctets: 1
        )
        let sender = try DatagramSender(
            capacity: Self.batchMax,
            octetsMax: Self.batchedOctetsMax
        )
        self.inbox = inbox
        self.sockets = sockets
        self.settings = settings
        self.batch = batch
        self.sender = sender
        counters = inbox.counters
        codec = RingCodec(settings)
        streams = GossipStreamTable(limits: settings.limits, counters: inbox.counters)
        let advertised =
            settings.advertised ?? sockets.endpoint
        let own = Alive(
            node: settings.name,
            incarnation: settings.incarnation,
            address: AddressOctets(advertised.address),
            port: advertised.port == 0 ? sockets.endpoint.port : advertised.port,
            meta: settings.meta,
            versions: settings.versions
        )
        let now = Clock.now()
        delegate = RingDelegate(settings.delegate, own: own, seed: seed, at: now)
        membership = Membership(
            own: own,
            rules: settings.rules,
            seed: seed,
            encode: { $0.octets },
            at: now
        )
        events.reserveCapacity(64)
    }

    /// Gossips until it is told to stop.
    mutating func run() {
        while !isStopped {
            wait(milliseconds: timeout())
            serve()
            judge()
            flush()
        }
        inbox.close()
        for reply in leaving + restarting { reply(.failure(.stopped)) }
    }

    private mutating func wait(milliseconds: Int32) {
        counters.add(.waits)
        do throws(SystemError) {
            try sockets.poller.wait(milliseconds: milliseconds, into: &events)
        } catch {
            // epoll_wait fails only for a bad descriptor, which ours is not.
            preconditionFailure("\(error)")
        }
    }

    private var nextWake: Moment? {
        var earliest = membership.nextWake?.moment
        for moment in [streams.nextDeadline, delegate.nextWake] {
            if let moment { earliest = earliest.map { min($0, moment) } ?? moment }
        }
        return earliest
    }

    private func timeout() -> Int32 {
        guard let nextWake else { return -1 }
        let now = Clock.now()
        if nextWake <= now { return 0 }
        let left = (nextWake.nanoseconds - now.nanoseconds + 999_999) / 1_000_000
        return Int32(clamping: left)
    }

    /// Serves all that is ready once: what is left of anything waits for the others.
    private mutating func serve() {
        let ready = events
        events.removeAll(keepingCapacity: true)
        var isRinging = false
        for event in ready {
            switch event.token {
            case Self.inboxToken: takeCommands()
            case Self.datagramsToken: receiveDatagrams(event.ready)
            case Self.listenerToken: isRinging = true
            default: serveStream(StreamID(event.token), event.ready)
            }
        }
        if isRinging { acceptStreams() }
    }

    /// Lets the engine do what has come due.
    ///
    /// A process that did not run for a while has missed deadlines, and the answers that would have
    /// met them wait in its sockets: they are heard first.
    private mutating func judge() {
        let isDue = nextWake.map { $0 <= Clock.now() } ?? false
        if !isDue { return }
        for _ in 0..<Self.turnsBeforeWakeMax where !isStopped {
            wait(milliseconds: 0)
            if events.isEmpty { break }
            serve()
        }
        let now = Clock.now()
        if let due = membership.nextWake?.moment, due <= now { membership.wake(at: now) }
        if let due = delegate.nextWake, due <= now { delegate.wake(at: now) }
        obey(at: now)
        expireStreams(at: now)
    }
}
