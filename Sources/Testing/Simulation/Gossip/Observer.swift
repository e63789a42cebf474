import Gossip

/// What one set of rules did in a scenario, over all of its runs.
package struct Observations: Sendable {
    // Crashes, in microseconds from the crash.
    package var firstSuspicion = Samples()
    package var firstDrain = Samples()
    package var halfDrained = Samples()
    package var firstDead = Samples()
    package var dead50 = Samples()
    package var dead99 = Samples()
    package var deadEverywhere = Samples()
    package var crashes = 0
    /// Crashes that some live node never heard of.
    package var crashesMissed = 0

    // Members that are there and were said to be dead, by anybody and by nodes that nothing was wrong with.
    package var falseDeaths = 0
    package var falseDeathsAtHealthy = 0
    package var falseSuspicions = 0
    package var drains = 0

    /// Nanoseconds that members which nothing was wrong with were drained at such nodes.
    package var wronglyDrained: UInt64 = 0
    /// Nanoseconds that such nodes looked at such members.
    package var watched: UInt64 = 0
    /// Microseconds until a member is not drained any more, since it was or is well again.
    package var readmission = Samples()
    /// The same, of members that are well at the end of it.
    package var readmissionOfWell = Samples()
    /// Most members drained at once at one node, in thousandths of the ring.
    package var drainedAtOnce: UInt64 = 0

    // Rumours, in microseconds from their origin.
    package var told50 = Samples()
    package var told99 = Samples()
    package var toldEverywhere = Samples()
    package var rumours = 0
    package var rumoursMissed = 0

    // Traffic.
    package var probeDatagrams: UInt64 = 0
    package var gossipDatagrams: UInt64 = 0
    package var probeOctets: UInt64 = 0
    package var gossipOctets: UInt64 = 0
    package var exchanges: UInt64 = 0
    package var exchangeOctets: UInt64 = 0
    /// Nanoseconds of nodes that ran.
    package var nodeTime: UInt64 = 0
    package var queueDepth = 0
    package var busiestSecond: UInt64 = 0

    // Views.
    /// Milliseconds until every node that is there knows every other; only where it came to that.
    package var fullView = Samples()
    package var runs = 0
    package var runsWithoutFullView = 0
    package var distinctSizes = Samples()
    package var viewChanges = 0
    /// Pairs of a node and a member it lacks, when all was over.
    package var missingAtEnd = 0
    /// Pairs of a node and a member it still has that is gone.
    package var strangersAtEnd = 0

    // What must hold.
    package var pairsChecked = 0
    package var incarnationsChecked = 0
    package var incarnationsBackwards = 0
    package var boundsChecked = 0
    package var boundsBroken = 0
    package var codecChecked = 0
    package var codecBroken = 0
    package var drainChecked = 0
    package var drainBroken = 0

    package var events: UInt64 = 0
    package var stalls = 0
    package var isolations = 0
    /// Probes that were answered over a stream only.
    package var answeredOverStreams = 0

    package init() {}
}
