import Base
import Gossip

/// What rides on a ring's membership and has messages and state of its own.
enum RingDelegate: ~Copyable {
    /// Nothing: what comes for a delegate is counted and let go.
    case none

    /// What is to be done for the delegate, in this order.
    enum Output: Sendable {
        /// Octets for every member.
        case broadcast([UInt8])
        /// Octets for one, in a datagram of their own.
        case message([UInt8], to: PeerAddress)
        case update(meta: [UInt8])
    }

    /// The delegate's part of a table that is sent.
    func state(isJoin: Bool) -> [UInt8] { [] }

    /// Takes a user message; false when nobody is there to take it.
    mutating func hear(_ octets: [UInt8], from peer: PeerAddress, at now: Moment) -> Bool { false }

    /// Takes the delegate's part of a table that came.
    mutating func merge(_ state: [UInt8], isJoin: Bool, at now: Moment) {}

    /// Takes what changed in the ring.
    mutating func follow(_ event: MembershipEvent, at now: Moment) {}

    mutating func wake(at now: Moment) {}

    var nextWake: Moment? { nil }

    mutating func next() -> Output? { nil }
}
