/// One round of one server in one row.
struct Sample {
    /// CPU of the server per answered question, in microseconds.
    let cpu: Double
    /// Microseconds.
    let p50: Double
    let p99: Double
    let lost: Int
}

/// One server under the load of a row.
struct Entry {
    let label: String
    let peer: Peer
    let questions: Questions

    init(_ peer: Peer, _ questions: Questions, label: String? = nil) {
        self.label = label ?? peer.name
        self.peer = peer
        self.questions = questions
    }
}

/// A row of the table: one load, put on each server in turn, round after round.
///
/// Interleaved, so that what the machine does meanwhile falls on all alike; the ratio is taken
/// within a round and its median is what counts. The first server is what the others are held
/// against.
struct Row {
    let title: String
    let load: Load
    let entries: [Entry]

    func run(rounds: Int) throws -> Results {
        var samples = [[Sample]](repeating: [], count: entries.count)
        for round in 0..<rounds + 1 {
            for (index, entry) in entries.enumerated() {
                let before = entry.peer.cpuNanoseconds
                let outcome = try load.run(entry.questions, at: entry.peer.place)
                let spent = entry.peer.cpuNanoseconds - before
                // The first round warms caches and branch predictors.
                if round == 0 || outcome.answered == 0 { continue }
                samples[index].append(
                    Sample(
                        cpu: Double(spent) / Double(outcome.answered) / 1000,
                        p50: Double(outcome.p50) / 1000,
                        p99: Double(outcome.p99) / 1000,
                        lost: outcome.sent - outcome.answered
                    )
                )
            }
        }
        return Results(
            title: title,
            // Otherwise it is the load's own pauses that replies wait for.
            hasLatency: load.spins || load.rate == 0,
            labels: entries.map { $0.label },
            samples: samples
        )
    }
}

/// What a row has brought.
struct Results {
    let title: String
    /// Whether the load was there when replies came, so that their times mean something.
    let hasLatency: Bool
    let labels: [String]
    let samples: [[Sample]]

    static let heading = [
        line([
            "question and load", "server", "CPU us", "least", "most", "x first", "p50 us", "p99 us",
            "lost",
        ]),
        line(widths.map { String(repeating: "-", count: $0) }),
    ]

    var lines: [String] {
        labels.indices.map { index in
            let own = samples[index]
            let title = index == 0 ? self.title : ""
            if own.isEmpty { return Self.line([title, labels[index], "no answer"]) }
            return Self.line([
                title, labels[index],
                Self.text(Self.median(own.map { $0.cpu })),
                Self.text(own.map { $0.cpu }.min() ?? 0),
                Self.text(own.map { $0.cpu }.max() ?? 0),
                Self.text(ratio(labels[index], to: labels[0]) { $0.cpu } ?? 0),
                hasLatency ? Self.text(Self.median(own.map { $0.p50 })) : "-",
                hasLatency ? Self.text(Self.median(own.map { $0.p99 })) : "-",
                "\(own.reduce(0) { $0 + $1.lost })",
            ])
        }
    }

    /// The median of the ratios of two servers within each round; nil when one of them has none.
    func ratio(_ server: String, to other: String, _ value: (Sample) -> Double) -> Double? {
        guard let left = labels.firstIndex(of: server), let right = labels.firstIndex(of: other),
            !samples[left].isEmpty, !samples[right].isEmpty
        else { return nil }
        return Self.median(zip(samples[left], samples[right]).map { value($0) / value($1) })
    }

    /// The median of what a server has beyond another in each round, over what a third has.
    func added(_ server: String, over floor: String, than other: String) -> Double? {
        guard let own = labels.firstIndex(of: server), let base = labels.firstIndex(of: floor),
            let third = labels.firstIndex(of: other)
        else { return nil }
        let rounds = samples[own].indices.filter {
            samples[base].indices.contains($0) && samples[third].indices.contains($0)
        }
        if rounds.isEmpty { return nil }
        return Self.median(
            rounds.map {
                (samples[own][$0].p50 - samples[base][$0].p50)
                    / (samples[third][$0].p50 - samples[base][$0].p50)
            }
        )
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        if sorted.isEmpty { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    static func text(_ value: Double) -> String {
        let hundredths = Int((abs(value) * 100).rounded())
        let digits = "\(hundredths % 100)"
        return (value < 0 ? "-" : "") + "\(hundredths / 100)." + (digits.count < 2 ? "0" : "")
            + digits
    }

    private static let widths = [46, 17, 7, 7, 7, 7, 8, 8, 6]

    private static func line(_ cells: [String]) -> String {
        "| "
            + widths.enumerated().map { index, width in
                let cell = index < cells.count ? cells[index] : ""
                let padding = String(repeating: " ", count: max(0, width - cell.count))
                return index < 2 ? cell + padding : padding + cell
            }.joined(separator: " | ") + " |"
    }
}
