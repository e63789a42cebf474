import Base
import Names

/// Drives a forwarder in virtual time, with scripted upstreams.
struct Bench: ~Copyable {
    var forwarder: Forwarder
    var now = Moment(nanoseconds: 1_000_000_000)
    private(set) var sent: [Forwarder.Attempt] = []
    private(set) var answers: [UInt64: UpstreamReply] = [:]
    private(set) var stale: Set<UInt64> = []
    private(set) var failures: [UInt64: Forwarder.Failure] = [:]
    private(set) var closed: [UInt64] = []
    private var lastClient: UInt64 = 0

    init(exchanges: Int = 64, cacheEntries: Int = 100) {
        forwarder = Forwarder(
            limits: .init(exchanges: exchanges, cacheEntries: cacheEntries),
            hash: SipHash(key: 1, 2)
        )
    }

    static func upstream(_ last: UInt8, publicly: Bool = true) -> Upstream {
        let address =
            publicly ? IPv4Address(192, 0, 2, last) : IPv4Address(10, 0, 0, last)
        return Upstream(SocketEndpoint(address: .v4(address), port: 53))
    }

    static func group(_ count: UInt8, id: UInt64 = 1) -> UpstreamGroup {
        UpstreamGroup(id: id, upstreams: (1...count).map { upstream($0) })
    }

    static func question(
        _ group: UpstreamGroup,
        _ name: String = "www.example.net",
        type: RecordType = .a,
        dnssecOK: Bool = false,
        sandbox: Int = 0
    ) throws -> Forwarder.Question {
        Forwarder.Question(
            name: try DomainName(name),
            type: type,
            dnssecOK: dnssecOK,
            checkingDisabled: false,
            group: group,
            sandbox: sandbox
        )
    }

    /// Asks, and returns the client's number.
    @discardableResult
    mutating func ask(_ question: Forwarder.Question) -> UInt64 {
        lastClient += 1
        forwarder.handle(.ask(question, client: .init(number: lastClient)), at: now)
        obey()
        return lastClient
    }

    /// What is kept of a question.
    mutating func kept(_ question: Forwarder.Question) -> ReplyCache.Found? {
        var key = NameKey(seed: 0)
        key.load(question.name)
        return forwarder.cache.find(key, question.selector, at: now)
    }

    mutating func handle(_ input: Forwarder.Input) {
        forwarder.handle(input, at: now)
        obey()
    }

    mutating func obey() {
        while let output = forwarder.next() {
            switch output {
            case .send(let attempt): sent.append(attempt)
            case .close(let attempt): closed.append(attempt)
            case .answer(let client, let reply, _, let isStale):
                precondition(answers[client.number] == nil && failures[client.number] == nil)
                answers[client.number] = reply
                if isStale { stale.insert(client.number) }
            case .fail(let client, let failure):
                precondition(answers[client.number] == nil && failures[client.number] == nil)
                failures[client.number] = failure
            }
        }
    }

    /// Lets time pass, waking the engine when it wants to be.
    mutating func advance(milliseconds: UInt64) {
        let end = now.advanced(milliseconds: milliseconds)
        while let next = forwarder.nextWake, next.moment <= end {
            now = max(now, next.moment)
            forwarder.wake(at: now)
            obey()
        }
        now = end
    }

    static func answer(ttl: UInt32 = 60) -> UpstreamReply {
        UpstreamReply(body: [1], answerCount: 1, answerTTL: ttl)
    }

    static func code(_ code: UInt16, hasOPT: Bool = true) -> UpstreamReply {
        UpstreamReply(code: code, hasOPT: hasOPT)
    }

    static let denial = UpstreamReply(code: 3, denialTTL: 60)
}
