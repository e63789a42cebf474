/// Logarithms in whole numbers: the same on every machine, which floating point does not promise.
package enum FixedLogarithm {
    /// Bits after the point of `binary`.
    package static let fractionBits = 40

    /// The binary logarithm of `value`, times 2^40, rounded down; right to the last bit but two.
    ///
    /// `value`: at least 1. Source: Knuth, TAOCP 1, §1.2.2: a bit for each squaring.
    package static func binary(_ value: UInt64) -> UInt64 {
        precondition(value > 0, "zero has no logarithm")
        let whole = 63 - value.leadingZeroBitCount
        // The mantissa, 1 <= x < 2, with 63 bits after the point.
        var x = value << UInt64(63 - whole)
        var result = UInt64(whole) << UInt64(fractionBits)
        for bit in stride(from: fractionBits - 1, through: 0, by: -1) {
            let square = x.multipliedFullWidth(by: x)
            // Of 126 bits after the point the upper half, one bit kept above it.
            if square.high >> 63 == 1 {
                x = square.high
                result |= 1 << UInt64(bit)
            } else {
                x = square.high << 1 | square.low >> 63
            }
        }
        return result
    }

    /// The decimal logarithm of `value` in thousandths, rounded down: 2000 for 100, 2995 for 990.
    ///
    /// `value`: at least 1.
    package static func decimalThousandths(_ value: UInt64) -> Int {
        var power: UInt64 = 1
        for digits in 0..<20 {
            // Powers of ten are exact; what is rounded down must not fall below them.
            if power == value { return 1000 * digits }
            let (next, isOver) = power.multipliedReportingOverflow(by: 10)
            if isOver || next > value { break }
            power = next
        }
        return Int((binary(value) * 1000) / binaryOfTen)
    }

    /// log2(10) * 2^40.
    private static let binaryOfTen: UInt64 = 3_652_498_566_964

    /// `amount` times log(numerator) / log(denominator), rounded up.
    ///
    /// `numerator`, `denominator`: `1 <= numerator <= denominator`, `denominator` at least 2.
    package static func share(
        of amount: UInt64,
        _ numerator: UInt64,
        over denominator: UInt64
    ) -> UInt64 {
        precondition(
            numerator >= 1 && denominator >= 2 && numerator <= denominator,
            "log(\(numerator)) / log(\(denominator))"
        )
        if numerator == denominator { return amount }
        let product = amount.multipliedFullWidth(by: binary(numerator))
        let (quotient, remainder) = binary(denominator).dividingFullWidth(product)
        return quotient + (remainder == 0 ? 0 : 1)
    }
}
