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
    /// Datagrams taken from one socket before the others get their turn.
    static let batchMax = 64
    /// A longer query is not answered; nobody needs one (networkdb-dns.md F8).
    static let queryOctetsMax = 4096
    /// Marks the tokens of forwarding sockets, connections and the inbox.
    static let attemptBit: UInt64 = 1 << 63
    static let streamBit: UInt64 = 1 << 62
    private static let inboxToken = UInt64.max
    /// One batch in so many is timed: a clock for each would cost more than it tells.
    private static let timedBatches = 64

    private let index: Int
    private let inbox: WorkerInbox
    private let board: SnapshotBoard
    private let counters: WorkerCounters
    private let poller: Poller
    private var batch: DatagramBatch
    private var responder: Responder
    private var desk: ForwardDesk
    private var sockets: [UInt64: SandboxSocket] = [:]
    private var streams: StreamTable
    private let descriptorMax: Int32
    /// Given up for a moment when a connection has come and no descriptor is left to take it with.
    private var spare: Descriptor?
    /// Connections whose next questions can be taken, now that answers have gone out.
    private var resumable: [UInt64] = []
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
            for event in events {
                serve(event)
                resumeStreams()
            }
            tick()
        }
        // Told so, a client asks again at once instead of after seconds.
        deliver(desk.abandon(), at: Clock.now())
        sockets.removeAll()
        streams.closeAll(poller)
    }

    /// `now`: nil while nobody has told it to stop.
    private func isOver(at now: Moment?) -> Bool {
        guard let now, let stopsAt else { return false }
        return now >= stopsAt || !desk.isWaitedFor
    }

    private func timeout() -> Int32 {
        guard let earliest = Self.earlier(nextWake, stopsAt) else { return -1 }
        let left = earliest.milliseconds(since: Clock.now())
        return Int32(clamping: left + 1)
    }

    private var nextWake: Moment? { Self.earlier(desk.nextWake, streams.nextDeadline) }

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
            resumeStreams()
        }
        if let due = streams.nextDeadline, due <= now { streams.expire(poller, at: now) }
    }

    private mutating func serve(_ event: Poller.Event) {
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
            case .datagram: serveDatagrams(socket, token: token)
            case .listener: acceptStreams(socket)
            }
        }
    }

    // MARK: Datagrams

    private mutating func serveDatagrams(_ socket: SandboxSocket, token: UInt64) {
        let descriptor = socket.descriptor.raw
        let count: Int
        counters.add(.receives)
        do throws(SystemError) {
            count = try batch.receive(from: descriptor, limit: Self.batchMax)
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
                if let question = answer(item, at: socket, published, snapshot.tables) {
                    forwards.append((item, question))
                }
            }
        } else {
            counters.add(.droppedNoView, UInt64(count))
        }
        _ = consume snapshot
        board.done(reader: index)
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
        tally.close(counters, slot: socket.slot, questions: count, forwarded: forwards.count)
        forward(forwards, from: socket, token: token)
    }

    private mutating func isTimed() -> Bool {
        untimedBatches -= 1
        if untimedBatches > 0 { return false }
        untimedBatches = Self.timedBatches
        return true
    }

    /// Answers one datagram of the batch; returns the question when it has to be forwarded.
    private mutating func answer(
        _ item: Int,
        at socket: SandboxSocket,
        _ published: PublishedView,
        _ tables: NameTables
    ) -> ForwardQuestion? {
        var question: ForwardQuestion?
        batch.reply(to: item) { datagram, out in
            if datagram.isTooLong {
                counters.add(.droppedTooLong)
                return
            }
            // A datagram from our own address would be answered for ever.
            guard let client = datagram.source, client != socket.endpoint else {
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
                question = ForwardQuestion(
                    query,
                    over: .datagram,
                    group: group,
                    profile: published.view.profile
                )
                return .forwarded
            }
            if question != nil, responder.watch.takeMark() {
                question?.logged = .init(
                    sandbox: published.view.sandbox,
                    client: client,
                    isStream: false
                )
            }
        }
        return question
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
            deliver(
                desk.ask(question, for: waiting, slot: socket.slot, poller: poller, at: now),
                at: now
            )
        }
    }

    private mutating func deliver(_ deliveries: [ForwardDesk.Delivery], at now: Moment) {
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
                resumable.append(token)
            }
        }
    }

    // MARK: Streams

    /// Goes on with connections that answers have gone out on; those may bring further answers.
    private mutating func resumeStreams() {
        if resumable.isEmpty { return }
        let now = Clock.now()
        while let token = resumable.popLast() { resume(token, at: now) }
    }

    private mutating func acceptStreams(_ socket: SandboxSocket) {
        let now = Clock.now()
        do throws(SystemError) {
            while let accepted = try Sockets.accept(socket.descriptor.raw) {
                // The kernel gives out the lowest free number: above the limit one has to go.
                if accepted.number > descriptorMax, !streams.closeOldestIdle(poller) {
                    counters.add(.streamsRefused)
                    continue
                }
                streams.add(accepted, slot: socket.slot, poller, at: now)
            }
        } catch {
            if error.isOutOfDescriptors { acceptWithSpare(socket, at: now) }
        }
    }

    /// Takes the connection that waits, if one does, in the place of an idle one or only to refuse
    /// it: left waiting, it would wake this thread for ever.
    private mutating func acceptWithSpare(_ socket: SandboxSocket, at now: Moment) {
        spare = nil
        if let accepted = try? Sockets.accept(socket.descriptor.raw) {
            if streams.closeOldestIdle(poller) {
                streams.add(accepted, slot: socket.slot, poller, at: now)
            } else {
                counters.add(.streamsRefused)
            }
        }
        spare = try? Descriptor.spare()
    }

    private mutating func serveStream(_ token: UInt64, _ ready: Poller.Interest) {
        let now = Clock.now()
        guard let stream = streams[token] else { return }
        do throws(StreamConnection.Fault) {
            if !ready.isDisjoint(with: [.read, .failed]) {
                try stream.read(into: &streams.scratch, at: now)
            }
            if ready.contains(.write) { try stream.flush(at: now) }
        } catch {
            counters.add(.streamFaults)
            streams.close(token, poller)
            return
        }
        resume(token, at: now)
    }

    /// Answers the questions that wait in a connection's inbox, as far as its limits allow.
    private mutating func resume(_ token: UInt64, at now: Moment) {
        guard let stream = streams[token] else { return }
        do throws(StreamConnection.Fault) {
            try answer(stream, token, at: now)
        } catch {
            counters.add(.streamFaults)
            streams.close(token, poller)
            return
        }
        streams.settle(token, poller)
    }

    private mutating func answer(
        _ stream: StreamConnection,
        _ token: UInt64,
        at now: Moment
    ) throws(StreamConnection.Fault) {
        while let message = try stream.nextMessage(at: now) {
            counters.add(.streamQueries)
            let tally = BatchTally(counters)
            let snapshot = board.read(reader: index)
            var question: ForwardQuestion?
            var reply: [UInt8] = []
            if let snapshot, let published = snapshot.view(at: stream.slot) {
                reply = [UInt8](capacity: MessageSize.streamMax) { out in
                    _ = responder.respond(
                        to: message.span,
                        from: stream.peer,
                        over: .stream,
                        as: published,
                        in: snapshot.tables,
                        into: &out
                    ) { query, key, group, out in
                        if desk.answerKept(
                            key,
                            query,
                            over: .stream,
                            in: published,
                            group,
                            into: &out
                        ) {
                            return .kept
                        }
                        question = ForwardQuestion(
                            query,
                            over: .stream,
                            group: group,
                            profile: published.view.profile
                        )
                        return .forwarded
                    }
                }
                if question != nil, responder.watch.takeMark() {
                    question?.logged = .init(
                        sandbox: published.view.sandbox,
                        client: stream.peer,
                        isStream: true
                    )
                }
            }
            tally.close(
                counters,
                slot: stream.slot,
                questions: 1,
                forwarded: question == nil ? 0 : 1
            )
            _ = consume snapshot
            board.done(reader: index)
            if !reply.isEmpty { try stream.reply(reply, at: now) }
            if let question {
                stream.forwarded += 1
                deliver(
                    desk.ask(
                        question,
                        for: .stream(token: token),
                        slot: stream.slot,
                        poller: poller,
                        at: now
                    ),
                    at: now
                )
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
