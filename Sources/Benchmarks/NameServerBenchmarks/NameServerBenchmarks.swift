import Foundation

/// Usage: NameServerBenchmarks [ROUNDS [MILLISECONDS [NAMES [PART...]]]]; needs `waggle` and the
/// programs of Sources/Benchmarks beside itself; `WAGGLE_BIN` names another `waggle`.
///
/// Prints one table, then what became of each goal. Ends with 1 when a ceiling is broken.
@main
struct NameServerBenchmarks {
    static let programs = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().path
    static let waggle = ProcessInfo.processInfo.environment["WAGGLE_BIN"] ?? "\(programs)/waggle"

    static func main() throws {
        let words = CommandLine.arguments
        func number(_ place: Int, or usual: Int) -> Int {
            words.count > place ? Int(words[place]) ?? usual : usual
        }
        let field = try Field()
        let run = Run(
            field: field,
            rounds: number(1, or: 11),
            milliseconds: number(2, or: 200),
            names: number(3, or: 1_000_000)
        )
        let parts = words.count > 4 ? Array(words[4...]) : Run.parts
        let isFine = try run.all(parts)
        field.stop()
        if !isFine { exit(1) }
    }
}
