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
    private var idleSince: Moment
    private var readingSince: Moment?
    private var writingSince: Moment?
    /// Questions of this client that wait for an upstream.
    var forwarded = 0
    /// The client has closed its side.
    private(set) var isFinished = false

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

    /// Reads what is there, at most 64 KB in one turn.
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
            compact()
            return nil
        }
        let length = Int(inbox[taken]) << 8 | Int(inbox[taken + 1])
        guard length >= MessageSize.header else { throw .framing }
        guard waiting >= length + 2 else {
            compact()
            return nil
        }
        if isCongested {
            // The message is whole: what it waits for is not the client's doing.
            readingSince = nil
            compact()
            return nil
        }
        let start = taken + 2
        taken = start + length
        readingSince = taken == inbox.count ? nil : now
        return Array(inbox[start..<taken])
    }

    /// Gives back the room of messages that have been taken, once a turn.
    private func compact() {
        inbox.removeSubrange(..<taken)
        taken = 0
    }

    /// Nothing more is read while so much waits to be written or answered.
    var isCongested: Bool {
        outbox.count - sent >= StreamLimits.queueOctetsMax
            || forwarded >= StreamLimits.forwardedMax
    }

    /// Queues a reply with its length, and writes what the socket takes.
    func reply(_ octets: [UInt8], at now: Moment) throws(Fault) {
        outbox.append(uint16: UInt16(octets.count))
        outbox += octets
        idleSince = now
        try flush(at: now)
    }

    func flush(at now: Moment) throws(Fault) {
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

    /// Everything has been said: the client is done and so are we.
    var isDone: Bool { isFinished && !wantsToWrite && forwarded == 0 }

    var isIdle: Bool { inbox.isEmpty && !wantsToWrite && forwarded == 0 }

    /// When this connection is closed if nothing more happens.
    var deadline: Moment {
        var earliest = idleSince.advanced(milliseconds: StreamLimits.idleMilliseconds)
        if let readingSince {
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

    var idleFrom: Moment { idleSince }
}
