import Gossip
import GossipNode
import HTTPAPI
import LinuxSystem
import Logging

/// The readings of the two clocks of a ring's tables, kept so that the next run begins after them.
///
/// A run that began before what the last one said would not be heard until it had caught up.
struct RingTimes: Hashable, Sendable {
    /// What a run may have said after its clocks were kept last, with much to spare: a run that was killed
    /// may have told for `RingClocks.seconds` more.
    private static let unkeptMax: UInt64 = 1 << 20

    var networks: UInt64
    var tables: UInt64
    /// Whether the run that kept them said nothing after that.
    var isFinal: Bool

    /// Where the next run begins.
    var next: (networks: LamportTime, tables: LamportTime) {
        let step = isFinal ? 1 : Self.unkeptMax
        return (LamportTime(networks &+ step), LamportTime(tables &+ step))
    }

    static let none = RingTimes(networks: 0, tables: 0, isFinal: true)
}

extension RingTimes {
    init(_ report: TableReport, isFinal: Bool) {
        networks = report.networkTime.value
        tables = report.tableTime.value
        self.isFinal = isFinal
    }
}

/// Keeps the clocks of a ring's tables while they go on.
actor RingClocks {
    /// How often they are looked at.
    static let seconds: Int64 = 5

    private let files: RingFiles
    private let node: GossipNode
    private let logger: Logger
    private var kept: RingTimes?

    init(_ files: RingFiles, _ node: GossipNode, _ logger: Logger) {
        self.files = files
        self.node = node
        self.logger = logger
    }

    /// Keeps them until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await keep(isFinal: false)
            try? await Task.sleep(for: .seconds(Self.seconds))
        }
    }

    /// Keeps them as they are now.
    ///
    /// `isFinal`: nothing more is said after this.
    func keep(isFinal: Bool) async {
        guard let counts = try? await GossipNode.answer({ self.node.counts($0) }),
            let tables = counts.tables
        else { return }
        let times = RingTimes(tables, isFinal: isFinal)
        if times == kept { return }
        do throws(SystemError) {
            try files.keep(times)
            kept = times
        } catch {
            logger.warning("the ring's clocks were not kept", metadata: ["error": "\(error)"])
        }
    }
}
