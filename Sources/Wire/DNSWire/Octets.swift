/// Big-endian reads that the caller has checked against `count`.
extension Span where Element == UInt8 {
    @inline(__always)
    package func uint16(at index: Int) -> UInt16 {
        UInt16(self[index]) << 8 | UInt16(self[index + 1])
    }

    @inline(__always)
    package func uint32(at index: Int) -> UInt32 {
        UInt32(uint16(at: index)) << 16 | UInt32(uint16(at: index + 2))
    }
}

extension OutputSpan where Element == UInt8 {
    @inline(__always)
    package mutating func append(uint16 value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    @inline(__always)
    package mutating func append(uint32 value: UInt32) {
        append(uint16: UInt16(truncatingIfNeeded: value >> 16))
        append(uint16: UInt16(truncatingIfNeeded: value))
    }

    @inline(__always)
    @_lifetime(self: copy self)
    package mutating func append(_ source: Span<UInt8>, _ range: Range<Int>) {
        for index in range { append(source[index]) }
    }

    @inline(__always)
    package mutating func append(octets: [UInt8], _ range: Range<Int>) {
        append(octets.span, range)
    }

    package mutating func append(octets: [UInt8]) {
        for octet in octets { append(octet) }
    }
}

extension Array where Element == UInt8 {
    package mutating func append(uint16 value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    package mutating func append(uint32 value: UInt32) {
        append(uint16: UInt16(truncatingIfNeeded: value >> 16))
        append(uint16: UInt16(truncatingIfNeeded: value))
    }
}
