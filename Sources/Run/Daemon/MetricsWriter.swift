import NameServer

/// Writes families of metrics in the Prometheus text format 0.0.4.
///
/// A family is written once, whole, so that its samples stand together as the format asks.
struct MetricsWriter {
    enum Kind: String {
        case counter, gauge, histogram
    }

    struct Sample {
        let labels: [(name: String, value: String)]
        let value: String

        init(_ labels: [(name: String, value: String)] = [], _ value: some BinaryInteger) {
            self.labels = labels
            self.value = "\(value)"
        }

        init(_ labels: [(name: String, value: String)] = [], seconds: Double) {
            self.labels = labels
            value = "\(seconds)"
        }
    }

    private(set) var text = ""
    private var names: Set<String> = []

    mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        head(name, kind, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    /// A family of histograms of durations, in seconds.
    mutating func histogram(
        _ name: String,
        _ help: String,
        _ readings: [(labels: [(name: String, value: String)], reading: DurationHistogram.Reading)]
    ) {
        head(name, .histogram, help)
        for (labels, reading) in readings {
            var sum: UInt64 = 0
            for (place, count) in reading.counts.enumerated() {
                sum &+= count
                let bound =
                    place < DurationHistogram.bounds.count
                    ? "\(Double(DurationHistogram.bounds[place]) / 1e9)" : "+Inf"
                line("\(name)_bucket", labels + [("le", bound)], "\(sum)")
            }
            line("\(name)_sum", labels, "\(Double(reading.nanoseconds) / 1e9)")
            line("\(name)_count", labels, "\(sum)")
        }
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        precondition(names.insert(name).inserted, "\(name) is written twice")
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n"
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(
        _ name: String,
        _ labels: [(name: String, value: String)],
        _ value: String
    ) {
        let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
        let set = pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
        text += "\(name)\(set) \(value)\n"
    }

    /// Backslashes, line ends, and in label values quotes are escaped.
    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
