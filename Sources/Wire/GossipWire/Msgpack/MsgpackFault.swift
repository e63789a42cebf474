/// What is wrong with a msgpack item; offsets count from the start of the octets that were read.
package enum MsgpackFault: Error, Hashable, Sendable {
    /// The octets end before the item does.
    case truncated(needed: Int, have: Int)
    /// The octet at `offset` begins an item of another kind than the field's, or none at all.
    case kind(octet: UInt8, offset: Int)
    /// A number that the field cannot hold.
    case range(offset: Int)
    /// A map or array that claims more items than its octets can hold or a reader takes.
    case count(claimed: Int, limit: Int)
    /// More octets than a reader takes.
    case length(claimed: Int, limit: Int)
    /// Items within items within items.
    case depth(limit: Int)
}

/// Levels of maps and arrays within one item (gossip-wire.md §3).
let msgpackDepthMax = 16
