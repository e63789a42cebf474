import Foundation
import Testing

/// Larger runs, by the release executable that `WAGGLE_BIN` names.
@Suite(
    "Simulation: the command",
    .enabled(
        if: ProcessInfo.processInfo.environment["WAGGLE_BIN"] != nil,
        "WAGGLE_BIN names no release executable; use make test"
    ),
    .timeLimit(.minutes(3))
)
struct SimulateTests {
    static let program = ProcessInfo.processInfo.environment["WAGGLE_BIN"]

    private struct Outcome {
        let status: Int32
        let output: Data
        let error: String

        /// One document for each line.
        var documents: [[String: Any]] {
            output.split(separator: 10).compactMap {
                try? JSONSerialization.jsonObject(with: $0) as? [String: Any]
            }
        }
    }

    /// Runs `waggle simulate` with these words to its end.
    private func simulate(_ words: String, _ kind: String = "gossip") throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.program))
        process.arguments = ["simulate", kind] + words.split(separator: " ").map { String($0) }
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = error.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            output: data,
            error: String(decoding: complaint, as: UTF8.self)
        )
    }

    /// A figure of a preset; of a distribution the member `part`.
    private func figure(
        _ document: [String: Any],
        _ preset: String,
        _ name: String,
        _ part: String? = nil
    ) -> Int? {
        let figures = document["figures"] as? [String: [String: Any]]
        guard let part else { return figures?[preset]?[name] as? Int }
        return (figures?[preset]?[name] as? [String: Int])?[part]
    }

    @Test("the same seed gives the same octets, the largest too")
    func replay() throws {
        let words = "--json --nodes 48 --seed 18446744073709551615"
        let first = try simulate(words)
        #expect(first.status == 0)
        #expect(first.output == (try simulate(words).output))
        #expect(first.documents.count == 1)
        #expect(first.documents.first?["seed"] as? UInt64 == .max)
    }

    @Test("without flags it has a table of the usual presets within five seconds")
    func usual() throws {
        let begun = ContinuousClock.now
        let outcome = try simulate("")
        #expect(outcome.status == 0)
        #expect(begun.duration(to: .now) < .seconds(5))
        let text = String(decoding: outcome.output, as: UTF8.self)
        for preset in ["swim", "lifeguard", "memberlist-lan", "waggle"] {
            #expect(text.contains(preset))
        }
        #expect(text.contains("every invariant held"))
    }

    @Test("crashes among 128 are found when the formula says, and drained in two seconds")
    func crashes() throws {
        let outcome = try simulate(
            "--json --cases 4 --seed 1000 --seeds 20 --preset lifeguard --preset memberlist-lan"
                + " --preset waggle"
        )
        #expect(outcome.status == 0)
        #expect(outcome.documents.count == 20)
        func medians(_ preset: String, _ name: String) -> Int {
            let all = outcome.documents.compactMap { figure($0, preset, name, "median") }
            #expect(all.count == 20)
            return all.reduce(0, +) / max(1, all.count)
        }
        // Lower medians of four: a little below the median of all (12.2 s and 10.1 s).
        #expect((11_500...12_500).contains(medians("lifeguard", "firstDeadMilliseconds")))
        let memberlist = medians("memberlist-lan", "firstDeadMilliseconds")
        #expect((9400...10_400).contains(memberlist))
        #expect(medians("waggle", "firstDeadMilliseconds") * 100 <= memberlist * 105)
        #expect(medians("waggle", "firstDrainMilliseconds") <= 2000)
    }

    @Test("on a slice of Lifeguard's grid ours says of nobody that is there that it is dead")
    func interval() throws {
        let outcome = try simulate(
            "--json --scenario F1 --cases 5 --seed 3 --preset swim --preset waggle"
        )
        #expect(outcome.status == 0)
        let document = try #require(outcome.documents.first)
        let swim = try #require(figure(document, "swim", "falseDeaths"))
        let waggle = try #require(figure(document, "waggle", "falseDeaths"))
        #expect(swim >= 20)
        #expect(waggle * 20 <= swim)
    }

    @Test("half a ring and the other half are one again in seconds")
    func partition() throws {
        let outcome = try simulate("--json --scenario P1 --preset waggle")
        #expect(outcome.status == 0)
        let document = try #require(outcome.documents.first)
        let healed = try #require(figure(document, "waggle", "fullViewMilliseconds", "max"))
        #expect(healed <= 10_000)
    }

    @Test(
        "a compact ring finds crashes and tells rumours as a full one does",
        arguments: [
            "--cases 16 --seeds 16", "--cases 16 --seeds 8 --loss 2",
            "--scenario S1 --nodes 99 --seeds 4",
        ]
    )
    func equivalence(words: String) throws {
        let outcome = try simulate(
            "--json --model both --seed 40 --preset memberlist-lan --preset waggle \(words)"
        )
        #expect(outcome.status == 0)
        #expect(outcome.error == "")
        let document = try #require(outcome.documents.first)
        let figures = try #require(document["figures"] as? [[String: Any]])
        #expect(figures.count >= 10)
        let cases = figures.compactMap { $0["fullCount"] as? Int }.max() ?? 0
        #expect(cases >= 128)
    }

    @Test("ten thousand nodes go through two minutes in seconds and little memory, the same again")
    func tenThousand() throws {
        let words = "--json --nodes 10000 --preset waggle --cost"
        let begun = ContinuousClock.now
        let outcome = try simulate(words)
        // About 1.5 s; what a machine with other work needs is allowed for.
        #expect(begun.duration(to: .now) < .seconds(20))
        #expect(outcome.status == 0)
        let document = try #require(outcome.documents.first)
        #expect(document["model"] as? String == "compact")
        #expect(document["virtualSeconds"] as? Int == 120)
        #expect(figure(document, "waggle", "crashes") == 16)
        #expect(figure(document, "waggle", "crashesMissed") == 0)
        let dead = try #require(figure(document, "waggle", "firstDeadMilliseconds", "median"))
        // A probe's second and four probe intervals for each decade.
        #expect((17_000...18_500).contains(dead))
        let drain = try #require(figure(document, "waggle", "firstDrainMilliseconds", "median"))
        #expect(drain <= 2500)
        // "1500 ms, 45 MB at most".
        let memory = outcome.error.split(separator: " ").dropFirst(2).first.flatMap { Int($0) }
        #expect(try #require(memory) < 200)
        #expect(try simulate(words).output == outcome.output)
    }

    @Test("a run in which a fault was asked for and none happened fails, and says how to see it")
    func failure() throws {
        // Of the few datagrams of two nodes one in a hundred is lost, at some seeds none.
        let outcome = try simulate("--json --nodes 2 --loss 1 --seeds 12 --preset waggle")
        #expect(outcome.status == 1)
        #expect(outcome.documents.count == 12)
        let parts = outcome.error.split(separator: "'")
        try #require(parts.count >= 2)
        #expect(outcome.error.contains("faultsHappened 1 of 2"))
        let words = String(parts[1]).replacing("waggle simulate gossip ", with: "")
        #expect(try simulate(words).status == 1)
    }

    @Test(
        "what cannot be is refused with one line",
        arguments: [
            "--scenario X9", "--preset x", "--nodes 1", "--nodes 100001", "--loss 100", "--seeds 0",
            "--cases 0", "--model x", "--model full --nodes 2001", "--model compact --nodes 31",
            "--model compact --scenario F1", "--nodes 2001 --scenario J1",
            "--model both --nodes 2001", "--model both --scenario P1",
        ]
    )
    func refusal(words: String) throws {
        let outcome = try simulate(words)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.split(separator: "\n").count == 1)
    }

    @Test("five managers at two hundred seeds keep what must hold, and each fault happens")
    func raft() throws {
        let run = try simulate("--nodes 5 --seeds 200", "raft")
        #expect(run.status == 0, "\(run.error)")
        let text = String(decoding: run.output, as: UTF8.self)
        print(text)
        #expect(text.contains("all held"))
        for word in ["loss", "crash", "partition", "churn", "misdelivery", "notice"] {
            #expect(text.contains(word))
        }
        let wrong = try simulate("--faults rain", "raft")
        #expect(wrong.status != 0)
        #expect(wrong.error.contains("no such fault"))
    }
}
