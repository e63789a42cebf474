/// One user message of a serf ring: what `GossipMessage.user` holds.
///
/// What is passed on is passed on as it came; these values are for what it says.
/// Source: gossip-wire.md §18.3.
package enum SerfMessage: Hashable, Sendable {
    case leave(SerfLeave)
    case join(SerfJoin)
    case userEvent(SerfEvent)
    case query(SerfQuery)
    case queryResponse(SerfQueryResponse)
    case relay(SerfRelay)
}
