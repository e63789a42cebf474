import Base
import DNSWire
import LinuxSystem

/// One TCP client: octets in, whole messages out of them, replies back, each step with a deadline.
///
/// Messages are framed by two octets of length (RFC 1035 §4.2.2) and may arrive in any pieces; the
/// buffer grows with what has come, never with what was announced.
final class StreamConnection {
    let descriptor: Descriptor
    let peer: SocketEndpoint
    let slot: Int
    private var inbox: [UInt8] = []
    /// Octets of the inbox that have been taken out as messages.
    private var taken = 0
    private var outbox: [UInt8] = []
    private var sent = 0
    /// When something was last heard from the client or told to it.
    private(set) var idleSince: Moment
    private var readingSince: Moment?
    private var writingSince: Moment?
    /// Questions of this client that wait for an upstream.
    var forwarded = 0
    /// The client has closed its side.
    private(set) var isFinished = false

    /// What its table keeps of it: the entry of its deadline, what the poller waits for, the octets
    /// that are counted, whether it waits for its next turn.
    var armedFor = Moment.distantFuture
    var polledFor: Poller.Interest = .read
    var countedOctets = 0
    var isQueued = false

    /// What a connection is doing, those that are missed least first.
    enum Patience: Int, Comparable {
        /// Nothing is asked.
        case idle
        /// A question has begun to arrive.
        case reading
        /// Replies wait to be taken.
        case writing
        /// Questions wait to be answered.
        case waiting

        static func < (left: Patience, right: Patience) -> Bool { left.rawValue < right.rawValue }
    }

    enum Fault: Error {
        /// A length that no message has; nothing after it can be trusted.
        case framing
        /// The client does not read, or the connection is gone.
        case broken
    }

    init(_ descriptor: consuming Descriptor, peer: SocketEndpoint, slot: Int, at now: Moment) {
        self.descriptor = descriptor
        self.peer = peer
        self.slot = slot
        idleSince = now
    }

    /// Reads what is there, at most as much as the scratch holds.
    func read(into scratch: inout [UInt8], at now: Moment) throws(Fault) {
        let count: Int?
        do throws(SystemError) {
            count = try Sockets.receive(descriptor.raw, into: &scratch, octetsMax: scratch.count)
        } catch {
            throw .broken
        }
        guard let count else { return }
        if count == 0 {
            isFinished = true
            return
        }
        inbox += scratch[..<count]
        if readingSince == nil { readingSince = now }
        idleSince = now
    }

    /// The next whole message, if one is there; stops while too many replies wait.
    func nextMessage(at now: Moment) throws(Fault) -> [UInt8]? {
        let waiting = inbox.count - taken
        guard waiting >= 2 else {
            if waiting == 0 { readingSince = nil }
            return nil
        }
        let length = Int(inbox[taken]) << 8 | Int(inbox[taken + 1])
        guard length >= MessageSize.header else { throw .framing }
        // A whole message that waits for others' answers is not the client's doing.
        guard waiting >= length + 2, !isCongested else { return nil }
        let start = taken + 2
        taken = start + length
        readingSince = taken == inbox.count ? nil : now
        return Array(inbox[start..<taken])
    }

    /// Gives back the room of messages that have been taken, once a turn.
    func compact() {
        if taken == 0 { return }
        if taken == inbox.count {
            // An idle connection keeps no more than a question's room.
            inbox.removeAll(keepingCapacity: inbox.count < 4096)
        } else {
            inbox.removeSubrange(..<taken)
        }
        taken = 0
    }

    /// Nothing more is read while so much waits to be written or answered.
    var isCongested: Bool {
        outbox.count - sent >= StreamLimits.queueOctetsMax
            || forwarded >= StreamLimits.forwardedMax
    }

    /// Whether a whole message, or a length that no message has, waits in the inbox.
    var hasMessage: Bool {
        let waiting = inbox.count - taken
        guard waiting >= 2 else { return false }
        let length = Int(inbox[taken]) << 8 | Int(inbox[taken + 1])
        return length < MessageSize.header || waiting >= length + 2
    }

    /// Queues a reply with its length.
    func queue(_ octets: [UInt8], at now: Moment) {
        outbox.append(uint16: UInt16(octets.count))
        outbox += octets
        idleSince = now
    }

    /// Writes what the socket takes.
    func flush(at now: Moment) throws(Fault) {
        if outbox.isEmpty { return }
        while sent < outbox.count {
            let count: Int
            do throws(SystemError) {
                count = try Sockets.send(descriptor.raw, outbox, from: sent)
            } catch {
                throw .broken
            }
            if count == 0 {
                if writingSince == nil { writingSince = now }
                return
            }
            sent += count
            writingSince = nil
        }
        outbox.removeAll(keepingCapacity: outbox.count < 4096)
        sent = 0
    }

    var wantsToWrite: Bool { sent < outbox.count }

    /// What to wait for.
    var interest: Poller.Interest {
        var interest: Poller.Interest = []
        // What is here already comes first.
        if !isFinished, !isCongested, !hasMessage { interest.insert(.read) }
        if wantsToWrite { interest.insert(.write) }
        return interest
    }

    /// Everything has been said: the client is done and so are we.
    var isDone: Bool { isFinished && !wantsToWrite && forwarded == 0 && !hasMessage }

    var patience: Patience {
        if forwarded > 0 { return .waiting }
        // Questions behind replies that are not taken are not our delay.
        if wantsToWrite { return .writing }
        if hasMessage { return .waiting }
        return inbox.count > taken ? .reading : .idle
    }

    /// Octets that the inbox and the outbox have room for.
    var heldOctets: Int { inbox.capacity + outbox.capacity }

    /// When this connection is closed if nothing more happens.
    var deadline: Moment {
        var earliest = idleSince.advanced(milliseconds: StreamLimits.idleMilliseconds)
        if let readingSince, !hasMessage {
            earliest = min(
                earliest,
                readingSince.advanced(milliseconds: StreamLimits.readMilliseconds)
            )
        }
        if let writingSince {
            earliest = min(
                earliest,
                writingSince.advanced(milliseconds: StreamLimits.writeMilliseconds)
            )
        }
        return earliest
    }
}
