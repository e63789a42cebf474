/// Numbers with the lowest octet first, as our own extensions have them.
extension Span where Element == UInt8 {
    func little32(at index: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: little(4, at: index))
    }

    func little64(at index: Int) -> UInt64 { little(8, at: index) }

    private func little(_ count: Int, at index: Int) -> UInt64 {
        var value: UInt64 = 0
        for place in 0..<count { value |= UInt64(self[index + place]) << UInt64(8 * place) }
        return value
    }
}

extension Array where Element == UInt8 {
    mutating func append(little32 value: UInt32) {
        for place in 0..<4 { append(UInt8(truncatingIfNeeded: value >> UInt32(8 * place))) }
    }

    mutating func append(little64 value: UInt64) {
        for place in 0..<8 { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
    }
}
