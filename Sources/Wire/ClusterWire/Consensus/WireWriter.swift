/// Writes numbers and octets one after another.
struct WireWriter {
    private(set) var octets: [UInt8] = []

    init(capacity: Int) { octets.reserveCapacity(capacity) }

    mutating func octet(_ value: UInt8) { octets.append(value) }

    mutating func flag(_ value: Bool) { octets.append(value ? 1 : 0) }

    mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            octets.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        octets.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func number(_ value: Int) { number(UInt64(clamping: value)) }

    mutating func number(_ value: UInt32) { number(UInt64(value)) }

    mutating func fixed(_ value: UInt64) {
        for place in 0..<8 { octets.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
    }

    mutating func run(_ value: [UInt8]) {
        number(value.count)
        octets.append(contentsOf: value)
    }
}
