package import Base

extension SerfRing {
    /// Times in milliseconds, counts, and sizes in octets.
    ///
    /// Source: gossip-wire.md §18.
    package struct Rules: Hashable, Sendable {
        /// An intent about a stranger is remembered for so long.
        package var intentKept: UInt64 = 300_000
        /// Strangers that intents are remembered about.
        package var intentsMax = 4096
        /// Members that failed or left are remembered for so long.
        package var goneKept: UInt64 = 86_400_000
        /// Of them so many; beyond it those gone longest are forgotten first.
        package var goneMax = 16_384
        /// How often what is remembered is looked through.
        package var reapInterval: UInt64 = 15_000
        /// The longest time that an own leave is told before it is carried out.
        package var tellingMax: UInt64 = 5000
        /// So long a member that is to be forgotten is known after that.
        package var propagation: UInt64 = 1000
        /// Telling is done by membership: so often, to so many, and so many times per digit of the ring.
        package var gossipInterval: UInt64
        package var gossipFanout: Int
        package var retransmitMultiplier: Int
        /// Longer messages are not passed on: no datagram would hold one, and it would wait for ever.
        package var broadcastOctetsMax = 1300
        /// The longest own event, name and payload.
        package var eventOctetsMax = 512
        /// The longest payload of an answer.
        package var answerOctetsMax = 1024
        /// Octets of remembered events, names and payloads.
        package var eventMemoryMax = 1 << 20
        /// Events, or queries, of one time.
        package var itemsPerTimeMax = 64
        /// Answers, acks and relays in one second.
        package var answersMax = 512
        /// Questions about keys that wait for their answer.
        package var keyQuestionsMax = 64

        package init(gossipInterval: UInt64, gossipFanout: Int, retransmitMultiplier: Int) {
            self.gossipInterval = gossipInterval
            self.gossipFanout = gossipFanout
            self.retransmitMultiplier = retransmitMultiplier
        }

        package init(_ rules: MembershipRules) {
            self.init(
                gossipInterval: rules.gossipInterval,
                gossipFanout: rules.gossipFanout,
                retransmitMultiplier: rules.retransmitMultiplier
            )
        }
    }

    /// What happens to a node in a serf ring.
    package enum Input: Sendable {
        /// What membership says; of a member with the word that it has of it.
        case membership(MembershipEvent, word: Alive?)
        /// A user message, its octets as they came.
        case heard(SerfMessage, octets: [UInt8])
        /// The user state of an exchange.
        case merged(SerfState, isJoin: Bool)
        /// An event of this node for every member.
        case event(name: [UInt8], payload: [UInt8], coalesces: Bool)
        /// This node says other tags of itself.
        case tags(SerfTags)
        /// Lets a member that failed be one that left, on every node; with `isPrune` be forgotten.
        case forget(NodeName, isPrune: Bool)
        case keysAnswered(KeyQuestion, SerfKeyOutcome)
        /// Leaves; `leaveMembership` follows when the ring was told.
        case leave
        /// Membership has left; what is heard from now on is not for a member.
        case membershipLeft
    }

    /// What is to be done, in this order.
    package enum Output: Hashable, Sendable {
        /// Octets of a user message, for every member.
        case broadcast([UInt8])
        /// Octets of a user message, for one node and at once.
        case send([UInt8], to: PeerAddress)
        /// What membership is to say of this node.
        case meta([UInt8])
        /// Tags that are longer than a meta may be.
        case tagsRefused(octets: Int)
        case status(NodeName, SerfMember.Status)
        /// Nothing is known of a member any more.
        case forgotten(NodeName)
        /// A member's event, or this node's own.
        case event(SerfEvent)
        /// What came of an own event that is too long or too much.
        case eventRefused(SerfEvent)
        /// To be done with the node's keys; answered by `keysAnswered`.
        case keys(SerfKeyRequest, KeyQuestion)
        /// The ring knows that this node is about to leave: now it may.
        case leaveMembership
    }

    package enum WakeReason: Hashable, Sendable {
        case leaveTold
        case prune
        case reap
    }

    /// Tells questions about keys apart.
    package struct KeyQuestion: Hashable, Sendable {
        package let number: UInt64
    }

    /// A member as serf sees it.
    package struct Member: Hashable, Sendable {
        /// What membership last had of it.
        package internal(set) var word: Alive
        package internal(set) var status: SerfMember.Status
        /// The clock of the intent that it has its status from.
        package internal(set) var statusTime = LamportTime(0)
        /// When it failed or left.
        package internal(set) var goneSince: Moment?

        package var node: NodeName { word.node }
    }

    /// What was heard, and what became of it.
    package struct Counts: Hashable, Sendable {
        package internal(set) var intents = 0
        package internal(set) var oldIntents = 0
        /// About strangers.
        package internal(set) var rememberedIntents = 0
        /// Forgotten for newer ones.
        package internal(set) var droppedIntents = 0
        /// Others said that this node leaves.
        package internal(set) var refuted = 0
        package internal(set) var events = 0
        package internal(set) var repeatedEvents = 0
        package internal(set) var oldEvents = 0
        /// Too many of one time.
        package internal(set) var droppedEvents = 0
        package internal(set) var queries = 0
        package internal(set) var repeatedQueries = 0
        package internal(set) var oldQueries = 0
        package internal(set) var droppedQueries = 0
        /// Not for this node.
        package internal(set) var filteredQueries = 0
        /// Of them with a filter that nobody here can read.
        package internal(set) var unreadableFilters = 0
        package internal(set) var acks = 0
        package internal(set) var conflictVotes = 0
        package internal(set) var keyQuestions = 0
        package internal(set) var keyAnswers = 0
        /// More than may be sent in a second, or wait.
        package internal(set) var droppedAnswers = 0
        /// To an address that is none, or longer than an answer may be.
        package internal(set) var impossibleAnswers = 0
        package internal(set) var relays = 0
        /// Of what is no answer, or to whom is no member.
        package internal(set) var refusedRelays = 0
        /// Answers to nothing that was asked here.
        package internal(set) var strayAnswers = 0
        /// Not passed on since no datagram would hold it.
        package internal(set) var tooLong = 0
        /// Times at the end of their numbers.
        package internal(set) var hostileTimes = 0
        package internal(set) var states = 0
        package internal(set) var pruned = 0
        /// Forgotten after their time, or for newer ones.
        package internal(set) var reaped = 0
        /// Two nodes claim one name.
        package internal(set) var conflicts = 0
    }
}
