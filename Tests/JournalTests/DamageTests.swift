import Journal
import JournalWire
import LinuxSystem
import Testing

/// What rots or is moved about: told from what a crash leaves, with the file and the place, and never passed over.
@Suite("Journal: damage")
struct DamageTests {
    /// A store with a journal of one segment and three batches, not closed; where each batch ends.
    private static func threeBatches() throws -> (image: DiskImage, path: String, ends: [Int]) {
        let store = DiskStore()
        var ends: [Int] = []
        do {
            var settings = Script.settings
            settings.segmentOctets = 2048
            var journal = try Script.open(store, settings)
            // The head of the segment is the first batch.
            ends.append(JournalFormat.headerOctets + 104)
            try journal.append(Script.batch(1...1))
            ends.append(journal.summary.places[0].octets.upperBound)
            try journal.append(Script.batch(2...2))
            ends.append(journal.summary.places[0].octets.upperBound)
        }
        let path = try #require(store.image.paths(".seg").first)
        return (store.image, path, ends)
    }

    private static var settings: JournalSettings {
        var settings = Script.settings
        settings.segmentOctets = 2048
        return settings
    }

    @Test("a flipped bit in each octet of three batches is found, or was never written")
    func everyOctet() throws {
        let (image, path, ends) = try Self.threeBatches()
        let octets = try #require(image[path])
        for offset in octets.indices {
            var spoiled = image
            spoiled[path]?[offset] ^= UInt8(1 << (offset % 8))
            // No witness: what proves that a batch was durable is the one behind it.
            spoiled["wal/durable"] = [UInt8](repeating: 0, count: Watermark.fileOctets)
            let journal = try Script.open(DiskStore(spoiled), Self.settings)
            let unused = [12, 13, 14, 15].contains(offset) || (124..<128).contains(offset)
            switch journal.report.condition {
            case .damaged(let damages):
                #expect(offset < ends[1], "octet \(offset)")
                #expect(damages.first?.file == String(path.dropFirst(4)))
                let expected =
                    offset < JournalFormat.headerOctets
                    ? 0 : offset < ends[0] ? JournalFormat.headerOctets : ends[0]
                #expect(damages.first?.offset == expected, "octet \(offset)")
            case .torn(_, let end):
                // The last batch: without a witness this is what a crash leaves.
                #expect(offset >= ends[1] && offset < ends[2], "octet \(offset)")
                #expect(end == ends[1])
                #expect(journal.report.lastIndex == 1)
            case .open:
                #expect(offset >= ends[2] || unused, "octet \(offset)")
                #expect(journal.report.lastIndex == 2)
            default: Issue.record("octet \(offset): \(journal.report.condition)")
            }
        }
    }

    @Test("with a witness a flipped bit in the last batch is damage, too")
    func witnessed() throws {
        let store = DiskStore()
        var first = 0
        do {
            var journal = try Script.open(store, Self.settings)
            try journal.append(Script.batch(1...1))
            try journal.append(Script.batch(2...2))
            first = journal.summary.places[0].octets.lowerBound
            try journal.witness()
        }
        let path = try #require(store.image.paths(".seg").first)
        var damaged = 0
        let octets = try #require(store.image[path])
        for offset in stride(from: first, to: octets.count, by: 1) {
            var spoiled = store.image
            spoiled[path]?[offset] ^= 0x10
            let journal = try Script.open(DiskStore(spoiled), Self.settings)
            guard journal.report.isDamaged else { continue }
            damaged += 1
        }
        #expect(damaged == 2 * (24 + 8 + 24 + 48 + 56), "\(damaged) octets in two batches")
    }

    /// A journal of several segments, and what it holds.
    private static func several() throws -> (image: DiskImage, entries: [JournalEntry]) {
        let store = DiskStore()
        var entries: [JournalEntry] = []
        do {
            var journal = try Script.open(store)
            for index in 1...40 { try journal.append(Script.batch(UInt64(index)...UInt64(index))) }
            entries = try journal.all()
        }
        return (store.image, entries)
    }

    /// What is done to the segments of a journal.
    enum Mischief: CaseIterable {
        case swapped, duplicated, missing, truncated, emptied, lastMissing, lastTruncated, garbled
    }

    @Test("segments that are swapped, doubled, missing, cut off", arguments: Mischief.allCases)
    func mischief(kind: Mischief) throws {
        var (image, entries) = try Self.several()
        let paths = image.paths(".seg")
        #expect(paths.count > 4)
        let (second, third, last) = (paths[1], paths[2], paths[paths.count - 1])
        var file = second
        switch kind {
        case .swapped:
            let octets = image[second]
            image[second] = image[third]
            image[third] = octets
        case .duplicated: image[second] = image[third]
        case .missing:
            image[second] = nil
            file = third
        case .truncated: image[second]?.removeLast(300)
        case .emptied: image[second] = []
        case .lastMissing:
            image[last] = nil
            file = paths[paths.count - 2]
        case .lastTruncated:
            image[last]?.removeLast(600)
            file = last
        case .garbled:
            image[second] = [UInt8](repeating: 0x5a, count: Script.settings.segmentOctets)
        }
        let store = DiskStore(image)
        var journal = try Script.open(store)
        guard case .damaged(let damages) = journal.report.condition else {
            Issue.record("\(kind) was not noticed: \(journal.report.condition)")
            return
        }
        #expect(damages.first?.file == String(file.dropFirst(4)), "\(damages)")
        // Nothing is written before somebody decides.
        let writes = store.log.filter {
            ["write", "rename", "unlink", "create"].contains($0.prefix { $0 != " " })
        }
        #expect(writes == [])
        do throws(JournalError) {
            try journal.append(Script.batch(41...41))
            Issue.record("a damaged journal takes batches")
        } catch {
            guard case .damaged = error else {
                Issue.record("\(error)")
                return
            }
        }
        let good = Int(journal.summary.lastIndex)
        #expect(try journal.all() == Array(entries.prefix(good)))
        try Self.repaired(&journal, store, good: good, entries)
    }

    /// After a repair the good part is there, the fence is up, and writing goes on, after a crash as well.
    private static func repaired(
        _ journal: inout Journal<MemoryDisk>,
        _ store: DiskStore,
        good: Int,
        _ entries: [JournalEntry]
    ) throws {
        try journal.repair()
        #expect(journal.report.condition == .open)
        #expect(journal.summary.hardState.isIncomplete)
        #expect(journal.summary.hardState.fence >= 1)
        #expect(try journal.all() == Array(entries.prefix(good)))
        let next = UInt64(good + 1)
        var caughtUp = Script.batch(next...40, term: 3)
        caughtUp.hardState?.isIncomplete = true
        try journal.append(caughtUp)
        caughtUp.hardState?.isIncomplete = false
        try journal.append(JournalBatch(hardState: caughtUp.hardState))
        let after = DiskStore(store.image.crashed(.absent, namesKept: false))
        let again = try Script.open(after)
        #expect(again.report.condition == .open)
        #expect(again.summary.lastIndex == 40)
        #expect(!again.summary.hardState.isIncomplete)
        #expect(again.summary.hardState.fence >= 1)
    }

    @Test(
        "a crash at any call of a repair leaves a journal that is damaged or incomplete",
        arguments: [true, false]
    )
    func repairCrashes(hasWitness: Bool) throws {
        var (image, _) = try Self.several()
        let paths = image.paths(".seg")
        image[paths[1]]?[300] ^= 1
        if !hasWitness {
            image["wal/durable"] = [UInt8](repeating: 0, count: Watermark.fileOctets)
        }
        let store = DiskStore(image)
        store.remembers = true
        do {
            var journal = try Script.open(store)
            try journal.repair()
        }
        var damaged = 0
        for (call, image) in store.history.enumerated() {
            for (fate, namesKept) in CrashTests.fates {
                let again = DiskStore(image.crashed(fate, namesKept: namesKept))
                var journal = try Script.open(again)
                if journal.report.isDamaged { damaged += 1 }
                let isSafe =
                    journal.report.isDamaged || journal.summary.hardState.isIncomplete
                #expect(isSafe, "call \(call) \(fate) \(namesKept): \(journal.report.condition)")
                try journal.repair()
                #expect(journal.summary.hardState.isIncomplete)
                let next = journal.summary.lastIndex + 1
                try journal.append(Script.batch(next...next, term: 3))
            }
        }
        #expect(damaged > 100)
    }

    @Test("behind damage terms are still heard of")
    func terms() throws {
        let store = DiskStore()
        do {
            var journal = try Script.open(store)
            for index in 1...20 {
                let term = UInt64(index)
                try journal.append(Script.batch(term...term, term: term))
            }
        }
        let paths = store.image.paths(".seg")
        store.image[paths[1]]?[200] ^= 1
        store.image["wal/durable"]?[4096...4195] = ArraySlice(repeating: 0, count: 100)
        store.image["wal/durable"]?[0...99] = ArraySlice(repeating: 0, count: 100)
        var journal = try Script.open(store)
        #expect(journal.report.isDamaged)
        #expect(!journal.report.hasWitness)
        try journal.repair()
        #expect(journal.summary.hardState.fence == 20)
        #expect(journal.summary.hardState.term == 20)
        #expect(journal.summary.hardState.vote == 0)
    }

    @Test("a damaged snapshot gives way to an older one with the log since, or is damage")
    func snapshots() throws {
        let store = DiskStore()
        do {
            var journal = try Script.open(store)
            try journal.append(Script.batch(1...10))
            for index in [UInt64(4), 8] {
                let mark = JournalMark(index: index, term: 1, id: index, membership: [1])
                var writer = try journal.beginSnapshot(mark)
                try journal.add([UInt8](repeating: UInt8(index), count: 100), to: &writer)
                try journal.finish(writer)
            }
        }
        let paths = store.image.paths(".snap")
        let size = try #require(store.image[paths[1]]?.count)
        for offset in 0..<size {
            var spoiled = store.image
            spoiled[paths[1]]?[offset] ^= 4
            let journal = try Script.open(DiskStore(spoiled))
            #expect(!journal.report.isDamaged)
            if journal.report.mark?.index == 8 {
                // Octets that nobody reads: between a checksum and what is aligned.
                #expect(journal.report.notes == [])
                let header = 64 + 8
                let isPadding =
                    (65..<72).contains(offset) || (76..<80).contains(offset)
                    || (196..<200).contains(offset)
                #expect(isPadding, "octet \(offset) of \(size), header \(header)")
            } else {
                #expect(journal.report.mark?.index == 4)
                #expect(journal.report.notes.count == 1)
            }
        }
        // Cut anywhere, and without the older one.
        for length in 0..<size where length % 5 == 0 || length > size - 20 {
            var spoiled = store.image
            spoiled[paths[1]]?.removeLast(size - length)
            spoiled[paths[0]] = nil
            var journal = try Script.open(DiskStore(spoiled))
            #expect(journal.report.isDamaged, "\(length) of \(size)")
            try journal.repair()
            #expect(journal.summary.lastIndex == 0)
            #expect(journal.summary.hardState.isIncomplete)
        }
    }

    @Test("what rots while it runs is not handed on")
    func later() throws {
        let store = DiskStore()
        var journal = try Script.open(store)
        try journal.append(Script.batch(1...3))
        let offset = journal.summary.places[0].octets.lowerBound + 60
        let path = try #require(store.image.paths(".seg").first)
        store.image[path]?[offset] ^= 1
        do throws(JournalError) {
            _ = try journal.read(from: 1, octetsMax: 100)
            Issue.record("it was")
        } catch {
            guard case .damaged(let damage) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(damage.file == String(path.dropFirst(4)))
        }
    }
}
