package import Base

/// Decides which upstream is asked when, and when to give up: the state machine of forwarding.
///
/// One exchange per question. An attempt is one datagram from one fresh socket; a late reply to an
/// earlier attempt still counts. Sockets, ids and octets belong to the name server. An exchange
/// ends with `.answer` or `.fail`, always before the client's own patience of 5 s ends.
/// Source: dns.md §1.6 F9-F12; networkdb-dns.md F4.
package struct Forwarder: ~Copyable, Engine {
    /// The next upstream is asked when this one has been silent for so long.
    package static let attemptMilliseconds: UInt64 = 1000
    /// The whole exchange; clients give up at 5 s.
    package static let exchangeMilliseconds: UInt64 = 4000
    /// Attempts of one exchange, over all upstreams.
    package static let attemptsMax = 6

    package struct ExchangeID: Hashable, Sendable {
        package let number: UInt64

        /// The name server counts its exchanges.
        package init(number: UInt64) {
            self.number = number
        }
    }

    /// One datagram to one upstream.
    package struct Attempt: Hashable, Sendable {
        package let exchange: ExchangeID
        /// 0 for the first of its exchange.
        package let index: Int
        package let upstream: SocketEndpoint

        package init(exchange: ExchangeID, index: Int, upstream: SocketEndpoint) {
            self.exchange = exchange
            self.index = index
            self.upstream = upstream
        }
    }

    package enum Input: Sendable {
        /// A question, and the servers that may be asked, best first.
        case question(ExchangeID, upstreams: [SocketEndpoint])
        /// A reply that matches its question; `isUsable` is false for SERVFAIL, REFUSED, NOTIMP and
        /// FORMERR, which another upstream may better.
        case reply(Attempt, isUsable: Bool)
        /// The socket said that nobody listens there.
        case unreachable(Attempt)
    }

    package enum Output: Hashable, Sendable {
        case send(Attempt)
        /// The reply just handed in is the answer.
        case answer(ExchangeID)
        case fail(ExchangeID, Failure)
    }

    package enum Failure: Hashable, Sendable {
        case noUpstream
        /// As many exchanges as allowed are in flight.
        case limit
        case noReply
        /// Every upstream replied, none usefully.
        case noUsableReply
    }

    package enum WakeReason: Sendable {
        case attemptSilent
        case exchangeOver
    }

    private struct Exchange {
        let upstreams: [SocketEndpoint]
        var attempts = 0
        /// Attempts without a verdict yet.
        var waiting: Set<Int> = []
        var sawReply = false
    }

    private struct Timer {
        let moment: Moment
        let exchange: ExchangeID
        let attempt: Int
    }

    /// Timers of one constant length fall due in the order they were set.
    private struct TimerQueue {
        private var timers: [Timer] = []
        private var head = 0

        var first: Timer? { head < timers.count ? timers[head] : nil }

        mutating func append(_ timer: Timer) { timers.append(timer) }

        mutating func removeFirst() {
            head += 1
            if head > 1024, head * 2 > timers.count {
                timers.removeFirst(head)
                head = 0
            }
        }
    }

    private let limit: Int
    private var exchanges: [ExchangeID: Exchange] = [:]
    private var silences = TimerQueue()
    private var ends = TimerQueue()
    private var outputs: [Output] = []
    private var taken = 0

    /// - Parameter limit: exchanges in flight at once; more fail at once.
    package init(limit: Int) {
        precondition(limit > 0, "a forwarder needs room for one exchange")
        self.limit = limit
    }

    package var inFlight: Int { exchanges.count }

    package mutating func handle(_ input: consuming Input, at now: Moment) {
        switch input {
        case .question(let id, let upstreams):
            begin(id, upstreams, at: now)
        case .reply(let attempt, let isUsable):
            guard exchanges[attempt.exchange] != nil else { return }
            if isUsable {
                exchanges[attempt.exchange] = nil
                outputs.append(.answer(attempt.exchange))
            } else {
                exchanges[attempt.exchange]?.sawReply = true
                moveOn(attempt, at: now)
            }
        case .unreachable(let attempt):
            moveOn(attempt, at: now)
        }
    }

    package mutating func wake(at now: Moment) {
        while let timer = ends.first, timer.moment <= now {
            ends.removeFirst()
            if let exchange = exchanges.removeValue(forKey: timer.exchange) {
                outputs.append(
                    .fail(timer.exchange, exchange.sawReply ? .noUsableReply : .noReply)
                )
            }
        }
        while let timer = silences.first, timer.moment <= now {
            silences.removeFirst()
            // Silence costs the upstream its turn, not its chance: a late reply still counts.
            if let exchange = exchanges[timer.exchange],
                exchange.waiting.contains(timer.attempt), timer.attempt == exchange.attempts - 1
            {
                attempt(timer.exchange, at: now)
            }
        }
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        switch (silences.first?.moment, ends.first?.moment) {
        case (let silent?, let end?) where silent < end: (silent, .attemptSilent)
        case (_, let end?): (end, .exchangeOver)
        case (let silent?, nil): (silent, .attemptSilent)
        case (nil, nil): nil
        }
    }

    package mutating func next() -> Output? {
        guard taken < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        taken += 1
        return outputs[taken - 1]
    }

    private mutating func begin(
        _ id: ExchangeID,
        _ upstreams: [SocketEndpoint],
        at now: Moment
    ) {
        precondition(exchanges[id] == nil, "an exchange begins once")
        if upstreams.isEmpty {
            outputs.append(.fail(id, .noUpstream))
        } else if exchanges.count >= limit {
            outputs.append(.fail(id, .limit))
        } else {
            exchanges[id] = Exchange(upstreams: upstreams)
            ends.append(
                Timer(
                    moment: now.advanced(milliseconds: Self.exchangeMilliseconds),
                    exchange: id,
                    attempt: 0
                )
            )
            attempt(id, at: now)
        }
    }

    /// An attempt has come to nothing: the next upstream, or the end when none is left to ask.
    private mutating func moveOn(_ failed: Attempt, at now: Moment) {
        guard exchanges[failed.exchange]?.waiting.remove(failed.index) != nil,
            let exchange = exchanges[failed.exchange]
        else { return }
        if exchange.attempts < exchange.upstreams.count {
            attempt(failed.exchange, at: now)
        } else if exchange.waiting.isEmpty {
            exchanges[failed.exchange] = nil
            outputs.append(
                .fail(failed.exchange, exchange.sawReply ? .noUsableReply : .noReply)
            )
        }
    }

    private mutating func attempt(_ id: ExchangeID, at now: Moment) {
        guard var exchange = exchanges[id], exchange.attempts < Self.attemptsMax else { return }
        let index = exchange.attempts
        exchange.attempts += 1
        exchange.waiting.insert(index)
        exchanges[id] = exchange
        let upstream = exchange.upstreams[index % exchange.upstreams.count]
        outputs.append(.send(Attempt(exchange: id, index: index, upstream: upstream)))
        silences.append(
            Timer(
                moment: now.advanced(milliseconds: Self.attemptMilliseconds),
                exchange: id,
                attempt: index
            )
        )
    }
}
