import Base
import DNSWire
import LinuxSystem
import Names
import Synchronization

/// A sandbox's socket as a worker knows it: slot of the view, and what kind of socket.
struct SocketToken: Hashable, Sendable {
    let value: UInt64
}

/// One thread of the name server: waits, takes a batch, answers it, sends it.
///
/// Everything it owns is touched by this thread alone; others reach it through `WorkerInbox`.
struct Worker: ~Copyable {
    /// Datagrams taken from a socket while it is the only one that is ready.
    static let batchMax = 64
    /// Datagrams taken from one socket before the others that are ready get their turn.
    static let sharedBatchMax = 8
    /// A longer query is not answered; nobody needs one (networkdb-dns.md F8).
    static let queryOctetsMax = 4096
    /// Marks the tokens of forwarding sockets, connections and the inbox.
    static let attemptBit: UInt64 = 1 << 63
    static let streamBit: UInt64 = 1 << 62
    private static let inboxToken = UInt64.max
    /// One batch in so many is timed: a clock for each would cost more than it tells.
    private static let timedBatches = 64

    let index: Int
    private let inbox: WorkerInbox
    let board: SnapshotBoard
    let counters: WorkerCounters
    let poller: Poller
    private var batch: DatagramBatch
    var responder: Responder
    var desk: ForwardDesk
    private var sockets: [UInt64: SandboxSocket] = [:]
    var streams: StreamTable
    let descriptorMax: Int32
    /// Given up for a moment when a connection has come and no descriptor is left to take it with.
    var spare: Descriptor?
    /// Listeners that connections wait at; served after everybody who is connected.
    private var ringing: [SandboxSocket] = []
    private var untimedBatches = 0
    /// When it ends at the latest, once it has been told to.
    private var stopsAt: Moment?

    /// Those who wait for an upstream have so long to be answered before a worker ends: most
    /// upstreams answer in less, and whoever starts it again waits as long.
    private static let drainMilliseconds: UInt64 = 250

    init(
        index: Int,
        inbox: WorkerInbox,
        board: SnapshotBoard,
        opener: SocketOpener,
        limits: NameServer.Limits
    ) throws(SystemError) {
        let poller = try Poller()
        try poller.add(inbox.signal.raw, token: Self.inboxToken, for: .read)
        let batch = try DatagramBatch(
            capacity: Self.batchMax,
            receiveOctets: Self.queryOctetsMax,
            sendOctets: datagramOctetsMax
        )
        let spare = try Descriptor.spare()
        self.index = index
        self.inbox = inbox
        self.board = board
        self.poller = poller
        counters = inbox.counters
        self.batch = batch
        responder = Responder(
            counters: inbox.counters,
            nameSeed: limits.nameSeed,
            diceSeed: KernelRandom.uint64(),
            watch: QuestionWatch(limits.watch, log: inbox.queryLog)
        )
        desk = ForwardDesk(
            inbox: inbox,
            opener: opener,
            limits: Forwarder.Limits(
                exchanges: max(1, limits.forwardLimit / limits.threads),
                cacheEntries: limits.cacheEntries / limits.threads
            ),
            descriptorMax: limits.clientDescriptorMax
        )
        descriptorMax = limits.clientDescriptorMax
        streams = StreamTable(counters: inbox.counters)
        self.spare = consume spare
    }

    /// Serves until it is told to stop.
    mutating func run() {
        var events: [Poller.Event] = []
        events.reserveCapacity(64)
        while !isOver(at: stopsAt == nil ? nil : Clock.now()) {
            do throws(SystemError) {
                try poller.wait(milliseconds: timeout(), into: &events)
            } catch {
                // epoll_wait fails only for a bad descriptor, which ours is not.
                preconditionFailure("\(error)")
            }
            // Those who look at the counts shall not change them.
            if events.count != 1 || events[0].token != Self.inboxToken { counters.add(.waits) }
            takeTurn(events)
        }
        // Told so, a client asks again at once instead of after seconds.
        deliver(desk.abandon(), at: Clock.now())
        sockets.removeAll()
        streams.closeAll(poller)
    }

    /// Serves all that is ready once: what is left of anything waits for the others.
    ///
    /// New connections come last, since they may cost others that ask nothing theirs; those who
    /// have asked are served by then.
    private mutating func takeTurn(_ events: [Poller.Event]) {
        let limit =
            events.count == 1 && !streams.hasQueued ? Self.batchMax : Self.sharedBatchMax
        resumeStreams()
        for event in events { serve(event, limit: limit) }
        while let socket = ringing.popLast() { acceptStreams(socket) }
        tick()
    }

    /// `now`: nil while nobody has told it to stop.
    private func isOver(at now: Moment?) -> Bool {
        guard let now, let stopsAt else { return false }
        return now >= stopsAt || !(desk.isWaitedFor || streams.hasQueued)
    }

    private mutating func timeout() -> Int32 {
        if streams.hasQueued { return 0 }
        guard let earliest = Self.earlier(nextWake, stopsAt) else { return -1 }
        let left = earliest.milliseconds(since: Clock.now())
        return Int32(clamping: left + 1)
    }

    private var nextWake: Moment? {
        mutating get { Self.earlier(desk.nextWake, streams.nextDeadline()) }
    }

    private static func earlier(_ left: Moment?, _ right: Moment?) -> Moment? {
        switch (left, right) {
        case (let left?, let right?): min(left, right)
        case (let either, nil), (nil, let either): either
        }
    }

    private mutating func tick() {
        if nextWake == nil { return }
        let now = Clock.now()
        if let due = desk.nextWake, due <= now {
            deliver(desk.wake(poller: poller, at: now), at: now)
        }
        if let due = streams.nextDeadline(), due <= now { streams.expire(poller, at: now) }
    }

    /// `limit`: of datagrams.
    private mutating func serve(_ event: Poller.Event, limit: Int) {
        let token = event.token
        if token == Self.inboxToken {
            takeCommands()
        } else if token & Self.attemptBit != 0 {
            let now = Clock.now()
            deliver(desk.ready(token: token, event.ready, poller: poller, at: now), at: now)
        } else if token & Self.streamBit != 0 {
            serveStream(token, event.ready)
        } else if let socket = sockets[token] {
            switch socket.kind {
            case .datagram: serveDatagrams(socket, token: token, limit: limit)
            case .listener: ringing.append(socket)
            }
        }
    }

    // MARK: Datagrams

    private mutating func serveDatagrams(_ socket: SandboxSocket, token: UInt64, limit: Int) {
        let descriptor = socket.descriptor.raw
        let count: Int
        counters.add(.receives)
        do throws(SystemError) {
            count = try batch.receive(from: descriptor, limit: limit)
        } catch {
            // An ICMP error for an earlier reply, reported here; the next call reads on.
            return
        }
        guard count > 0 else { return }
        let arrival = isTimed() ? Clock.now() : nil
        let tally = BatchTally(counters)
        counters.add(.datagramQueries, UInt64(count))
        var forwards: [(index: Int, question: ForwardQuestion)] = []
        let snapshot = board.read(reader: index)
        if let snapshot, let published = snapshot.view(at: socket.slot) {
            for item in 0..<count {
                answer(item, at: socket, published, snapshot.tables, &forwards)
            }
        } else {
            counters.add(.droppedNoView, UInt64(count))
        }
        _ = consume snapshot
        board.done(reader: index)
        // Who has a reply finds its question counted.
        tally.close(counters, slot: socket.slot, questions: count, forwarded: forwards.count)
        let queued = batch.queued
        if queued > 0 {
            counters.add(.sends)
            let sent = batch.send(to: descriptor)
            if sent < queued { counters.add(.repliesUnsent, UInt64(queued - sent)) }
            if let arrival {
                let took = Clock.now().nanoseconds &- arrival.nanoseconds
                counters.answering.note(nanoseconds: took, count: UInt64(queued))
            }
        }
        forward(forwards, from: socket, token: token)
    }

    private mutating func isTimed() -> Bool {
        untimedBatches -= 1
        if untimedBatches > 0 { return false }
        untimedBatches = Self.timedBatches
        return true
    }

    /// Answers one datagram of the batch, or adds its question to those that have to be forwarded.
    private mutating func answer(
        _ item: Int,
        at socket: SandboxSocket,
        _ published: PublishedView,
        _ tables: NameTables,
        _ forwards: inout [(index: Int, question: ForwardQuestion)]
    ) {
        batch.reply(to: item) { datagram, out in
            if datagram.isTooLong {
                counters.add(.droppedTooLong)
                return
            }
            // A datagram from our own address would be answered for ever.
            guard let client = datagram.source, !(client == socket.endpoint) else {
                counters.add(.droppedSource)
                return
            }
            _ = responder.respond(
                to: datagram.octets,
                from: client,
                over: .datagram,
                as: published,
                in: tables,
                into: &out
            ) { query, key, group, out in
                if desk.answerKept(key, query, over: .datagram, in: published, group, into: &out) {
                    return .kept
                }
                let question = ForwardQuestion(
                    query,
                    over: .datagram,
                    group: group,
                    profile: published.view.profile
                )
                forwards.append((item, question))
                return .forwarded
            }
            let last = forwards.count - 1
            if last >= 0, forwards[last].index == item, responder.watch.takeMark() {
                forwards[last].question.logged = .init(
                    sandbox: published.view.sandbox,
                    client: client,
                    isStream: false
                )
            }
        }
    }

    private mutating func forward(
        _ questions: [(index: Int, question: ForwardQuestion)],
        from socket: SandboxSocket,
        token: UInt64
    ) {
        if questions.isEmpty { return }
        let now = Clock.now()
        for (item, question) in questions {
            guard let client = batch.source(of: item) else { continue }
            let waiting = ForwardDesk.Client.datagram(
                socket: SocketToken(value: token),
                to: client,
                control: batch.control(of: item)
            )
            desk.ask(question, for: waiting, slot: socket.slot, at: now)
        }
        deliver(desk.settle(poller, at: now), at: now)
    }

    mutating func deliver(_ deliveries: [ForwardDesk.Delivery], at now: Moment) {
        for delivery in deliveries {
            switch delivery.client {
            case .datagram(let token, let client, let control):
                // A sandbox that went meanwhile takes its answers with it.
                guard let socket = sockets[token.value] else { continue }
                do throws(SystemError) {
                    try Sockets.send(
                        socket.descriptor.raw,
                        delivery.octets,
                        to: client,
                        control: control
                    )
                } catch {
                    counters.add(.repliesUnsent)
                }
            case .stream(let token):
                streams.deliver(delivery.octets, to: token, poller, at: now)
            }
        }
    }

    // MARK: Commands

    private mutating func takeCommands() {
        for command in inbox.take() {
            switch command {
            case .add(let socket, let token):
                do throws(SystemError) {
                    try poller.add(socket.descriptor.raw, token: token, for: .read)
                    sockets[token] = socket
                } catch {
                    inbox.report(error)
                }
            case .opened(let opening):
                let now = Clock.now()
                deliver(desk.opened(opening, poller: poller, at: now), at: now)
            case .remove(let slots, let done):
                for (token, socket) in sockets where slots.contains(socket.slot) {
                    poller.remove(socket.descriptor.raw)
                    sockets[token] = nil
                }
                streams.close(slots: slots, poller)
                done.raise()
            case .look(let done):
                inbox.show(desk.sight(names: responder.watch.names.entries))
                done.raise()
            case .stop(let keepsReading):
                stopsAt = Clock.now().advanced(milliseconds: Self.drainMilliseconds)
                if keepsReading { continue }
                for socket in sockets.values { poller.remove(socket.descriptor.raw) }
            }
        }
    }
}
