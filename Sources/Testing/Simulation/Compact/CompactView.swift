import Gossip

/// What one node holds of one member of which something is being said: 24 octets.
///
/// Moments are kept in steps of 1,024 ns from the start of the run. What the node still tells of the
/// member is its own state and, of a suspicion, one accuser.
struct CompactView {
    /// Accusers that a suspicion keeps, the first among them.
    static let accusersMax = 4
    static let nobody = UInt16.max

    /// When it came into its state; of a suspicion, when that began.
    private var sinceSteps: UInt32 = 0
    private var deadlineSteps: UInt32 = 0
    /// By their places in the subject's list.
    private var accusers = SIMD4<UInt16>(repeating: Self.nobody)
    /// Whom the rumour that is told names.
    var accuser = Self.nobody
    /// Counted from the one that everybody began with.
    var incarnation: UInt16 = 0
    var state = MemberState.alive
    /// Accusers beside the first.
    var confirmations: UInt8 = 0
    /// How often the rumour was told.
    var transmits: UInt8 = 0
    private var flags: UInt8 = 0

    /// The longest run, in nanoseconds.
    static let longest = UInt64(UInt32.max) << 10

    @inline(__always)
    private static func steps(_ moment: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: (moment - CompactRing.start) >> 10)
    }

    @inline(__always)
    private static func moment(_ steps: UInt32) -> UInt64 {
        CompactRing.start + UInt64(steps) << 10
    }

    var since: UInt64 {
        @inline(__always) get { Self.moment(sinceSteps) }
        @inline(__always) set { sinceSteps = Self.steps(newValue) }
    }

    /// When the accused is dead unless it has spoken.
    var deadline: UInt64 {
        @inline(__always) get { Self.moment(deadlineSteps) }
        @inline(__always) set { deadlineSteps = Self.steps(newValue) }
    }

    /// Not to be sent to.
    var isDrained: Bool {
        @inline(__always) get { flags & 1 != 0 }
        @inline(__always) set { flags = newValue ? flags | 1 : flags & ~1 }
    }

    /// Others were asked since only this node accuses it.
    var isInquired: Bool {
        @inline(__always) get { flags & 2 != 0 }
        @inline(__always) set { flags = newValue ? flags | 2 : flags & ~2 }
    }

    /// A death was heard that came too early to be believed.
    var isDoubted: Bool {
        @inline(__always) get { flags & 4 != 0 }
        @inline(__always) set { flags = newValue ? flags | 4 : flags & ~4 }
    }

    /// A probe beside the round is out.
    var isProbed: Bool {
        @inline(__always) get { flags & 8 != 0 }
        @inline(__always) set { flags = newValue ? flags | 8 : flags & ~8 }
    }

    mutating func accuse(by accuser: UInt16) {
        accusers = SIMD4(repeating: Self.nobody)
        accusers[0] = accuser
        confirmations = 0
    }

    @inline(__always)
    func isAccused(by accuser: UInt16) -> Bool {
        accusers[0] == accuser || accusers[1] == accuser || accusers[2] == accuser
            || accusers[3] == accuser
    }

    mutating func confirm(by accuser: UInt16) {
        confirmations += 1
        accusers[Int(confirmations)] = accuser
    }
}

/// One node: what is its own, and of the ring nothing but numbers.
struct CompactNode {
    /// When its next turn to probe comes.
    var probeAt: UInt64 = 0
    /// When it last heard a member.
    var lastProof: UInt64 = CompactRing.start
    /// Before this moment it gives nobody up.
    var trustedFrom: UInt64 = CompactRing.start
    /// The key of its rounds of probes.
    var key: UInt64 = 0
    var place: UInt32 = 0
    /// Whom it probed last, and before.
    var probed: (UInt32, UInt32) = (.max, .max)
    var deadCount: UInt32 = 0
    var drainedCount: UInt16 = 0
    /// Its own beat of gossip, in milliseconds.
    var gossipPhase: UInt16 = 0
    var awareness: UInt8 = 0
    /// Probes beside the round.
    var extraProbes: UInt8 = 0
    var isGone = false
    var isIsolated = false
    /// Whether a probe of the round is out, and whether the next turn waits for its end.
    var isProbing = false
    var isTurnWaiting = false
    /// Whether a beat of gossip is scheduled.
    var isGossiping = false
    /// Whether it has told something before that beat.
    var hasHurried = false
}

/// A member of which something is being said, and what the views of it share.
struct Subject {
    /// .max when the place is free.
    var node = Int.max
    /// Nodes that still tell of it.
    var telling = 0
    /// Everybody who ever accused it; views name them by their places here.
    var accusers: [UInt32] = []
    var crash: Int?
    var rumour: Int?
}

/// A probe that was not answered at once.
struct SlowProbe: Sendable {
    let prober: Int
    let target: Int
    let isRegular: Bool
    let deadline: UInt64
    var nacksWanted = 0
    var nacks = 0
    var isAnsweredOverStream = false
}
