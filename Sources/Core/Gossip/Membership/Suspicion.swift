package import Base

/// How long an accused node has to speak for itself: the fewer accuse it, the longer.
///
/// Lifeguard's local health: one accuser may be the one that is ill. The time begins at `max` and falls
/// with each further accuser to `min`. Decides nothing but the deadline; whoever holds it lets it pass.
/// Source: gossip-wire.md §11; Dadgar, Phillips, Currey, "Lifeguard", 2018, §IV-B.
package struct Suspicion: Hashable, Sendable {
    /// What the times follow from.
    package struct Rules: Hashable, Sendable {
        /// Probe intervals per decade of members, at least 1.
        package let multiplier: Int
        /// `max` is so many times `min`.
        package let maxMultiplier: Int
        package let probeIntervalMilliseconds: Int

        package init(multiplier: Int, maxMultiplier: Int, probeIntervalMilliseconds: Int) {
            precondition(multiplier > 0 && maxMultiplier > 0 && probeIntervalMilliseconds > 0)
            self.multiplier = multiplier
            self.maxMultiplier = maxMultiplier
            self.probeIntervalMilliseconds = probeIntervalMilliseconds
        }

        /// Memberlist's for a local network, and Docker's (gossip-wire.md §8).
        package static let lan = Rules(
            multiplier: 4,
            maxMultiplier: 6,
            probeIntervalMilliseconds: 1000
        )
    }

    package private(set) var start: Moment
    /// Milliseconds that every accused node has.
    package let min: UInt64
    /// Milliseconds that a node has that one other accuses.
    package let max: UInt64
    /// Accusers beside the first that bring `max` down to `min`; 0 in rings too small for any.
    package let confirmationsMax: Int
    /// Who has accused, the first among them; sorted.
    private var accusers: [NodeName]
    /// When the node is dead unless it has spoken.
    package private(set) var deadline: Moment

    /// A suspicion that begins at `now`, in a ring of `members` with us and the accused.
    package init(rules: Rules, members: Int, accuser: NodeName, at now: Moment) {
        let decades = Swift.max(
            1000,
            FixedLogarithm.decimalThousandths(UInt64(Swift.max(1, members)))
        )
        let interval = UInt64(rules.probeIntervalMilliseconds)
        min = UInt64(rules.multiplier * decades) * interval / 1000
        max = min * UInt64(rules.maxMultiplier)
        // Where the time is fixed nobody can shorten it.
        let wanted = rules.maxMultiplier > 1 ? rules.multiplier - 2 : 0
        // Whoever could confirm has to be there beside us and the accused.
        confirmationsMax = wanted > 0 && members - 2 >= wanted ? wanted : 0
        start = now
        accusers = [accuser]
        deadline = now.advanced(milliseconds: confirmationsMax == 0 ? min : max)
    }

    /// Accusers beside the first.
    package var confirmations: Int { accusers.count - 1 }

    /// When the node is dead whatever speaks against it, in a ring that hears nobody.
    package var lastDeadline: Moment { start.advanced(milliseconds: max + 2 * min) }

    /// Waits until `moment`.
    mutating func postpone(to moment: Moment) {
        deadline = Swift.max(deadline, moment)
    }

    /// Begins, and ends, so much later.
    mutating func shift(_ milliseconds: UInt64) {
        start = start.advanced(milliseconds: milliseconds)
        deadline = deadline.advanced(milliseconds: milliseconds)
    }

    /// Takes a further accusation; true when it is news, which is to be passed on.
    package mutating func confirm(by accuser: NodeName) -> Bool {
        guard confirmations < confirmationsMax else { return false }
        let place = accusers.firstIndex { accuser <= $0 } ?? accusers.count
        if place < accusers.count, accusers[place] == accuser { return false }
        accusers.insert(accuser, at: place)
        let saved = FixedLogarithm.share(
            of: max - min,
            UInt64(confirmations + 1),
            over: UInt64(confirmationsMax + 1)
        )
        let time = Swift.max(min, max - saved)
        deadline = start.advanced(milliseconds: time)
        return true
    }
}
