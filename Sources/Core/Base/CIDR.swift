/// A block of addresses: a network address and the length of its prefix in bits.
///
/// Source: RFC 4632 §3.1 (IPv4, 0 ... 32), RFC 4291 §2.3 (IPv6, 0 ... 128).
package struct CIDR: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first address of the block; its host bits are zero.
    package let network: IPAddress
    package let prefixBits: Int

    /// The block of that length around `address`; nil when the length does not fit the family.
    package init?(around address: IPAddress, prefixBits: Int) {
        switch address {
        case .v4(let v4):
            guard (0...32).contains(prefixBits) else { return nil }
            let mask = prefixBits == 0 ? 0 : UInt32.max << UInt32(32 - prefixBits)
            network = .v4(IPv4Address(v4.value & mask))
        case .v6(let v6):
            guard (0...128).contains(prefixBits) else { return nil }
            let high = prefixBits >= 64 ? UInt64.max : Self.mask(prefixBits)
            let low = prefixBits <= 64 ? 0 : Self.mask(prefixBits - 64)
            network = .v6(IPv6Address(high: v6.high & high, low: v6.low & low))
        }
        self.prefixBits = prefixBits
    }

    /// `10.0.0.0/8`, `fd00::/64`, or a bare address as its own block; host bits must be zero.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        let full = if case .v4 = address { 32 } else { 128 }
        var bits = full
        if parts.count == 2 {
            guard isUnsigned(parts[1]), let given = Int(parts[1]), given <= full else { return nil }
            bits = given
        }
        guard let block = CIDR(around: address, prefixBits: bits), block.network == address else {
            return nil
        }
        self = block
    }

    package func contains(_ address: IPAddress) -> Bool {
        CIDR(around: address, prefixBits: prefixBits)?.network == network
    }

    /// Whether every address of `other` is in this block.
    package func contains(_ other: CIDR) -> Bool {
        other.prefixBits >= prefixBits && contains(other.network)
    }

    package var description: String { "\(network)/\(prefixBits)" }

    package static func < (left: CIDR, right: CIDR) -> Bool {
        (left.network, left.prefixBits) < (right.network, right.prefixBits)
    }

    private static func mask(_ bits: Int) -> UInt64 {
        bits == 0 ? 0 : UInt64.max << UInt64(64 - bits)
    }
}

/// An address and a UDP or TCP port: `192.0.2.53:53`, `[2001:db8::53]:5353`.
package struct SocketEndpoint: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    package let port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Parses `ADDR:PORT`, `[ADDR6]:PORT`, or a bare address when `defaultPort` is given.
    package init?(_ text: some StringProtocol, defaultPort: UInt16? = nil) {
        if let defaultPort, let address = IPAddress(text) {
            self.init(address: address, port: defaultPort)
            return
        }
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            let inner = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard let address = IPv6Address(inner) else { return nil }
            if rest.isEmpty, let defaultPort {
                self.init(address: .v6(address), port: defaultPort)
                return
            }
            guard rest.hasPrefix(":"), let port = Self.port(rest.dropFirst()) else { return nil }
            self.init(address: .v6(address), port: port)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), let port = Self.port(parts[1])
        else { return nil }
        self.init(address: .v4(address), port: port)
    }

    package var description: String {
        switch address {
        case .v4(let v4): "\(v4):\(port)"
        case .v6(let v6): "[\(v6)]:\(port)"
        }
    }

    package static func < (left: SocketEndpoint, right: SocketEndpoint) -> Bool {
        (left.address, left.port) < (right.address, right.port)
    }

    private static func port(_ digits: some StringProtocol) -> UInt16? {
        guard digits.utf8.count <= 5, isUnsigned(digits) else { return nil }
        return UInt16(digits)
    }
}

/// Whether the text is digits alone: Swift's own integers take a sign, `-0` included.
func isUnsigned(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) }
}
