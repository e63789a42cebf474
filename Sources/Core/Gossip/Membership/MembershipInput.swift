package import Base

/// Tells streams apart: those a node opens and those it accepts are counted from two ends by their
/// driver.
package struct StreamID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    package var description: String { String(value) }
}

/// What happens to a node's membership.
package enum MembershipInput: Sendable {
    /// A message of a datagram, from where the datagram came.
    case message(GossipMessage, from: PeerAddress)
    /// A peer that opened a stream sent its table; answered by `answerExchange` or `closeStream`.
    case exchangeAsked(StreamID, StateExchange)
    /// The answer to an exchange this node began, with the stream it came over.
    case exchangeAnswered(StreamID, StateExchange)
    /// The answer to a ping over a stream.
    case streamAck(StreamID, Ack)
    /// A stream this node opened ended without an answer, or was never there.
    case streamFailed(StreamID)
    /// Some of what the last datagram offered went out: the first so many candidates.
    case packed(Int)
    /// A port of that address refused a datagram: nobody listens there.
    case refused(PeerAddress)
    /// Octets of the delegate's for every member, told as often as any rumour.
    case broadcast([UInt8])
    /// What acks carry from now on.
    case ackPayload([UInt8])
    /// That member knows the same as this node: while some do, whole tables need not be exchanged.
    case agreed(NodeName)
    /// Tables are to be exchanged with that member now.
    case exchange(NodeName)
    /// Becomes and stays a member of the ring of whoever answers at one of these.
    case join([PeerAddress])
    /// Says something else of itself.
    case update(meta: [UInt8])
    /// Leaves; `left` follows when the ring was told, or could not be for too long.
    case leave
    /// Takes a member that is dead for one that left, on every node.
    case forget(NodeName)
}

/// A datagram to be sent now.
package struct GossipDatagram: Sendable {
    package let to: PeerAddress
    /// Whether the receiver is known to understand checksums.
    package let takesChecksum: Bool
    /// All of them go.
    package let messages: [GossipMessage]
    /// Of these as many go as fit beside the messages, first ones first; `packed` tells how many.
    package let candidates: [RumourQueue.Item]
}

/// What a stream that a node opens begins with.
package enum StreamRequest: Sendable {
    /// The driver adds the delegate's state.
    case exchange(StateExchange)
    case ping(Ping)
}

/// What is to be done for a node's membership, in this order.
package enum MembershipOutput: Sendable {
    /// To be sent; where there were candidates `packed` has to come before the next output is taken.
    case datagram(GossipDatagram)
    /// To be opened; answered by `exchangeAnswered`, `streamAck` or, by that moment, `streamFailed`.
    case openStream(StreamID, to: PeerAddress, StreamRequest, until: Moment)
    /// The answer to `exchangeAsked`, then the end of the stream; the driver adds the delegate's state, of
    /// a brief answer what the delegate says of this node alone.
    case answerExchange(StreamID, StateExchange, isBrief: Bool)
    /// To be closed without an answer.
    case closeStream(StreamID)
    /// The delegate's state of an exchange that was accepted.
    case delegateState([UInt8], isJoin: Bool)
    /// The delegate's octets of a datagram.
    case user([UInt8], from: PeerAddress)
    /// What the ack of a member that was probed carried; never empty.
    case acked([UInt8], from: NodeName)
    case event(MembershipEvent)
    /// The ring knows that this node leaves, as far as it can be told.
    case left
}

/// What changed in the ring, for whoever follows it.
package enum MembershipEvent: Hashable, Sendable {
    /// A member is there that was not.
    case joined(NodeName)
    /// A member says something else of itself.
    case updated(NodeName)
    /// A member is accused, and has some time to speak.
    case suspected(NodeName)
    /// An accused member has spoken.
    case cleared(NodeName)
    /// A member is not to be sent to, though it is not dead.
    case drained(NodeName)
    /// A member may be sent to again.
    case admitted(NodeName)
    /// A member is dead.
    case died(NodeName)
    /// A member left of its own will.
    case left(NodeName)
    /// A member says, through its delegate, that it ends and will be back.
    case restarting(NodeName)
    /// Nothing is known of a member any more.
    case reaped(NodeName)
    /// Two nodes claim one name; the one that was there first stays.
    case conflict(NodeName, at: PeerAddress?)
    /// A peer's table cannot be merged with ours: versions do not meet.
    case incompatible(PeerAddress?)
    /// Nobody answered at that address; tried again after so many milliseconds.
    case joinFailed(PeerAddress, retryIn: UInt64)
    case joinSucceeded(PeerAddress)
    /// Nobody is asked at that address: so many are held already.
    case joinRefused(PeerAddress)
    /// A member answers over streams and not over datagrams.
    case datagramsLost(NodeName)
    /// Nobody can be heard: the trouble is here.
    case isolated
    case reconnected
    /// This node slept for so many milliseconds.
    case stalled(UInt64)
}
