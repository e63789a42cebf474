/// What came of a simulated Raft cluster, in numbers.
package struct RaftFigures: Sendable {
    package var virtualSeconds: UInt64 = 0
    package var events = 0
    package var messages = 0
    package var syncs = 0
    package var elections = 0
    package var applied = 0
    package var snapshots = 0
    package var restores = 0
    /// Messages about octets of snapshots, and logs that were whole again after damage.
    package var pieces = 0
    package var repairs = 0
    /// Clusters in which damage left nobody who could be elected.
    package var stuck = 0
    package var answered = 0
    package var refused = 0
    /// Operations of which nobody can say whether they happened.
    package var doubtful = 0
    package var reads = 0
    package var keys = 0
    /// Keys whose history was too long to judge.
    package var unjudged = 0
    package var invariants = 0
    package var faults = RaftFaultCounts()
    /// Sums up all that happened, in order: two runs of one seed have the same.
    package private(set) var digest: UInt64 = 0
    /// Nanoseconds from call to answer.
    package var latencies = Samples()

    /// Nanoseconds from the crash of a leader, with all others running, to the next one: of those whose end
    /// others were told, and of the others.
    package var noticedFailovers = Samples()
    package var silentFailovers = Samples()

    package init() {}

    mutating func add(_ event: Event) {
        digest = (digest ^ event.time) &* 0x0000_0100_0000_01b3
        digest = (digest ^ UInt64(event.kind) << 32 ^ UInt64(event.node)) &* 0x0000_0100_0000_01b3
    }

    package mutating func add(_ other: RaftFigures) {
        digest = (digest ^ other.digest) &* 0x0000_0100_0000_01b3
        virtualSeconds += other.virtualSeconds
        events += other.events
        messages += other.messages
        syncs += other.syncs
        elections += other.elections
        applied += other.applied
        snapshots += other.snapshots
        restores += other.restores
        pieces += other.pieces
        repairs += other.repairs
        stuck += other.stuck
        answered += other.answered
        refused += other.refused
        doubtful += other.doubtful
        reads += other.reads
        keys += other.keys
        unjudged += other.unjudged
        invariants += other.invariants
        faults.add(other.faults)
        latencies.add(other.latencies)
        noticedFailovers.add(other.noticedFailovers)
        silentFailovers.add(other.silentFailovers)
    }
}

/// The last things that happened, for whoever looks for the cause of a violation.
struct RaftStory {
    private static let linesMax = 400
    private(set) var lines: [String] = []

    mutating func tell(_ time: UInt64, _ what: @autoclosure () -> String) {
        let micros = time / 1000
        if lines.count >= Self.linesMax * 2 { lines.removeFirst(Self.linesMax) }
        lines.append(
            "\(micros / 1_000_000).\(String(micros % 1_000_000 + 1_000_000).dropFirst()) \(what())"
        )
    }
}
