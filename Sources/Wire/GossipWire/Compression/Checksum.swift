/// The CRC-32 of IEEE 802.3, as zlib has it (gossip-wire.md §5.3).
///
/// Eight octets at a time: one table for each place among them says what an octet there comes to.
/// Source: Kounavis, Berry, "A systematic approach to building high performance
/// software-based CRC generators", 2005.
package enum Checksum {
    private static let stride = 8

    /// The sum of all `octets`.
    package static func of(_ octets: Span<UInt8>) -> UInt32 {
        let tables = Self.tables
        var sum = UInt32.max
        var index = 0
        while octets.count - index >= stride {
            let low = sum ^ word(octets, at: index)
            let high = word(octets, at: index + 4)
            sum = tables[1792 + Int(low & 0xff)] ^ tables[1536 + Int(low >> 8 & 0xff)]
            sum ^= tables[1280 + Int(low >> 16 & 0xff)] ^ tables[1024 + Int(low >> 24)]
            sum ^= tables[768 + Int(high & 0xff)] ^ tables[512 + Int(high >> 8 & 0xff)]
            sum ^= tables[256 + Int(high >> 16 & 0xff)] ^ tables[Int(high >> 24)]
            index += stride
        }
        while index < octets.count {
            sum = sum >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: sum) ^ octets[index])]
            index += 1
        }
        return ~sum
    }

    /// Four octets, the first of them lowest.
    @inline(__always)
    private static func word(_ octets: Span<UInt8>, at index: Int) -> UInt32 {
        UInt32(octets[index]) | UInt32(octets[index + 1]) << 8
            | UInt32(octets[index + 2]) << 16 | UInt32(octets[index + 3]) << 24
    }

    /// Table `n` is what an octet comes to that `n` others follow.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = (0..<256).map { (octet: UInt32) -> UInt32 in
            (0..<8).reduce(octet) { sum, _ in
                sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xedb8_8320
            }
        }
        tables.reserveCapacity(stride * 256)
        for index in 256..<stride * 256 {
            let before = tables[index - 256]
            tables.append(before >> 8 ^ tables[Int(before & 0xff)])
        }
        return tables
    }()
}
