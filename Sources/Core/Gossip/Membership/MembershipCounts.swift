/// What has happened to a node's membership, counted since it began.
package struct MembershipCounts: Hashable, Sendable {
    /// Datagrams this node sent.
    package internal(set) var datagramsOut = 0
    /// Probes that were answered directly, through others, over a stream alone, and not at all.
    package internal(set) var probesDirect = 0
    package internal(set) var probesIndirect = 0
    package internal(set) var probesOverStreams = 0
    package internal(set) var probesFailed = 0
    /// Probes made for others.
    package internal(set) var relays = 0
    /// Such that were refused since there were too many.
    package internal(set) var relaysRefused = 0
    /// Pings for a name that is not this node's.
    package internal(set) var misdirectedPings = 0
    /// Answers nobody waits for any more.
    package internal(set) var lateAnswers = 0
    package internal(set) var suspicions = 0
    package internal(set) var deaths = 0
    /// Times this node heard ill of itself and spoke up.
    package internal(set) var refutations = 0
    package internal(set) var conflicts = 0
    /// Words about members that were not kept; see `MemberRefusal`.
    package internal(set) var refusedWords = 0
    /// Tables that were merged, and those whose versions do not meet ours.
    package internal(set) var exchanges = 0
    package internal(set) var exchangesFailed = 0
    /// Left out since members say that they know the same.
    package internal(set) var exchangesSpared = 0
    package internal(set) var exchangesIncompatible = 0
    /// Nodes that joined and were told of a few members alone, to ask them.
    package internal(set) var referrals = 0
    /// Rumours told to the end, and those dropped because too many waited.
    package internal(set) var rumoursTold = 0
    package internal(set) var rumoursDropped = 0
    package internal(set) var stalls = 0
    /// Deaths put off because this node heard nobody, or was alone with its accusation.
    package internal(set) var verdictsPutOff = 0
    /// Deaths heard that were looked into first.
    package internal(set) var deathsDoubted = 0
    package internal(set) var drains = 0
    /// Addresses to join that were left out.
    package internal(set) var seedsRefused = 0
}
