package import Base
package import Gossip
package import GossipWire

/// How one node takes part in one ring.
package struct GossipSettings: Sendable {
    package let name: NodeName
    /// Where datagrams and streams come in; port 0 takes one that is free for both.
    package let bind: SocketEndpoint
    /// What others are told to reach this node at; nil: where it is bound.
    package var advertised: PeerAddress?
    package var meta: [UInt8] = []
    package var versions = VersionVector.networkDB
    /// The first one of this process: higher than any of an earlier process of this name.
    package let incarnation: Incarnation
    package var rules = MembershipRules.lan
    package var label = RingLabel.none
    /// Where there are any, everything is sealed and has to be.
    package var keys = KeyRing()
    package var sealVersion = SealVersion.bare
    /// What no key opens is taken for plain: for a ring that is about to get its first key.
    package var acceptsPlain = false
    /// Nothing is sealed though there are keys: for a ring that still has members without.
    package var sendsPlain = false
    /// The shortest content worth compressing, in octets; nil: nothing is.
    package var compressedFrom: Int? = DatagramFrame.compressedFromDefault
    package var delegate = DelegateChoice.none
    /// What a delegate wants done with the ring's keys, and where to say what came of it: called on the
    /// node's thread, which it may not keep waiting.
    ///
    /// The keys are whoever's that writes them down.
    package var onKeyQuestion:
        @Sendable (SerfKeyRequest, @escaping @Sendable (SerfKeyOutcome) -> Void) -> Void = {
            _,
            tell in
            tell(.failed(.notSaved))
        }
    package var limits = GossipLimits()
    /// Takes part in a ring of serf agents, and says these tags of itself; the rules are settled by then.
    package mutating func speakSerf(_ tags: SerfTags = SerfTags()) {
        delegate = .serf(SerfRing.Rules(rules))
        versions = .serf
        meta = tags.meta
    }

    /// Takes part in a ring of NetworkDB nodes, with the tables of their networks.
    package mutating func speakTables(
        _ rules: TableRing.Rules = TableRing.Rules(),
        times: (networks: LamportTime, tables: LamportTime) = (LamportTime(0), LamportTime(0))
    ) {
        delegate = .tables(rules, times: times)
        versions = .agreeing
    }

    package init(name: NodeName, bind: SocketEndpoint, incarnation: Incarnation) {
        self.name = name
        self.bind = bind
        self.incarnation = incarnation
    }
}

/// What one node holds at most.
package struct GossipLimits: Hashable, Sendable {
    /// Streams that others opened; one that comes beyond them takes the place of one that has said
    /// least of whoever has most.
    package var acceptedStreamsMax = 256
    /// Streams that this node opened; those beyond them fail at once.
    package var openedStreamsMax = 64
    /// Octets that came over all streams that are not read to their end.
    package var streamOctetsMax = 64 << 20
    /// What one stream may bring.
    package var stream = StreamLimits()
    /// Events that nobody has taken yet; beyond them the oldest are dropped.
    package var eventsMax = 4096
    /// The same of what members said to all.
    package var userEventsMax = 1024
    /// Changes of tables that nobody has taken yet; beyond them all are dropped for a snapshot.
    package var tableNewsMax = 1 << 18
    /// Commands that wait; beyond them they are refused.
    package var commandsMax = 1024
    /// The highest number that a stream's descriptor may have; those above are kept for others.
    package var descriptorMax = Int32.max

    package init() {}
}
