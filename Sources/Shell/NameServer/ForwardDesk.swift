import Base
import DNSWire
import LinuxSystem
import Names

/// Carries out what the `Forwarder` decides: a fresh socket, port and id for every attempt, replies
/// checked before they count, and answers made into the clients' own.
struct ForwardDesk: ~Copyable {
    /// Who waits for an answer.
    enum Client: Sendable {
        case datagram(socket: SocketToken, to: SocketEndpoint, control: [UInt8])
        case stream(token: UInt64)
    }

    /// A reply that is ready to be sent.
    struct Delivery {
        let client: Client
        let octets: [UInt8]
    }

    private struct Waiting {
        let client: Client
        let question: ForwardQuestion
        let slot: Int
        let since: Moment
    }

    private let counters: WorkerCounters
    private let opener: SocketOpener
    private let inbox: WorkerInbox
    private let descriptorMax: Int32
    private var forwarder: Forwarder
    private var waiting: [Forwarder.ClientID: Waiting] = [:]
    /// Attempts on their way, by the number that the forwarder gave them.
    private var sockets: [UInt64: AttemptSocket] = [:]
    /// The same by source port and id, to know our own question when it comes back.
    private var ownQuestions: [UInt32: UInt64] = [:]
    /// Attempts whose questions are still to be written.
    private var unsent: [AttemptSocket] = []
    private var nextClient: UInt64 = 0
    private var random = RandomPool()
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    /// `descriptorMax`: the highest number that a socket to an upstream may have.
    init(
        inbox: WorkerInbox,
        opener: SocketOpener,
        limits: Forwarder.Limits,
        descriptorMax: Int32
    ) {
        counters = inbox.counters
        self.inbox = inbox
        self.opener = opener
        self.descriptorMax = descriptorMax
        let hash = SipHash(key: KernelRandom.uint64(), KernelRandom.uint64())
        forwarder = Forwarder(limits: limits, hash: hash)
    }

    var nextWake: Moment? { forwarder.nextWake?.moment }

    /// What is known here and nowhere else.
    func sight(names: [BusyNames.Entry]) -> WorkerSight {
        WorkerSight(
            upstreams: forwarder.reports,
            cacheCount: forwarder.cache.count,
            cacheOctets: forwarder.cache.octetCount,
            cacheEvictions: UInt64(forwarder.cache.evictionCount),
            exchangeCount: forwarder.inFlight,
            names: names
        )
    }

    /// Whether a client waits for an answer.
    var isWaitedFor: Bool { !waiting.isEmpty }

    /// Tells everybody who still waits that there will be no answer.
    mutating func abandon() -> [Delivery] {
        let clients = waiting.sorted { $0.key.number < $1.key.number }.map { $0.value }
        waiting.removeAll()
        return clients.map { client in
            counters.add(.forwardFailures)
            counters.add(ResponseCode.servFail)
            return Delivery(
                client: client.client,
                octets: ForwardedReply.failure(
                    ExtendedError(ExtendedError.Code.notReady),
                    for: client.question
                )
            )
        }
    }

    // MARK: Questions

    /// Answers from what is kept; false when an upstream has to be asked.
    mutating func answerKept(
        _ key: borrowing NameKey,
        _ query: borrowing QueryView,
        over transport: Transport,
        in published: PublishedView,
        _ group: UpstreamGroup,
        into out: inout OutputSpan<UInt8>
    ) -> Bool {
        if forwarder.cache.isEmpty { return false }
        let now = Clock.now()
        let selector = ReplyCache.Selector(
            type: query.type,
            dnssecOK: query.edns?.dnssecOK ?? false,
            checkingDisabled: query.flags.contains(.checkingDisabled),
            group: group.id
        )
        guard let found = forwarder.cache.find(key, selector, at: now) else { return false }
        if found.isStale, !found.isPostponed { return false }
        let question = query.bytes.extracting(MessageSize.header..<query.questionEnd)
        let head = ForwardedReply.Head(
            id: query.id,
            flags: query.flags,
            edns: query.edns,
            limit: ForwardedReply.limit(query.edns, transport)
        )
        counters.sandboxes.add(.kept, 1, slot: published.slot)
        if found.isFailure {
            counters.add(.cacheFailures)
            counters.addGiven(UInt16(ResponseCode.servFail.rawValue), slot: published.slot)
            let failure = UpstreamReply(
                code: UInt16(ResponseCode.servFail.rawValue),
                extendedError: ExtendedError(.cachedError).infoCode
            )
            ForwardedReply.write(failure, .fresh, head, question, into: &out)
            return true
        }
        counters.add(found.isStale ? .cacheStale : .cacheHits)
        let reply = forwarder.cache[found.place]
        counters.addGiven(reply.code, slot: published.slot)
        ForwardedReply.write(
            reply,
            .init(seconds: found.age, isStale: found.isStale),
            head,
            question,
            into: &out
        )
        if found.wantsRefresh {
            counters.add(.cacheRefreshes)
            forwarder.refresh(
                Self.question(key.name, selector, group, slot: published.slot),
                at: now
            )
        }
        return true
    }

    private static func question(
        _ name: DomainName,
        _ selector: ReplyCache.Selector,
        _ group: UpstreamGroup,
        slot: Int
    ) -> Forwarder.Question {
        Forwarder.Question(
            name: name,
            type: selector.type,
            dnssecOK: selector.dnssecOK,
            checkingDisabled: selector.checkingDisabled,
            group: group,
            sandbox: slot
        )
    }

    /// Takes a question; what comes of it is told by `settle`, once for a batch of them.
    mutating func ask(
        _ question: ForwardQuestion,
        for client: Client,
        slot: Int,
        at now: Moment
    ) {
        if case .datagram(_, let from, _) = client,
            let attempt = ownQuestions[UInt32(from.port) << 16 | UInt32(question.id)]
        {
            counters.add(.forwardLoops)
            forwarder.handle(.looped(attempt: attempt), at: now)
            close(attempt)
            return
        }
        guard let name = try? DomainName(wire: question.labels) else {
            preconditionFailure("a question that was read has a well-formed name")
        }
        nextClient += 1
        let id = Forwarder.ClientID(number: nextClient)
        waiting[id] = Waiting(client: client, question: question, slot: slot, since: now)
        let asked = Forwarder.Question(
            name: name,
            type: question.type,
            dnssecOK: question.edns?.dnssecOK ?? false,
            checkingDisabled: question.flags.contains(.checkingDisabled),
            group: question.group,
            sandbox: slot
        )
        counters.add(.forwarded)
        forwarder.handle(.ask(asked, client: id), at: now)
    }

    /// Asks upstreams what has been taken since; what can be said at once is in the deliveries.
    mutating func settle(_ poller: borrowing Poller, at now: Moment) -> [Delivery] {
        obey(poller, at: now)
    }

    mutating func wake(poller: borrowing Poller, at now: Moment) -> [Delivery] {
        forwarder.wake(at: now)
        return obey(poller, at: now)
    }

    // MARK: Sockets

    /// Something has happened at the socket of an attempt.
    mutating func ready(
        token: UInt64,
        _ ready: Poller.Interest,
        poller: borrowing Poller,
        at now: Moment
    ) -> [Delivery] {
        let number = token & ~Worker.attemptBit
        guard let socket = sockets[number] else { return [] }
        do throws(SystemError) {
            if ready.isWritable, try socket.write() {
                try poller.change(socket.descriptor.raw, token: token, to: .read)
            }
            if ready.isReadable {
                switch socket.attempt.transport {
                case .datagram: try readDatagrams(socket, at: now)
                case .stream:
                    if let message = try socket.readStream(&buffer) {
                        take(Judgement(message.span, socket), from: socket, at: now)
                    }
                }
            }
        } catch {
            // ICMP said that nobody is there; no need to wait for silence.
            counters.add(.upstreamUnreachable)
            close(number)
            forwarder.handle(.unreachable(attempt: number), at: now)
        }
        return obey(poller, at: now)
    }

    private mutating func readDatagrams(
        _ socket: AttemptSocket,
        at now: Moment
    ) throws(SystemError) {
        // A flood on one socket waits for its next turn.
        for _ in 0..<repliesPerTurnMax where !isSettled(socket) {
            guard
                let count = try Sockets.receive(
                    socket.descriptor.raw,
                    into: &buffer,
                    octetsMax: buffer.count
                )
            else { return }
            take(Judgement(buffer.span.extracting(0..<count), socket), from: socket, at: now)
        }
    }

    /// Whether the reply is there, so that nothing more is to be read.
    private func isSettled(_ socket: AttemptSocket) -> Bool {
        !forwarder.isWaiting(for: socket.attempt.number)
    }

    private mutating func take(
        _ judgement: Judgement,
        from socket: AttemptSocket,
        at now: Moment
    ) {
        if let fault = judgement.fault {
            counters.add(fault)
        } else {
            counters.roundTrips.note(from: socket.since, to: now)
        }
        forwarder.handle(judgement.input, at: now)
    }

    /// A socket that was opened in another namespace is here, or could not be had.
    mutating func opened(
        _ opening: SocketOpening,
        poller: borrowing Poller,
        at now: Moment
    ) -> [Delivery] {
        let number = opening.attempt.number
        if let descriptor = opening.take() {
            start(opening.attempt, descriptor, port: opening.port, poller, at: now)
        } else {
            counters.add(.upstreamUnreachable)
            forwarder.handle(.unreachable(attempt: number), at: now)
        }
        return obey(poller, at: now)
    }

    private mutating func close(_ number: UInt64) {
        guard let socket = sockets.removeValue(forKey: number) else { return }
        socket.isWanted = false
        // Closing it takes it out of the poller.
        ownQuestions[UInt32(socket.port) << 16 | UInt32(socket.id)] = nil
    }

    // MARK: Outputs

    private mutating func obey(_ poller: borrowing Poller, at now: Moment) -> [Delivery] {
        var deliveries: [Delivery] = []
        repeat {
            while let output = forwarder.next() {
                carryOut(output, poller, at: now, &deliveries)
            }
        } while sendAll(at: now)
        return deliveries
    }

    /// Writes the questions of new attempts one right after the other, so that an upstream is woken
    /// once for all of them; whether one could not be written.
    private mutating func sendAll(at now: Moment) -> Bool {
        if unsent.isEmpty { return false }
        var hasFailed = false
        for socket in unsent where socket.isWanted {
            do throws(SystemError) {
                _ = try socket.write()
            } catch {
                close(socket.attempt.number)
                fail(socket.attempt, error, at: now)
                hasFailed = true
            }
        }
        unsent.removeAll(keepingCapacity: true)
        return hasFailed
    }

    private mutating func carryOut(
        _ output: Forwarder.Output,
        _ poller: borrowing Poller,
        at now: Moment,
        _ deliveries: inout [Delivery]
    ) {
        switch output {
        case .send(let attempt):
            open(attempt, poller, at: now)
        case .close(let attempt):
            close(attempt)
        case .answer(let client, let reply, let age, let isStale):
            guard let done = waiting.removeValue(forKey: client) else { return }
            counters.add(.forwardAnswers)
            counters.addGiven(reply.code, slot: done.slot)
            note(done, reply.code, isStale ? .cache : .upstream, at: now)
            deliveries.append(
                Delivery(
                    client: done.client,
                    octets: ForwardedReply.octets(
                        reply,
                        .init(seconds: age, isStale: isStale),
                        for: done.question
                    )
                )
            )
        case .fail(let client, let failure):
            guard let done = waiting.removeValue(forKey: client) else { return }
            counters.add(failure == .limit ? .forwardLimited : .forwardFailures)
            counters.add(ResponseCode.servFail)
            counters.sandboxes.add(.servFail, 1, slot: done.slot)
            note(done, UInt16(ResponseCode.servFail.rawValue), .upstream, at: now)
            deliveries.append(
                Delivery(
                    client: done.client,
                    octets: ForwardedReply.failure(ExtendedError(failure), for: done.question)
                )
            )
        }
    }

    /// How long a client has waited, and the line of the log if there is to be one.
    private func note(
        _ done: Waiting,
        _ code: UInt16,
        _ source: QueryLogEntry.Source,
        at now: Moment
    ) {
        counters.forwarding.note(from: done.since, to: now)
        guard let logged = done.question.logged, let log = inbox.queryLog else { return }
        let question = done.question
        let isWritten = log.write(
            sandbox: logged.sandbox,
            client: logged.client,
            labels: question.question.span.extracting(0..<question.labels.count),
            type: question.type,
            code: UInt8(code & 15),
            isStream: logged.isStream,
            source: source,
            microseconds: (now.nanoseconds &- done.since.nanoseconds) / 1000
        )
        counters.add(isWritten ? .queriesLogged : .queryLogDropped)
    }

    private mutating func open(
        _ attempt: Forwarder.Attempt,
        _ poller: borrowing Poller,
        at now: Moment
    ) {
        counters.add(attempt.transport == .stream ? .upstreamStreams : .upstreamDatagrams)
        if case .sandbox = attempt.upstream.source {
            opener.open(
                SocketOpening(attempt, port: random.port(), for: inbox),
                slot: attempt.question.sandbox
            )
            return
        }
        do throws(SystemError) {
            for _ in 0..<portTriesMax {
                let port = random.port()
                do throws(SystemError) {
                    let socket = try SocketOpening.socket(attempt, port: port)
                    start(attempt, socket, port: port, poller, at: now)
                    return
                } catch  where error.isAddressInUse {
                    // Somebody has that port; the next one is as random.
                }
            }
            let socket = try SocketOpening.socket(attempt, port: 0)
            let port = try Sockets.localEndpoint(of: socket.raw).port
            start(attempt, socket, port: port, poller, at: now)
        } catch {
            fail(attempt, error, at: now)
        }
    }

    /// An attempt that could not be made: for want of a descriptor that is our own doing, otherwise
    /// nobody can be reached there.
    private mutating func fail(
        _ attempt: Forwarder.Attempt,
        _ error: SystemError,
        at now: Moment
    ) {
        if error.isOutOfDescriptors {
            forwarder.handle(.noSocket(attempt: attempt.number), at: now)
        } else {
            counters.add(.upstreamUnreachable)
            forwarder.handle(.unreachable(attempt: attempt.number), at: now)
        }
    }

    private mutating func start(
        _ attempt: Forwarder.Attempt,
        _ descriptor: consuming Descriptor,
        port: UInt16,
        _ poller: borrowing Poller,
        at now: Moment
    ) {
        if descriptor.raw > descriptorMax {
            fail(attempt, .outOfDescriptors("socket"), at: now)
            return
        }
        let id = random.uint16()
        let question = attempt.question
        let query = QueryWriter.query(
            id: id,
            labels: attempt.variesLetters
                ? random.letters(of: question.name.octets) : question.name.octets,
            type: question.type,
            checkingDisabled: question.checkingDisabled,
            dnssecOK: question.dnssecOK,
            hasEDNS: attempt.hasEDNS
        )
        let socket = AttemptSocket(
            attempt,
            id: id,
            port: port,
            query: query,
            at: now,
            descriptor
        )
        do throws(SystemError) {
            let token = attempt.number | Worker.attemptBit
            switch attempt.transport {
            case .datagram:
                try poller.add(socket.descriptor.raw, token: token, for: .read)
            case .stream:
                // Writable once it is connected.
                try poller.add(socket.descriptor.raw, token: token, for: .write)
            }
            if case .datagram = attempt.transport { unsent.append(socket) }
            sockets[attempt.number] = socket
            ownQuestions[UInt32(port) << 16 | UInt32(id)] = attempt.number
        } catch {
            fail(attempt, error, at: now)
        }
    }
}

/// Datagrams taken from one upstream's socket in one turn.
private let repliesPerTurnMax = 8
/// Random source ports that are tried before the kernel chooses.
private let portTriesMax = 4
