/// What a Raft engine did and refused, since its start.
package struct RaftCounts: Hashable, Sendable {
    package var campaigns = 0
    package var preCampaigns = 0
    package var electionsWon = 0
    package var stepDowns = 0
    package var appended = 0
    package var committed = 0
    /// Messages of another cluster or epoch, or for another node.
    package var misdelivered = 0
    /// Replies to an earlier start of this process, or about an earlier membership.
    package var outdated = 0
    /// Messages that no member could send: gaps between entries, terms that fall, numbers without end.
    package var malformed = 0
    /// Messages of an earlier term.
    package var staleTerm = 0
    /// Commit indexes beyond the log, from a leader that took this node for another.
    package var commitsBeyond = 0
    /// Acknowledgements beyond the leader's log or below what was acknowledged before.
    package var badReplies = 0
    package var refusedProposals = 0
    package var snapshotsSent = 0
    package var snapshotsInstalled = 0
    package var transfers = 0
    package var promotions = 0
    /// Members that started again and were asked for what they acknowledged before.
    package var restarts = 0
    /// Of these, those that did not have it.
    package var dataLosses = 0
    /// Times that this node's own damaged log was whole again.
    package var repairs = 0
}
