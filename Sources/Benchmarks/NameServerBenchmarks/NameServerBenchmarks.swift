import Foundation

/// Usage: NameServerBenchmarks [ROUNDS [MILLISECONDS]]; needs `waggle` and the programs of
/// Sources/Benchmarks beside itself; `WAGGLE_BIN` names another `waggle`.
@main
struct NameServerBenchmarks {
    static let programs = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().path
    private static let waggle =
        ProcessInfo.processInfo.environment["WAGGLE_BIN"] ?? "\(programs)/waggle"

    private let field: Field
    private let rounds: Int
    private let milliseconds: Int

    static func main() throws {
        let words = CommandLine.arguments
        let field = try Field()
        defer { field.stop() }
        let run = NameServerBenchmarks(
            field: field,
            rounds: words.count > 1 ? Int(words[1]) ?? 11 : 11,
            milliseconds: words.count > 2 ? Int(words[2]) ?? 500 : 500
        )
        print("CPU of the server's threads per answered question: median, least and most of")
        print("\(run.rounds) interleaved rounds of \(run.milliseconds) ms.")
        print("`x first` is the median of the ratios within each round.")
        try run.local()
        try run.forwarded()
    }

    private func measure(
        _ title: String,
        _ questions: Questions,
        _ load: Load,
        _ peers: [Peer]
    ) throws {
        let row = Measurement(title: title, questions: questions, load: load, rounds: rounds)
        let samples = try row.run(peers)
        for line in row.lines(peers, samples) { print(line) }
    }

    /// Names of a service and of a container, beside an echo and authoritative servers.
    private func local() throws {
        guard let ours = try field.startWaggle(Self.waggle) else { return absent() }
        let knot = try field.startKnot()
        if knot == nil { print("knotd is not here: that row is left out (apt-get install knot)") }
        for (name, questions) in [("1 record", Field.one), ("3 records", Field.three)] {
            let probe = Load(port: ours.port, burst: 1, rate: 1000, milliseconds: 20)
            let octets = try probe.run(questions).replyOctets
            guard let echo = try field.startEcho("\(Self.programs)/CEcho", replyOctets: octets)
            else {
                continue
            }
            let peers = [echo, ours] + (knot.map { [$0] } ?? [])
            let shapes: [(String, Int, Int)] = [
                ("bursts of 32 at 100,000/s", 32, 100_000), ("bursts of 4 at 50,000/s", 4, 50_000),
                ("evenly at 20,000/s", 1, 20_000), ("one after the other", 1, 0),
            ]
            for (shape, burst, rate) in shapes {
                try measure(
                    "local A, \(name), \(octets) octets, \(shape)",
                    questions,
                    Load(port: 0, burst: burst, rate: rate, milliseconds: milliseconds),
                    peers
                )
            }
            echo.stop()
        }
        ours.stop()
        knot?.stop()
    }

    /// Names that are kept, beside local ones; and names that are not, beside a relay.
    private func forwarded() throws {
        guard let lasting = try field.startUpstream("\(Self.programs)/CUpstream", ttl: 3600),
            let fleeting = try field.startUpstream("\(Self.programs)/CUpstream", ttl: 0),
            let keeping = try field.startWaggle(
                Self.waggle,
                name: "keeping",
                upstream: lasting.port
            ),
            let asking = try field.startWaggle(
                Self.waggle,
                name: "asking",
                upstream: fleeting.port
            ),
            let relay = try field.startRelay("\(Self.programs)/CRelay", upstream: fleeting.port)
        else { return absent() }
        let load = Load(port: 0, burst: 32, rate: 50_000, milliseconds: milliseconds)
        try measure("local A, beside the next row", Field.one, load, [keeping])
        try measure("kept A, bursts of 32 at 50,000/s", Questions(["one.up"]), load, [keeping])
        // Each name once in a round: nothing is shared, and a TTL of 0 lets nothing be kept.
        let names = Questions((0..<50_000).map { "h\($0).up" })
        try measure(
            "forwarded A, each name once, bursts of 4 at 5,000/s",
            names,
            Load(port: 0, burst: 4, rate: 5000, milliseconds: milliseconds),
            [relay, asking]
        )
        try measure(
            "forwarded A, one after the other",
            names,
            Load(port: 0, burst: 1, rate: 0, milliseconds: milliseconds),
            [relay, asking]
        )
    }

    private func absent() {
        print("waggle: bench: \(Self.waggle) does not answer; build it with `make build`")
    }
}
