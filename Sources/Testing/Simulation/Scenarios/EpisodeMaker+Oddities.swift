/// Faults that are neither loss nor silence: ways that are open in one direction or for streams only,
/// and clocks.
extension EpisodeMaker {
    /// Nothing comes to a quarter of the nodes, what they say is heard.
    mutating func oneWay(milliseconds length: UInt64) -> Episode {
        var episode = episode(milliseconds: length + 70_000)
        for node in some(max(1, nodes / 4)) { episode.add(.side(node, 1), at: 0) }
        for stands in [true, false] {
            let at = stands ? 10_000 : 10_000 + length
            episode.add(.wall(from: 0, to: 1, stands: stands), at: at)
        }
        episode.add(.begin, at: 10_000 + length)
        episode.degraded = Set(0..<nodes)
        episode.watchesViews = true
        return episode
    }

    /// A sixteenth of the nodes has no datagrams for a minute; streams stand.
    mutating func streamsOnly() -> Episode {
        var episode = episode(milliseconds: 120_000)
        let hit = some(max(1, nodes / 16))
        episode.watchesViews = true
        for node in hit {
            episode.add(.noDatagrams(node, true), at: 10_000)
            episode.add(.noDatagrams(node, false), at: 70_000)
        }
        return episode
    }

    /// Wall clocks are set an hour forth or back, half of those nodes start again, others are suspended
    /// for seconds; one datagram in ten comes twice.
    mutating func clocks() -> Episode {
        var episode = episode(milliseconds: 120_000)
        let hit = some(max(3, nodes / 8), sparing: 1)
        episode.watchesViews = true
        episode.add(.duplicates(Millionths(percent: 10)), at: 0)
        for (index, node) in hit.enumerated() {
            let at = milliseconds(5000..<60_000)
            if index % 3 == 2 {
                episode.add(.jump(node, milliseconds: milliseconds(2000..<30_000)), at: at)
                continue
            }
            episode.add(.setClock(node, seconds: index % 2 == 0 ? -3600 : 3600), at: at)
            guard index % 3 == 0 else { continue }
            episode.add(.crash(node), at: at + 3000)
            episode.add(
                .restart(node, through: [0], isSame: true),
                at: at + milliseconds(5000..<9000)
            )
        }
        return episode
    }
}
