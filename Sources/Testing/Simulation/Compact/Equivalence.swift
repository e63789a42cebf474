import Gossip

/// A compact ring held against the full one: both play a scenario, and what they measured is compared.
///
/// Times as distributions, by `KolmogorovSmirnov`; how many crashes and rumours some node missed, by the
/// difference of two shares at 1 %; octets by their ratio. The compact ring plays the seeds that follow
/// those of the full one, so that neither knows the other's chance. Source: gossip-scale.md §4.1.
package struct Equivalence: Sendable {
    /// Octets may differ by so many thousandths: what compression takes off is estimated on either side.
    package static let octetsThousandths: UInt64 = 50
    /// Of a normal distribution 1 % is further out than 2.576; its square, in thousandths.
    private static let squareOfTail: UInt64 = 6635

    /// One figure on both sides.
    package struct Comparison: Sendable {
        package let preset: String
        package let name: String
        /// Medians in milliseconds, numbers of cases, or octets for each node and second.
        package let full: UInt64
        package let compact: UInt64
        /// Ten-thousandths of a distance, and how large it may be.
        package let distance: UInt64
        package let critical: UInt64
        package let counts: (full: Int, compact: Int)

        package var holds: Bool { distance <= critical }
    }

    package let scenario: Scenario
    package let sizes: Scenario.Sizes
    package let seed: UInt64
    package let nodes: Int
    package let virtualSeconds: UInt64
    package let faults: FaultCounts
    package let comparisons: [Comparison]

    /// Plays `seeds` seeds from `seed` on in full, and as many after them compactly.
    package init(
        _ scenario: Scenario,
        _ sizes: Scenario.Sizes,
        seed: UInt64,
        seeds: Int,
        presets: [Preset]
    ) {
        self.scenario = scenario
        self.sizes = sizes
        self.seed = seed
        var virtualSeconds: UInt64 = 0
        var faults = FaultCounts()
        var totals: [[Observations]] = []
        for model in Model.allCases {
            var total = presets.map { _ in Observations() }
            let first = model == .full ? seed : seed &+ UInt64(seeds)
            for number in 0..<UInt64(seeds) {
                let report = RunReport(
                    scenario,
                    sizes,
                    seed: first &+ number,
                    presets: presets,
                    model: model
                )
                virtualSeconds += report.virtualSeconds
                faults.add(report.faults)
                for index in presets.indices { total[index].add(report.results[index].seen) }
            }
            totals.append(total)
        }
        nodes = sizes.nodes ?? scenario.nodesUsual
        self.virtualSeconds = virtualSeconds
        self.faults = faults
        comparisons = presets.indices.flatMap { index in
            Self.compare(presets[index].name, totals[0][index], totals[1][index])
        }
    }

    package var isGood: Bool { !comparisons.isEmpty && comparisons.allSatisfy(\.holds) }

    // MARK: Comparing

    private static func compare(
        _ preset: String,
        _ full: Observations,
        _ compact: Observations
    ) -> [Comparison] {
        let times: [(String, (Observations) -> Samples)] = [
            ("first suspicion", \.firstSuspicion), ("first drain", \.firstDrain),
            ("drained at half", \.halfDrained), ("first dead", \.firstDead),
            ("then dead at half", \.dead50), ("then dead at 99 %", \.dead99),
            ("then dead everywhere", \.deadEverywhere), ("told to half", \.told50),
            ("told to 99 %", \.told99), ("told to all", \.toldEverywhere),
        ]
        var out: [Comparison] = []
        for (name, value) in times {
            let (left, right) = (value(full), value(compact))
            // Nothing on one side alone is seen below, among the missed.
            guard !left.isEmpty, !right.isEmpty else { continue }
            let test = KolmogorovSmirnov(left, right)
            out.append(
                Comparison(
                    preset: preset,
                    name: name,
                    full: left.quantile(thousandths: 500) / 1000,
                    compact: right.quantile(thousandths: 500) / 1000,
                    distance: test.distance,
                    critical: test.critical,
                    counts: (test.leftCount, test.rightCount)
                )
            )
        }
        out += [
            share(
                preset,
                "crashes missed",
                (full.crashesMissed, full.crashes),
                (compact.crashesMissed, compact.crashes)
            ),
            share(
                preset,
                "rumours missed",
                (full.rumoursMissed, full.rumours),
                (compact.rumoursMissed, compact.rumours)
            ),
        ].compactMap { $0 }
        let octets: [(String, (Observations) -> UInt64)] = [
            ("octets of probes", \.probeOctets), ("octets of gossip", \.gossipOctets),
            ("octets of exchanges", \.exchangeOctets),
        ]
        for (name, value) in octets {
            if let ratio = ratio(preset, name, full, compact, value) { out.append(ratio) }
        }
        return out
    }

    /// Two shares, by the square of their difference over its variance.
    private static func share(
        _ preset: String,
        _ name: String,
        _ full: (hits: Int, of: Int),
        _ compact: (hits: Int, of: Int)
    ) -> Comparison? {
        guard full.of > 0, compact.of > 0 else { return nil }
        let hits = full.hits + compact.hits
        let all = full.of + compact.of
        let difference = UInt64(abs(full.hits * compact.of - compact.hits * full.of))
        // (p - q)^2 / (r (1 - r) (1/n + 1/m)), r being the share of both together.
        let variance = UInt64(hits * (all - hits))
        let scale = UInt64(full.of * compact.of)
        let square =
            variance == 0 ? 0 : difference * difference / scale * UInt64(all) * 1000 / variance
        return Comparison(
            preset: preset,
            name: name,
            full: UInt64(full.hits),
            compact: UInt64(compact.hits),
            distance: square,
            critical: squareOfTail,
            counts: (full.of, compact.of)
        )
    }

    private static func ratio(
        _ preset: String,
        _ name: String,
        _ full: Observations,
        _ compact: Observations,
        _ value: (Observations) -> UInt64
    ) -> Comparison? {
        func rate(_ seen: Observations) -> UInt64 {
            let seconds = max(1, seen.nodeTime / 1_000_000_000)
            return value(seen) * 1000 / seconds
        }
        let (left, right) = (rate(full), rate(compact))
        // Less than an octet is chance.
        guard max(left, right) >= 1000 else { return nil }
        let apart = left > right ? left - right : right - left
        return Comparison(
            preset: preset,
            name: name,
            full: left / 1000,
            compact: right / 1000,
            distance: 10_000 * apart / max(1, max(left, right)),
            critical: 10 * octetsThousandths,
            counts: (full.runs, compact.runs)
        )
    }

    // MARK: As a document

    /// Source: interface.md §7.
    package var document: Figure {
        let happened = faults.happened.map { ($0.0.rawValue, Figure.number($0.1)) }
        let checks: [(String, Figure)] = [
            ("checked", .number(UInt64(comparisons.count))),
            ("violations", .number(UInt64(comparisons.count { !$0.holds }))),
        ]
        let figures = comparisons.map { comparison in
            Figure.group([
                ("preset", .text(comparison.preset)), ("name", .text(comparison.name)),
                ("full", .number(comparison.full)), ("compact", .number(comparison.compact)),
                ("fullCount", .number(UInt64(comparison.counts.full))),
                ("compactCount", .number(UInt64(comparison.counts.compact))),
                ("distance", .number(comparison.distance)),
                ("critical", .number(comparison.critical)),
            ])
        }
        return .group([
            ("scenario", .text(scenario.rawValue)), ("model", .text("both")),
            ("seed", .number(seed)), ("nodes", .number(UInt64(nodes))),
            ("virtualSeconds", .number(virtualSeconds)),
            ("lossPercent", .number(UInt64(sizes.loss))), ("faults", .group(happened)),
            ("invariants", .group([("modelsAgree", .group(checks))])),
            ("figures", .list(figures)),
        ])
    }
}
