/// Measured values, of which medians and tails are asked.
package struct Samples: Hashable, Sendable {
    private var values: [UInt64] = []

    package init() {}

    package var count: Int { values.count }
    package var isEmpty: Bool { values.isEmpty }

    package mutating func add(_ value: UInt64) {
        values.append(value)
    }

    package mutating func add(_ other: Samples) {
        values += other.values
    }

    /// The values in order, for comparing distributions.
    package var sorted: [UInt64] { values.sorted() }

    /// The value that `thousandths` of 1,000 values do not exceed (nearest rank); 0 when there is none.
    package func quantile(thousandths: Int) -> UInt64 {
        Self.quantile(values.sorted(), thousandths)
    }

    private static func quantile(_ sorted: [UInt64], _ thousandths: Int) -> UInt64 {
        guard !sorted.isEmpty else { return 0 }
        let rank = (sorted.count * thousandths + 999) / 1000
        return sorted[max(1, rank) - 1]
    }

    package var largest: UInt64 { values.max() ?? 0 }
    package var mean: UInt64 {
        values.isEmpty ? 0 : values.reduce(0, +) / UInt64(values.count)
    }

    /// The figures that a document has of it, each value divided by `unit`.
    package func figures(unit: UInt64) -> [(String, Figure)] {
        let sorted = values.sorted()
        func at(_ thousandths: Int) -> Figure {
            .number(Self.quantile(sorted, thousandths) / unit)
        }
        return [
            ("count", .number(UInt64(count))), ("median", at(500)), ("p99", at(990)),
            ("p999", at(999)), ("max", .number((sorted.last ?? 0) / unit)),
        ]
    }
}
