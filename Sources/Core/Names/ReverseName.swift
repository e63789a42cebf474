package import Base

/// Reverse names: `4.3.2.1.in-addr.arpa` and the nibbles of `ip6.arpa`.
///
/// Source: RFC 1035 §3.5, RFC 3596 §2.5.
package enum ReverseName {
    package static let zone4 = wellKnown("in-addr.arpa")
    package static let zone6 = wellKnown("ip6.arpa")

    /// The name whose PTR record names `address`.
    package static func name(of address: IPAddress) -> DomainName {
        switch address {
        case .v4(let v4):
            let labels = v4.octets.reversed().map { String($0) }
            return wellKnown(labels.joined(separator: ".") + ".in-addr.arpa")
        case .v6(let v6):
            let nibbles = v6.octets.reversed().flatMap { [$0 & 15, $0 >> 4] }
            let labels = nibbles.map { String($0, radix: 16) }
            return wellKnown(labels.joined(separator: ".") + ".ip6.arpa")
        }
    }

    /// The address whose reverse name this is; nil for every other name.
    package static func address(of name: DomainName) -> IPAddress? {
        guard isReverse(name) else { return nil }
        var key = NameKey(seed: 0)
        key.load(name)
        guard let reading = read(key), reading.isAddress else { return nil }
        return reading.block.network
    }

    static func isReverse(_ name: DomainName) -> Bool {
        name.isAtOrBelow(zone4) || name.isAtOrBelow(zone6)
    }

    /// What a reverse name says: the block that its readable labels spell, and whether labels
    /// that are no part of an address stand before them.
    package struct Reading: Hashable, Sendable {
        package let block: CIDR
        package let hasStrayLabels: Bool

        /// Whether the labels spell one whole address.
        package var isAddress: Bool {
            if hasStrayLabels { return false }
            return switch block.network {
            case .v4: block.prefixBits == 32
            case .v6: block.prefixBits == 128
            }
        }
    }

    /// Reads the key as a reverse name; nil when it is not below one of the two zones.
    package static func read(_ key: borrowing NameKey) -> Reading? {
        if let labels = key.labels(before: zone4.octets) { return read4(key, labels: labels) }
        if let labels = key.labels(before: zone6.octets) { return read6(key, labels: labels) }
        return nil
    }

    private static func read4(_ key: borrowing NameKey, labels: Int) -> Reading? {
        var value: UInt32 = 0
        var fields = 0
        while fields < min(labels, 4) {
            guard let octet = decimal(key, label: labels - 1 - fields) else { break }
            value |= UInt32(octet) << UInt32(24 - 8 * fields)
            fields += 1
        }
        return CIDR(around: .v4(IPv4Address(value)), prefixBits: fields * 8).map {
            Reading(block: $0, hasStrayLabels: fields < labels)
        }
    }

    private static func read6(_ key: borrowing NameKey, labels: Int) -> Reading? {
        var halves = (UInt64(0), UInt64(0))
        var nibbles = 0
        while nibbles < min(labels, 32) {
            let range = key.labelRange(labels - 1 - nibbles)
            guard range.count == 1, let digit = hexDigit(key.octet(range.lowerBound)) else {
                break
            }
            let shift = UInt64(60 - 4 * (nibbles % 16))
            if nibbles < 16 {
                halves.0 |= UInt64(digit) << shift
            } else {
                halves.1 |= UInt64(digit) << shift
            }
            nibbles += 1
        }
        let address = IPv6Address(high: halves.0, low: halves.1)
        return CIDR(around: .v6(address), prefixBits: nibbles * 4).map {
            Reading(block: $0, hasStrayLabels: nibbles < labels)
        }
    }

    /// A label of 1 to 3 digits up to 255 without a leading zero.
    private static func decimal(_ key: borrowing NameKey, label: Int) -> UInt8? {
        let range = key.labelRange(label)
        guard range.count <= 3 else { return nil }
        var value = 0
        for index in range {
            let octet = key.octet(index)
            guard (48...57).contains(octet) else { return nil }
            value = value * 10 + Int(octet - 48)
        }
        if range.count > 1, key.octet(range.lowerBound) == 48 { return nil }
        return UInt8(exactly: value)
    }

    private static func hexDigit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 48...57: octet - 48
        case 97...102: octet - 87
        default: nil
        }
    }
}

/// A name that is part of the program's text.
func wellKnown(_ text: String) -> DomainName {
    guard let name = try? DomainName(text) else {
        preconditionFailure("\(text) is no domain name")
    }
    return name
}
