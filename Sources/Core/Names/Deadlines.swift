package import Base
import HeapModule

/// When subjects are due, the earliest first; each has one deadline at most.
///
/// Setting, moving and clearing cost the logarithm of what is there. A deadline that was moved or
/// cleared stays in the heap until its turn comes, or until most of the heap is such.
package struct Deadlines<Subject: Hashable & Comparable & Sendable>: Sendable {
    private struct Entry: Comparable {
        let moment: Moment
        let subject: Subject

        static func < (left: Entry, right: Entry) -> Bool {
            (left.moment, left.subject) < (right.moment, right.subject)
        }
    }

    private var heap = Heap<Entry>()
    private var current: [Subject: Moment] = [:]

    package init() {}

    package mutating func set(_ subject: Subject, at moment: Moment) {
        current[subject] = moment
        heap.insert(Entry(moment: moment, subject: subject))
        if heap.count > 2 * current.count + Self.leftoversMax { compact() }
    }

    /// Entries that are kept though they say nothing, beside as many as say something.
    private static var leftoversMax: Int { 64 }

    private mutating func compact() {
        heap = Heap(heap.unordered.filter { current[$0.subject] == $0.moment })
    }

    package mutating func clear(_ subject: Subject) { current[subject] = nil }

    /// The earliest deadline.
    package mutating func earliest() -> Moment? {
        while let entry = heap.min {
            if current[entry.subject] == entry.moment { return entry.moment }
            heap.removeMin()
        }
        return nil
    }

    /// Takes out what is due by `now`, in order of deadline and subject.
    package mutating func takeDue(at now: Moment) -> [Subject] {
        var due: [Subject] = []
        while let moment = earliest(), moment <= now, let entry = heap.popMin() {
            current[entry.subject] = nil
            due.append(entry.subject)
        }
        return due
    }
}
