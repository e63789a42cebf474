/// Makes episodes: who writes, who is hit, when and how long, all drawn from one seed.
struct TableEpisodeMaker {
    let nodes: Int
    let records: Int
    let seed: UInt64
    let loss: UInt32
    private let chance: Chance
    private var draws: UInt64 = 0

    init(nodes: Int, records: Int, seed: UInt64, loss: UInt32) {
        self.nodes = nodes
        self.records = records
        self.seed = seed
        self.loss = loss
        chance = Chance(seed: seed)
    }

    private mutating func below(_ bound: Int) -> Int {
        draws += 1
        return Int(chance.below(UInt64(max(1, bound)), .fault, draws))
    }

    private mutating func milliseconds(_ range: Range<Int>) -> UInt64 {
        UInt64(range.lowerBound + below(range.count))
    }

    /// So many different nodes, never the first ones of `sparing`.
    private mutating func some(_ wanted: Int, sparing: Int = 0) -> [Int] {
        var all = Array(sparing..<nodes)
        let count = min(wanted, all.count)
        for index in 0..<count { all.swapAt(index, index + below(all.count - index)) }
        return Array(all[..<count])
    }

    private func episode(records more: Int? = nil, milliseconds: UInt64) -> TableEpisode {
        var episode = TableEpisode(
            nodes: nodes,
            records: more ?? records,
            seed: seed,
            milliseconds: milliseconds
        )
        if loss > 0 { episode.add(.loss(Millionths(percent: loss)), at: 0) }
        return episode
    }

    /// Every record is there from the beginning, and each node has as many as the next.
    private func owners(of count: Int) -> [Int] { (0..<count).map { $0 % nodes } }

    // MARK: Writing

    /// 1: as the recorded runs, of nodes that were started together, some seconds after a round of whole
    /// tables.
    ///
    /// Source: T1, gossip-scale.md §1.7. Small rings run on until they are quiet.
    mutating func burst(kind: Int, seconds: Int?) -> TableEpisode {
        let usual = nodes <= 10 ? 260 : 120
        var episode = episode(milliseconds: UInt64(seconds ?? usual) * 1000)
        // Rounds of whole tables may come at any time after the burst.
        episode.startsTogether = kind == 1
        let at = kind == 1 ? milliseconds(31_000..<40_000) : milliseconds(2000..<32_000)
        episode.add(.count, at: at)
        episode.add(.write(0, Array(0..<records)), at: at)
        episode.stopsWhenSettled = nodes > 10
        episode.isJudged = true
        episode.add(.settle, at: at + 1)
        return episode
    }

    /// `updates` in 1,000 s.
    ///
    /// Source: T2.
    mutating func sustained(updates: Int, seconds: Int) -> TableEpisode {
        let from: UInt64 = 2000
        let length = UInt64(seconds) * 1000
        var episode = episode(milliseconds: from + length + 65_000)
        episode.initial = owners(of: records)
        episode.add(.count, at: from)
        let count = updates * seconds / 1000
        for number in 0..<max(1, count) {
            let record = number % records
            let at = from + UInt64(number) * length / UInt64(max(1, count))
            // Not in step with anybody's beat.
            episode.add(.write(record % nodes, [record]), at: at + milliseconds(0..<200))
        }
        episode.add(.settle, at: from + length + 200)
        episode.stopsWhenSettled = true
        return episode
    }

    /// Source: T3.
    func idle(seconds: Int) -> TableEpisode {
        var episode = episode(milliseconds: 10_000 + UInt64(seconds) * 1000)
        episode.initial = owners(of: records)
        episode.add(.count, at: 10_000)
        return episode
    }

    // MARK: Coming

    /// Source: J1; M9.
    mutating func boot() -> TableEpisode {
        var episode = episode(milliseconds: 400_000)
        episode.formed = 1
        episode.attached = 1
        episode.stopsWhenFull = true
        episode.add(.count, at: 1000)
        for node in 1..<nodes {
            episode.add(.attach(node, network: 0), at: 0)
            episode.add(.join(node, through: [0]), at: 1000 + milliseconds(0..<100))
        }
        return episode
    }

    /// Source: J2; M8.
    mutating func attachStorm() -> TableEpisode {
        let joiners = max(1, nodes / 10)
        var episode = episode(milliseconds: 200_000)
        episode.attached = nodes - joiners
        episode.initial = (0..<records).map { $0 % (nodes - joiners) }
        episode.add(.count, at: 5000)
        for node in nodes - joiners..<nodes {
            episode.add(.attach(node, network: 0), at: 5000 + milliseconds(0..<1000))
        }
        episode.add(.settle, at: 6000)
        episode.stopsWhenSettled = true
        return episode
    }

    // MARK: Faults

    /// 0: halves; 1: nine tenths and one; 2: one node; 3: three parts.
    ///
    /// Source: P1.
    mutating func partition(kind: Int, seconds: Int) -> TableEpisode {
        let tenth = max(1, records / 10)
        let length = UInt64(seconds) * 1000
        var episode = episode(records: records + 2 * tenth, milliseconds: length + 400_000)
        episode.initial = owners(of: records)
        let cut =
            switch kind {
            case 0: [some(nodes / 2)]
            case 1: [some(max(1, nodes / 10))]
            case 2: [some(1)]
            default: thirds()
            }
        for (index, part) in cut.enumerated() {
            for node in part { episode.add(.side(node, UInt8(index + 1)), at: 0) }
        }
        let sides = UInt8(cut.count + 1)
        let (down, up) = (UInt64(10_000), 10_000 + length)
        for from in 0..<sides {
            for to in 0..<sides where from != to {
                episode.add(.wall(from: from, to: to, stands: true), at: down)
                episode.add(.wall(from: from, to: to, stands: false), at: up)
            }
        }
        addChurn(to: &episode, tenth: tenth, from: Int(down), to: Int(up))
        episode.add(.count, at: up)
        episode.add(.settle, at: up + 1)
        episode.stopsWhenSettled = true
        return episode
    }

    private mutating func thirds() -> [[Int]] {
        let two = some(2 * nodes / 3)
        let half = two.count / 2
        return [Array(two[..<half]), Array(two[half...])]
    }

    /// A tenth of the records is new, as many change, as many go, at nodes everywhere.
    private mutating func addChurn(to episode: inout TableEpisode, tenth: Int, from: Int, to: Int) {
        for number in 0..<2 * tenth {
            let record = records + number
            episode.add(.write(below(nodes), [record]), at: milliseconds(from..<to))
        }
        for _ in 0..<2 * tenth {
            let record = below(records)
            episode.add(.write(record % nodes, [record]), at: milliseconds(from..<to))
        }
        for _ in 0..<2 * tenth {
            let record = below(records)
            episode.add(.delete(record % nodes, [record]), at: milliseconds(from..<to))
        }
    }

    /// 0: as the same node; 1: as another; 2: as the same node, and it says so before it ends.
    ///
    /// Source: R1.
    mutating func rollingRestart(kind: Int) -> TableEpisode {
        let count = min(nodes / 2, 24)
        let length = UInt64(count) * 5000 + 25_000
        var episode = episode(milliseconds: length + 200_000)
        episode.initial = owners(of: records)
        episode.add(.count, at: 5000)
        for (index, node) in some(count, sparing: 1).enumerated() {
            let at = UInt64(5000 + 5000 * index)
            let down = milliseconds(2000..<20_000)
            let seeds = [0, below(nodes), below(nodes)]
            if kind == 2 {
                episode.add(.terminate(node), at: at)
            } else {
                episode.add(.crash(node), at: at)
            }
            episode.add(.restart(node, through: seeds, isSame: kind != 1), at: at + down)
        }
        episode.add(.settle, at: length)
        episode.stopsWhenSettled = true
        return episode
    }

    /// A hundredth of the nodes crash in each minute, as many leave, twice as many are new.
    ///
    /// Source: C1.
    mutating func churn(seconds: Int) -> TableEpisode {
        let each = max(1, nodes * seconds / 6000)
        let fresh = 2 * each
        let tenth = max(1, records / 10)
        let end = seconds * 1000
        var episode = episode(records: records + 2 * tenth, milliseconds: UInt64(end) + 200_000)
        episode.initial = owners(of: records)
        episode.nodes = nodes + fresh
        addChurn(to: &episode, tenth: tenth, from: 5000, to: end)
        for (index, node) in some(fresh, sparing: 1).enumerated() {
            let fault = index % 2 == 0 ? Fault.crash(node) : Fault.leave(node)
            episode.add(fault, at: milliseconds(5000..<end))
        }
        for node in nodes..<nodes + fresh {
            episode.add(.attach(node, network: 0), at: 0)
            let at = milliseconds(5000..<end)
            episode.add(.join(node, through: [0, below(nodes)]), at: at)
        }
        episode.add(.count, at: 5000)
        episode.add(.settle, at: UInt64(end))
        episode.stopsWhenSettled = true
        return episode
    }

    // MARK: Moby's own tests

    /// Source: gossip-scale.md §1.9, the last lines; moby's networkdb/convergence_test.go.
    mutating func perturbations() -> [TableEpisode] {
        let last = nodes - 1
        let fresh = records
        return [
            perturbation([.write(0, [fresh])]),
            perturbation([.write(0, [0])]),
            perturbation([.delete(0, [0])]),
            perturbation([.attach(last, network: 0)], initial: 0),
            perturbation([.attach(last, network: 0), .write(last, [fresh])], initial: 0),
            perturbation([.attach(last, network: 0)], initial: records),
            perturbation([.detach(last, network: 0)]),
            perturbation([.fault(.leave(last))]),
        ]
    }

    private mutating func perturbation(
        _ steps: [TableStep],
        initial: Int? = nil
    ) -> TableEpisode {
        var episode = episode(records: records + 1, milliseconds: 220_000)
        let on = initial == nil ? nodes : nodes - 1
        episode.attached = on
        episode.initial = (0..<(initial ?? records)).map { $0 % on }
        let at = milliseconds(2000..<32_000)
        episode.add(.count, at: at)
        for step in steps { episode.add(step, at: at) }
        // A node that leaves has first to say so.
        let isLeave = steps.contains { if case .fault = $0 { true } else { false } }
        episode.add(.settle, at: isLeave ? at + 1000 : at)
        episode.stopsWhenSettled = true
        return episode
    }
}
