import Base
import DNSWire
import Foundation
import LinuxSystem
import NameServer
import Names

/// What very many names cost: memory for each record, and the time of a change and of a question.
///
/// Arguments: names in all (1,000,000), networks (10,000). Each table row is measured in a process
/// of its own, which is started with `row` before the two numbers.
@main
struct ScaleBenchmarks {
    static func main() throws {
        let numbers = CommandLine.arguments.compactMap { Int($0) }
        let names = numbers.first ?? 1_000_000
        let networks = numbers.dropFirst().first ?? 10_000
        switch CommandLine.arguments.dropFirst().first {
        case "row": return try report(names: names, networks: networks)
        case "questions": return try questions(few: 10, many: names)
        default: break
        }
        print(
            "| names | networks | records | octets per record | fill us per endpoint | "
                + "change us p50 | p99 | max |"
        )
        print("|---|---|---|---|---|---|---|---|")
        let shapes = [(names / 10, 1), (names / 10, networks / 10), (names, networks), (names, 1)]
        for (names, networks) in shapes {
            let row = Process()
            row.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            row.arguments = ["row", "\(names)", "\(networks)"]
            try row.run()
            row.waitUntilExit()
        }
        print("")
        try questions(few: 10, many: names)
        print("")
        try busy(names: names, networks: networks)
    }

    private static func report(names: Int, networks: Int) throws {
        let before = Memory.anonymousOctets()
        let start = Clock.now()
        var node = try Node(names: names, networks: networks)
        let filled = Double(Clock.now().nanoseconds - start.nanoseconds) / 1000
        let octets = Double(Memory.anonymousOctets() - before)
        let changes = try node.changes(2000).sorted()
        let row = [
            "\(names)", "\(networks)", "\(node.recordCount)",
            rounded(octets / Double(node.recordCount)),
            rounded(filled / Double(node.endpointCount)),
            rounded(percentile(changes, 0.5)), rounded(percentile(changes, 0.99)),
            rounded(changes.last ?? 0),
        ]
        print("| \(row.joined(separator: " | ")) |")
        node.stop()
    }

    /// A question's cost without sockets: parse, search, write.
    private static func questions(few: Int, many: Int) throws {
        var small = try Node(names: few * 2, networks: 1)
        var large = try Node(names: many, networks: 1)
        var ratios: [Double] = []
        var costs: [(Double, Double)] = []
        for _ in 0..<9 {
            let left = try small.nanosecondsPerQuestion(200_000)
            let right = try large.nanosecondsPerQuestion(200_000)
            costs.append((left, right))
            ratios.append(right / left)
        }
        let middle = costs.count / 2
        print(
            "a question asked of \(few) names: \(rounded(costs.map { $0.0 }.sorted()[middle])) ns; "
                + "of \(many / 2), uniformly: \(rounded(costs.map { $0.1 }.sorted()[middle])) ns; "
                + "\(rounded(ratios.sorted()[middle])) times (without sockets)"
        )
        small.stop()
        large.stop()
    }

    /// Round trips over loopback while nothing changes, and while 10,000 endpoints change a second.
    private static func busy(names: Int, networks: Int) throws {
        var node = try Node(names: names, networks: networks)
        print("| round trips us | p50 | p99 | p99.9 |")
        print("|---|---|---|---|")
        for (label, perSecond) in [("quiet", UInt64(0)), ("10,000 changes/s", 10_000)] {
            let times = try node.roundTrips(seconds: 5, changesPerSecond: perSecond).sorted()
            let row = [0.5, 0.99, 0.999].map { rounded(percentile(times, $0)) }
            print("| \(label), \(node.changesDone) made | \(row.joined(separator: " | ")) |")
        }
        node.stop()
    }

    static func percentile(_ sorted: [Double], _ share: Double) -> Double {
        sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    static func rounded(_ value: Double) -> String {
        let scale = value < 10 ? 100.0 : 10.0
        return "\((value * scale).rounded() / scale)"
    }
}

/// Anonymous memory of this process.
enum Memory {
    static func anonymousOctets() -> Int {
        guard let text = try? TextFile.read(path: "/proc/self/status", octetsMax: 1 << 16) else {
            return 0
        }
        let line = text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
}
