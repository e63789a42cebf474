package import Base

/// A node's address as that node spelled it: 4 or 16 octets on a good day.
///
/// An IPv4 address has two spellings, and peers compare them octet by octet: relaying the other one
/// is a conflict of addresses, over which a serf agent shuts itself down. So the octets are kept and
/// passed on as they came; `address` is for connecting. Source: gossip-wire.md §4, §17.1.
package struct AddressOctets: Hashable, Sendable, CustomStringConvertible {
    package let octets: ShortOctets

    package init(_ octets: ShortOctets) {
        self.octets = octets
    }

    /// The shortest spelling of `address`: 4 octets for IPv4, 16 for IPv6.
    package init(_ address: IPAddress) {
        switch address {
        case .v4(let v4): octets = ShortOctets(v4.octets)
        case .v6(let v6): octets = ShortOctets(v6.octets)
        }
    }

    package static let none = AddressOctets(ShortOctets())

    package var isEmpty: Bool { octets.isEmpty }

    /// The address to connect to; nil when the octets are none.
    package var address: IPAddress? {
        switch octets.count {
        case 4: return .v4(v4(at: 0))
        case 16:
            guard let v6 = IPv6Address(octets: octets.octets) else { return nil }
            // ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
            let isMapped = v6.high == 0 && v6.low >> 32 == 0xffff
            return isMapped ? .v4(v4(at: 12)) : .v6(v6)
        default: return nil
        }
    }

    private func v4(at index: Int) -> IPv4Address {
        IPv4Address(octets[index], octets[index + 1], octets[index + 2], octets[index + 3])
    }

    package var description: String {
        address?.description ?? "(\(octets.count) octets)"
    }
}
