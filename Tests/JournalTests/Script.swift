import Base
import Journal
import JournalWire
import LinuxSystem

/// One thing that is done to a journal.
enum Step {
    case append(JournalBatch)
    case snapshot(JournalMark, pieces: [[UInt8]], replacesLog: Bool)
    case compact(UInt64)
    case prepare
    case witness
}

/// What a journal should hold.
struct Model: Equatable {
    var entries: [JournalEntry] = []
    var term: UInt64 = 0
    var vote: UInt64 = 0
    var mark: UInt64 = 0

    mutating func take(_ batch: JournalBatch) {
        if let state = batch.hardState { (term, vote) = (state.term, state.vote) }
        if let mark = batch.mark {
            self.mark = mark.index
            if batch.replacesLog { entries = [] }
        }
        for entry in batch.entries {
            entries.removeAll { $0.index >= entry.index }
            entries.append(entry)
        }
    }

    /// The models that a batch goes through when it is written in parts.
    func stages(of batch: JournalBatch) -> [Model] {
        (0...batch.entries.count).map { count in
            var part = batch
            part.entries = Array(batch.entries.prefix(count))
            var model = self
            model.take(part)
            return model
        } + [self]
    }
}

/// Drives a journal by steps and keeps the model beside it.
enum Script {
    static let identity = JournalIdentity(high: 7, low: 8, epoch: 1, node: 9)

    static var settings: JournalSettings {
        var settings = JournalSettings()
        settings.segmentOctets = 1024
        settings.spares = 1
        settings.reserveOctets = 1024
        settings.lowOctets = 0
        settings.prepareOctets = 512
        settings.isSealed = false
        return settings
    }

    static func open(
        _ store: DiskStore,
        _ settings: JournalSettings = settings,
        seed: UInt64 = 1
    ) throws(JournalError) -> Journal<MemoryDisk> {
        try Journal.open(
            MemoryDisk(store: store),
            identity: identity,
            settings: settings,
            seed: seed &+ UInt64(store.calls)
        )
    }

    static func entry(_ index: UInt64, term: UInt64 = 1, octets: Int = 20) -> JournalEntry {
        JournalEntry(
            term: term,
            index: index,
            kind: UInt8(index % 3),
            payload: (0..<octets).map {
                UInt8(truncatingIfNeeded: index &* 31 &+ UInt64($0) &+ term)
            }
        )
    }

    static func batch(
        _ indexes: ClosedRange<UInt64>,
        term: UInt64 = 1,
        octets: Int = 20
    )
        -> JournalBatch
    {
        JournalBatch(
            hardState: JournalHardState(term: term, vote: 2, commit: indexes.lowerBound - 1),
            entries: indexes.map { entry($0, term: term, octets: octets) }
        )
    }

    /// All kinds of things, in 40 steps and about six segments.
    static let story: [Step] = {
        var steps: [Step] = [.append(JournalBatch(hardState: JournalHardState(term: 1, vote: 2)))]
        for index in 1...6 { steps.append(.append(batch(UInt64(index)...UInt64(index)))) }
        steps += [.prepare, .prepare, .append(batch(7...12, octets: 60)), .prepare, .prepare]
        // Another leader takes the place of what was not committed.
        steps.append(.append(batch(9...10, term: 2)))
        steps.append(.witness)
        steps.append(.append(batch(11...11, term: 3, octets: 300)))
        let mark = JournalMark(index: 9, term: 2, id: 77, membership: [1, 2, 3])
        steps.append(.snapshot(mark, pieces: [[1, 2, 3], [4]], replacesLog: false))
        steps += [.append(batch(12...14, term: 3, octets: 100)), .compact(9), .prepare, .prepare]
        // Too much for one segment, and what is committed is in the second.
        var large = batch(15...24, term: 3, octets: 100)
        large.hardState?.commit = 23
        steps.append(.append(large))
        let later = JournalMark(index: 40, term: 4, id: 78, membership: [1, 2])
        steps.append(.snapshot(later, pieces: [[9]], replacesLog: true))
        steps += [.append(batch(41...43, term: 4)), .compact(40), .prepare, .prepare]
        steps.append(.append(JournalBatch(hardState: JournalHardState(term: 5, vote: 3))))
        return steps
    }()

    /// What was said to be durable before a call, and what was being done.
    struct Told {
        var model: Model
        var doing: JournalBatch?
        var calls: Int
    }

    /// Does all steps; `told` gets what is known after each.
    static func run(
        _ steps: [Step],
        _ journal: inout Journal<MemoryDisk>,
        _ store: DiskStore,
        model: inout Model,
        told: (Told) -> Void
    ) throws(JournalError) {
        for step in steps {
            let batch = Self.batch(of: step)
            told(Told(model: model, doing: batch, calls: store.calls))
            switch step {
            case .append(let batch): try journal.append(batch)
            case .snapshot(let mark, let pieces, let replacesLog):
                var writer = try journal.beginSnapshot(mark)
                for piece in pieces { try journal.add(piece, to: &writer) }
                try journal.finish(writer, replacesLog: replacesLog)
            case .compact(let index): try journal.compact(through: index)
            case .prepare: _ = try journal.prepare()
            case .witness: try journal.witness()
            }
            if let batch { model.take(batch) }
        }
        told(Told(model: model, doing: nil, calls: store.calls))
    }

    private static func batch(of step: Step) -> JournalBatch? {
        switch step {
        case .append(let batch): batch
        case .snapshot(let mark, _, let replacesLog):
            JournalBatch(mark: mark, replacesLog: replacesLog)
        default: nil
        }
    }
}

extension Journal where Disk: ~Copyable {
    /// All entries that are there.
    func all() throws(JournalError) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var next = summary.firstIndex
        while next <= summary.lastIndex {
            let more = try read(from: next, octetsMax: 1 << 20)
            entries += more
            next += UInt64(more.count)
        }
        return entries
    }

    /// Whether what is there is a model without what was compacted.
    func holds(_ model: Model) throws(JournalError) -> Bool {
        let state = summary.hardState
        guard state.term == model.term, state.vote == model.vote,
            (summary.mark?.index ?? 0) == model.mark
        else { return false }
        guard summary.firstIndex <= model.mark + 1 else { return false }
        return try all() == model.entries.filter { $0.index >= summary.firstIndex }
    }
}
