import Journal
import JournalWire
import Testing

@Suite("Journal")
struct JournalTests {
    @Test("what was appended is there after it was closed, in order and opened")
    func reopen() throws {
        let store = DiskStore()
        var settings = Script.settings
        settings.isSealed = true
        do {
            var journal = try Script.open(store, settings)
            #expect(journal.report.condition == .new)
            try journal.append(Script.batch(1...3))
            try journal.append(Script.batch(4...4, term: 2, octets: 0))
            try journal.close()
        }
        #expect(store.openFiles == 0)
        let journal = try Script.open(store, settings)
        #expect(journal.report.condition == .closed)
        #expect(journal.report.lastIndex == 4)
        #expect(journal.report.runs.map(\.term) == [1, 2])
        #expect(journal.report.hardState.boots == 2)
        let entries = try journal.all()
        #expect(
            entries == (1...3).map { Script.entry($0) } + [Script.entry(4, term: 2, octets: 0)]
        )
        let texts = store.image.paths(".seg").compactMap { store.image[$0] }
        let plain = Script.entry(1).payload
        #expect(!texts.contains { $0.contains(plain) }, "payloads lie open on the disk")
    }

    @Test("one batch costs one write and one sync")
    func cost() throws {
        let store = DiskStore()
        var settings = Script.settings
        settings.segmentOctets = 8192
        var journal = try Script.open(store, settings)
        try journal.append(Script.batch(1...1))
        let before = store.calls
        try journal.append(Script.batch(2...20))
        #expect(
            store.log.suffix(store.calls - before).map { $0.split(separator: " ")[0] }
                == ["write", "fdatasync"]
        )
        let idle = store.calls
        let state = JournalHardState(term: 1, vote: 2, commit: 20)
        try journal.append(JournalBatch(hardState: state), mustSync: false)
        #expect(store.calls == idle, "a commit index alone waits")
        try journal.append(Script.batch(21...21))
        #expect(journal.summary.hardState.commit == 20)
    }

    @Test("a new vote is written twice, at two places")
    func vote() throws {
        let store = DiskStore()
        do {
            var journal = try Script.open(store)
            try journal.append(Script.batch(1...1))
            try journal.append(
                JournalBatch(hardState: JournalHardState(term: 8, vote: 4, commit: 1))
            )
        }
        // Even with all segments gone the vote is known.
        for path in store.image.paths(".seg") { store.image[path] = nil }
        var journal = try Script.open(store)
        #expect(journal.report.isDamaged)
        #expect(journal.report.hardState.term == 8)
        #expect(journal.report.hardState.vote == 4)
        try journal.repair()
        #expect(journal.summary.hardState.fence == 8)
        #expect(journal.summary.hardState.isIncomplete)
    }

    @Test("all kinds of steps, and the scan agrees with what the writer kept")
    func story() throws {
        let store = DiskStore()
        var model = Model()
        var summary = LogSummary()
        do {
            var journal = try Script.open(store)
            try Script.run(Script.story, &journal, store, model: &model) { _ in }
            #expect(try journal.holds(model))
            summary = journal.summary
        }
        let journal = try Script.open(store)
        #expect(journal.report.condition == .open)
        #expect(try journal.holds(model))
        #expect(journal.summary.runs == summary.runs)
        #expect(journal.summary.places == summary.places)
        #expect(journal.summary.firstIndex == summary.firstIndex)
        #expect(journal.summary.previousTerm == summary.previousTerm)
        for index in summary.firstIndex - 1...summary.lastIndex {
            #expect(journal.summary.term(at: index) == summary.term(at: index))
        }
    }

    @Test("segments are used again, and their number stays small")
    func recycling() throws {
        let store = DiskStore()
        var settings = Script.settings
        settings.spares = 3
        var journal = try Script.open(store, settings)
        for round in 0..<40 {
            let first = UInt64(round * 5 + 1)
            try journal.append(Script.batch(first...first + 4, octets: 60))
            let mark = JournalMark(index: first + 4, term: 1, id: UInt64(round))
            var writer = try journal.beginSnapshot(mark)
            try journal.add([UInt8(round)], to: &writer)
            try journal.finish(writer)
            try journal.compact(through: first + 4)
        }
        #expect(store.image.paths(".seg").count <= 2)
        #expect(store.image.paths(".spare").count <= 3)
        #expect(store.image.paths(".snap").count == 2)
        let created = store.log.filter { $0.hasPrefix("create wal/") && $0.contains("spare") }
        #expect(created.count <= 6, "\(created.count) segments were made, not used again")
    }

    @Test("entries are read by index, and no more than asked for")
    func reading() throws {
        let store = DiskStore()
        var journal = try Script.open(store)
        try journal.append(Script.batch(1...30, octets: 50))
        try journal.append(Script.batch(25...26, term: 2))
        let few = try journal.read(from: 3, octetsMax: 120)
        #expect(few.map(\.index) == [3, 4])
        let one = try journal.read(from: 20, octetsMax: 1)
        #expect(one.map(\.index) == [20])
        let last = try journal.read(from: 24, octetsMax: 1 << 20)
        #expect(last.map(\.term) == [1, 2, 2])
        let errors = [UInt64(0), 27].map { index in
            do throws(JournalError) {
                _ = try journal.read(from: index, octetsMax: 1)
                return JournalError.poisoned
            } catch { return error }
        }
        #expect(errors == [.absent(0), .absent(27)])
    }

    @Test("what cannot be written is refused before anything is")
    func refused() throws {
        let store = DiskStore()
        var journal = try Script.open(store)
        try journal.append(Script.batch(1...3))
        let before = store.calls
        var errors: [JournalError] = []
        let batches = [
            Script.batch(5...5), Script.batch(4...4, octets: 2000),
            JournalBatch(entries: [Script.entry(4), Script.entry(6)]),
            JournalBatch(mark: JournalMark(index: 9, term: 1)),
        ]
        for batch in batches {
            do throws(JournalError) { try journal.append(batch) } catch { errors.append(error) }
        }
        #expect(errors.count == 4)
        #expect(errors.first == .gap(expected: 4, got: 5))
        #expect(errors.allSatisfy { !$0.isFatal })
        #expect(store.calls == before)
        try journal.append(Script.batch(4...4))
    }

    @Test("another cluster's or node's folder is refused")
    func foreign() throws {
        let store = DiskStore()
        do { _ = try Script.open(store) }
        var other = Script.identity
        other.node = 10
        #expect(throws: JournalError.file("node.id", .foreign)) {
            _ = try Journal.open(
                MemoryDisk(store: store),
                identity: other,
                settings: Script.settings,
                seed: 1
            )
        }
        store.image["node.id"] = nil
        #expect(throws: JournalError.identityLost) { _ = try Script.open(store) }
    }

    @Test("a snapshot is read as it was written")
    func snapshot() throws {
        for isSealed in [false, true] {
            let store = DiskStore()
            var settings = Script.settings
            settings.isSealed = isSealed
            var journal = try Script.open(store, settings)
            try journal.append(Script.batch(1...3))
            let mark = JournalMark(index: 2, term: 1, id: 5, membership: [4, 4])
            var writer = try journal.beginSnapshot(mark)
            try journal.add([1, 2, 3], to: &writer)
            try journal.add([], to: &writer)
            try journal.add([UInt8](repeating: 6, count: 1000), to: &writer)
            try journal.finish(writer)
            #expect(journal.summary.mark?.octets == 1003)
            var reader = try journal.openSnapshot(mark)
            var pieces: [[UInt8]] = []
            while let piece = try journal.next(&reader) { pieces.append(piece) }
            #expect(pieces == [[1, 2, 3], [], [UInt8](repeating: 6, count: 1000)])
        }
    }
}
