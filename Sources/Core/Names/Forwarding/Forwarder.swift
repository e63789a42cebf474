package import Base
import HeapModule

/// Decides which upstream is asked when, what is kept, and when to give up: forwarding, without a
/// socket or a clock.
///
/// - Equal questions share one *exchange*. An exchange is a series of *attempts*, each one message
///   from one socket; a late reply to an earlier attempt still counts.
/// - Upstreams are asked in the order given, since a second one often knows less than the first;
///   those that are down come last. When one is silent for longer than it usually takes, the next is
///   asked as well (a hedged attempt), and the first conclusive reply wins.
/// - A truncated reply is asked for again over TCP, from the same server; so is a question to which
///   several strange replies came, which is what forgery looks like (RFC 5452 §9).
/// - Every question is answered or failed within `exchangeMilliseconds`, before the client's own
///   patience of five seconds is over.
/// - When exchanges run out, the sandbox with the most of them yields: one that floods cannot take
///   the share of another.
///
/// It never sees octets. Source: dns.md §1.6; networkdb-dns.md F4-F7; RFC 5452, 7766, 8767, 9520.
package struct Forwarder: ~Copyable, Engine {
    /// The whole exchange; clients give up at 5 s.
    package static let exchangeMilliseconds: UInt64 = 4000
    /// A client that could have a stale answer gets it when it has waited so long (RFC 8767 §5).
    package static let staleMilliseconds: UInt64 = 1800
    /// After a failure to refresh a stale answer nobody is asked for so long (RFC 8767 §5).
    package static let staleRetryMilliseconds: UInt64 = 30_000
    /// Attempts of one exchange, over all upstreams.
    package static let attemptsMax = 8
    /// Strange replies after which TCP is asked.
    package static let strangeMax = 3
    /// An upstream that was silent for less has not failed, it was only overtaken.
    static let silenceMilliseconds: UInt64 = 400

    private static let onlyPlace = [0]

    /// Upstreams that something is known of; those asked longest ago are forgotten first.
    package static let upstreamsMax = 1024

    private let limits: Limits
    package var cache: ReplyCache
    private var health: [Upstream: UpstreamHealth] = [:]
    private var exchanges: [UInt64: Exchange] = [:]
    private var shared: [SharedKey: UInt64] = [:]
    private var attempts: [UInt64: OpenAttempt] = [:]
    private var loads: [Int: Int] = [:]
    private var waiterCount = 0
    private var nextNumber: UInt64 = 0
    private var silences = Heap<Timer>()
    private var ends = Heap<Timer>()
    private var outputs: [Output] = []
    private var taken = 0
    private var key: NameKey

    /// `hash`: under a secret key, since strangers choose the names that are kept.
    package init(limits: Limits, hash: SipHash) {
        self.limits = limits
        cache = ReplyCache(limits: .init(entries: limits.cacheEntries), hash: hash)
        key = NameKey(seed: 0)
    }

    package var inFlight: Int { exchanges.count }

    /// Whether a reply to the attempt with this number would still count.
    package func isWaiting(for attempt: UInt64) -> Bool { attempts[attempt] != nil }

    /// Upstreams that have been asked, in a fixed order.
    package var reports: [UpstreamReport] {
        health.map { UpstreamReport($0, $1) }.sorted { $0.upstream < $1.upstream }
    }

    // MARK: Engine

    package mutating func handle(_ input: consuming Input, at now: Moment) {
        switch input {
        case .ask(let question, let client):
            ask(question, client, at: now)
        case .reply(let attempt, let reply):
            replied(attempt, reply, at: now)
        case .strange(let attempt):
            strange(attempt, at: now)
        case .otherLetters(let attempt):
            if let open = attempts[attempt] { change(open.upstream) { $0.changedLetters() } }
            strange(attempt, at: now)
        case .unreachable(let attempt):
            guard let open = closed(attempt) else { return }
            change(open.upstream) { $0.failed(at: now) }
            moveOn(open.exchange, at: now)
        case .noSocket(let attempt):
            guard let open = closed(attempt) else { return }
            end(open.exchange, at: now)
            for client in open.exchange.waiters { outputs.append(.fail(client, .limit)) }
        case .looped(let attempt):
            guard let open = closed(attempt) else { return }
            change(open.upstream) { $0.looped(at: now) }
            open.exchange.isLooped = true
            moveOn(open.exchange, at: now)
        }
        forgetTimers()
    }

    package mutating func wake(at now: Moment) {
        while let timer = ends.min, timer.moment <= now {
            ends.removeMin()
            switch timer.reason {
            case .exchangeOver:
                if let exchange = exchanges[timer.subject] { giveUp(exchange, at: now) }
            case .clientImpatient:
                if let exchange = exchanges[timer.subject] { answerStale(exchange, at: now) }
            case .attemptSilent: break
            }
        }
        while let timer = silences.min, timer.moment <= now {
            silences.removeMin()
            // Silence costs the upstream its turn, not its chance: a late reply still counts.
            if let open = attempts[timer.subject] { askNext(open.exchange, at: now) }
        }
        forgetTimers()
    }

    /// Lets go the deadlines next in line of what is over.
    ///
    /// Nearly every question is answered long before its deadlines; left to pass, they would be
    /// thousands, far from any cache, and wake the owner for nothing.
    private mutating func forgetTimers() {
        while let timer = silences.min, attempts[timer.subject] == nil { silences.removeMin() }
        while let timer = ends.min, exchanges[timer.subject] == nil { ends.removeMin() }
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        switch (silences.min, ends.min) {
        case (let silence?, let end?):
            silence.moment < end.moment
                ? (silence.moment, silence.reason) : (end.moment, end.reason)
        case (let timer?, nil), (nil, let timer?): (timer.moment, timer.reason)
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

    // MARK: Asking

    private mutating func ask(_ question: Question, _ client: ClientID, at now: Moment) {
        if question.group.upstreams.isEmpty {
            outputs.append(.fail(client, .noUpstream))
            return
        }
        guard waiterCount < limits.waiters else {
            outputs.append(.fail(client, .limit))
            return
        }
        let sharedKey = SharedKey(name: question.name, selector: question.selector)
        if let number = shared[sharedKey] {
            exchanges[number]?.waiters.append(client)
            waiterCount += 1
            return
        }
        guard makeRoom(for: question.sandbox, at: now) else {
            outputs.append(.fail(client, .limit))
            return
        }
        begin(question, sharedKey, waiters: [client], at: now)
    }

    /// Asks anew for something that is kept and whose time is nearly over; nobody waits for it.
    package mutating func refresh(_ question: Question, at now: Moment) {
        let sharedKey = SharedKey(name: question.name, selector: question.selector)
        // What nobody waits for takes nobody's place.
        guard !question.group.upstreams.isEmpty, shared[sharedKey] == nil,
            exchanges.count < limits.exchanges
        else { return }
        begin(question, sharedKey, waiters: [], at: now)
    }

    private mutating func begin(
        _ question: Question,
        _ sharedKey: SharedKey,
        waiters: [ClientID],
        at now: Moment
    ) {
        nextNumber += 1
        let number = nextNumber
        key.load(question.name)
        let kept = cache.find(key, question.selector, at: now)
        let exchange = Exchange(
            number: number,
            question: question,
            order: order(question.group),
            waiters: waiters,
            hasStale: kept?.isStale == true
        )
        exchanges[number] = exchange
        shared[sharedKey] = number
        waiterCount += waiters.count
        loads[question.sandbox, default: 0] += 1
        ends.insert(
            Timer(
                moment: now.advanced(milliseconds: Self.exchangeMilliseconds),
                subject: number,
                reason: .exchangeOver
            )
        )
        if kept?.isStale == true {
            ends.insert(
                Timer(
                    moment: now.advanced(milliseconds: Self.staleMilliseconds),
                    subject: number,
                    reason: .clientImpatient
                )
            )
        }
        askNext(exchange, at: now)
        probe(exchange, at: now)
    }

    /// Those that are up in the order given, then the others.
    private func order(_ group: UpstreamGroup) -> [Int] {
        // One that is alone is asked whatever its state.
        if group.upstreams.count == 1 { return Self.onlyPlace }
        let places = group.upstreams.indices
        let up = places.filter { health[group.upstreams[$0]]?.isDown != true }
        return up + places.filter { health[group.upstreams[$0]]?.isDown == true }
    }

    /// The next attempt in turn; nothing when there have been enough.
    private mutating func askNext(_ exchange: Exchange, at now: Moment) {
        guard exchange.asked < Self.attemptsMax else { return }
        let place = exchange.order[exchange.asked % exchange.order.count]
        let round = exchange.asked / exchange.order.count
        exchange.asked += 1
        let upstream = exchange.question.group.upstreams[place]
        send(exchange, to: upstream, over: .datagram, round: round, at: now)
    }

    /// One that is down gets a question beside the others now and then, to see whether it is back.
    private mutating func probe(_ exchange: Exchange, at now: Moment) {
        guard exchange.open.count == 1 else { return }
        let first = attempts[exchange.open[0]]?.upstream
        for upstream in exchange.question.group.upstreams
        where upstream != first && health[upstream]?.isDueForProbe(at: now) == true {
            change(upstream) { $0.isProbed = true }
            send(exchange, to: upstream, over: .datagram, round: 0, isProbe: true, at: now)
            return
        }
    }

    private mutating func send(
        _ exchange: Exchange,
        to upstream: Upstream,
        over transport: Transport,
        round: Int,
        isProbe: Bool = false,
        at now: Moment
    ) {
        let state = health[upstream] ?? UpstreamHealth()
        nextNumber += 1
        let attempt = Attempt(
            number: nextNumber,
            upstream: upstream,
            transport: transport,
            hasEDNS: state.speaksEDNS(at: now),
            variesLetters: state.keepsLetters && !upstream.address.address.isPrivate,
            question: exchange.question
        )
        attempts[attempt.number] = OpenAttempt(
            exchange: exchange,
            upstream: upstream,
            transport: transport,
            hasEDNS: attempt.hasEDNS,
            isProbe: isProbe,
            sentAt: now
        )
        change(upstream) { $0.asked(at: now) }
        exchange.open.append(attempt.number)
        outputs.append(.send(attempt))
        if isProbe { return }
        // Each round over the list waits twice as long as the one before.
        let wait = min(
            state.waitMilliseconds << UInt64(min(round, 4)),
            UpstreamHealth.waitMillisecondsMax
        )
        let patience = transport == .stream ? UpstreamHealth.waitMillisecondsMax : wait
        silences.insert(
            Timer(
                moment: now.advanced(milliseconds: patience),
                subject: attempt.number,
                reason: .attemptSilent
            )
        )
    }

    // MARK: Replies

    private mutating func replied(_ number: UInt64, _ reply: UpstreamReply, at now: Moment) {
        guard let open = attempts[number] else { return }
        let elapsed = (now.nanoseconds - open.sentAt.nanoseconds) / 1000
        change(open.upstream) {
            $0.replied(after: elapsed, isUsable: reply.isConclusive, at: now)
        }
        _ = closed(number)
        let exchange = open.exchange
        exchange.sawReply = true
        if reply.isTruncated, open.transport == .datagram {
            exchange.truncated = reply
            send(exchange, to: open.upstream, over: .stream, round: 0, at: now)
        } else if reply.isConclusive {
            finish(exchange, reply, at: now)
        } else if isRefusalOfEDNS(reply, open) {
            change(open.upstream) { $0.lacksEDNS(at: now) }
            send(exchange, to: open.upstream, over: open.transport, round: 0, at: now)
        } else {
            if let error = reply.extendedError { exchange.extendedError = error }
            moveOn(exchange, at: now)
        }
    }

    /// FORMERR without OPT is what servers from before EDNS say (RFC 6891 §6.2.2).
    private func isRefusalOfEDNS(_ reply: UpstreamReply, _ open: OpenAttempt) -> Bool {
        open.hasEDNS && !reply.hasOPT && reply.code == UpstreamReply.formErrCode
    }

    private mutating func strange(_ number: UInt64, at now: Moment) {
        guard let open = attempts[number] else { return }
        let exchange = open.exchange
        exchange.strange += 1
        if exchange.strange == Self.strangeMax, open.transport == .datagram {
            // Whoever guesses ids can guess on; a connection cannot be joined.
            _ = closed(number)
            send(exchange, to: open.upstream, over: .stream, round: 0, at: now)
        }
    }

    /// An attempt has come to nothing: the next upstream, or the end when none is left to ask.
    private mutating func moveOn(_ exchange: Exchange, at now: Moment) {
        if exchange.asked < exchange.order.count {
            askNext(exchange, at: now)
        } else if exchange.open.isEmpty {
            giveUp(exchange, at: now)
        }
    }

    // MARK: Ends

    private mutating func finish(
        _ exchange: Exchange,
        _ reply: UpstreamReply,
        at now: Moment
    ) {
        end(exchange, at: now)
        key.load(exchange.question.name)
        cache.insert(key, exchange.question.selector, reply, at: now)
        for client in exchange.waiters {
            outputs.append(.answer(client, reply, age: 0, isStale: false))
        }
    }

    private mutating func giveUp(_ exchange: Exchange, at now: Moment) {
        end(exchange, at: now)
        // What was cut short is better than nothing: the client may ask again over TCP.
        if let truncated = exchange.truncated {
            for client in exchange.waiters {
                outputs.append(.answer(client, truncated, age: 0, isStale: false))
            }
            return
        }
        key.load(exchange.question.name)
        let selector = exchange.question.selector
        if exchange.hasStale, let kept = cache.find(key, selector, at: now), kept.isStale {
            cache.postpone(kept.place, at: now, milliseconds: Self.staleRetryMilliseconds)
            answer(exchange.waiters, from: kept)
            return
        }
        let failure: Failure =
            if exchange.isLooped { .loop } else if exchange.sawReply {
                .noUsableReply(extendedError: exchange.extendedError)
            } else { .noReply }
        let note = UpstreamReply(code: 2, extendedError: exchange.extendedError)
        cache.insertFailure(key, selector, note, at: now)
        for client in exchange.waiters { outputs.append(.fail(client, failure)) }
    }

    /// The clients have waited long enough for what a stale reply could tell them; the exchange goes
    /// on for the cache.
    private mutating func answerStale(_ exchange: Exchange, at now: Moment) {
        key.load(exchange.question.name)
        guard let kept = cache.find(key, exchange.question.selector, at: now), kept.isStale else {
            return
        }
        waiterCount -= exchange.waiters.count
        answer(exchange.waiters, from: kept)
        exchange.waiters = []
    }

    private mutating func answer(_ clients: [ClientID], from kept: ReplyCache.Found) {
        for client in clients {
            outputs.append(.answer(client, cache[kept.place], age: kept.age, isStale: true))
        }
    }

    /// Takes an exchange out, with everything that belongs to it.
    private mutating func end(_ exchange: Exchange, at now: Moment) {
        guard exchanges.removeValue(forKey: exchange.number) != nil else { return }
        let question = exchange.question
        shared[SharedKey(name: question.name, selector: question.selector)] = nil
        waiterCount -= exchange.waiters.count
        let load = (loads[question.sandbox] ?? 1) - 1
        loads[question.sandbox] = load > 0 ? load : nil
        for attempt in exchange.open {
            guard let open = attempts.removeValue(forKey: attempt) else { continue }
            if open.isProbe || now.milliseconds(since: open.sentAt) >= Self.silenceMilliseconds {
                change(open.upstream) { $0.failed(at: now) }
            }
            outputs.append(.close(attempt: attempt))
        }
    }

    private mutating func closed(_ number: UInt64) -> OpenAttempt? {
        guard let open = attempts.removeValue(forKey: number) else { return nil }
        open.exchange.open.removeAll { $0 == number }
        outputs.append(.close(attempt: number))
        return open
    }

    private mutating func change(
        _ upstream: Upstream,
        _ body: (inout UpstreamHealth) -> Void
    ) {
        if health.count >= Self.upstreamsMax, health[upstream] == nil { forgetUpstream() }
        body(&health[upstream, default: UpstreamHealth()])
    }

    /// Sandboxes come and go, and with them the upstreams that are asked from inside them.
    private mutating func forgetUpstream() {
        func askedAt(_ upstream: Upstream) -> Moment { health[upstream]?.askedAt ?? .zero }
        let oldest = health.keys.sorted().min { askedAt($0) < askedAt($1) }
        if let oldest { health[oldest] = nil }
    }

    // MARK: Fairness

    /// Room for one more exchange of a sandbox; false when it is that sandbox that has too many.
    private mutating func makeRoom(for sandbox: Int, at now: Moment) -> Bool {
        if exchanges.count < limits.exchanges { return true }
        let own = loads[sandbox] ?? 0
        let active = loads.count + (own == 0 ? 1 : 0)
        if own >= max(1, limits.exchanges / active) { return false }
        var greediest = sandbox
        for other in loads.keys.sorted()
        where (loads[other] ?? 0) > (loads[greediest] ?? 0) {
            greediest = other
        }
        let oldest = exchanges.filter { $0.value.question.sandbox == greediest }.keys.min()
        guard greediest != sandbox, let yielded = oldest.flatMap({ exchanges[$0] }) else {
            return false
        }
        end(yielded, at: now)
        for client in yielded.waiters { outputs.append(.fail(client, .limit)) }
        return true
    }
}
