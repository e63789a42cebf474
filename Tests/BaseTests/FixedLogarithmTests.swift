import Base
import Foundation
import Testing

@Suite("Logarithms in whole numbers")
struct FixedLogarithmTests {
    @Test("the binary logarithm is that of floating point, and exact at powers of two")
    func binary() {
        for bits in 0..<64 {
            #expect(FixedLogarithm.binary(1 << UInt64(bits)) == UInt64(bits) << 40)
        }
        for value: UInt64 in [3, 5, 7, 10, 11, 99, 1000, 4711, 65_535, 1_000_000_007] {
            let fixed = Double(FixedLogarithm.binary(value)) / 1_099_511_627_776
            #expect(abs(fixed - log2(Double(value))) < 1e-11)
        }
    }

    @Test("the decimal logarithm in thousandths is rounded down, and exact at powers of ten")
    func decimal() {
        for (value, thousandths): (UInt64, Int) in [
            (1, 0), (2, 301), (9, 954), (10, 1000), (11, 1041), (33, 1518), (65, 1812), (99, 1995),
            (100, 2000), (990, 2995), (999, 2999), (1000, 3000), (10_000, 4000), (100_000, 5000),
            (10_000_000_000_000_000_000, 19_000),
        ] {
            #expect(FixedLogarithm.decimalThousandths(value) == thousandths, "\(value)")
        }
        for value: UInt64 in 2...20_000 where ![10, 100, 1000, 10_000].contains(value) {
            let expected = Int(log10(Double(value)) * 1000)
            #expect(FixedLogarithm.decimalThousandths(value) == expected, "\(value)")
        }
    }

    @Test("a share of an amount is rounded up, and whole where the logarithms are")
    func shares() {
        #expect(FixedLogarithm.share(of: 20_000, 2, over: 3) == 12_619)
        #expect(FixedLogarithm.share(of: 20_000, 3, over: 3) == 20_000)
        #expect(FixedLogarithm.share(of: 20_000, 1, over: 3) == 0)
        #expect(FixedLogarithm.share(of: 20_001, 2, over: 4) == 10_001)
        #expect(FixedLogarithm.share(of: 20_000, 2, over: 4) == 10_000)
    }
}
