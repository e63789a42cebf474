/// What is put around messages on their way into a datagram, and what it costs to the octet.
///
/// Innermost first: messages, a compound where there are several, compression, checksum, encryption,
/// label. Peers budget a little less exactly: they leave the checksum out. Source: gossip-wire.md §1,
/// §5.6.
package struct DatagramFrame: Hashable, Sendable {
    /// The longest datagram, in octets, from 500 to 65,507.
    package let octetsMax: Int
    package let label: RingLabel
    /// nil where the ring has no keys.
    package let seal: SealVersion?
    /// For nodes known to speak version 5 or later.
    package let hasChecksum: Bool
    /// The shortest content worth compressing, in octets; nil: nothing is.
    package let compressedFrom: Int?

    /// What peers send at most (gossip-wire.md §8).
    package static let octetsMaxDefault = 1400
    /// Below this LZW rarely wins (gossip-wire.md §22).
    package static let compressedFromDefault = 256
    /// Parts of one compound.
    package static let partsMax = 255

    package init(
        octetsMax: Int = octetsMaxDefault,
        label: RingLabel = .none,
        seal: SealVersion? = nil,
        hasChecksum: Bool = false,
        compressedFrom: Int? = compressedFromDefault
    ) {
        precondition((500...65_507).contains(octetsMax), "datagrams of \(octetsMax) octets")
        self.octetsMax = octetsMax
        self.label = label
        self.seal = seal
        self.hasChecksum = hasChecksum
        self.compressedFrom = compressedFrom
    }

    /// The longest message, compound or compressed message that a datagram holds, in octets.
    package var contentOctetsMax: Int {
        let inside = octetsMax - label.overhead
        let plain = seal?.plainOctetsMax(frame: inside) ?? inside
        return plain - (hasChecksum ? checksumOctets : 0)
    }

    /// Octets of the datagram around a content of `content` octets.
    package func datagramOctets(content: Int) -> Int {
        let plain = content + (hasChecksum ? checksumOctets : 0)
        return label.overhead + (seal?.frameOctets(plain: plain) ?? plain)
    }

    /// How long the next message may be when `count` messages of `octets` octets in all are in.
    ///
    /// Exact for content that is not compressed: a message of that length fills the datagram.
    /// 0 when nothing fits, not even the empty message.
    package func octetsLeft(after count: Int, octets: Int) -> Int {
        guard count > 0 else { return contentOctetsMax }
        guard count < Self.partsMax else { return 0 }
        let compound = Self.contentOctets(count: count + 1, octets: octets)
        return max(0, contentOctetsMax - compound)
    }

    /// Octets of `count` messages of `octets` octets in all, as one content.
    package static func contentOctets(count: Int, octets: Int) -> Int {
        count <= 1 ? octets : 2 + 2 * count + octets
    }

    /// The datagram of `content`, for a ring without keys.
    package func datagram(_ content: [UInt8]) -> [UInt8] {
        precondition(seal == nil, "a ring with keys sends nothing plain")
        if label.octets.isEmpty { return content }
        var out: [UInt8] = []
        out.reserveCapacity(label.overhead + content.count)
        label.write(&out)
        out += content
        return out
    }

    /// The datagram of `content`, encrypted by `seal` with a nonce that was never used before.
    package func datagram(
        _ content: [UInt8],
        nonce: [UInt8],
        seal: (SealRequest) -> [UInt8]
    ) -> [UInt8] {
        guard let version = self.seal else { return datagram(content) }
        var head: [UInt8] = []
        if !label.octets.isEmpty { label.write(&head) }
        return version.frame(
            after: head,
            content,
            nonce: nonce,
            additional: label.octets,
            by: seal
        )
    }
}
