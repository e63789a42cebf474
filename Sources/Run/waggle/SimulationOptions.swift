import ArgumentParser
import Simulation

/// What every kind of simulation may be told.
struct SimulationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Any number of 64 bits.", valueName: "number"))
    var seed: UInt64 = 1
    @Option(help: ArgumentHelp("As many seeds from this one on.", valueName: "count"))
    var seeds = 1
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Rules to run; may be repeated.", valueName: "name")
    )
    var preset: [String] = []
    @Option(help: ArgumentHelp("Datagrams that are lost.", valueName: "percent"))
    var loss: UInt32 = 0
    @OptionGroup var json: JSONFlag

    /// The presets of those names, or the usual ones; `command`: who complains.
    func presets<Preset>(
        of known: [Preset],
        usual: [Preset],
        name: (Preset) -> String,
        for command: String
    ) throws -> [Preset] {
        guard (0...99).contains(loss) else {
            throw Self.wrong(command, "\(loss) % loss", "give up to 99")
        }
        guard (1...1_000_000).contains(seeds) else {
            throw Self.wrong(command, "\(seeds) seeds", "give from 1 to 1000000")
        }
        let chosen = try preset.map { wanted in
            guard let preset = known.first(where: { name($0) == wanted }) else {
                let names = known.map(name).joined(separator: ", ")
                throw Self.wrong(command, "\(wanted): no such preset", "name one of \(names)")
            }
            return preset
        }
        return chosen.isEmpty ? usual : chosen
    }

    static func wrong(_ command: String, _ why: String, _ advice: String) -> CommandFailure {
        CommandFailure(.usage, what: command, why: why, advice: advice)
    }

    /// What did not hold, and how to see it again; `flags`: others than those here, with their values.
    func replay(
        _ command: String,
        seed: UInt64,
        _ invariants: [RunReport.Invariant],
        flags: [(String, String?)]
    ) -> String {
        let broken = invariants.filter { $0.violations > 0 }
            .map { "\($0.name) \($0.violations) of \($0.checked)" }
        var words = ["waggle", command]
        for (flag, value) in flags + [("--loss", loss > 0 ? "\(loss)" : nil)] {
            if let value { words += [flag, value] }
        }
        words += ["--seed", "\(seed)"]
        for name in preset { words += ["--preset", name] }
        return "\(broken.joined(separator: ", ")) did not hold; "
            + "replay with '\(words.joined(separator: " "))'"
    }
}
