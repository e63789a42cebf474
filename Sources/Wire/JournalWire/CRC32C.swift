/// The Castagnoli checksum (RFC 3720 appendix B.4), to be continued over octets that do not lie together.
///
/// Sixteen octets at a time: one table for each place among them says what an octet there comes to.
/// Source: Kounavis, Berry, "A systematic approach to building high performance software-based CRC
/// generators", 2005.
package struct CRC32C: Sendable {
    private static let stride = 16

    private var state = UInt32.max

    package init() {}

    /// The sum of all that was added.
    package var value: UInt32 { ~state }

    /// The sum of all `octets`.
    package static func of(_ octets: Span<UInt8>) -> UInt32 {
        var sum = CRC32C()
        sum.add(octets)
        return sum.value
    }

    package mutating func add(_ octets: Span<UInt8>) {
        var sum = state
        var index = 0
        let whole = octets.count & ~(Self.stride - 1)
        while index < whole {
            let piece = octets.extracting(index..<index + Self.stride)
            let (a, b) = (sum ^ Self.word(piece, at: 0), Self.word(piece, at: 4))
            let (c, d) = (Self.word(piece, at: 8), Self.word(piece, at: 12))
            let left = Self.four(12, a) ^ Self.four(8, b)
            sum = left ^ Self.four(4, c) ^ Self.four(0, d)
            index += Self.stride
        }
        while index < octets.count {
            sum = sum >> 8 ^ Self.tables[Int(UInt8(truncatingIfNeeded: sum) ^ octets[index])]
            index += 1
        }
        state = sum
    }

    /// A number's eight octets, the lowest first.
    package mutating func add(_ number: UInt64) {
        let low = state ^ UInt32(truncatingIfNeeded: number)
        let high = UInt32(truncatingIfNeeded: number >> 32)
        state = Self.four(4, low) ^ Self.four(0, high)
    }

    /// What four octets come to that `after` others follow.
    @inline(__always)
    private static func four(_ after: Int, _ word: UInt32) -> UInt32 {
        tables[(after + 3) * 256 + Int(word & 0xff)]
            ^ tables[(after + 2) * 256 + Int(word >> 8 & 0xff)]
            ^ tables[(after + 1) * 256 + Int(word >> 16 & 0xff)]
            ^ tables[after * 256 + Int(word >> 24)]
    }

    /// Four octets, the first of them lowest.
    @inline(__always)
    private static func word(_ octets: Span<UInt8>, at index: Int) -> UInt32 {
        UInt32(octets[index]) | UInt32(octets[index + 1]) << 8
            | UInt32(octets[index + 2]) << 16 | UInt32(octets[index + 3]) << 24
    }

    /// Table `n` is what an octet comes to that `n` others follow; as long as its type says, so that no
    /// look-up has to be checked.
    private static let tables: InlineArray<4096, UInt32> = {
        var tables = InlineArray<4096, UInt32>(repeating: 0)
        for octet in 0..<256 {
            tables[octet] = (0..<8).reduce(UInt32(octet)) { sum, _ in
                sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82f6_3b78
            }
        }
        for index in 256..<stride * 256 {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xff)]
        }
        return tables
    }()
}
