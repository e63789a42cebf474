/// The name of a node in its ring: octets, compared as octets.
///
/// Peers compare names octet by octet; text compared by its characters would take two spellings of
/// one letter for the same node. Source: gossip-wire.md §4.
package struct NodeName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name that a table takes, in octets; on the wire there is no limit
    /// (gossip-wire.md §22).
    package static let octetsMax = 255

    package let octets: [UInt8]

    package init(octets: [UInt8]) {
        self.octets = octets
    }

    package init(_ text: String) {
        octets = Array(text.utf8)
    }

    /// In a ping: whoever lives at the address.
    package static let anyone = NodeName(octets: [])

    package var isEmpty: Bool { octets.isEmpty }

    package var description: String { String(decoding: octets, as: UTF8.self) }

    package static func < (left: NodeName, right: NodeName) -> Bool {
        left.octets.lexicographicallyPrecedes(right.octets)
    }
}
