/// The name a ring may put before all that it says, so that two rings do not merge by accident.
///
/// It is not secret; under encryption it is authenticated. Docker's rings have none.
/// Source: gossip-wire.md §5.5.
package struct RingLabel: Hashable, Sendable {
    /// From 1 to 255 octets, or none for a ring without a label.
    package let octets: [UInt8]

    /// Throws: `LabelFault.length` for more than 255 octets.
    package init(_ octets: [UInt8]) throws(LabelFault) {
        guard octets.count <= Self.octetsMax else { throw .length(octets.count) }
        self.octets = octets
    }

    private init() {
        octets = []
    }

    package static let none = RingLabel()
    package static let octetsMax = 255

    /// Octets that the label costs a datagram or the beginning of a stream.
    package var overhead: Int { octets.isEmpty ? 0 : 2 + octets.count }

    /// The header that stands before a datagram or at the beginning of a stream.
    func write(_ out: inout [UInt8]) {
        if octets.isEmpty { return }
        out.append(MessageType.label.rawValue)
        out.append(UInt8(octets.count))
        out += octets
    }

    /// Octets of the label header that `bytes` begin with, once it is known to be this ring's.
    ///
    /// Returns nil when the header is not there whole yet.
    /// Throws: `LabelFault` for a label of length 0, another ring's, or none where there should be.
    func strip(_ bytes: Span<UInt8>) throws(LabelFault) -> Int? {
        guard let first = bytes.count > 0 ? bytes[0] : nil else { return nil }
        guard first == MessageType.label.rawValue else {
            guard octets.isEmpty else { throw .missing }
            return 0
        }
        guard bytes.count >= 2 else { return nil }
        let count = Int(bytes[1])
        guard count > 0 else { throw .length(0) }
        guard count == octets.count else { throw .other }
        for index in 0..<min(count, bytes.count - 2) where bytes[2 + index] != octets[index] {
            throw .other
        }
        return bytes.count >= 2 + count ? 2 + count : nil
    }
}

/// Why a label is not this ring's.
package enum LabelFault: Error, Hashable, Sendable {
    /// A label has 1 ... 255 octets.
    case length(Int)
    /// None where this ring has one.
    case missing
    /// Another ring's.
    case other
    /// The datagram ends within it.
    case truncated
}
