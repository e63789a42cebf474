/// One round of one server in one row.
struct Sample {
    /// CPU of the server per question, in microseconds.
    let cpu: Double
    let p50: Int
    let p99: Int
    let lost: Int
}

/// A row of the table: one load, put on each server in turn, round after round.
///
/// Interleaved, so that what the machine does meanwhile falls on all alike; the ratio is taken
/// within a round and its median is what counts.
struct Measurement {
    let title: String
    let questions: Questions
    let load: Load
    let rounds: Int

    func run(_ peers: [Peer]) throws -> [[Sample]] {
        var samples = [[Sample]](repeating: [], count: peers.count)
        for round in 0..<rounds + 1 {
            for (index, peer) in peers.enumerated() {
                var load = load
                load.port = peer.port
                let before = peer.cpuNanoseconds
                let outcome = try load.run(questions)
                let spent = peer.cpuNanoseconds - before
                // The first round warms caches and branch predictors.
                if round == 0 || outcome.answered == 0 { continue }
                samples[index].append(
                    Sample(
                        cpu: Double(spent) / Double(outcome.answered) / 1000,
                        p50: outcome.p50,
                        p99: outcome.p99,
                        lost: outcome.sent - outcome.answered
                    )
                )
            }
        }
        return samples
    }

    /// Lines of the table; the first server is what the others are held against.
    func lines(_ peers: [Peer], _ samples: [[Sample]]) -> [String] {
        var lines = ["", title]
        lines.append(
            Self.row([
                "server", "CPU us/query", "min", "max", "x first", "p50 us", "p99 us", "lost",
            ])
        )
        for (index, peer) in peers.enumerated() {
            let own = samples[index]
            if own.isEmpty {
                lines.append(Self.row([peer.name, "no answer"]))
                continue
            }
            let ratios = zip(own, samples[0]).map { $0.cpu / $1.cpu }
            lines.append(
                Self.row([
                    peer.name,
                    Self.text(Self.median(own.map { $0.cpu })),
                    Self.text(own.map { $0.cpu }.min() ?? 0),
                    Self.text(own.map { $0.cpu }.max() ?? 0),
                    Self.text(Self.median(ratios)),
                    "\(Int(Self.median(own.map { Double($0.p50) })))",
                    "\(Int(Self.median(own.map { Double($0.p99) })))",
                    "\(own.reduce(0) { $0 + $1.lost })",
                ])
            )
        }
        return lines
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        if sorted.isEmpty { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    static func text(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let digits = "\(abs(hundredths) % 100)"
        return "\(hundredths / 100)." + (digits.count < 2 ? "0" : "") + digits
    }

    private static func row(_ cells: [String]) -> String {
        cells.enumerated().map { index, cell in
            let width = index == 0 ? 12 : 13
            let padding = String(repeating: " ", count: max(0, width - cell.count))
            return index == 0 ? "  " + cell + padding : padding + cell
        }.joined()
    }
}
