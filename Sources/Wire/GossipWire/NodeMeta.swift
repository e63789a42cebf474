package import Gossip

/// What a Waggle node says of itself in a ring whose other members say nothing: a meta of at most 300
/// octets.
///
/// Peers keep a meta and pass it on without reading it, so all that stands here is what stays the same as
/// long as the node runs. Layout: `GS1`, capabilities u32, boot u64, zone, name (each a length octet and
/// so many octets), the 16 octets of the node's id; numbers with the lowest octet first. What follows is
/// left for later versions. Source: gossip-scale.md §3.9; docs/decisions/0009.
package struct NodeMeta: Hashable, Sendable {
    private static let magic = Array("GS1".utf8)
    package static let idOctets = 16

    /// Extensions this node speaks; bits that nobody here knows stay as they are.
    package var capabilities: TableCapabilities = []
    /// Higher for each run of the same node.
    package var boot: UInt64
    package var zone: [UInt8] = []
    /// What people call it; at most 255 octets.
    package var name: [UInt8]
    /// The node's own, kept over restarts.
    package var id: [UInt8]

    package init(name: [UInt8], id: [UInt8], boot: UInt64) {
        precondition(id.count == Self.idOctets, "an id of \(id.count) octets")
        self.name = Array(name.prefix(255))
        self.id = id
        self.boot = boot
    }

    /// nil for the meta of any other program.
    package init?(_ octets: Span<UInt8>) {
        var at = Self.magic.count
        guard octets.count >= at, octets.array(0..<at) == Self.magic else { return nil }
        func number(_ count: Int) -> UInt64? {
            guard octets.count - at >= count else { return nil }
            var value: UInt64 = 0
            for place in 0..<count { value |= UInt64(octets[at + place]) << UInt64(8 * place) }
            at += count
            return value
        }
        func text(_ count: Int) -> [UInt8]? {
            guard octets.count - at >= count else { return nil }
            defer { at += count }
            return octets.array(at..<at + count)
        }
        guard let capabilities = number(4), let boot = number(8),
            let zone = number(1).flatMap({ text(Int($0)) }),
            let name = number(1).flatMap({ text(Int($0)) }), let id = text(Self.idOctets)
        else { return nil }
        self.capabilities = TableCapabilities(rawValue: UInt32(capabilities))
        self.boot = boot
        self.zone = zone
        self.name = name
        self.id = id
    }

    package var octets: [UInt8] {
        var out = Self.magic
        for place in 0..<4 {
            out.append(UInt8(truncatingIfNeeded: capabilities.rawValue >> (8 * place)))
        }
        for place in 0..<8 { out.append(UInt8(truncatingIfNeeded: boot >> (8 * place))) }
        for text in [zone, name] {
            out.append(UInt8(clamping: text.count))
            out += text.prefix(255)
        }
        return out + id
    }
}
