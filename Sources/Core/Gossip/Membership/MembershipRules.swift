/// The times, counts and habits of one node's membership.
///
/// Times are in milliseconds. Source: gossip-wire.md §8.
package struct MembershipRules: Hashable, Sendable {
    /// One member is probed in each.
    package var probeInterval: UInt64
    /// How long a direct answer is waited for.
    package var probeTimeout: UInt64
    /// Members asked to probe for us when there was no direct answer.
    package var indirectProbes: Int
    /// A probe over a stream beside the indirect ones.
    package var probesOverStreams = true
    package var suspicion: Suspicion.Rules
    /// Rumours are told so many times for each digit of the number of members.
    package var retransmitMultiplier: Int
    package var gossipInterval: UInt64
    /// Members told in each.
    package var gossipFanout: Int
    /// So long the dead are still told, then forgotten.
    package var gossipToTheDead: UInt64
    package var pushPullInterval: UInt64
    /// How long a stream may take altogether.
    package var streamTimeout: UInt64
    /// One more than the worst score of the node's own health.
    package var awarenessMax = 8
    /// How long a helper waits before it says that it has no answer either.
    package var nackAfter: UInt64
    /// Rumours offered to one datagram, in octets before compression.
    package var offeredOctets: Int
    /// Rumours waiting to be told; beyond it those told most are dropped.
    package var queueMax = 4096
    /// A node that wakes so much too late was not there meanwhile.
    package var stallAfter: UInt64 = 100
    /// Probes made for others at a time.
    package var relaysMax = 1024
    /// How long a leaving node waits for its word to be told.
    package var leaveTimeout: UInt64 = 5000
    /// Seeds that do not answer are tried again after this, then twice that, up to the second.
    package var joinRetry: UInt64 = 1000
    package var joinRetryMax: UInt64 = 60_000
    /// So long members that died are looked for.
    package var lostFor: UInt64 = 86_400_000
    /// Members with whom tables are exchanged at a time while these bring many.
    package var syncFanout = 3
    /// Who joins in one interval and may have the whole table; those beyond are referred to others.
    package var joinsServedMax = 8
    /// Others that somebody who joins is referred to.
    package var referredTo = 8
    /// Members held; further ones are refused.
    package var membersMax = 131_072
    package var habits: Habits

    /// What a node does beyond SWIM; all of it is its own decision and the same on the wire.
    package struct Habits: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Probes more slowly while it is itself unwell.
        ///
        /// This and the next two: Lifeguard §IV.
        package static let healthProbe = Habits(rawValue: 1 << 0)
        /// Gives an accused more time while few accuse it.
        package static let healthSuspicion = Habits(rawValue: 1 << 1)
        /// Tells an accused that it is, with the probe itself.
        package static let buddy = Habits(rawValue: 1 << 2)
        /// Adds to every deadline what it slept through itself.
        package static let stallCompensation = Habits(rawValue: 1 << 3)
        /// Declares nobody dead while it hears of nobody.
        package static let isolationTest = Habits(rawValue: 1 << 4)
        /// Asks others before it declares dead whom it alone accuses.
        package static let noLoneKills = Habits(rawValue: 1 << 5)
        /// Believes what it heard from a member itself more than what others say of it.
        package static let recencyVeto = Habits(rawValue: 1 << 6)
        /// Asks about an accused at once and not when its turn comes.
        package static let fastConfirmation = Habits(rawValue: 1 << 7)
        /// Says which members are not to be sent to, before they are dead.
        package static let drain = Habits(rawValue: 1 << 8)
        /// Looks for members that it lost, and for its seeds.
        package static let rejoin = Habits(rawValue: 1 << 9)

        /// Exchanges tables again soon while they bring many members.
        package static let eagerSync = Habits(rawValue: 1 << 10)

        /// Exchanges them with several at a time, and at once, while they do.
        package static let parallelSync = Habits(rawValue: 1 << 11)
        /// Sends those who join on to other members when many come at a time.
        ///
        /// Source: gossip-scale.md §3.5.
        package static let referral = Habits(rawValue: 1 << 12)

        package static let lifeguard: Habits = [.healthProbe, .healthSuspicion, .buddy]
        package static let waggle: Habits = [
            .lifeguard, .stallCompensation, .isolationTest, .noLoneKills, .recencyVeto,
            .fastConfirmation, .drain, .rejoin, .eagerSync, .parallelSync, .referral,
        ]
    }

    /// A datagram's worth of rumours before compression, of peers (gossip-wire.md §5.6).
    package static let peersOffer = 1398
    /// As much as may still fit once it is compressed.
    package static let offer = 4 * 1398

    package init(
        probeInterval: UInt64,
        probeTimeout: UInt64,
        indirectProbes: Int,
        suspicion: Suspicion.Rules,
        retransmitMultiplier: Int,
        gossipInterval: UInt64,
        gossipFanout: Int,
        gossipToTheDead: UInt64,
        pushPullInterval: UInt64,
        streamTimeout: UInt64,
        habits: Habits = .waggle
    ) {
        self.probeInterval = probeInterval
        self.probeTimeout = probeTimeout
        self.indirectProbes = indirectProbes
        self.suspicion = suspicion
        self.retransmitMultiplier = retransmitMultiplier
        self.gossipInterval = gossipInterval
        self.gossipFanout = gossipFanout
        self.gossipToTheDead = gossipToTheDead
        self.pushPullInterval = pushPullInterval
        self.streamTimeout = streamTimeout
        // Peers wait the whole timeout, so that the asker has given up when it hears.
        nackAfter = probeTimeout * 4 / 5
        offeredOctets = Self.offer
        self.habits = habits
    }

    /// A local network, and Docker's rings.
    package static let lan = MembershipRules(
        probeInterval: 1000,
        probeTimeout: 500,
        indirectProbes: 3,
        suspicion: .lan,
        retransmitMultiplier: 4,
        gossipInterval: 200,
        gossipFanout: 3,
        gossipToTheDead: 30_000,
        pushPullInterval: 30_000,
        streamTimeout: 10_000
    )

    /// Members far from each other.
    package static let wan = MembershipRules(
        probeInterval: 5000,
        probeTimeout: 3000,
        indirectProbes: 3,
        suspicion: Suspicion.Rules(
            multiplier: 6,
            maxMultiplier: 6,
            probeIntervalMilliseconds: 5000
        ),
        retransmitMultiplier: 4,
        gossipInterval: 500,
        gossipFanout: 4,
        gossipToTheDead: 60_000,
        pushPullInterval: 60_000,
        streamTimeout: 30_000
    )

    /// Members on one machine.
    package static let local = MembershipRules(
        probeInterval: 1000,
        probeTimeout: 200,
        indirectProbes: 1,
        suspicion: Suspicion.Rules(
            multiplier: 3,
            maxMultiplier: 6,
            probeIntervalMilliseconds: 1000
        ),
        retransmitMultiplier: 2,
        gossipInterval: 100,
        gossipFanout: 3,
        gossipToTheDead: 15_000,
        pushPullInterval: 15_000,
        streamTimeout: 1000
    )

    /// Milliseconds between two exchanges of a node in a ring of so many members.
    ///
    /// Above 32 members ours are a sixteenth rarer than memberlist's: those that bring something are
    /// brought forward, and a line of ours is a little longer.
    package func exchangeInterval(members: Int) -> UInt64 {
        let scale = Membership.pushPullScale(members: members)
        let interval = pushPullInterval * scale
        return scale > 1 && habits.contains(.eagerSync) ? interval + interval / 16 : interval
    }

    /// The same times with memberlist's habits, for comparison.
    package var asMemberlist: MembershipRules {
        var rules = self
        rules.nackAfter = probeTimeout
        rules.offeredOctets = Self.peersOffer
        rules.habits = .lifeguard
        return rules
    }
}
