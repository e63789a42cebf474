/// The CRC-32 of IEEE 802.3, as zlib has it (gossip-wire.md §5.3).
enum Checksum {
    static func of(_ octets: Span<UInt8>) -> UInt32 {
        let table = Self.table
        var sum = UInt32.max
        for index in octets.indices {
            sum = sum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ octets[index])]
        }
        return ~sum
    }

    private static let table: [UInt32] = (0..<256).map { octet in
        (0..<8).reduce(UInt32(octet)) { sum, _ in
            sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xedb8_8320
        }
    }
}
