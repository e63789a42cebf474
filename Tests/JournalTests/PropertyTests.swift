import Base
import Journal
import JournalWire
import Testing

/// What holds for any history: the scan finds what the writer kept, and every entry can be read.
@Suite("Journal: any history")
struct PropertyTests {
    /// A leader of the next term takes the place of some uncommitted entries, or the same one goes on.
    private static func batch(
        _ chance: inout SeededGenerator,
        _ journal: borrowing Journal<MemoryDisk>,
        _ model: Model
    ) -> JournalBatch {
        let last = journal.summary.lastIndex
        let lowest = max(model.mark, journal.summary.firstIndex - 1)
        let back = last > lowest ? UInt64(chance.below(UInt32(last - lowest) + 1)) : 0
        let isNew = chance.below(4) == 0
        let first = last + 1 - (isNew ? back : 0)
        let term = model.term + (isNew ? 1 : 0)
        let count = UInt64(chance.below(6))
        let entries = (0..<count).map { offset in
            Script.entry(first + offset, term: term, octets: Int(chance.below(90)))
        }
        let state = JournalHardState(term: term, vote: UInt64(chance.below(3)), commit: lowest)
        return JournalBatch(hardState: state, entries: entries)
    }

    private static func step(
        _ chance: inout SeededGenerator,
        _ journal: inout Journal<MemoryDisk>,
        _ model: inout Model
    ) throws(JournalError) {
        switch chance.below(10) {
        case 0:
            let last = journal.summary.lastIndex
            guard last > model.mark else { return }
            let index = model.mark + 1 + UInt64(chance.below(UInt32(last - model.mark)))
            let term = journal.summary.term(at: index) ?? 0
            let mark = JournalMark(index: index, term: term, id: index, membership: [1])
            var writer = try journal.beginSnapshot(mark)
            try journal.add([UInt8](repeating: 1, count: Int(chance.below(50))), to: &writer)
            try journal.finish(writer)
            model.take(JournalBatch(mark: mark))
        case 1:
            let index = journal.summary.lastIndex + 5
            let mark = JournalMark(index: index, term: model.term, id: index)
            guard chance.below(4) == 0 else { return }
            let writer = try journal.beginSnapshot(mark)
            try journal.finish(writer, replacesLog: true)
            model.take(JournalBatch(mark: mark, replacesLog: true))
        case 2, 3: try journal.compact(through: model.mark)
        case 4: _ = try journal.prepare()
        case 5: try journal.witness()
        default:
            let batch = batch(&chance, journal, model)
            try journal.append(batch)
            model.take(batch)
        }
    }

    @Test("a scan finds what the writer kept, whatever was done", arguments: 0..<40)
    func agreement(seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        let store = DiskStore()
        var model = Model()
        for _ in 0..<3 {
            var kept = LogSummary()
            do {
                var journal = try Script.open(store, seed: seed)
                #expect(try journal.holds(model))
                for _ in 0..<25 { try Self.step(&chance, &journal, &model) }
                #expect(try journal.holds(model))
                kept = journal.summary
            }
            let journal = try Script.open(DiskStore(store.image), seed: seed)
            let found = journal.summary
            #expect(!journal.report.isDamaged)
            #expect(found.runs == kept.runs)
            #expect(try journal.holds(model))
            #expect(found.mark == kept.mark)
            #expect((found.firstIndex, found.lastIndex) == (kept.firstIndex, kept.lastIndex))
            #expect(found.previousTerm == kept.previousTerm)
            // The power goes between any two sessions.
            let fate = DiskImage.Fate.allCases[Int(chance.below(5))]
            store.image = store.image.crashed(fate, namesKept: chance.below(2) == 0)
        }
        let journal = try Script.open(store, seed: seed)
        #expect(try journal.holds(model))
    }

    @Test("the term before the first entry is that of the entry which stood there last")
    func previousTerm() throws {
        let store = DiskStore()
        var before: LogSummary
        do {
            var journal = try Script.open(store)
            while journal.summary.places.count < 2 {
                let next = journal.summary.lastIndex + 1
                try journal.append(Script.batch(next...next))
            }
            // The first of the second segment; what comes now reaches back into the first.
            let last = journal.summary.lastIndex
            try journal.append(Script.batch(last - 2...last + 3, term: 2))
            var writer = try journal.beginSnapshot(JournalMark(index: last + 1, term: 2, id: 1))
            try journal.add([1], to: &writer)
            try journal.finish(writer)
            try journal.compact(through: last + 1)
            #expect(journal.summary.firstIndex == last)
            before = journal.summary
        }
        let journal = try Script.open(store)
        #expect(before.previousTerm == 2)
        #expect(journal.summary.previousTerm == 2)
        #expect(journal.summary.firstIndex == before.firstIndex)
        #expect(journal.summary.runs == before.runs)
    }
}
