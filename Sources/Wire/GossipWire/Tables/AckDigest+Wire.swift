package import Gossip

// The payload of an ack between nodes that say they can read it: gossip-scale.md §3.9.

extension AckDigest {
    private static let version: UInt8 = 1
    private static let headOctets = 10
    private static let rootOctets = 12

    /// Reads the payload of an ack; nil for any other program's.
    ///
    /// Layout: version 1, fill, members u64, and for each of at most three networks network u32 and root
    /// u64; numbers with the lowest octet first.
    package init?(_ payload: Span<UInt8>) {
        guard payload.count >= Self.headOctets, payload[0] == Self.version else { return nil }
        let (count, rest) = (payload.count - Self.headOctets)
            .quotientAndRemainder(dividingBy: Self.rootOctets)
        guard rest == 0, count <= Self.rootsMax else { return nil }
        self.init(fill: payload[1], members: payload.little64(at: 2), roots: [])
        for index in 0..<count {
            let at = Self.headOctets + index * Self.rootOctets
            roots.append(
                Root(network: payload.little32(at: at), root: payload.little64(at: at + 4))
            )
        }
    }

    /// The payload, of the first three networks.
    package var octets: [UInt8] {
        var out: [UInt8] = [Self.version, fill]
        out.append(little64: members)
        for root in roots.prefix(Self.rootsMax) {
            out.append(little32: root.network)
            out.append(little64: root.root)
        }
        return out
    }
}
