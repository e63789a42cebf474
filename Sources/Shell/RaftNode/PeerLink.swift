import Base
import DequeModule
import LinuxSystem

/// The way to one peer: a stream that this node opens and only writes, and what waits for it.
///
/// Frames are a length of four octets, the lowest first, and a message. What another node says comes on the
/// stream that it opened.
final class PeerLink {
    enum Stage {
        case down, connecting, up
    }

    /// Waits between attempts to connect, in milliseconds.
    private static let retryMin: UInt64 = 20
    private static let retryMax: UInt64 = 1000

    private(set) var stage = Stage.down
    private(set) var retryAt = Moment.zero
    private var retryWait = retryMin
    /// Whether it was up since somebody was told that it is not.
    var wasUp = false
    private var descriptor: Descriptor?
    private var frames: Deque<[UInt8]> = []
    private var sent = 0
    private(set) var octets = 0
    let octetsMax: Int
    let token: UInt64
    private var waitsForRoom = false

    init(token: UInt64, octetsMax: Int) {
        self.token = token
        self.octetsMax = octetsMax
    }

    /// When it is to be dialled again.
    var dialAt: Moment? { stage == .down ? retryAt : nil }

    func dial(_ endpoint: SocketEndpoint, at now: Moment, _ poller: borrowing Poller) {
        retryAt = now.advanced(milliseconds: retryWait)
        retryWait = min(2 * retryWait, Self.retryMax)
        guard let opened = try? Sockets.stream(connectedTo: endpoint) else { return }
        guard (try? poller.add(opened.raw, token: token, for: [.read, .write])) != nil else {
            return
        }
        descriptor = consume opened
        stage = .connecting
    }

    /// Takes a message; false where there is no room for it.
    func queue(_ message: [UInt8]) -> Bool {
        if octets + message.count > octetsMax { return false }
        let count = UInt32(message.count)
        var frame: [UInt8] = []
        frame.reserveCapacity(4 + message.count)
        for place in 0..<4 { frame.append(UInt8(truncatingIfNeeded: count >> UInt32(8 * place))) }
        frame += message
        octets += frame.count
        frames.append(frame)
        return true
    }

    /// Sends what the socket takes.
    ///
    /// Throws when the stream is broken, or was never made.
    func flush(_ poller: borrowing Poller) throws(SystemError) {
        guard let raw = descriptor?.raw, stage == .up else { return }
        while let frame = frames.first {
            let count = try Sockets.send(raw, frame, from: sent)
            if count == 0 {
                watch(raw, isFull: true, poller)
                return
            }
            sent += count
            if sent == frame.count {
                octets -= frame.count
                frames.removeFirst()
                sent = 0
            }
        }
        watch(raw, isFull: false, poller)
    }

    private func watch(_ raw: Int32, isFull: Bool, _ poller: borrowing Poller) {
        if isFull == waitsForRoom { return }
        waitsForRoom = isFull
        try? poller.change(raw, token: token, to: isFull ? [.read, .write] : .read)
    }

    /// Something happened to the stream.
    ///
    /// Throws when it is broken.
    func hear(_ ready: Poller.Interest, _ poller: borrowing Poller) throws(SystemError) {
        guard let raw = descriptor?.raw else { return }
        if stage == .connecting {
            if let error = Sockets.pendingError(of: raw) { throw error }
            stage = .up
            wasUp = true
            waitsForRoom = true
            retryWait = Self.retryMin
        }
        if ready.isReadable {
            // Nobody says anything here: what can be read is the end.
            var scratch = [UInt8](repeating: 0, count: 64)
            let count = try Sockets.receive(raw, into: &scratch, octetsMax: scratch.count)
            if let count { throw count == 0 ? .connectionEnded : SystemError("recv", code: 0) }
        }
        try flush(poller)
    }

    /// The stream is gone, and with it what waited: whoever needs it says it again.
    func drop(_ poller: borrowing Poller, at now: Moment, isHasty: Bool) {
        if let raw = descriptor?.raw { poller.remove(raw) }
        descriptor = nil
        stage = .down
        frames.removeAll()
        octets = 0
        sent = 0
        waitsForRoom = false
        if isHasty {
            retryWait = Self.retryMin
            retryAt = now
        }
    }
}
