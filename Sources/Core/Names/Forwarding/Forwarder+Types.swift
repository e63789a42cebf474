package import Base

extension Forwarder {
    package struct Limits: Hashable, Sendable {
        /// Exchanges in flight at once.
        package let exchanges: Int
        /// Clients that wait for an exchange at once.
        package let waiters: Int
        package let cacheEntries: Int

        package init(exchanges: Int, cacheEntries: Int) {
            precondition(exchanges > 0, "a forwarder needs room for one exchange")
            self.exchanges = exchanges
            waiters = exchanges * 16
            self.cacheEntries = cacheEntries
        }
    }

    /// Who waits for an answer; the name server counts its clients.
    package struct ClientID: Hashable, Sendable {
        package let number: UInt64

        package init(number: UInt64) {
            self.number = number
        }
    }

    /// A question, and where it shall be asked.
    package struct Question: Sendable {
        /// Folded labels, without the root octet.
        package let name: DomainName
        package let type: RecordType
        package let dnssecOK: Bool
        package let checkingDisabled: Bool
        package let group: UpstreamGroup
        /// The slot of the sandbox that asks: what is shared fairly is shared between these.
        package let sandbox: Int

        package init(
            name: DomainName,
            type: RecordType,
            dnssecOK: Bool,
            checkingDisabled: Bool,
            group: UpstreamGroup,
            sandbox: Int
        ) {
            self.name = name
            self.type = type
            self.dnssecOK = dnssecOK
            self.checkingDisabled = checkingDisabled
            self.group = group
            self.sandbox = sandbox
        }

        package var selector: ReplyCache.Selector {
            ReplyCache.Selector(
                type: type,
                dnssecOK: dnssecOK,
                checkingDisabled: checkingDisabled,
                group: group.id
            )
        }
    }

    package enum Transport: Hashable, Sendable {
        case datagram
        case stream
    }

    /// One sending of a question to one upstream, from one fresh socket with one fresh id.
    package struct Attempt: Sendable {
        /// Counted up; never used again.
        package let number: UInt64
        package let upstream: Upstream
        package let transport: Transport
        package let hasEDNS: Bool
        /// Whether the letters of the name shall be of random case, and come back so.
        package let variesLetters: Bool
        package let question: Question
    }

    package enum Input: Sendable {
        case ask(Question, client: ClientID)
        /// A reply that is to the question of the attempt with this number.
        case reply(attempt: UInt64, UpstreamReply)
        /// Something came that is no reply to the question.
        case strange(attempt: UInt64)
        /// A reply to the question, but for the case of letters.
        case otherLetters(attempt: UInt64)
        /// The socket said that nobody listens there, or the connection ended.
        case unreachable(attempt: UInt64)
        /// No socket could be had for it: that is no fault of the upstream's.
        case noSocket(attempt: UInt64)
        /// The question came back to us as one of our own clients'.
        case looped(attempt: UInt64)
    }

    package enum Output: Sendable {
        case send(Attempt)
        /// Nothing more is wanted from the socket of this attempt; said once for each attempt.
        case close(attempt: UInt64)
        /// `age`: seconds since the reply came.
        case answer(ClientID, UpstreamReply, age: UInt32, isStale: Bool)
        case fail(ClientID, Failure)
    }

    package enum Failure: Hashable, Sendable {
        case noUpstream
        /// As many exchanges as allowed are in flight.
        case limit
        case noReply
        /// Every upstream replied, none usefully; with the reason of the last that gave one.
        case noUsableReply(extendedError: UInt16?)
        /// The question comes back to where it came from.
        case loop
    }

    package enum WakeReason: Sendable {
        case attemptSilent
        case clientImpatient
        case exchangeOver
    }

    /// What is told of an upstream.
    package struct UpstreamReport: Hashable, Sendable {
        package let upstream: Upstream
        package let isDown: Bool
        package let roundTripMicroseconds: UInt64
        /// In a row.
        package let failures: Int
        /// Attempts, replies to them that settle something, and those that came to nothing, since
        /// it was asked first.
        package let askedCount: UInt64
        package let replyCount: UInt64
        package let failureCount: UInt64

        init(_ upstream: Upstream, _ health: UpstreamHealth) {
            self.upstream = upstream
            isDown = health.isDown
            roundTripMicroseconds = health.smoothedMicroseconds
            failures = health.failures
            askedCount = health.askedCount
            replyCount = health.replyCount
            failureCount = health.failureCount
        }
    }
}
