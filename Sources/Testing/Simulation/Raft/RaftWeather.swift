import Base

/// How hard a simulated Raft cluster is struck: drawn for each seed, from rare to relentless.
struct RaftWeather {
    /// About the milliseconds from one stroke to the next, and that one lasts.
    let pace: UInt32
    /// One message in so many is lost, comes twice, or is late.
    let lossOneIn: UInt32
    let duplicateOneIn: UInt32
    let delayOneIn: UInt32
    /// The most by which a message is late, in milliseconds.
    let delayMax: UInt32
    /// The most that a slow disk takes for a write, in milliseconds.
    let slownessMax: UInt32
    /// About the milliseconds that a client thinks.
    let thinking: UInt32
    /// Entries after which a state is written down, where logs are short.
    let snapshotEvery: Int

    /// What a cluster has to live with every day: 2 % loss, round trips of about 50 ms, a disk that now and
    /// then takes half a second.
    static let everyday = RaftWeather(
        pace: 10_000,
        lossOneIn: 50,
        duplicateOneIn: 100,
        delayOneIn: 1,
        delayMax: 50,
        slownessMax: 500,
        thinking: 700,
        snapshotEvery: 2000
    )

    private init(
        pace: UInt32,
        lossOneIn: UInt32,
        duplicateOneIn: UInt32,
        delayOneIn: UInt32,
        delayMax: UInt32,
        slownessMax: UInt32,
        thinking: UInt32,
        snapshotEvery: Int
    ) {
        self.pace = pace
        self.lossOneIn = lossOneIn
        self.duplicateOneIn = duplicateOneIn
        self.delayOneIn = delayOneIn
        self.delayMax = delayMax
        self.slownessMax = slownessMax
        self.thinking = thinking
        self.snapshotEvery = snapshotEvery
    }

    init(_ generator: inout SeededGenerator) {
        func one(of choices: [UInt32]) -> UInt32 {
            choices[Int(generator.below(UInt32(choices.count)))]
        }
        pace = one(of: [100, 300, 1000, 4000])
        lossOneIn = one(of: [3, 8, 30, 100])
        duplicateOneIn = one(of: [3, 10, 30])
        delayOneIn = one(of: [3, 15, 50])
        delayMax = one(of: [5, 50, 600, 3000])
        slownessMax = one(of: [10, 200, 4000])
        thinking = one(of: [10, 100, 700])
        snapshotEvery = Int(one(of: [3, 20, 100]))
    }
}
