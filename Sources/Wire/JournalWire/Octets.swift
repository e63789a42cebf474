/// Numbers as every file of a journal has them: the lowest octet first.
extension [UInt8] {
    mutating func put(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }

    mutating func put(_ number: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> UInt32(shift)))
        }
    }

    mutating func put(_ number: UInt16) {
        append(UInt8(truncatingIfNeeded: number))
        append(UInt8(truncatingIfNeeded: number >> 8))
    }

    /// Zeros up to a length.
    mutating func fill(to length: Int) {
        if count < length { self += [UInt8](repeating: 0, count: length - count) }
    }
}

extension Span<UInt8> {
    @inline(__always)
    func number64(at index: Int) -> UInt64 {
        UInt64(number32(at: index)) | UInt64(number32(at: index + 4)) << 32
    }

    @inline(__always)
    func number32(at index: Int) -> UInt32 {
        UInt32(self[index]) | UInt32(self[index + 1]) << 8
            | UInt32(self[index + 2]) << 16 | UInt32(self[index + 3]) << 24
    }

    @inline(__always)
    func number16(at index: Int) -> UInt16 {
        UInt16(self[index]) | UInt16(self[index + 1]) << 8
    }

    /// A copy of some of the octets.
    package func copy(_ range: Range<Int>) -> [UInt8] {
        let part = extracting(range)
        return [UInt8](capacity: part.count) { out in
            for index in part.indices { out.append(part[index]) }
        }
    }
}
