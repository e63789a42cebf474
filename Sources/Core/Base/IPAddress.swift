/// An IPv4 address as one number in host order: `10.0.0.1` is `0x0a000001`.
package struct IPv4Address: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt32

    package init(_ value: UInt32) {
        self.value = value
    }

    package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        value = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Dotted quad with exactly four decimal fields and no leading zeros; nil for anything else.
    package init?(_ text: some StringProtocol) {
        var total: UInt32 = 0
        var fields = 0
        for field in text.split(separator: ".", omittingEmptySubsequences: false) {
            guard let octet = decimalOctet(field.utf8) else { return nil }
            total = total << 8 | UInt32(octet)
            fields += 1
            if fields > 4 { return nil }
        }
        guard fields == 4 else { return nil }
        value = total
    }

    package var octets: [UInt8] {
        [
            UInt8(truncatingIfNeeded: value >> 24), UInt8(truncatingIfNeeded: value >> 16),
            UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value),
        ]
    }

    package var description: String {
        octets.map { String($0) }.joined(separator: ".")
    }

    package static func < (left: IPv4Address, right: IPv4Address) -> Bool {
        left.value < right.value
    }
}

/// An IPv6 address as two 64-bit halves in host order.
package struct IPv6Address: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Sixteen octets in network order.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count == 16 else { return nil }
        var halves = (UInt64(0), UInt64(0))
        for (index, octet) in octets.enumerated() {
            if index < 8 {
                halves.0 = halves.0 << 8 | UInt64(octet)
            } else {
                halves.1 = halves.1 << 8 | UInt64(octet)
            }
        }
        self.init(high: halves.0, low: halves.1)
    }

    /// Text form with `::` and a trailing dotted quad allowed, without a zone.
    ///
    /// Source: RFC 4291 §2.2.
    package init?(_ text: some StringProtocol) {
        guard let groups = ipv6Groups(String(text)) else { return nil }
        var halves = (UInt64(0), UInt64(0))
        for index in 0..<4 {
            halves.0 = halves.0 << 16 | UInt64(groups[index])
            halves.1 = halves.1 << 16 | UInt64(groups[index + 4])
        }
        self.init(high: halves.0, low: halves.1)
    }

    package var octets: [UInt8] {
        var result: [UInt8] = []
        for half in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: half >> UInt64(shift)))
            }
        }
        return result
    }

    /// The canonical text form of RFC 5952: lower case, longest run of zeros as `::`.
    package var description: String {
        let groups = (0..<8).map { index in
            let half = index < 4 ? high : low
            return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index % 4)))
        }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = end + 1
        }
        let hex = groups.map { String($0, radix: 16) }
        if best.isEmpty { return hex.joined(separator: ":") }
        return hex[..<best.lowerBound].joined(separator: ":") + "::"
            + hex[best.upperBound...].joined(separator: ":")
    }

    package static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// An address of either family; IPv4 sorts before IPv6.
package enum IPAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    case v4(IPv4Address)
    case v6(IPv6Address)

    package init?(_ text: some StringProtocol) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }

    /// 127.0.0.0/8 or ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    package var isLoopback: Bool {
        switch self {
        case .v4(let address): address.value >> 24 == 127
        case .v6(let address): address.high == 0 && address.low == 1
        }
    }

    /// 0.0.0.0 or ::.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.value == 0
        case .v6(let address): address.high == 0 && address.low == 0
        }
    }

    /// Whether the address is not reachable from the public Internet: RFC 1918, shared (RFC 6598),
    /// loopback, link-local, or unique local (RFC 4193).
    package var isPrivate: Bool {
        switch self {
        case .v4(let address):
            let value = address.value
            return value >> 24 == 10 || value >> 20 == 0xac1 || value >> 16 == 0xc0a8
                || value >> 24 == 127 || value >> 16 == 0xa9fe || value >> 22 == 0x191
        case .v6(let address):
            return address.high >> 57 == 0x7e || address.high >> 54 == 0x3fa || isLoopback
        }
    }

    package static func < (left: IPAddress, right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let a), .v6(let b)): a < b
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

/// One decimal field of a dotted quad: 0 to 255, at most three digits, no leading zero.
private func decimalOctet(_ field: some Collection<UInt8>) -> UInt8? {
    guard (1...3).contains(field.count) else { return nil }
    var value = 0
    for digit in field {
        guard (48...57).contains(digit) else { return nil }
        value = value * 10 + Int(digit - 48)
    }
    if field.count > 1, field.first == 48 { return nil }
    return UInt8(exactly: value)
}

/// The eight groups of an IPv6 text; nil when it is not one.
private func ipv6Groups(_ text: String) -> [UInt16]? {
    guard text.utf8.count <= 45 else { return nil }
    var fields = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
    guard fields.count >= 3 else { return nil }
    if let last = fields.last, last.contains(".") {
        guard let quad = IPv4Address(last) else { return nil }
        fields.removeLast()
        fields.append(String(quad.value >> 16, radix: 16))
        fields.append(String(quad.value & 0xffff, radix: 16))
    }
    // "::" leaves one empty field inside, two at an end; normalise to exactly one.
    if fields.first == "" {
        guard fields.count > 1, fields[1] == "" else { return nil }
        fields.removeFirst()
    }
    if fields.last == "" {
        guard fields.count > 1, fields[fields.count - 2] == "" else { return nil }
        fields.removeLast()
    }
    let gaps = fields.indices.filter { fields[$0] == "" }
    guard gaps.count <= 1 else { return nil }
    if let gap = gaps.first {
        guard fields.count <= 8 else { return nil }
        let zeros = [String](repeating: "0", count: 9 - fields.count)
        fields.replaceSubrange(gap...gap, with: zeros)
    }
    guard fields.count == 8 else { return nil }
    var groups: [UInt16] = []
    for field in fields {
        // Swift's own reading takes a sign: `+1`, and `-0` even where nothing is negative.
        guard field.utf8.count <= 4, field.utf8.first != 43, field.utf8.first != 45,
            let group = UInt16(field, radix: 16)
        else { return nil }
        groups.append(group)
    }
    return groups
}
