import Base

/// Makes episodes: who is hit, when, how long, all drawn from one seed.
struct EpisodeMaker {
    let nodes: Int
    let seed: UInt64
    let loss: UInt32
    private let chance: Chance
    private var draws: UInt64 = 0

    init(nodes: Int, seed: UInt64, loss: UInt32) {
        self.nodes = nodes
        self.seed = seed
        self.loss = loss
        chance = Chance(seed: seed)
    }

    /// Degraded members, blocked times and running times of Lifeguard's grid (gossip-scale.md §1.3).
    static let degraded = [1, 4, 8, 12, 16, 20, 24, 28, 32]
    static let blockedMilliseconds: [UInt64] = [128, 512, 2048, 8192, 16_384, 32_768]
    static let runningMilliseconds: [UInt64] = [1, 4, 16, 64, 256, 1024, 4096, 16_384]
    static var cells: Int {
        degraded.count * blockedMilliseconds.count * runningMilliseconds.count
    }

    // MARK: Chance

    private mutating func below(_ bound: Int) -> Int {
        draws += 1
        return Int(chance.below(UInt64(max(1, bound)), .fault, draws))
    }

    mutating func milliseconds(_ range: Range<Int>) -> UInt64 {
        UInt64(range.lowerBound + below(range.count))
    }

    /// Milliseconds of exponential length around a mean, at most ten times it.
    private mutating func exponential(mean: UInt64) -> UInt64 {
        draws += 1
        let bits = max(1, chance.draw(.fault, draws))
        // -ln(u) is ln(2) times what a logarithm of 64 bits lacks to 64.
        let lacking = UInt64(64) << 40 - FixedLogarithm.binary(bits)
        let times = lacking.multipliedFullWidth(by: 12_786_308_645_202_655_660).high
        return min(10 * mean, (mean * (times >> 8)) >> 32)
    }

    /// So many different nodes, never the first ones of `sparing`.
    mutating func some(_ wanted: Int, sparing: Int = 0) -> [Int] {
        var all = Array(sparing..<nodes)
        let count = min(wanted, all.count)
        for index in 0..<count { all.swapAt(index, index + below(all.count - index)) }
        return Array(all[..<count])
    }

    func episode(milliseconds: UInt64) -> Episode {
        var episode = Episode(nodes: nodes, seed: seed, milliseconds: milliseconds)
        // In two rounds of probes every node has asked every other.
        episode.graceMilliseconds = 30_000 + 2000 * UInt64(nodes)
        if loss > 0 { episode.add(.loss(Millionths(percent: loss)), at: 0) }
        return episode
    }

    // MARK: Detection

    mutating func crash(_ crashes: Int) -> Episode {
        var episode = episode(milliseconds: loss > 0 ? 90_000 : 60_000)
        for node in some(crashes) { episode.add(.crash(node), at: milliseconds(5000..<15_000)) }
        return episode
    }

    mutating func threshold(blocked: Int, for duration: UInt64) -> Episode {
        var episode = episode(milliseconds: duration + 60_000)
        episode.followsBlocked = true
        episode.watchesViews = true
        let hit = some(blocked)
        episode.degraded = Set(hit)
        for node in hit {
            let at = milliseconds(5000..<6000)
            episode.add(.block(node), at: at)
            episode.add(.unblock(node), at: at + duration)
        }
        return episode
    }

    // MARK: Truth

    /// The whole grid, or so many cells of it in which every length is as frequent as in the grid.
    mutating func interval(cells wanted: Int) -> [Episode] {
        let degraded = Self.degraded
        let blocked = Self.blockedMilliseconds
        let running = Self.runningMilliseconds
        let isWhole = wanted >= Self.cells
        let offset = isWhole ? 0 : below(Self.cells)
        return (0..<min(wanted, Self.cells)).map { number in
            let (lap, first) = number.quotientAndRemainder(dividingBy: blocked.count)
            // 3 and 4 have no divisor in common with 8 and 9: every pair comes once.
            let second = isWhole ? lap % running.count : (3 * lap + number + offset) % running.count
            let third = isWhole ? lap / running.count : (4 * number + offset) % degraded.count
            return interval(
                degraded: degraded[third],
                blocked: blocked[first],
                running: running[second],
                cell: UInt64(number)
            )
        }
    }

    mutating func interval(
        degraded: Int,
        blocked: UInt64,
        running: UInt64,
        cell: UInt64 = 0
    ) -> Episode {
        let hit = some(min(degraded, nodes / 4))
        var at: UInt64 = 5000
        var faults: [(at: UInt64, fault: Fault)] = []
        while at < 125_000 {
            for node in hit {
                faults.append((at, .block(node)))
                faults.append((at + blocked, .unblock(node)))
            }
            at += blocked + running
        }
        var episode = episode(milliseconds: at + 15_000)
        episode.seed = seed &+ cell &* 1_000_003
        episode.faults += faults
        episode.degraded = Set(hit)
        episode.watchesViews = true
        return episode
    }

    mutating func starvation(stopped: Int) -> Episode {
        var episode = episode(milliseconds: 150_000)
        let hit = some(stopped)
        episode.degraded = Set(hit)
        episode.watchesViews = true
        for node in hit {
            var at = milliseconds(5000..<7000)
            while at < 125_000 {
                let pause = max(1, exponential(mean: 2000))
                episode.add(.stop(node), at: at)
                episode.add(.resume(node), at: at + pause)
                at += pause + max(1, exponential(mean: 500))
            }
        }
        return episode
    }

    /// Nodes that are heard and hear nobody for 20 s, then hear again for 20 s.
    mutating func flipFlop() -> Episode {
        var episode = episode(milliseconds: 360_000)
        let hit = some(max(1, nodes / 100))
        episode.degraded = Set(hit)
        episode.watchesViews = true
        for node in hit {
            for at in stride(from: UInt64(10_000), to: 290_000, by: 40_000) {
                episode.add(.nodeLoss(node, inbound: .all, outbound: .none), at: at)
                episode.add(.nodeLoss(node, inbound: .none, outbound: .none), at: at + 20_000)
            }
        }
        return episode
    }

    /// Nodes that lose four of five datagrams each way.
    mutating func heavyLoss() -> Episode {
        var episode = episode(milliseconds: 360_000)
        let hit = some(max(1, nodes / 100))
        episode.degraded = Set(hit)
        episode.watchesViews = true
        let most = Millionths(percent: 80)
        for node in hit {
            episode.add(.nodeLoss(node, inbound: most, outbound: most), at: 90_000)
            episode.add(.nodeLoss(node, inbound: .none, outbound: .none), at: 290_000)
        }
        return episode
    }

    // MARK: Dissemination

    mutating func rumours(_ count: Int) -> Episode {
        var episode = episode(milliseconds: UInt64(count) * 6000 + 6000)
        episode.isQuiet = true
        episode.healsAtEnd = false
        for number in 0..<count {
            let at = UInt64(1000 + number * 6000) + milliseconds(0..<1000)
            episode.add(.rumour(below(nodes)), at: at)
        }
        return episode
    }

    /// Counted from when every node has exchanged tables for the first time, for 51 minutes: of 1,000 nodes
    /// each exchanges 16 times by our rules, 17 times by memberlist's, and neither is cut short.
    func rest() -> Episode {
        var episode = episode(milliseconds: 3_100_000)
        episode.add(.begin, at: 40_000)
        return episode
    }

    // MARK: Coming and going

    mutating func joinStorm() -> Episode {
        var episode = episode(milliseconds: 400_000)
        episode.beginning = .empty
        episode.watchesViews = true
        episode.stopsWhenFull = true
        episode.add(.join(0, through: []), at: 0)
        episode.add(.begin, at: 1000)
        for node in 1..<nodes {
            episode.add(.join(node, through: [0]), at: milliseconds(1000..<11_000))
        }
        return episode
    }

    mutating func partition(milliseconds length: UInt64) -> Episode {
        var episode = episode(milliseconds: length + 70_000)
        for node in some(nodes / 2) {
            episode.add(.side(node, 1), at: 0)
            episode.degraded.insert(node)
        }
        for stands in [true, false] {
            let at = stands ? 10_000 : 10_000 + length
            episode.add(.wall(from: 0, to: 1, stands: stands), at: at)
            episode.add(.wall(from: 1, to: 0, stands: stands), at: at)
        }
        episode.add(.begin, at: 10_000 + length)
        episode.degraded = Set(0..<nodes)
        episode.watchesViews = true
        return episode
    }

    mutating func rollingRestart(_ count: Int) -> Episode {
        var episode = episode(milliseconds: UInt64(count) * 5000 + 40_000)
        episode.watchesViews = true
        for (index, node) in some(count, sparing: 1).enumerated() {
            let at = UInt64(5000 + 5000 * index)
            let down = milliseconds(2000..<20_000)
            let seeds = [0, below(nodes), below(nodes)]
            episode.add(.crash(node), at: at)
            episode.add(.restart(node, through: seeds, isSame: index % 4 != 3), at: at + down)
        }
        return episode
    }

    mutating func massRestart() -> Episode {
        var episode = episode(milliseconds: 130_000)
        episode.watchesViews = true
        for node in 0..<nodes {
            let at = milliseconds(5000..<65_000)
            let seeds = (0..<3).map { _ in below(nodes) }
            episode.add(.crash(node), at: at)
            episode.add(
                .restart(node, through: seeds, isSame: true),
                at: at + milliseconds(1000..<5000)
            )
        }
        return episode
    }

    /// Each minute a hundredth of the nodes crash, as many leave, and twice as many are new.
    mutating func churn(minutes: Int) -> Episode {
        let each = max(1, nodes / 100)
        let fresh = 2 * each * minutes
        let length = UInt64(minutes) * 60_000
        var episode = episode(milliseconds: length + 30_000)
        episode.nodes = nodes + fresh
        episode.watchesViews = true
        for (index, node) in some(fresh, sparing: 1).enumerated() {
            let at = milliseconds(5000..<Int(length))
            episode.add(index % 2 == 0 ? .crash(node) : .leave(node), at: at)
        }
        for node in nodes..<nodes + fresh {
            let at = milliseconds(5000..<Int(length))
            episode.add(.join(node, through: [0, below(nodes)]), at: at)
        }
        return episode
    }
}
