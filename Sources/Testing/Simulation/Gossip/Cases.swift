/// A crash that is being followed.
struct CrashCase {
    let subject: Int
    let at: UInt64
    /// Live nodes that should hear of it.
    var audience: Int
    var suspectedAt: UInt64?
    private var drainedAt: UInt64?
    private var drained = 0
    private var halfDrainedAt: UInt64?
    private var dead = 0
    private(set) var firstDeadAt: UInt64?
    private var dead50At: UInt64?
    private var dead99At: UInt64?
    private(set) var deadAllAt: UInt64?

    init(subject: Int, at: UInt64, audience: Int) {
        self.subject = subject
        self.at = at
        self.audience = audience
    }

    mutating func drain(at now: UInt64) {
        drained += 1
        if drainedAt == nil { drainedAt = now }
        if halfDrainedAt == nil, 2 * drained >= audience { halfDrainedAt = now }
    }

    /// One more has given the member up.
    mutating func die(at now: UInt64) {
        dead += 1
        if dead == 1 { firstDeadAt = now }
        if dead50At == nil, 2 * dead >= audience { dead50At = now }
        if dead99At == nil, 100 * dead >= 99 * audience { dead99At = now }
        if deadAllAt == nil, dead >= audience { deadAllAt = now }
    }

    /// Writes down what became of it.
    func add(to seen: inout Observations) {
        func add(_ moment: UInt64?, to samples: inout Samples) {
            if let moment { samples.add((moment - at) / 1000) }
        }
        add(suspectedAt, to: &seen.firstSuspicion)
        add(drainedAt, to: &seen.firstDrain)
        add(halfDrainedAt, to: &seen.halfDrained)
        add(firstDeadAt, to: &seen.firstDead)
        // Dissemination is counted from the first to know.
        guard let first = firstDeadAt else {
            seen.crashesMissed += 1
            return
        }
        if let dead50At { seen.dead50.add((dead50At - first) / 1000) }
        if let dead99At { seen.dead99.add((dead99At - first) / 1000) }
        if let deadAllAt {
            seen.deadEverywhere.add((deadAllAt - first) / 1000)
        } else {
            seen.crashesMissed += 1
        }
    }
}

/// A rumour that is being followed.
struct RumourCase {
    let subject: Int
    let at: UInt64
    let audience: Int
    private var heard = 0
    private var heard50At: UInt64?
    private var heard99At: UInt64?
    private var heardAllAt: UInt64?

    init(subject: Int, at: UInt64, audience: Int) {
        self.subject = subject
        self.at = at
        self.audience = audience
    }

    /// One more has heard it.
    mutating func hear(at now: UInt64) {
        heard += 1
        if heard50At == nil, 2 * heard >= audience { heard50At = now }
        if heard99At == nil, 100 * heard >= 99 * audience { heard99At = now }
        if heard == audience { heardAllAt = now }
    }

    /// Writes down what became of it.
    func add(to seen: inout Observations) {
        seen.rumours += 1
        if let heard50At { seen.told50.add((heard50At - at) / 1000) }
        if let heard99At { seen.told99.add((heard99At - at) / 1000) }
        if let heardAllAt {
            seen.toldEverywhere.add((heardAllAt - at) / 1000)
        } else {
            seen.rumoursMissed += 1
        }
    }
}
