/// Writes protobuf as Docker's encoder does: fields in the order of their numbers, each varint as short
/// as it can be, no field whose value is zero or empty.
///
/// Docker's nodes compare none of these octets, but captures do. Source: networkdb-dns.md A2.
extension Array where Element == UInt8 {
    mutating func append(varint value: UInt64) {
        var left = value
        while left >= 0x80 {
            append(UInt8(truncatingIfNeeded: left) | 0x80)
            left >>= 7
        }
        append(UInt8(left))
    }

    mutating func append(field: UInt32, integer value: UInt64) {
        if value == 0 { return }
        append(varint: UInt64(field) << 3)
        append(varint: value)
    }

    mutating func append(field: UInt32, flag value: Bool) {
        append(field: field, integer: value ? 1 : 0)
    }

    mutating func append(field: UInt32, octets: [UInt8]) {
        if octets.isEmpty { return }
        append(item: field, octets: octets)
    }

    mutating func append(field: UInt32, text: String) {
        append(field: field, octets: [UInt8](text.utf8))
    }

    /// One item of a field that may have many: written though it is empty.
    mutating func append(item field: UInt32, octets: [UInt8]) {
        append(item: field, octetCount: octets.count)
        append(contentsOf: octets)
    }

    /// What stands before so many octets that the caller appends.
    mutating func append(item field: UInt32, octetCount: Int) {
        append(varint: UInt64(field) << 3 | 2)
        append(varint: UInt64(octetCount))
    }
}

/// Octets of a number as a varint.
func varintOctets(_ value: Int) -> Int {
    precondition(value >= 0, "a length of \(value)")
    return Swift.max(1, (Int.bitWidth - value.leadingZeroBitCount + 6) / 7)
}
