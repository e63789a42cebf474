import Names

/// Which questions are looked at more closely.
package struct WatchLimits: Hashable, Sendable {
    /// One in so many is counted by its name; 0: none.
    package let nameSample: Int
    /// One in so many is logged; 0: none.
    package let querySample: Int

    package init(nameSample: Int = 0, querySample: Int = 0) {
        precondition(nameSample >= 0 && querySample >= 0, "a sample is one in so many")
        self.nameSample = nameSample
        self.querySample = querySample
    }
}

/// Picks the questions that are looked at more closely, and keeps what is seen of them.
///
/// A question that is not picked costs one subtraction and one comparison; one that is, no
/// allocation.
struct QuestionWatch: ~Copyable {
    private let nameSample: Int
    private let querySample: Int
    private var namesLeft: Int
    private var queriesLeft: Int
    /// Questions until the next one that is picked, and how many that were in all.
    private var left: Int
    private var step: Int
    /// Whether the question picked last is one to be counted, or one to be logged.
    private(set) var wantsName = false
    private(set) var wantsLog = false
    var names = BusyNames()
    /// Nil when nothing is logged.
    let log: QueryLogRing?
    /// The question that has just been forwarded is to be logged when it is answered.
    private var marksForwarded = false

    init(_ limits: WatchLimits, log: QueryLogRing?) {
        nameSample = limits.nameSample == 0 ? .max : limits.nameSample
        querySample = limits.querySample == 0 || log == nil ? .max : limits.querySample
        self.log = log
        // The first question is picked, so that what is rare is seen too.
        namesLeft = limits.nameSample == 0 ? .max : 1
        queriesLeft = limits.querySample == 0 || log == nil ? .max : 1
        step = min(namesLeft, queriesLeft)
        left = step
    }

    /// Whether this question is picked.
    @inline(__always)
    mutating func picks() -> Bool {
        left &-= 1
        if left > 0 { return false }
        draw()
        return true
    }

    private mutating func draw() {
        namesLeft -= step
        queriesLeft -= step
        wantsName = namesLeft == 0
        wantsLog = queriesLeft == 0
        if wantsName { namesLeft = nameSample }
        if wantsLog { queriesLeft = querySample }
        step = min(namesLeft, queriesLeft)
        left = step
    }

    mutating func markForwarded() { marksForwarded = true }

    /// Whether the question that has just been forwarded is to be logged.
    mutating func takeMark() -> Bool {
        defer { marksForwarded = false }
        return marksForwarded
    }
}
