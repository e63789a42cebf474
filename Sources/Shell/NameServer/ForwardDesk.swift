import Base
import DNSWire
import LinuxSystem
import Names

/// Carries out what the `Forwarder` decides: a fresh connected socket and a random id for every
/// attempt, replies checked before they count, and the answer made into the client's own.
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

    private struct Pending {
        let client: Client
        let question: ForwardQuestion
        var sockets: [UInt64] = []
        /// The best reply so far, in the upstream's octets.
        var reply: [UInt8] = []
    }

    private struct Attempt: ~Copyable {
        let attempt: Forwarder.Attempt
        let id: UInt16
        let socket: Descriptor
    }

    private let counters: WorkerCounters
    private let descriptorMax: Int32
    private var forwarder: Forwarder
    private var pending: [Forwarder.ExchangeID: Pending] = [:]
    /// Attempts by the token their sockets have in the poller.
    private var attempts: [UInt64: AttemptBox] = [:]
    private var nextNumber: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: replyOctetsMax)

    private final class AttemptBox {
        let value: Attempt
        init(_ value: consuming Attempt) { self.value = value }
    }

    /// `descriptorMax`: the highest number that a socket to an upstream may have.
    init(counters: WorkerCounters, limit: Int, descriptorMax: Int32) {
        self.counters = counters
        self.descriptorMax = descriptorMax
        forwarder = Forwarder(limit: limit)
    }

    var nextWake: Moment? { forwarder.nextWake?.moment }

    var inFlight: Int { forwarder.inFlight }

    /// Takes a question; what can be said at once is in the deliveries.
    mutating func ask(
        _ question: ForwardQuestion,
        for client: Client,
        poller: borrowing Poller,
        at now: Moment
    ) -> [Delivery] {
        nextNumber += 1
        let id = Forwarder.ExchangeID(number: nextNumber)
        pending[id] = Pending(client: client, question: question)
        forwarder.handle(.question(id, upstreams: question.upstreams), at: now)
        return obey(poller, at: now)
    }

    /// Something is to be read from the socket of an attempt.
    mutating func readable(
        token: UInt64,
        poller: borrowing Poller,
        at now: Moment
    ) -> [Delivery] {
        guard let box = attempts[token] else { return [] }
        let attempt = box.value.attempt
        do throws(SystemError) {
            while let count = try Sockets.receive(
                box.value.socket.raw,
                into: &buffer,
                octetsMax: replyOctetsMax
            ) {
                if let usable = accept(count, id: box.value.id, attempt) {
                    pending[attempt.exchange]?.reply = Array(buffer[..<count])
                    forwarder.handle(.reply(attempt, isUsable: usable), at: now)
                    break
                }
            }
        } catch {
            // ICMP said that nobody is there; no need to wait for silence.
            counters.add(.upstreamUnreachable)
            poller.remove(box.value.socket.raw)
            attempts[token] = nil
            forwarder.handle(.unreachable(attempt), at: now)
        }
        return obey(poller, at: now)
    }

    mutating func wake(poller: borrowing Poller, at now: Moment) -> [Delivery] {
        forwarder.wake(at: now)
        return obey(poller, at: now)
    }

    /// Whether the reply in the buffer belongs to the attempt, and if so whether it is usable;
    /// nil for one that must be ignored (RFC 5452 §9.1).
    private func accept(
        _ count: Int,
        id: UInt16,
        _ attempt: Forwarder.Attempt
    ) -> Bool? {
        guard let question = pending[attempt.exchange]?.question else { return nil }
        let octets = buffer.span.extracting(0..<count)
        guard let walked = try? ReplyWalker(octets) else {
            counters.add(.upstreamMalformed)
            return nil
        }
        guard walked.id == id,
            walked.questionEnd == MessageSize.header + question.question.count,
            Self.sameQuestion(octets, question.question)
        else {
            counters.add(.upstreamMismatch)
            return nil
        }
        switch walked.responseCode {
        case 1, 2, 4, 5: return false
        default: return true
        }
    }

    private static func sameQuestion(_ reply: Span<UInt8>, _ question: [UInt8]) -> Bool {
        let typeAt = question.count - 4
        for index in question.indices {
            let theirs = reply[MessageSize.header + index]
            let same =
                index < typeAt
                ? theirs.foldedLetter == question[index].foldedLetter : theirs == question[index]
            if !same { return false }
        }
        return true
    }

    private mutating func obey(_ poller: borrowing Poller, at now: Moment) -> [Delivery] {
        var deliveries: [Delivery] = []
        while let output = forwarder.next() {
            switch output {
            case .send(let attempt):
                if !send(attempt, poller) {
                    forwarder.handle(.unreachable(attempt), at: now)
                }
            case .answer(let id):
                guard let done = finish(id, poller) else { continue }
                counters.add(.forwardAnswers)
                deliveries.append(
                    Delivery(
                        client: done.client,
                        octets: ForwardedReply.octets(done.reply, for: done.question)
                    )
                )
            case .fail(let id, let failure):
                guard let done = finish(id, poller) else { continue }
                counters.add(.forwardFailures)
                counters.add(ResponseCode.servFail)
                deliveries.append(
                    Delivery(
                        client: done.client,
                        octets: ForwardedReply.failure(failure, for: done.question)
                    )
                )
            }
        }
        return deliveries
    }

    private mutating func finish(
        _ id: Forwarder.ExchangeID,
        _ poller: borrowing Poller
    ) -> Pending? {
        guard let done = pending.removeValue(forKey: id) else { return nil }
        for token in done.sockets {
            if let box = attempts.removeValue(forKey: token) {
                poller.remove(box.value.socket.raw)
            }
        }
        return done
    }

    private mutating func send(
        _ attempt: Forwarder.Attempt,
        _ poller: borrowing Poller
    ) -> Bool {
        guard let question = pending[attempt.exchange]?.question else { return true }
        let id = UInt16(truncatingIfNeeded: KernelRandom.uint64())
        let query = QueryWriter.query(
            id: id,
            labels: question.labels,
            type: question.type,
            checkingDisabled: question.flags.contains(.checkingDisabled),
            dnssecOK: question.edns?.dnssecOK ?? false
        )
        do throws(SystemError) {
            let socket = try Sockets.datagram(connectedTo: attempt.upstream)
            if socket.raw > descriptorMax { throw SystemError.outOfDescriptors("socket") }
            nextNumber += 1
            let token = nextNumber | Worker.attemptBit
            try poller.add(socket.raw, token: token, for: .read)
            _ = try Sockets.send(socket.raw, query)
            attempts[token] = AttemptBox(Attempt(attempt: attempt, id: id, socket: socket))
            pending[attempt.exchange]?.sockets.append(token)
            return true
        } catch {
            counters.add(.upstreamUnreachable)
            return false
        }
    }
}

/// The longest reply that an upstream may send over UDP.
private let replyOctetsMax = 4096
