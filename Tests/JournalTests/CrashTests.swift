import Journal
import JournalWire
import LinuxSystem
import Testing

/// After a crash at any call, with any part of what was not synced, nothing is lost that was said to be durable,
/// and what is there is what was written.
@Suite("Journal: a crash at every call")
struct CrashTests {
    struct Recorded {
        var images: [DiskImage]
        var told: [Script.Told]

        /// What was known at a call.
        func known(at call: Int) -> Script.Told? { told.last { $0.calls <= call } }
    }

    /// Runs a story once and remembers the disk before each call.
    static func record(_ steps: [Step], from image: DiskImage = DiskImage()) throws -> Recorded {
        let store = DiskStore(image)
        store.remembers = true
        var told: [Script.Told] = []
        var model = Model()
        var journal = try Script.open(store)
        try Script.run(steps, &journal, store, model: &model) { told.append($0) }
        return Recorded(images: store.history + [store.image], told: told)
    }

    /// What may be there when one thing was told and another was being done.
    static func mayHold(
        _ journal: borrowing Journal<MemoryDisk>,
        _ told: Script.Told?
    ) throws(JournalError) -> Bool {
        let model = told?.model ?? Model()
        if try journal.holds(model) { return true }
        guard let doing = told?.doing else { return false }
        for stage in model.stages(of: doing) where try journal.holds(stage) { return true }
        return false
    }

    static let fates: [(DiskImage.Fate, Bool)] = DiskImage.Fate.allCases.flatMap {
        [($0, false), ($0, true)]
    }

    @Test("every prefix of a story, each write there, absent or torn")
    func everyPrefix() throws {
        let recorded = try Self.record(Script.story)
        var tried = 0
        var torn = 0
        for (call, image) in recorded.images.enumerated() {
            let told = recorded.known(at: call)
            for (fate, namesKept) in Self.fates {
                let store = DiskStore(image.crashed(fate, namesKept: namesKept))
                let journal = try Script.open(store, seed: 99)
                tried += 1
                if case .torn = journal.report.condition { torn += 1 }
                let isDamaged = journal.report.isDamaged
                #expect(!isDamaged, "call \(call) \(fate) \(namesKept): a crash is no damage")
                let holds = try Self.mayHold(journal, told)
                #expect(holds, "call \(call), \(fate), names \(namesKept)")
                guard holds, !isDamaged else { return }
            }
        }
        #expect(tried > 1000, "\(tried)")
        #expect(torn > 20, "\(torn) torn tails were seen")
    }

    @Test("a crash while recovering from a crash, and writing goes on after it")
    func twice() throws {
        let recorded = try Self.record(Script.story)
        var tried = 0
        for call in stride(from: 7, to: recorded.images.count, by: 13) {
            let told = recorded.known(at: call)
            let first = DiskStore(recorded.images[call].crashed(.front, namesKept: true))
            first.remembers = true
            do { _ = try Script.open(first, seed: 5) }
            for (second, image) in first.history.enumerated() where second % 2 == call % 2 {
                let fate = DiskImage.Fate.allCases[second % 5]
                let store = DiskStore(image.crashed(fate, namesKept: second % 3 == 0))
                var model: Model
                do {
                    var journal = try Script.open(store, seed: 6)
                    #expect(try Self.mayHold(journal, told), "call \(call), then \(second)")
                    let next = journal.summary.lastIndex + 1
                    let batch = Script.batch(next...next + 2, term: 9)
                    model = Model(
                        entries: try journal.all(),
                        term: 9,
                        vote: 2,
                        mark: journal.summary.mark?.index ?? 0
                    )
                    try journal.append(batch)
                    model.entries += batch.entries
                }
                let third = DiskStore(store.image.crashed(.absent, namesKept: false))
                let journal = try Script.open(third, seed: 7)
                #expect(try journal.holds(model), "call \(call), then \(second), then more")
                tried += 1
            }
        }
        #expect(tried > 100, "\(tried)")
    }
}

/// Whatever call fails, and however: nothing that was said to be durable is lost, and nothing is written after.
@Suite("Journal: the k-th call fails")
struct FaultLadderTests {
    /// Runs the story with one failing call; returns the error, and what was told.
    private static func climb(
        _ store: DiskStore
    ) -> (error: JournalError?, told: Script.Told?, callsAfter: Int) {
        var told: Script.Told?
        do throws(JournalError) {
            var journal = try Script.open(store)
            var model = Model()
            do throws(JournalError) {
                try Script.run(Script.story, &journal, store, model: &model) { told = $0 }
                return (nil, told, 0)
            } catch {
                #expect(journal.isPoisoned == error.isFatal, "\(error)")
                let before = store.calls
                if journal.isPoisoned {
                    do throws(JournalError) {
                        try journal.append(Script.batch(1...1))
                        Issue.record("a poisoned journal takes batches")
                    } catch { #expect(error == .poisoned) }
                    return (error, told, store.calls - before)
                }
                return (error, told, 0)
            }
        } catch { return (error, told, 0) }
    }

    @Test(
        "every call of a story fails once",
        arguments: [MemoryDisk.ioError, MemoryDisk.noSpace]
    )
    func ladder(code: Int32) throws {
        var rung = 1
        var failures = 0
        while true {
            let store = DiskStore()
            store.failing = (rung, code)
            let (error, told, callsAfter) = Self.climb(store)
            if store.calls < rung { break }
            if error != nil { failures += 1 }
            #expect(callsAfter == 0, "call \(rung): something was done after it failed")
            #expect(store.openFiles == 0, "call \(rung): \(store.openFiles) files stay open")
            // The process starts again, with what is in memory, and then the power goes.
            let again = DiskStore(store.image)
            var model: Model
            do {
                let journal = try Script.open(again, seed: 3)
                let isDamaged = journal.report.isDamaged
                #expect(!isDamaged, "call \(rung): \(store.log[rung - 1])")
                let holds = try CrashTests.mayHold(journal, told)
                #expect(holds, "call \(rung): \(store.log[rung - 1])")
                guard holds else { return }
                model = Model(
                    entries: try journal.all(),
                    term: journal.summary.hardState.term,
                    vote: journal.summary.hardState.vote,
                    mark: journal.summary.mark?.index ?? 0
                )
            }
            let dark = DiskStore(again.image.crashed(.absent, namesKept: false))
            let journal = try Script.open(dark, seed: 4)
            #expect(try journal.holds(model), "call \(rung): gone with the power")
            // The same without the start in between.
            let cut = DiskStore(store.image.crashed(.absent, namesKept: false))
            let left = try Script.open(cut, seed: 4)
            #expect(try CrashTests.mayHold(left, told), "call \(rung): after a cut")
            rung += 1
        }
        #expect(rung > 150, "\(rung) calls")
        #expect(failures > rung / 3, "\(failures) of \(rung) stopped the journal")
    }

    @Test("a disk that gets full at any octet: refused in time, nothing lost, going on with space")
    func full() throws {
        let whole = DiskStore()
        do {
            var model = Model()
            var journal = try Script.open(whole)
            try Script.run(Script.story, &journal, whole, model: &model) { _ in }
        }
        var wasFull = 0
        for capacity in stride(from: 0, through: whole.usedOctets + 4096, by: 97) {
            let store = DiskStore()
            store.capacity = capacity
            let (error, told, _) = Self.climb(store)
            if let error {
                #expect(error == .full, "\(capacity): \(error)")
                wasFull += 1
            }
            // It starts with the disk still full, unless it never began.
            if store.image.paths(".seg").isEmpty { continue }
            do {
                let journal = try Script.open(store, seed: 2)
                #expect(try CrashTests.mayHold(journal, told), "\(capacity)")
            }
            store.capacity = .max
            var journal = try Script.open(store, seed: 3)
            #expect(try CrashTests.mayHold(journal, told), "\(capacity)")
            let next = journal.summary.lastIndex + 1
            try journal.append(Script.batch(next...next + 20, term: 9))
        }
        #expect(wasFull > 20, "\(wasFull)")
    }
}
