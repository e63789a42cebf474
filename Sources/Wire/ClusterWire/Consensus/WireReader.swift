/// Reads numbers and octets one after another, never past the end.
struct WireReader: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var at = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    var left: Int { bytes.count - at }

    mutating func octet() throws(WireFault) -> UInt8 {
        guard at < bytes.count else { throw .truncated(offset: at) }
        at += 1
        return bytes[at - 1]
    }

    mutating func flag() throws(WireFault) -> Bool {
        let value = try octet()
        guard value <= 1 else { throw .number(offset: at - 1) }
        return value == 1
    }

    /// Seven bits in each octet, the lowest first; the shortest form only, so that each value has one.
    mutating func number() throws(WireFault) -> UInt64 {
        let start = at
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let octet = try octet()
            if shift == 63, octet > 1 { throw .number(offset: start) }
            value |= UInt64(octet & 0x7f) << shift
            if octet < 0x80 {
                if octet == 0, shift > 0 { throw .number(offset: start) }
                return value
            }
            shift += 7
        }
    }

    mutating func number32() throws(WireFault) -> UInt32 {
        let start = at
        guard let value = UInt32(exactly: try number()) else { throw .number(offset: start) }
        return value
    }

    /// Eight octets, the lowest first.
    mutating func fixed() throws(WireFault) -> UInt64 {
        guard left >= 8 else { throw .truncated(offset: bytes.count) }
        var value: UInt64 = 0
        for place in 0..<8 { value |= UInt64(bytes[at + place]) << UInt64(8 * place) }
        at += 8
        return value
    }

    /// A count of things that take at least `octets` each.
    mutating func count(max: Int = .max, octets: Int = 1) throws(WireFault) -> Int {
        let start = at
        let value = try number()
        guard value <= UInt64(max) else { throw .tooMany(limit: max, offset: start) }
        guard value <= UInt64(left / octets) else { throw .truncated(offset: bytes.count) }
        return Int(value)
    }

    /// A length, and so many octets.
    mutating func octets(max: Int = .max) throws(WireFault) -> [UInt8] {
        let count = try count(max: max)
        let start = at
        at += count
        if count == 0 { return [] }
        return [UInt8](capacity: count) { out in
            for place in start..<start + count { out.append(bytes[place]) }
        }
    }

    func end() throws(WireFault) {
        if left > 0 { throw .trailing(offset: at) }
    }
}
