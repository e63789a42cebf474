import Base
import Foundation
import Journal
import JournalWire
import LinuxSystem

/// What a manager's log costs on this disk: a batch until it is durable, and a log until it is read again.
///
/// The folder is a new one below the argument, or below TMPDIR, and is removed at the end. The second argument
/// is the megabytes of log that are read again, 1,000 by default.
@main
enum JournalBenchmarks {
    private static let identity = JournalIdentity(high: 1, low: 2, epoch: 1, node: 3)
    private static let payloadOctets = 300

    static func main() throws {
        let arguments = CommandLine.arguments
        let temporary = FileManager.default.temporaryDirectory.path
        let parent = arguments.count > 1 ? arguments[1] : temporary
        let megabytes = arguments.count > 2 ? Int(arguments[2]) ?? 1000 : 1000
        print("a journal, entries of \(payloadOctets) octets")
        checksum()
        for (isSealed, name) in [(false, "open"), (true, "sealed")] {
            for count in [1, 16, 64, 256] { try append(parent, count, isSealed: isSealed, name) }
        }
        try recover(parent, megabytes: megabytes)
    }

    private static func checksum() {
        let octets = (0..<(64 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let before = clock()
        let sum = CRC32C.of(octets.span)
        let spent = Double(clock() - before) / Double(CLOCKS_PER_SEC)
        print(
            "CRC-32C: \(Int(Double(octets.count) / spent / 1e6)) MB for each second of a processor (\(sum))"
        )
    }

    private static func append(
        _ parent: String,
        _ count: Int,
        isSealed: Bool,
        _ name: String
    ) throws {
        try inFolder(parent) { path in
            var journal = try open(path, isSealed: isSealed)
            let batches = 400
            while try journal.prepare() {}
            let spent = try seconds {
                for _ in 0..<batches { try journal.append(batch(count, journal.summary.lastIndex)) }
            }
            print(
                "\(name), \(count) to a batch: \(Int(spent / Double(batches) * 1e6)) us a batch,",
                "\(Int(Double(batches * count) / spent)) entries/s"
            )
        }
    }

    private static func recover(_ parent: String, megabytes: Int) throws {
        try inFolder(parent) { path in
            var octets = 0
            do {
                var journal = try open(path, isSealed: false)
                while octets < megabytes * 1_000_000 {
                    try journal.append(batch(64, journal.summary.lastIndex))
                    octets += 64 * (payloadOctets + 36) + 104
                }
            }
            for round in 1...3 {
                var entries: UInt64 = 0
                let before = clock()
                let spent = try seconds {
                    entries = try open(path, isSealed: false).summary.lastIndex
                }
                let busy = Double(clock() - before) / Double(CLOCKS_PER_SEC)
                print(
                    "start \(round) with \(octets / 1_000_000) MB of log, \(entries) entries:",
                    "\(Int(spent * 1000)) ms, \(Int(Double(octets) / spent / 1e6)) MB/s,",
                    "\(Int(busy * 1000)) ms of a processor"
                )
            }
        }
    }

    private static func batch(_ count: Int, _ last: UInt64) -> JournalBatch {
        let payload = [UInt8](repeating: 7, count: payloadOctets)
        return JournalBatch(
            hardState: JournalHardState(term: 1, vote: 1, commit: last),
            entries: (1...UInt64(count)).map {
                JournalEntry(term: 1, index: last + $0, payload: payload)
            }
        )
    }

    private static func open(
        _ path: String,
        isSealed: Bool
    ) throws -> Journal<DirectoryDisk> {
        var settings = JournalSettings()
        settings.isSealed = isSealed
        settings.reserveOctets = 0
        return try Journal.open(
            try DirectoryDisk(path: path),
            identity: identity,
            settings: settings,
            seed: KernelRandom.uint64()
        )
    }

    private static func inFolder(_ parent: String, _ work: (String) throws -> Void) throws {
        let path = "\(parent)/waggle-journal-\(KernelRandom.uint64())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try work(path)
    }

    private static func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = Clock.now()
        try work()
        return Double(Clock.now().nanoseconds - start.nanoseconds) / 1e9
    }
}
