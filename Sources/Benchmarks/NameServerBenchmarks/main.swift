import Foundation

/// Usage: NameServerBenchmarks [ROUNDS [MILLISECONDS]]; needs `waggle`, `CEcho` and `CLoad` beside
/// itself; `WAGGLE_BIN` names another `waggle`.
let words = CommandLine.arguments
let rounds = words.count > 1 ? Int(words[1]) ?? 11 : 11
let milliseconds = words.count > 2 ? Int(words[2]) ?? 500 : 500
let programs = URL(fileURLWithPath: words[0]).deletingLastPathComponent().path
let waggle = ProcessInfo.processInfo.environment["WAGGLE_BIN"] ?? "\(programs)/waggle"

let field = try Field()
defer { field.stop() }

guard let ours = try field.startWaggle(waggle) else {
    print("waggle: bench: \(waggle) does not answer; build it with `make build`")
    field.stop()
    exit(1)
}
let knot = try field.startKnot()
if knot == nil { print("knotd is not here: that row is left out (apt-get install knot)") }

print(
    "CPU of the server's threads per answered question; \(rounds) interleaved rounds of \(milliseconds) ms,"
)
print("median, least and most; `x first` is the median of the ratios within each round.")

for (name, questions) in [("1 record", Field.one), ("3 records", Field.three)] {
    let probe = Load(port: ours.port, burst: 1, rate: 1000, milliseconds: 20)
    let octets = try probe.run(questions).replyOctets
    guard let echo = try field.startEcho("\(programs)/CEcho", replyOctets: octets) else { continue }
    let peers = [echo, ours] + (knot.map { [$0] } ?? [])
    let loads: [(String, Int, Int)] = [
        ("bursts of 32 at 100,000/s", 32, 100_000), ("bursts of 4 at 50,000/s", 4, 50_000),
        ("evenly at 20,000/s", 1, 20_000), ("one after the other", 1, 0),
    ]
    for (shape, burst, rate) in loads {
        let measurement = Measurement(
            title: "local A, \(name), \(octets) octets, \(shape)",
            questions: questions,
            load: Load(port: 0, burst: burst, rate: rate, milliseconds: milliseconds),
            rounds: rounds
        )
        let samples = try measurement.run(peers)
        for line in measurement.lines(peers, samples) { print(line) }
    }
    echo.stop()
}
