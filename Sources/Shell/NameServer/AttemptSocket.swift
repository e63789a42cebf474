import Base
import DNSWire
import LinuxSystem
import Names

/// One question on its way to one upstream: its socket, its id, its letters.
///
/// Over TCP the question goes out and the reply comes in as the socket allows; both are bounded.
final class AttemptSocket {
    let attempt: Forwarder.Attempt
    let id: UInt16
    /// Where it is asked from; with the id, what tells our own question if it comes back to us.
    let port: UInt16
    /// When the question was sent.
    let since: Moment
    let descriptor: Descriptor
    /// The message that asks, without the length that goes before it over TCP.
    let query: [UInt8]
    /// False once nobody waits for the reply.
    var isWanted = true
    private let outbox: [UInt8]
    private var sent = 0
    private var inbox: [UInt8] = []

    init(
        _ attempt: Forwarder.Attempt,
        id: UInt16,
        port: UInt16,
        query: [UInt8],
        at now: Moment,
        _ descriptor: consuming Descriptor
    ) {
        self.attempt = attempt
        self.id = id
        self.port = port
        since = now
        self.descriptor = descriptor
        self.query = query
        switch attempt.transport {
        case .datagram: outbox = query
        case .stream:
            outbox = [UInt8(query.count >> 8), UInt8(truncatingIfNeeded: query.count)] + query
        }
    }

    /// Where the question section as it was sent ends in `query`.
    var questionEnd: Int { MessageSize.header + attempt.question.name.octets.count + 5 }

    /// Writes what the socket takes; true once all is written.
    func write() throws(SystemError) -> Bool {
        sent += try Sockets.send(descriptor.raw, outbox, from: sent)
        return sent == outbox.count
    }

    /// Takes what has come over TCP; the message when it is whole.
    ///
    /// Throws ECONNRESET when the connection ends before.
    func readStream(_ buffer: inout [UInt8]) throws(SystemError) -> [UInt8]? {
        while let count = try Sockets.receive(
            descriptor.raw,
            into: &buffer,
            octetsMax: buffer.count
        ) {
            if count == 0 { throw .connectionEnded }
            inbox += buffer[..<count]
            guard inbox.count >= 2 else { continue }
            let length = Int(inbox[0]) << 8 | Int(inbox[1])
            if inbox.count >= length + 2 { return Array(inbox[2..<length + 2]) }
        }
        return nil
    }
}

/// Whether a reply is to a question.
enum ReplyMatch {
    case ours
    /// All is right but the case of the letters, which were sent at random.
    case otherLetters
    case strange

    init(_ reply: Span<UInt8>, _ walked: ReplyWalker, to socket: AttemptSocket) {
        let query = socket.query
        let end = socket.questionEnd
        guard walked.id == socket.id, walked.questionEnd == end else {
            self = .strange
            return
        }
        var isExact = true
        for index in MessageSize.header..<end {
            let theirs = reply[index]
            if theirs == query[index] { continue }
            isExact = false
            // Type and class have no letters.
            let isLetter = index < end - 4 && theirs.foldedLetter == query[index].foldedLetter
            if !isLetter {
                self = .strange
                return
            }
        }
        self = isExact || !socket.attempt.variesLetters ? .ours : .otherLetters
    }
}

/// What a message means to the attempt whose socket it came to.
struct Judgement {
    let input: Forwarder.Input
    /// What is wrong with it, to be counted.
    let fault: WorkerCounters.Counter?

    init(_ octets: Span<UInt8>, _ socket: AttemptSocket) {
        let number = socket.attempt.number
        guard let walked = try? ReplyWalker(octets) else {
            input = .strange(attempt: number)
            fault = .upstreamMalformed
            return
        }
        switch ReplyMatch(octets, walked, to: socket) {
        case .ours:
            input = .reply(attempt: number, UpstreamReply(octets, walked))
            fault = nil
        case .otherLetters:
            input = .otherLetters(attempt: number)
            fault = .upstreamMismatch
        case .strange:
            input = .strange(attempt: number)
            fault = .upstreamMismatch
        }
    }
}

/// Random numbers from the kernel, taken in one call for many.
struct RandomPool {
    private var octets: [UInt8] = []

    mutating func uint16() -> UInt16 {
        if octets.count < 2 { octets = KernelRandom.octets(256) }
        return UInt16(octets.removeLast()) << 8 | UInt16(octets.removeLast())
    }

    /// Any port that needs no privilege: the more there are, the harder is a forgery (RFC 5452 §9.2).
    mutating func port() -> UInt16 {
        while true {
            let port = uint16()
            if port >= portMin { return port }
        }
    }

    /// A name with its letters in random case: more for a forger to guess (dns.md F5).
    mutating func letters(of labels: [UInt8]) -> [UInt8] {
        var bits: UInt16 = 0
        var left = 0
        return labels.map { octet in
            guard (97...122).contains(octet) else { return octet }
            if left == 0 {
                bits = uint16()
                left = 16
            }
            defer {
                bits >>= 1
                left -= 1
            }
            return bits & 1 == 1 ? octet & 0xdf : octet
        }
    }
}

/// Lower ports need privilege, and belong to services (RFC 6335 §6).
private let portMin: UInt16 = 1024
