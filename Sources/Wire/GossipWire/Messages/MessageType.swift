/// The first octet of every message.
///
/// Source: gossip-wire.md §2.
package enum MessageType: UInt8, Hashable, Sendable, CaseIterable {
    case ping = 0
    case indirectPing = 1
    case ack = 2
    case suspect = 3
    case alive = 4
    case dead = 5
    /// A whole table; over streams alone.
    case pushPull = 6
    /// Several messages in one datagram.
    case compound = 7
    /// The delegate's; opaque.
    case user = 8
    case compressed = 9
    /// An encrypted message; over streams alone.
    case sealed = 10
    case nack = 11
    /// A message behind its CRC; outermost in a datagram or inside the encryption alone.
    case checksummed = 12
    /// An answer that says why there is none; over streams alone.
    case error = 13
    /// The ring's label; outermost alone.
    case label = 244
}
