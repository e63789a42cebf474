import Foundation
import Journal
import JournalWire
import LinuxSystem
import Testing
import waggle

/// `waggle journal` on folders that are good, spoiled, and not there.
@Suite("Journal commands", .timeLimit(.minutes(2)))
struct JournalCommandTests {
    /// Runs with the folder of a journal with three entries, and its only segment.
    private static func withJournal(
        _ work: (_ path: String, _ segment: String) async throws -> Void
    )
        async throws
    {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "waggle-journal-\(KernelRandom.uint64())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var settings = JournalSettings()
        settings.segmentOctets = 16 << 10
        settings.reserveOctets = 0
        do {
            var journal = try Journal.open(
                try DirectoryDisk(path: path),
                identity: JournalIdentity(high: 1, low: 2, epoch: 3, node: 4),
                settings: settings,
                seed: KernelRandom.uint64()
            )
            for index in UInt64(1)...3 {
                let entry = JournalEntry(term: 1, index: index, payload: Array("hidden".utf8))
                try journal.append(JournalBatch(entries: [entry]))
            }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: path + "/wal")
        let segment = try #require(names.first { $0.hasSuffix(".seg") })
        try await work(path, "\(path)/wal/\(segment)")
    }

    @Test("verify says what is good, and fails with the file and the octet of what is not")
    func verify() async throws {
        try await Self.withJournal { path, segment in
            #expect(await Waggle.run(["journal", "verify", path]) == .done)
            let good = JournalView.verified(
                try JournalInspection(try DirectoryDisk(lookingAt: path))
            )
            #expect(good.contains("entries 1 to 3") && good.hasSuffix("\ngood"))
            var octets = try Data(contentsOf: URL(filePath: segment))
            octets[JournalFormat.headerOctets + 20] ^= 1
            try octets.write(to: URL(filePath: segment))
            #expect(await Waggle.run(["journal", "verify", path]) == .failed)
            let bad = JournalView.verified(
                try JournalInspection(try DirectoryDisk(lookingAt: path))
            )
            let name = URL(filePath: segment).lastPathComponent
            #expect(bad.contains("damaged: \(name): octets 128..<"), "\(bad)")
        }
        #expect(await Waggle.run(["journal", "verify", "/nowhere"]) == .absent)
        #expect(await Waggle.run(["journal"]) == .usage)
    }

    @Test("dump prints every record, and payloads only when told to")
    func dump() async throws {
        try await Self.withJournal { path, _ in
            #expect(await Waggle.run(["journal", "dump", path]) == .done)
            let disk = try DirectoryDisk(lookingAt: path)
            let cipher = try JournalFiles.cipher(disk)
            let hex = "68696464656e"
            for reveal in [false, true] {
                var lines: [String] = []
                try JournalInspection.dump(disk, cipher: reveal ? cipher : nil) { item in
                    lines.append(JournalView.line(item, reveal: reveal))
                }
                let entries = lines.filter { $0.contains("entry") }
                #expect(entries.count == 3)
                #expect(entries.allSatisfy { $0.contains(hex) } == reveal)
                #expect(entries.allSatisfy { $0.contains("6 octets") } == !reveal)
            }
        }
    }
}
