/// Big-endian numbers, and runs of octets, as the framing has them.
extension Span where Element == UInt8 {
    @inline(__always)
    func uint16(at index: Int) -> UInt16 {
        UInt16(self[index]) << 8 | UInt16(self[index + 1])
    }

    @inline(__always)
    func uint32(at index: Int) -> UInt32 {
        UInt32(uint16(at: index)) << 16 | UInt32(uint16(at: index + 2))
    }

    @inline(__always)
    func uint64(at index: Int) -> UInt64 {
        UInt64(uint32(at: index)) << 32 | UInt64(uint32(at: index + 4))
    }

    /// A copy of the octets in `range`: one allocation, none when it is empty.
    func array(_ range: Range<Int>) -> [UInt8] {
        if range.isEmpty { return [] }
        return [UInt8](capacity: range.count) { out in
            for index in range { out.append(self[index]) }
        }
    }
}

extension Array where Element == UInt8 {
    mutating func append(uint16 value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(uint32 value: UInt32) {
        append(uint16: UInt16(truncatingIfNeeded: value >> 16))
        append(uint16: UInt16(truncatingIfNeeded: value))
    }

    mutating func append(uint64 value: UInt64) {
        append(uint32: UInt32(truncatingIfNeeded: value >> 32))
        append(uint32: UInt32(truncatingIfNeeded: value))
    }

    mutating func append(span: Span<UInt8>) {
        let needed = count + span.count
        // Reserving what is needed and no more would copy all of it for each piece that arrives.
        if needed > capacity { reserveCapacity(Swift.max(needed, 2 * capacity)) }
        for index in span.indices { append(span[index]) }
    }
}
