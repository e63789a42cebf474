/// What one stream may bring, in octets and items.
package struct StreamLimits: Hashable, Sendable {
    /// An encrypted frame, or a compressed message (memberlist's own; gossip-wire.md §6).
    package var frameOctetsMax = 20 << 20
    /// What a compressed message may come to (memberlist's own; gossip-wire.md §5.2).
    package var inflatedOctetsMax = 40 << 20
    /// Up to here a compressed message may come to anything; beyond it, to `inflationMax` times its
    /// octets.
    ///
    /// LZW can reach 1,300 times, tables of members reach 20.
    package var inflatedOctetsFree = 1 << 20
    package var inflationMax = 128
    /// Lines of a table.
    ///
    /// Peers take 1,048,576; a ring here has at most 100,000 members, and a line
    /// costs about 100 octets of memory where a compressed one takes less than one.
    package var membersMax = 131_072
    /// One line of a table, with what is unknown in it: name and meta have 767 octets at most.
    package var memberOctetsMax = 8192
    /// The delegate's state (memberlist's own; gossip-wire.md §6).
    package var userStateOctetsMax = 20 << 20
    /// A user message (memberlist's own; gossip-wire.md §6).
    package var userMessageOctetsMax = 20 << 20
    /// Any other message, and the heads of those above.
    package var messageOctetsMax = 65_536

    package init() {}

    /// What `octets` compressed octets may come to.
    func inflatedOctetsMax(packed octets: Int) -> Int {
        min(inflatedOctetsMax, max(inflatedOctetsFree, inflationMax * octets))
    }
}
