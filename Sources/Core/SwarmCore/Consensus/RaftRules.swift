/// How a manager behaves in its Raft group.
///
/// Source: raft.md §3.2, "default configuration".
package struct RaftRules: Hashable, Sendable {
    /// How etcd's recorded runs differ from this engine's ways.
    ///
    /// All off except there.
    package struct Compatibility: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Campaigns without asking first.
        package static let noPreVote = Compatibility(rawValue: 1 << 0)
        /// Leads on though no majority is heard; votes although it hears a leader.
        package static let noCheckQuorum = Compatibility(rawValue: 1 << 1)
        /// Hands committed entries out before they are durable here.
        package static let appliesEarly = Compatibility(rawValue: 1 << 2)
        /// Asks for votes before its own is durable.
        package static let asksEarly = Compatibility(rawValue: 1 << 3)
        /// Takes every change of the membership that comes.
        package static let noMembershipChecks = Compatibility(rawValue: 1 << 4)
        /// Leads on although it was removed.
        package static let leadsWhenRemoved = Compatibility(rawValue: 1 << 5)
        /// Forgets no leader on demand, since reads rest on the leader's lease.
        package static let neverForgets = Compatibility(rawValue: 1 << 6)
        /// None of what goes beyond etcd: a lone voter waits for its timeout; a leader keeps its place
        /// though its disk stands still or its removal is applied, leaves a joint configuration at the first
        /// try only, and takes changes of the membership early.
        package static let plain = Compatibility(rawValue: 1 << 7)
    }

    /// The length of a tick; time enters only as ticks and as moments of accelerated campaigns.
    package var tickMilliseconds: UInt64 = 100
    /// A follower waits this many ticks at least, and less than twice as many; > `heartbeatTicks`.
    package var electionTicks = 10
    package var heartbeatTicks = 1
    /// A message takes entries up to this; one entry always goes.
    package var appendOctetsMax = 1 << 20
    package var inflightMessagesMax = 256
    /// 0 is no limit.
    package var inflightOctetsMax = 4 << 20
    /// Proposals passed on to another node of which it is said what became of them.
    package var waitersMax = 65_536
    /// Payloads that are appended and not committed, and 32 octets for each; 0 is no limit.
    ///
    /// One proposal is always taken.
    package var uncommittedOctetsMax = 64 << 20
    package var entryOctetsMax = 3 << 19
    /// Entries that are handed out and not yet applied.
    package var applyOctetsMax = 4 << 20
    /// After so many ticks without a sign of life a snapshot on its way is taken for lost.
    package var snapshotTicks = 100
    /// Snapshots go in pieces of this; as many of them as `snapshotWindow` are under way at a time.
    package var snapshotChunkOctets = 1 << 20
    package var snapshotWindow = 4
    /// A larger snapshot is not received.
    package var snapshotOctetsMax: UInt64 = 64 << 30
    /// A leader keeps entries that a member still lacks, up to this; more than is lacking is not kept.
    package var keptOctetsMax = 64 << 20
    /// A learner that is to vote is promoted once it took less than a timeout to get what was committed when
    /// a round began; after so many longer rounds it is said that it lags.
    package var promotionRoundsMax = 10
    /// A learner that is to vote, never caught up and was not heard for so many ticks is removed; nil is never.
    package var learnerPatienceTicks: Int?
    /// Reads that wait for their confirmation.
    package var readsMax = 65_536
    /// How long at most a follower waits before it campaigns when its leader is known to be gone.
    package var hasteMilliseconds: UInt64 = 100
    package var compatibility: Compatibility = []

    package init() {}

    var isPlain: Bool { compatibility.contains(.plain) }
    var preVotes: Bool { !compatibility.contains(.noPreVote) }
    var checksQuorum: Bool { !compatibility.contains(.noCheckQuorum) }
}
