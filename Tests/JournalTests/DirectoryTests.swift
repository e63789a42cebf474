import Foundation
import Journal
import JournalWire
import LinuxSystem
import Testing

/// The same on a real file system.
@Suite("Journal: a folder of the file system")
struct DirectoryTests {
    private static let identity = JournalIdentity(high: 1, low: 2, epoch: 0, node: 5)

    private static var settings: JournalSettings {
        var settings = JournalSettings()
        settings.segmentOctets = 64 << 10
        settings.reserveOctets = 64 << 10
        settings.lowOctets = 0
        return settings
    }

    private static func inFolder(_ work: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "waggle-journal-\(KernelRandom.uint64())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try work(folder)
    }

    private static func open(_ path: String) throws -> Journal<DirectoryDisk> {
        try Journal.open(
            try disk(path),
            identity: identity,
            settings: settings,
            seed: KernelRandom.uint64()
        )
    }

    /// A folder that was let go of here a moment ago; a program that another test starts meanwhile holds a copy
    /// of the lock until it runs.
    private static func disk(_ path: String) throws -> DirectoryDisk {
        for _ in 0..<200 {
            do throws(SystemError) {
                return try DirectoryDisk(path: path)
            } catch {
                guard error.isTryAgain else { throw error }
                usleep(10_000)
            }
        }
        return try DirectoryDisk(path: path)
    }

    @Test("entries, a snapshot and the vote are there again; only the owner may read any file")
    func reopen() throws {
        try Self.inFolder { path in
            let payload = Array("a secret of the swarm".utf8)
            do {
                var journal = try Self.open(path)
                while try journal.prepare() {}
                for first in stride(from: UInt64(1), to: 2000, by: 100) {
                    let entries = (first..<first + 100).map {
                        JournalEntry(term: 3, index: $0, payload: payload)
                    }
                    try journal.append(
                        JournalBatch(
                            hardState: JournalHardState(term: 3, vote: 1, commit: first - 1),
                            entries: entries
                        )
                    )
                }
                let mark = JournalMark(index: 1000, term: 3, id: 1)
                var writer = try journal.beginSnapshot(mark)
                try journal.add(payload, to: &writer)
                try journal.finish(writer)
                try journal.compact(through: 1000)
            }
            let journal = try Self.open(path)
            #expect(journal.report.condition == .open)
            #expect(journal.report.lastIndex == 2000)
            #expect(journal.report.firstIndex > 1 && journal.report.firstIndex <= 1001)
            #expect(journal.report.hardState.vote == 1)
            let entries = try journal.all()
            #expect(entries.allSatisfy { $0.payload == payload })
            var reader = try journal.openSnapshot(JournalMark(index: 1000, term: 3, id: 1))
            #expect(try journal.next(&reader) == payload)
            #expect(try journal.next(&reader) == nil)
            let names = try FileManager.default.subpathsOfDirectory(atPath: path)
            #expect(names.contains { $0.hasSuffix(".seg") } && names.contains("reserve"))
            for name in names {
                let file = "\(path)/\(name)"
                let attributes = try FileManager.default.attributesOfItem(atPath: file)
                let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
                #expect(mode & 0o077 == 0, "\(name) has mode \(String(mode, radix: 8))")
                let text = FileManager.default.contents(atPath: file) ?? Data()
                #expect(text.range(of: Data(payload)) == nil, "\(name) has it open")
            }
        }
    }

    @Test("a second process is kept out, and let in when the first has ended")
    func lock() throws {
        try Self.inFolder { path in
            do {
                var journal = try Self.open(path)
                #expect(throws: SystemError.self) { _ = try DirectoryDisk(path: path) }
                try journal.append(
                    JournalBatch(entries: [JournalEntry(term: 1, index: 1)])
                )
            }
            let journal = try Self.open(path)
            #expect(journal.report.lastIndex == 1)
        }
    }

    @Test("keys that others may read, or that are gone, are refused by name")
    func permissions() throws {
        try Self.inFolder { path in
            do { _ = try Self.open(path) }
            let key = "\(path)/key"
            let mode = [FileAttributeKey.posixPermissions: NSNumber(value: 0o640)]
            try FileManager.default.setAttributes(mode, ofItemAtPath: key)
            let error = #expect(throws: JournalError.self) { _ = try Self.open(path) }
            #expect(error == .permissions("key", mode: 0o640))
            #expect(error?.description.contains("chmod 600") == true)
            try FileManager.default.removeItem(atPath: key)
            #expect(throws: JournalError.file("key", .short(needed: 32, have: 0))) {
                _ = try Self.open(path)
            }
        }
    }

    @Test("another key opens nothing, and says which entry it does not open")
    func otherKey() throws {
        try Self.inFolder { path in
            do {
                var journal = try Self.open(path)
                try journal.append(
                    JournalBatch(entries: [JournalEntry(term: 1, index: 1, payload: [1])])
                )
            }
            let key = JournalCipher.newKey(number: 1)
            let file = URL(filePath: "\(path)/key")
            try Data(KeyFile.encoded([key])).write(to: file)
            let mode = [FileAttributeKey.posixPermissions: NSNumber(value: 0o600)]
            try FileManager.default.setAttributes(mode, ofItemAtPath: file.path)
            let journal = try Self.open(path)
            #expect(!journal.report.isDamaged, "damage is found without a key")
            var found: JournalError?
            do throws(JournalError) {
                _ = try journal.read(from: 1, octetsMax: 1)
            } catch { found = error }
            #expect(found == .sealed(1, key: 1))
        }
    }

    @Test("a disk that cannot be written says so, with the file")
    func readOnly() throws {
        let store = DiskStore()
        do {
            var journal = try Script.open(store)
            try journal.append(Script.batch(1...1))
        }
        store.isReadOnly = true
        let error = #expect(throws: JournalError.self) { _ = try Script.open(store) }
        #expect(error?.description.contains("Read-only file system") == true, "\(error as Any)")
        #expect(error?.description.contains("wal/") == true)
    }

    @Test("an inspection sees what is there beside a running journal, and changes nothing")
    func inspection() throws {
        try Self.inFolder { path in
            var journal = try Self.open(path)
            let payload = [UInt8](repeating: 7, count: 5000)
            for index in 1...30 {
                let entry = JournalEntry(term: 1, index: UInt64(index), payload: payload)
                try journal.append(JournalBatch(entries: [entry]))
            }
            let disk = try DirectoryDisk(lookingAt: path)
            let inspection = try JournalInspection(disk)
            #expect(inspection.damages == [])
            #expect(inspection.segments.count > 2)
            #expect(inspection.segments.first?.indexes?.lowerBound == 1)
            #expect(inspection.scan.summary.lastIndex == 30)
            var entries = 0
            try JournalInspection.dump(disk, cipher: nil) { item in
                guard case .entry(let entry, let isSealed, _) = item else { return }
                entries += 1
                #expect(isSealed)
                #expect(entry.payload.count == payload.count + JournalFormat.sealingOctets)
            }
            #expect(entries == 30)
            let cipher = try JournalFiles.cipher(disk)
            var revealed = 0
            try JournalInspection.dump(disk, cipher: cipher) { item in
                if case .entry(let entry, false, _) = item, entry.payload == payload {
                    revealed += 1
                }
            }
            #expect(revealed == 30)
        }
    }
}
