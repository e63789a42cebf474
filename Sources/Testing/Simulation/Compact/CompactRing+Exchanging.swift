import Gossip

/// Tables over streams: of what all agree on nothing is moved, only counted.
extension CompactRing {
    private static let setUpPause: UInt64 = 1_000_000_000
    private static let resendPause: UInt64 = 200_000_000

    /// A node's turn to exchange tables with another.
    mutating func openExchange(_ node: Int) {
        guard !members[node].isGone else { return }
        schedule(.exchange, at: now + rules.pushPullInterval, node: node)
        pick(1, by: node, forGossip: false)
        guard let first = listeners.first else { return }
        countExchange()
        let partner = Int(first)
        guard !members[partner].isGone, let delay = streamDelay(limit: rules.streamTimeout) else {
            return
        }
        let at = now + delay + UInt64(lengths.exchange) * GossipRing.nanosecondsPerOctet
        schedule(.exchangeAsked, at: at, node: partner, payload: node)
    }

    /// A table has arrived: its reader answers with its own, then merges; so does the asker.
    mutating func exchange(_ node: Int, with partner: Int) {
        guard !members[partner].isGone, !members[node].isGone else { return }
        countExchange()
        let octets = UInt64(lengths.exchange)
        let back = now + delay() + octets * GossipRing.nanosecondsPerOctet
        prove(partner, at: now)
        prove(node, at: back)
        for place in subjects.indices where subjects[place].node != .max {
            let ours = views[index(place, node)]
            let theirs = views[index(place, partner)]
            merge(ours, place, at: partner, time: now)
            merge(theirs, place, at: node, time: back)
        }
    }

    private mutating func countExchange() {
        seen.exchanges += 1
        seen.exchangeOctets += UInt64(lengths.exchange)
        octetsThisSecond += UInt64(lengths.exchange)
    }

    /// Takes a line of another's table: its dead are only suspected here.
    private mutating func merge(_ line: CompactView, _ place: Int, at node: Int, time: UInt64) {
        let known = views[index(place, node)]
        switch line.state {
        case .alive:
            if line.incarnation > known.incarnation, node != subjects[place].node {
                accept(line.incarnation, place, at: node, time: time)
            }
        case .suspect, .dead, .left:
            if node == subjects[place].node {
                refute(line.incarnation, place, time: time)
            } else if line.incarnation >= known.incarnation,
                known.state == .alive
                    || (known.state == .suspect && known.confirmations < rules.confirmationsMax)
            {
                let accuser = accuser(node, in: place)
                suspect(line.incarnation, by: accuser, place, at: node, time: time)
            }
        }
    }

    /// How long a stream takes until its first octets have arrived, as `Weather` has it; nil when it does
    /// not get through in time.
    mutating func streamDelay(limit: UInt64) -> UInt64? {
        var total: UInt64 = 0
        for step in 0..<3 {
            var pause = step < 2 ? Self.setUpPause : Self.resendPause
            for _ in 0..<8 {
                if !loss.contains(dice.next()) {
                    total += delay()
                    break
                }
                total += pause
                pause *= 2
                if total > limit { return nil }
            }
        }
        return total > limit ? nil : total
    }
}
