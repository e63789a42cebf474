/// What all batches up to some place come to: everything of the log but its payloads.
///
/// The writer and the scan keep it alike, so that what is recovered is what was written. Later entries take
/// the place of earlier ones at their index, and of all behind those.
package struct LogSummary: Hashable, Sendable {
    /// Entries of one term from an index on.
    package struct TermRun: Hashable, Sendable {
        package var firstIndex: UInt64
        package var term: UInt64
    }

    /// Where entries lie that stand in a row.
    package struct Place: Hashable, Sendable {
        package var firstIndex: UInt64
        package var lastIndex: UInt64
        /// The first sequence number of their segment.
        package var segment: UInt64
        /// Whole batches.
        package var octets: Range<Int>
    }

    /// Batches of up to so many octets share a place.
    private static let placeOctetsMax = 64 << 10

    package private(set) var hardState = JournalHardState()
    package private(set) var mark: JournalMark?
    package private(set) var firstIndex: UInt64 = 1
    package private(set) var lastIndex: UInt64 = 0
    /// The term of the entry before the first.
    package private(set) var previousTerm: UInt64 = 0
    package private(set) var runs: [TermRun] = []
    package private(set) var places: [Place] = []
    /// No further batch may share the last place.
    private var isPlaceClosed = true

    package init() {}

    /// Entries before this one were dropped, or there were none.
    package init(firstIndex: UInt64, previousTerm: UInt64) {
        self.firstIndex = firstIndex
        lastIndex = firstIndex &- 1
        self.previousTerm = previousTerm
    }

    package var lastTerm: UInt64 { runs.last?.term ?? previousTerm }

    /// The term of an entry, or of the one before the first; nil for others.
    package func term(at index: UInt64) -> UInt64? {
        if index &+ 1 == firstIndex { return previousTerm }
        guard index >= firstIndex, index <= lastIndex else { return nil }
        return runs.last { $0.firstIndex <= index }?.term
    }

    /// The place of an entry.
    package func place(of index: UInt64) -> Int? {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].lastIndex < index { low = middle + 1 } else { high = middle }
        }
        return low < places.count && places[low].firstIndex <= index ? low : nil
    }

    package mutating func note(_ state: JournalHardState) {
        hardState = state
    }

    package mutating func note(_ mark: JournalMark, replacesLog: Bool) {
        self.mark = mark
        guard replacesLog else { return }
        firstIndex = mark.index &+ 1
        lastIndex = mark.index
        previousTerm = mark.term
        runs = []
        places = []
        isPlaceClosed = true
    }

    package mutating func noteEntry(term: UInt64, index: UInt64) {
        if index < firstIndex {
            // What was before it was dropped; a mark to come has it.
            self = rebased(to: index)
        } else if index <= lastIndex {
            truncate(from: index)
        }
        if runs.last?.term != term { runs.append(TermRun(firstIndex: index, term: term)) }
        lastIndex = index
    }

    private func rebased(to index: UInt64) -> LogSummary {
        var summary = LogSummary(firstIndex: index, previousTerm: 0)
        summary.hardState = hardState
        summary.mark = mark
        return summary
    }

    /// The batch with the entries that were noted since the last one lies there.
    package mutating func noteBatch(firstIndex: UInt64, segment: UInt64, octets: Range<Int>) {
        guard firstIndex > 0 else {
            extendPlace(segment, octets)
            return
        }
        let last = places.indices.last
        if let last, !isPlaceClosed, places[last].segment == segment,
            places[last].octets.upperBound == octets.lowerBound,
            places[last].lastIndex &+ 1 == firstIndex,
            octets.upperBound - places[last].octets.lowerBound <= Self.placeOctetsMax
        {
            places[last].octets = places[last].octets.lowerBound..<octets.upperBound
            places[last].lastIndex = lastIndex
            return
        }
        isPlaceClosed = false
        places.append(
            Place(firstIndex: firstIndex, lastIndex: lastIndex, segment: segment, octets: octets)
        )
    }

    /// A batch without entries between two with some keeps them together.
    private mutating func extendPlace(_ segment: UInt64, _ octets: Range<Int>) {
        guard let last = places.indices.last, !isPlaceClosed, places[last].segment == segment,
            places[last].octets.upperBound == octets.lowerBound,
            octets.upperBound - places[last].octets.lowerBound <= Self.placeOctetsMax
        else { return }
        places[last].octets = places[last].octets.lowerBound..<octets.upperBound
    }

    private mutating func truncate(from index: UInt64) {
        guard index <= lastIndex else { return }
        lastIndex = max(index, 1) - 1
        while let run = runs.last, run.firstIndex > lastIndex { runs.removeLast() }
        while let place = places.last, place.firstIndex > lastIndex { places.removeLast() }
        if let last = places.indices.last, places[last].lastIndex > lastIndex {
            places[last].lastIndex = lastIndex
        }
        isPlaceClosed = true
    }

    /// Entries before an index are in no segment any more.
    package mutating func drop(before index: UInt64) {
        guard index > firstIndex, index <= lastIndex &+ 1 else { return }
        previousTerm = term(at: index - 1) ?? previousTerm
        firstIndex = index
        if let place = places.firstIndex(where: { $0.lastIndex >= index }) {
            places.removeFirst(place)
            places[0].firstIndex = max(places[0].firstIndex, index)
        } else {
            places = []
            isPlaceClosed = true
        }
        if let run = runs.lastIndex(where: { $0.firstIndex <= index }) {
            runs.removeFirst(run)
            runs[0].firstIndex = max(runs[0].firstIndex, index)
        }
        if lastIndex < index { runs = [] }
    }
}
