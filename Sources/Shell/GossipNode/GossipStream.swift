import Base
import Gossip
import GossipWire
import LinuxSystem

/// One TCP stream: who began it, what has come, what still has to go.
///
/// A stream that a peer opened is read, then answered, then closed; one that this node opened is
/// written, then read, then closed. Neither waits for the other end to close. Source: gossip-wire.md §6.
final class GossipStream {
    enum Origin {
        /// A peer opened it.
        case accepted(SocketEndpoint)
        case openedForExchange
        case openedForPing
        /// For something that nobody answers.
        case openedToSay

        var isAccepted: Bool {
            if case .accepted = self { true } else { false }
        }
    }

    enum Stage {
        /// Its message is not there whole.
        case reading
        /// The engine has it.
        case waiting
        /// The last octets go out, then it is closed.
        case answering
        /// Told what was wrong, and waited for so that it can hear it: what it sends is thrown away.
        case draining
    }

    let id: StreamID
    let descriptor: Descriptor
    let origin: Origin
    /// When it is closed, whatever it has come to.
    let deadline: Moment
    var stage = Stage.reading
    /// What the poller was last told to wait for.
    var interest: Poller.Interest
    /// Octets that have come.
    private(set) var octetsIn = 0
    private var decoder: StreamDecoder
    private var outbox: [UInt8] = []
    private var sent = 0
    private var hasSent = false

    init(
        origin: Origin,
        id: StreamID,
        decoder: StreamDecoder,
        deadline: Moment,
        _ descriptor: consuming Descriptor
    ) {
        self.descriptor = descriptor
        self.id = id
        self.origin = origin
        self.decoder = decoder
        self.deadline = deadline
        interest = origin.isAccepted ? .read : Poller.Interest.read.union(.write)
    }

    /// What one read came to.
    enum Reading {
        case nothing
        case message(StreamMessage)
        case fault(StreamFault)
        /// The other end closed before its message was whole, or the stream broke.
        case ended(isBroken: Bool)
    }

    /// Octets of this stream that are held here, at most.
    var heldOctets: Int { (stage == .reading ? octetsIn : 0) + outbox.count - sent }

    /// Reads once, as much as `scratch` holds.
    func read(
        _ scratch: inout [UInt8],
        _ cipher: inout KeyCipher
    ) -> Reading {
        let count: Int
        do throws(SystemError) {
            guard
                let got = try Sockets.receive(
                    descriptor.raw,
                    into: &scratch,
                    octetsMax: scratch.count
                )
            else { return .nothing }
            count = got
        } catch {
            return .ended(isBroken: true)
        }
        octetsIn += count
        if stage != .reading { return count == 0 ? .ended(isBroken: false) : .nothing }
        do throws(StreamFault) {
            if count == 0 {
                try decoder.end()
                return .ended(isBroken: false)
            }
            let octets = scratch.span.extracting(0..<count)
            let message = try decoder.feed(octets) { cipher.open($0) }
            return message.map { .message($0) } ?? .nothing
        } catch {
            return .fault(error)
        }
    }

    /// Whether it was opened here and nothing has come of it, not even a connection.
    var isUnanswered: Bool { !origin.isAccepted && octetsIn == 0 && !hasSent }

    /// Leaves octets to be sent.
    func queue(_ octets: [UInt8]) {
        outbox = octets
        sent = 0
    }

    var hasQueued: Bool { sent < outbox.count }

    /// Sends what the socket takes; returns how many octets.
    ///
    /// Throws when the stream is broken.
    func flush() throws(SystemError) -> Int {
        var total = 0
        while sent < outbox.count {
            let count = try Sockets.send(descriptor.raw, outbox, from: sent)
            if count == 0 { return total }
            sent += count
            total += count
            hasSent = true
        }
        outbox = []
        sent = 0
        return total
    }
}
