/// One message of the membership protocol, without what carries it.
///
/// Source: gossip-wire.md §2-§4.
package enum GossipMessage: Hashable, Sendable {
    case ping(Ping)
    case indirectPing(IndirectPing)
    case ack(Ack)
    case nack(Nack)
    case suspect(Suspect)
    case alive(Alive)
    case dead(Dead)
    /// The delegate's octets; in a datagram all that follow the type.
    case user([UInt8])
}
