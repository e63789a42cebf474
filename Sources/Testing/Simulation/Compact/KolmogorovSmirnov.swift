/// Whether two sets of measured values may come from one distribution: the two-sample test at 1 %.
///
/// The distance is the largest between their cumulative shares; two sets of one distribution exceed the
/// critical one once in a hundred times. In ten-thousandths, without floating point. Source: Smirnov,
/// "Table for estimating the goodness of fit of empirical distributions", 1948.
package struct KolmogorovSmirnov: Hashable, Sendable {
    /// 1.628 of a large sample at 1 %, in ten-thousandths.
    private static let criticalOfOne: UInt64 = 16_276

    package let leftCount: Int
    package let rightCount: Int
    package let distance: UInt64
    package let critical: UInt64

    /// Two sets of at least one value each.
    package init(_ left: Samples, _ right: Samples) {
        let (a, b) = (left.sorted, right.sorted)
        precondition(!a.isEmpty && !b.isEmpty, "nothing to compare")
        leftCount = a.count
        rightCount = b.count
        var (i, j) = (0, 0)
        var largest = 0
        while i < a.count, j < b.count {
            let value = min(a[i], b[j])
            while i < a.count, a[i] == value { i += 1 }
            while j < b.count, b[j] == value { j += 1 }
            largest = max(largest, abs(i * b.count - j * a.count))
        }
        let product = UInt64(a.count) * UInt64(b.count)
        distance = 10_000 * UInt64(largest) / product
        let square = Self.criticalOfOne * Self.criticalOfOne
        critical = Self.root(square * UInt64(a.count + b.count) / product)
    }

    package var isSame: Bool { distance <= critical }

    /// The largest number whose square is not larger.
    private static func root(_ square: UInt64) -> UInt64 {
        var root: UInt64 = 0
        for bit in stride(from: 31, through: 0, by: -1) {
            let next = root | 1 << UInt64(bit)
            if next * next <= square { root = next }
        }
        return root
    }
}
