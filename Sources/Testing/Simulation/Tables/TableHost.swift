import Base
import Gossip

/// One machine with its node: membership and tables.
struct TableHost: ~Copyable {
    enum Condition: Hashable {
        /// Not yet there, or gone.
        case absent
        case running
        /// Nothing runs.
        case stopped
    }

    /// What comes to a node.
    enum Arrival {
        case parcel(UInt32)
        case streamAsked(UInt32)
        case streamAnswered(UInt32)
        case streamFailed(UInt32)
    }

    var engine: Membership
    var tables: TableRing
    var condition = Condition.absent
    /// Starts so far; what was sent to an earlier one is not for this one.
    var start: UInt32 = 0
    /// Identities so far.
    var identity = 0
    var wakeAt = UInt64.max
    /// Nanoseconds by which its clock is ahead.
    var clockAhead: UInt64 = 0
    var arrivals: [Arrival] = []
    var arrivalsTaken = 0
    var heldOctets = 0
    /// Until when it works on what it read.
    var busyUntil: UInt64 = 0
    /// Whether an event is on its way that reads the next arrival.
    var isReading = false
    /// Networks it attaches itself to once it has joined.
    var toAttach: [Int] = []
    /// What it writes then.
    var toWrite: [Int] = []

    init(engine: consuming Membership, tables: consuming TableRing) {
        self.engine = engine
        self.tables = tables
    }

    var hasArrivals: Bool { arrivalsTaken < arrivals.count }

    mutating func nextArrival() -> Arrival? {
        guard hasArrivals else { return nil }
        arrivalsTaken += 1
        let arrival = arrivals[arrivalsTaken - 1]
        if arrivalsTaken == arrivals.count {
            arrivals.removeAll(keepingCapacity: true)
            arrivalsTaken = 0
        }
        return arrival
    }
}
