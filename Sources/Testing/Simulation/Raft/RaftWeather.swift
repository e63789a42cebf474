import Base

/// How hard a simulated Raft cluster is struck: drawn for each seed, from rare to relentless.
struct RaftWeather {
    /// About the milliseconds from one stroke to the next, and that one lasts.
    var pace: UInt32 = 10_000
    /// One message in so many is lost, comes twice, or is late.
    var lossOneIn: UInt32 = 50
    var duplicateOneIn: UInt32 = 100
    var delayOneIn: UInt32 = 1
    /// The most by which a message is late, in milliseconds.
    var delayMax: UInt32 = 50
    /// One message in so many is held, if it is of one of these kinds, by bits; and the most by which.
    var holdOneIn: UInt32 = 100
    var heldKinds: UInt32 = 0
    var holdMax: UInt32 = 1
    /// The most that a slow disk takes for a write, and a slow machine for entries, in milliseconds.
    var slownessMax: UInt32 = 500
    /// About the milliseconds that a client thinks.
    var thinking: UInt32 = 700
    /// About the milliseconds from one read to the next that is asked anywhere; 0 is none.
    var readEvery: UInt32 = 0
    /// Entries after which a state is written down, where logs are short, and how many are kept then.
    var snapshotEvery = 2000
    var kept: UInt64 = 500
    var gambits: [RaftGambit] = []
    /// One change of the membership in so many follows at once on the one before.
    var churnBurst: UInt32 = 2

    /// What a cluster has to live with every day: 2 % loss, round trips of about 50 ms, a disk that now and
    /// then takes half a second.
    static let everyday = RaftWeather()

    private init() {}

    init(_ generator: inout SeededGenerator) {
        func one<Value>(of choices: [Value]) -> Value {
            choices[Int(generator.below(UInt32(choices.count)))]
        }
        pace = one(of: [100, 300, 1000, 4000])
        lossOneIn = one(of: [3, 8, 30, 100])
        duplicateOneIn = one(of: [3, 10, 30])
        delayOneIn = one(of: [3, 15, 50])
        delayMax = one(of: [5, 50, 600, 3000])
        holdOneIn = one(of: [1, 2, 5, 20])
        heldKinds = 0
        for _ in 0..<2 { heldKinds |= 1 << generator.below(RaftCluster.messageKinds) }
        holdMax = one(of: [300, 1500, 4000])
        slownessMax = one(of: [10, 200, 1500, 4000])
        thinking = one(of: [10, 100, 700])
        readEvery = one(of: [40, 200, 1000])
        snapshotEvery = one(of: [3, 20, 100])
        kept = one(of: [0, 1, 5])
        let count = generator.below(4)
        for _ in 0..<(count + 1) { gambits.append(RaftGambit(&generator)) }
        churnBurst = one(of: [1, 2, 4])
    }
}
