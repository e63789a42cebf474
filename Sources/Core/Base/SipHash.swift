/// SipHash-1-3: a keyed hash whose collisions cannot be found without the key.
///
/// For tables that strangers fill with names of their choice.
/// Source: Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012, with one compression and
/// three finalisation rounds.
package struct SipHash: Hashable, Sendable {
    private let first: UInt64
    private let second: UInt64

    /// A hash under a key of 128 bits, which must be secret and random.
    package init(key first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }

    /// The hash of `octets[range]` and then of a number.
    package func value(_ octets: [UInt8], _ range: Range<Int>, and tail: UInt64) -> UInt64 {
        var state = State(first, second)
        let input = octets.span
        var at = range.lowerBound
        while at + 8 <= range.upperBound {
            var word: UInt64 = 0
            for index in 0..<8 { word |= UInt64(input[at + index]) << UInt64(8 * index) }
            state.take(word)
            at += 8
        }
        var last = UInt64(truncatingIfNeeded: range.count + 8) << 56
        var shift: UInt64 = 0
        while at < range.upperBound {
            last |= UInt64(input[at]) << shift
            shift += 8
            at += 1
        }
        state.take(tail)
        state.take(last)
        return state.finished()
    }

    private struct State {
        private var a: UInt64
        private var b: UInt64
        private var c: UInt64
        private var d: UInt64

        init(_ first: UInt64, _ second: UInt64) {
            a = first ^ 0x736f_6d65_7073_6575
            b = second ^ 0x646f_7261_6e64_6f6d
            c = first ^ 0x6c79_6765_6e65_7261
            d = second ^ 0x7465_6462_7974_6573
        }

        mutating func take(_ word: UInt64) {
            d ^= word
            round()
            a ^= word
        }

        mutating func finished() -> UInt64 {
            c ^= 0xff
            for _ in 0..<3 { round() }
            return a ^ b ^ c ^ d
        }

        private mutating func round() {
            a = a &+ b
            b = Self.rotated(b, 13) ^ a
            a = Self.rotated(a, 32)
            c = c &+ d
            d = Self.rotated(d, 16) ^ c
            a = a &+ d
            d = Self.rotated(d, 21) ^ a
            c = c &+ b
            b = Self.rotated(b, 17) ^ c
            c = Self.rotated(c, 32)
        }

        private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 {
            word << bits | word >> (64 - bits)
        }
    }
}
