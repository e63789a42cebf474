/// A few octets held in place, without allocation: up to 16 are kept, more are only counted.
///
/// What is longer than any valid value of its field has to be survived, not held: one such entry of
/// a foreign table must neither cost memory nor make the whole table unreadable.
package struct ShortOctets: Hashable, Sendable {
    /// Octets that are kept.
    package static let keptMax = 16

    private var high: UInt64 = 0
    private var low: UInt64 = 0
    /// How many octets there were, kept or not.
    package private(set) var count = 0

    package init() {}

    package init(_ octets: some Sequence<UInt8>) {
        for octet in octets { append(octet) }
    }

    /// Whether every octet was kept.
    package var isWhole: Bool { count <= Self.keptMax }
    package var isEmpty: Bool { count == 0 }

    /// Adds one octet; beyond 16 nothing is kept of any of them.
    @inline(__always)
    package mutating func append(_ octet: UInt8) {
        switch count {
        case 0..<8: high |= UInt64(octet) << UInt64(56 - 8 * count)
        case 8..<16: low |= UInt64(octet) << UInt64(56 - 8 * (count - 8))
        default: (high, low) = (0, 0)
        }
        count += 1
    }

    /// The octet at `index` of those that are kept.
    @inline(__always)
    package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < min(count, Self.keptMax), "no octet \(index)")
        let half = index < 8 ? high : low
        return UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * (index % 8)))
    }

    /// The kept octets; none when there were more than 16.
    package var octets: [UInt8] {
        isWhole ? (0..<count).map { self[$0] } : []
    }
}
