import Gossip

/// Writes msgpack as the peers' encoder does, octet by octet.
///
/// Strings and octets are the old "raw" family, lengths over 31 take 16 bits at once, integers the
/// shortest unsigned form; the fields of a struct stand in the order of their names' octets. Peers
/// compare nothing of this, but captures do. Source: gossip-wire.md §3.
extension Array where Element == UInt8 {
    mutating func append(map pairs: Int) {
        append(count: pairs, short: 0x80, long: 0xde)
    }

    mutating func append(array elements: Int) {
        append(count: elements, short: 0x90, long: 0xdc)
    }

    private mutating func append(count: Int, short: UInt8, long: UInt8) {
        precondition(count >= 0 && count <= UInt32.max, "a count of \(count)")
        switch count {
        case ..<16: append(short | UInt8(count))
        case ...0xffff:
            append(long)
            append(uint16: UInt16(count))
        default:
            append(long + 1)
            append(uint32: UInt32(count))
        }
    }

    /// The head of a string or of octets that the caller appends.
    mutating func append(rawOctets count: Int) {
        precondition(count >= 0 && count <= UInt32.max, "\(count) octets")
        switch count {
        case ..<32: append(0xa0 | UInt8(count))
        case ...0xffff:
            append(0xda)
            append(uint16: UInt16(count))
        default:
            append(0xdb)
            append(uint32: UInt32(count))
        }
    }

    mutating func append(raw octets: [UInt8]) {
        append(rawOctets: octets.count)
        append(contentsOf: octets)
    }

    /// Writes the kept octets; what was only counted is not there to be written.
    mutating func append(raw octets: ShortOctets) {
        let count = octets.isWhole ? octets.count : 0
        append(rawOctets: count)
        for index in 0..<count { append(octets[index]) }
    }

    mutating func append(_ field: FieldName) {
        append(raw: field.octets)
    }

    mutating func append(integer value: UInt64) {
        switch value {
        case ..<0x80: append(UInt8(value))
        case ...0xff:
            append(0xcc)
            append(UInt8(value))
        case ...0xffff:
            append(0xcd)
            append(uint16: UInt16(value))
        case ...0xffff_ffff:
            append(0xce)
            append(uint32: UInt32(value))
        default:
            append(0xcf)
            append(uint64: value)
        }
    }

    mutating func append(integer value: some FixedWidthInteger & UnsignedInteger) {
        append(integer: UInt64(value))
    }

    /// Never negative: a length, or a span of time.
    mutating func append(length value: Int) {
        precondition(value >= 0, "a length of \(value)")
        append(integer: UInt64(value))
    }

    mutating func append(flag value: Bool) {
        append(value ? 0xc3 : 0xc2)
    }

    mutating func append(double value: Double) {
        append(0xcb)
        append(uint64: value.bitPattern)
    }

    mutating func appendNone() {
        append(0xc0)
    }
}
