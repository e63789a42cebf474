import Base
import Gossip

/// One machine with its node.
struct Host: ~Copyable {
    enum Condition: Hashable {
        /// Not yet there, or gone.
        case absent
        case running
        /// Sends and receives wait, timers run.
        case blocked
        /// Nothing runs.
        case stopped
    }

    /// What waits in front of a node that does not read.
    enum Arrival {
        case parcel(UInt32)
        case streamAsked(UInt32)
        case streamAnswered(UInt32)
        case streamFailed(UInt32)
    }

    /// What a node wanted to send while it could not.
    enum HeldOutput {
        case datagram(GossipRing.Parcel, to: PeerAddress)
        case open(StreamID, to: PeerAddress, StreamRequest, until: Moment)
    }

    /// What a socket holds for a process that does not read, in octets of the kernel's (Linux).
    static let bufferOctets = 212_992

    var engine: Membership
    var condition = Condition.absent
    /// Starts so far; what was sent to an earlier one is not for this one.
    var start: UInt32 = 0
    /// Names so far.
    var identity = 0
    /// When the node will be woken, in virtual time; .max when it will not.
    var wakeAt = UInt64.max
    /// Nanoseconds by which its monotone clock is ahead.
    var clockAhead: UInt64 = 0
    /// Seconds by which its wall clock is ahead, or behind.
    var wallClockAhead: Int64 = 0
    /// The incarnation in which its node started.
    var firstIncarnation: UInt32 = 1
    var arrivals: [Arrival] = []
    var arrivalsTaken = 0
    var heldOctets = 0
    /// Outputs that wait until the node may send.
    var held: [HeldOutput] = []
    /// Whether the loop that probes has come to its first send while the node is blocked.
    var isProberStuck = false
    /// Whether an event is on its way that reads the next arrival.
    var isReading = false

    init(engine: consuming Membership) {
        self.engine = engine
    }

    var hasArrivals: Bool { arrivalsTaken < arrivals.count }

    mutating func nextArrival() -> Arrival? {
        guard hasArrivals else { return nil }
        arrivalsTaken += 1
        let arrival = arrivals[arrivalsTaken - 1]
        if arrivalsTaken == arrivals.count {
            arrivals.removeAll(keepingCapacity: true)
            arrivalsTaken = 0
            heldOctets = 0
        }
        return arrival
    }

    /// What the kernel charges a buffer for a datagram.
    static func kernelOctets(_ octets: Int) -> Int {
        octets <= 512 ? 768 : 2304
    }
}
