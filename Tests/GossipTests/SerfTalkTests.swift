import Base
import Gossip
import GossipWire
import Testing

/// gossip-wire.md §18.6, §18.7.
@Suite("Events and queries of a serf ring")
struct SerfTalkTests {
    private static func query(
        _ name: String,
        id: UInt32 = 7,
        time: UInt64 = 5,
        payload: [UInt8] = [],
        filters: [SerfFilter] = [],
        wantsAck: Bool = true,
        isQuiet: Bool = false,
        relayFactor: UInt8 = 0
    ) -> SerfQuery {
        SerfQuery(
            time: LamportTime(time),
            id: id,
            address: Serf.address(2),
            port: 7946,
            asker: NodeName("a"),
            name: Array(name.utf8),
            payload: payload,
            filters: filters.map(\.octets),
            wantsAck: wantsAck,
            isQuiet: isQuiet,
            relayFactor: relayFactor,
            timeoutNanoseconds: 1_000_000_000
        )
    }

    private static func ring(tags: SerfTags = SerfTags()) -> Serf {
        var serf = Serf(tags: tags)
        serf.join("a", host: 2)
        serf.join("b", host: 3)
        return serf
    }

    /// The answers among what is sent, with who gets them.
    private static func answers(
        _ outputs: [SerfRing.Output]
    ) -> [(response: SerfQueryResponse, to: PeerAddress)] {
        outputs.compactMap { output in
            guard case .queryResponse(let response)? = output.message, let to = output.receiver
            else { return nil }
            return (response, to)
        }
    }

    // MARK: Events

    @Test("an event is taken and passed on once, and its like at the same time is another")
    func events() {
        var serf = Self.ring()
        let event = SerfMessage.event("deploy", 3, payload: [1])
        guard case .userEvent(let said) = event else { return }
        #expect(serf.hear(event) == [.event(said), .broadcast(event.octets)])
        #expect(serf.hear(event).isEmpty && serf.ring.counts.repeatedEvents == 1)
        #expect(serf.hear(.event("deploy", 3, payload: [2])).count == 2)
        #expect(serf.hear(.event("deploy", 4, payload: [1])).count == 2)
        #expect(serf.ring.times.events == LamportTime(5))
    }

    @Test("what is older than 512 times is over")
    func oldEvents() {
        var serf = Self.ring()
        serf.hear(.event("e", 1000))
        #expect(serf.hear(.event("e", 488)).isEmpty && serf.ring.counts.oldEvents == 1)
        #expect(serf.hear(.event("e", 489)).count == 2)
    }

    @Test("of one time so many are taken, and no more passed on")
    func boundedTime() {
        var serf = Serf { $0.itemsPerTimeMax = 3 }
        for index in 0..<5 { serf.hear(.event("e\(index)", 9)) }
        #expect(serf.ring.counts.droppedEvents == 2)
        #expect(serf.ring.state.events.compactMap { $0 }.first?.events.count == 3)
    }

    @Test("events take no more memory than they may; the oldest are over then")
    func boundedMemory() {
        var serf = Serf { $0.eventMemoryMax = 10_000 }
        let payload = [UInt8](repeating: 0, count: 999)
        for time in 1...100 { serf.hear(.event("e", UInt64(time), payload: payload)) }
        #expect(serf.ring.state.events.compactMap { $0 }.count == 10)
        #expect(serf.hear(.event("e", 90, payload: payload)).isEmpty)
        #expect(serf.hear(.event("e", 91, payload: payload)).isEmpty)
        #expect(serf.ring.counts.oldEvents == 1 && serf.ring.counts.repeatedEvents == 1)
    }

    @Test("the ring of events goes round for ever without taking more")
    func roundAndRound() {
        var serf = Serf { $0.eventMemoryMax = 1 << 16 }
        let payload = [UInt8](repeating: 0, count: 99)
        var taken = 0
        for time in 1...3000 {
            taken += serf.hear(.event("e", UInt64(time), payload: payload)).count
        }
        #expect(taken == 6000)
        #expect(serf.ring.state.events.compactMap { $0 }.count == 512)
    }

    @Test("an event of this node's own is taken like any, unless it is too long")
    func ownEvents() {
        var serf = Self.ring()
        serf.hear(.event("other", 8))
        let own = SerfRing.Input.event(name: Array("go".utf8), payload: [5], coalesces: true)
        let said = SerfEvent(
            time: LamportTime(9),
            name: Array("go".utf8),
            payload: [5],
            coalesces: true
        )
        let octets = SerfMessage.userEvent(said).octets
        #expect(serf.take(own) == [.event(said), .broadcast(octets)])
        #expect(serf.hear(.userEvent(said)).isEmpty)
        let long = [UInt8](repeating: 0, count: 511)
        let refused = serf.take(.event(name: [65, 66], payload: long, coalesces: false))
        guard case .eventRefused? = refused.first else {
            Issue.record("\(refused)")
            return
        }
        #expect(refused.count == 1 && serf.ring.times.events == LamportTime(10))
    }

    @Test("what no datagram holds is taken, and not passed on")
    func tooLong() {
        var serf = Self.ring()
        let payload = [UInt8](repeating: 0, count: 4000)
        let outputs = serf.hear(.event("long", 3, payload: payload))
        #expect(outputs.count == 1 && serf.ring.counts.tooLong == 1)
    }

    @Test("a state brings the events that were missed; a newcomer takes none from before its time")
    func mergedEvents() {
        var old = Self.ring()
        for time in 1...5 { old.hear(.event("e\(time)", UInt64(time))) }
        let state = old.ring.state
        #expect(state.events.count == 512)

        var missed = Self.ring()
        missed.hear(.event("e2", 2))
        let outputs = missed.take(.merged(state, isJoin: true))
        #expect(outputs.count == 4 && !outputs.contains { $0.isBroadcast })
        #expect(missed.take(.merged(state, isJoin: false)).isEmpty)

        var newcomer = Serf("new")
        #expect(newcomer.take(.merged(state, isJoin: true)).isEmpty)
        #expect(newcomer.ring.counts.oldEvents == 5)
        #expect(newcomer.hear(.event("e6", 6)).count == 2)
        #expect(Serf("quiet").ring.state.events.isEmpty)
    }

    // MARK: Queries

    @Test("a query is acknowledged to its asker and passed on, once; a quiet one is not passed on")
    func queries() {
        var serf = Self.ring()
        let query = SerfMessage.query(Self.query("load"))
        let outputs = serf.hear(query)
        let answers = Self.answers(outputs)
        #expect(answers.count == 1 && answers.first?.to == Serf.peer(2))
        #expect(
            answers.first?.response
                == SerfQueryResponse(
                    time: LamportTime(5),
                    id: 7,
                    from: NodeName("me"),
                    isAck: true
                )
        )
        #expect(outputs.last == .broadcast(query.octets) && outputs.count == 2)
        #expect(serf.hear(query).isEmpty && serf.ring.counts.repeatedQueries == 1)
        let quiet = SerfMessage.query(Self.query("load", id: 8, wantsAck: false, isQuiet: true))
        #expect(serf.hear(quiet).isEmpty)
        #expect(serf.ring.times.queries == LamportTime(6) && serf.ring.counts.acks == 1)
        serf.hear(.query(Self.query("load", id: 9, time: 600)))
        #expect(serf.hear(.query(Self.query("load", id: 10, time: 88))).isEmpty)
        #expect(serf.ring.counts.oldQueries == 1)
    }

    @Test("filters leave those they mean; all of them pass the query on")
    func filters() {
        func role(_ expression: String) -> SerfFilter {
            .tag(Array("role".utf8), expression: Array(expression.utf8))
        }
        let rows: [([SerfFilter], isMeant: Bool)] = [
            ([], true), ([.nodes([NodeName("me")])], true), ([.nodes([NodeName("x")])], false),
            ([.nodes([])], false), ([role("web")], true), ([role("^we.$")], true),
            ([role("db")], false), ([role("(")], false),
            ([.nodes([NodeName("me")]), role("db")], false),
            ([.tag(Array("none".utf8), expression: Array("x".utf8))], false),
            ([.tag(Array("none".utf8), expression: Array("^$".utf8))], true),
        ]
        var serf = Self.ring(tags: Serf.tags(("zone", "1"), ("role", "web")))
        for (index, row) in rows.enumerated() {
            let query = Self.query("load", id: UInt32(100 + index), filters: row.0)
            let outputs = serf.hear(.query(query))
            #expect(Self.answers(outputs).count == (row.isMeant ? 1 : 0), "row \(index)")
            #expect(outputs.last?.isBroadcast == true, "row \(index)")
        }
        #expect(serf.ring.counts.filteredQueries == 6 && serf.ring.counts.unreadableFilters == 1)
    }

    @Test("who has a disputed name is told, by all but itself")
    func votes() throws {
        var serf = Self.ring()
        let tags = Serf.tags(("v", "1"))
        let word = Serf.word("c", host: 9, tags: tags)
        serf.take(.membership(.joined(NodeName("c")), word: word))
        func vote(_ name: String, id: UInt32) -> [SerfRing.Output] {
            let payload = Array(name.utf8)
            let query = Self.query("_serf_conflict", id: id, payload: payload, wantsAck: false)
            return serf.hear(.query(query))
        }
        let answer = try #require(Self.answers(vote("c", id: 1)).first)
        #expect(answer.to == Serf.peer(2) && !answer.response.isAck)
        let member = try SerfMember.read(conflictAnswer: answer.response.payload.span)
        #expect(
            member
                == SerfMember(
                    node: NodeName("c"),
                    address: Serf.address(9),
                    port: 7946,
                    tags: tags,
                    status: .alive,
                    versions: .serf
                )
        )
        let unknown = try #require(Self.answers(vote("x", id: 2)).first)
        #expect(unknown.response.payload == [6, 0xc0])
        #expect(Self.answers(vote("me", id: 3)).isEmpty)
        #expect(serf.ring.counts.conflictVotes == 2)
    }

    @Test("questions about keys go to who has them, and what became of it to the asker")
    func keys() throws {
        var serf = Self.ring()
        let key = [UInt8](repeating: 9, count: 16)
        let request = SerfKeyAnswer.request(key: key)
        let rows: [(String, SerfKeyRequest, SerfKeyOutcome, SerfKeyAnswer)] = [
            (
                "list-keys", .list, .keys([key, [1, 2]]),
                SerfKeyAnswer(
                    isSuccess: true,
                    message: [],
                    keys: [Array("CQkJCQkJCQkJCQkJCQkJCQ==".utf8), Array("AQI=".utf8)],
                    primaryKey: Array("CQkJCQkJCQkJCQkJCQkJCQ==".utf8)
                )
            ),
            (
                "install-key", .install(key), .done,
                SerfKeyAnswer(isSuccess: true, message: [], keys: [], primaryKey: [])
            ),
            (
                "use-key", .use(key), .failed(.unknown),
                SerfKeyAnswer(
                    isSuccess: false,
                    message: Array("that key is not installed".utf8),
                    keys: [],
                    primaryKey: []
                )
            ),
            (
                "remove-key", .remove(key), .failed(.inUse),
                SerfKeyAnswer(
                    isSuccess: false,
                    message: Array("the key in use cannot be removed".utf8),
                    keys: [],
                    primaryKey: []
                )
            ),
        ]
        for (index, (name, wanted, outcome, expected)) in rows.enumerated() {
            let query = Self.query(
                "_serf_\(name)",
                id: UInt32(index),
                payload: request,
                wantsAck: false
            )
            let outputs = serf.hear(.query(query))
            guard case .keys(let asked, let question)? = outputs.first else {
                Issue.record("\(name): \(outputs)")
                return
            }
            #expect(asked == wanted)
            let answers = Self.answers(serf.take(.keysAnswered(question, outcome)))
            let payload = try #require(answers.first).response.payload
            let answer = try SerfKeyAnswer(payload.span)
            #expect(answer == expected)
            #expect(serf.take(.keysAnswered(question, outcome)).isEmpty)
        }
        let broken = Self.query("_serf_use-key", id: 50, payload: [1, 2], wantsAck: false)
        #expect(serf.hear(.query(broken)).map(\.isBroadcast) == [true])
    }

    @Test("a list of too many keys says how many it leaves out")
    func manyKeys() throws {
        var serf = Self.ring()
        let outputs = serf.hear(.query(Self.query("_serf_list-keys", wantsAck: false)))
        guard case .keys(.list, let question)? = outputs.first else { return }
        let keys = (0..<40).map { [UInt8](repeating: $0, count: 32) }
        let sent = serf.take(.keysAnswered(question, .keys(keys)))
        guard case .send(let octets, to: _)? = sent.first else { return }
        #expect(octets.count <= 1024 && octets.count > 900)
        let payload = try #require(Self.answers(sent).first).response.payload
        let answer = try SerfKeyAnswer(payload.span)
        let message = String(decoding: answer.message, as: UTF8.self)
        #expect(message == "the first \(answer.keys.count) of 40 keys" && answer.isSuccess)
    }

    // MARK: Relays and bounds

    @Test("an answer goes through as many others as the query says, never through its asker")
    func relayed() {
        var serf = Self.ring()
        for host: UInt8 in 4...6 { serf.join("n\(host)", host: host) }
        serf.die("n6")
        let outputs = serf.hear(.query(Self.query("load", relayFactor: 2)))
        let relays = outputs.compactMap { output -> (SerfRelay, PeerAddress)? in
            guard case .relay(let relay)? = output.message, let to = output.receiver else {
                return nil
            }
            return (relay, to)
        }
        let able: Set = [Serf.peer(3), Serf.peer(4), Serf.peer(5)]
        let through = Set(relays.map(\.1))
        #expect(relays.count == 2 && through.count == 2 && through.isSubset(of: able))
        guard case .send(let direct, to: _)? = outputs.first else { return }
        #expect(relays.allSatisfy { $0.0.inner == direct && $0.0.node == NodeName("a") })
        let all = serf.hear(.query(Self.query("load", id: 9, relayFactor: 200)))
        #expect(all.count { $0.receiver != nil } == 4)
    }

    @Test("answers are passed on to members; nothing else is, and to nobody else")
    func relaying() {
        var serf = Self.ring()
        let answer = SerfMessage.queryResponse(
            SerfQueryResponse(time: LamportTime(1), id: 1, from: NodeName("b"), isAck: true)
        ).octets
        func relay(_ host: UInt8, _ port: UInt16, _ inner: [UInt8]) -> [SerfRing.Output] {
            serf.hear(
                .relay(
                    SerfRelay(
                        address: Serf.address(host),
                        port: port,
                        node: NodeName("a"),
                        inner: inner
                    )
                )
            )
        }
        #expect(relay(2, 7946, answer) == [.send(answer, to: Serf.peer(2))])
        #expect(relay(2, 53, answer).isEmpty && relay(77, 7946, answer).isEmpty)
        #expect(relay(2, 7946, SerfMessage.leaves("b", 9).octets).isEmpty)
        #expect(relay(2, 7946, []).isEmpty)
        let counts = (serf.ring.counts.relays, serf.ring.counts.refusedRelays)
        #expect(counts == (1, 4))
    }

    @Test("in one second so many answers go out, and the rest are counted")
    func boundedAnswers() {
        var serf = Serf { $0.answersMax = 5 }
        func ask(_ ids: Range<UInt32>) -> Int {
            ids.reduce(0) { $0 + Self.answers(serf.hear(.query(Self.query("q", id: $1)))).count }
        }
        #expect(ask(0..<20) == 5 && serf.ring.counts.droppedAnswers == 15)
        serf.pass(milliseconds: 1000)
        #expect(ask(20..<40) == 5)
        #expect(serf.ring.counts.acks == 10)
    }

    @Test("questions about keys wait for no more than so many answers")
    func boundedKeyQuestions() {
        var serf = Serf { $0.keyQuestionsMax = 2 }
        var asked = 0
        for id: UInt32 in 0..<5 {
            let query = Self.query("_serf_list-keys", id: id, wantsAck: false, isQuiet: true)
            asked += serf.hear(.query(query)).count
        }
        #expect(asked == 2 && serf.ring.counts.droppedAnswers == 3)
    }

    @Test("an answer to nothing asked here, and one to nowhere, are counted")
    func strays() {
        var serf = Self.ring()
        let answer = SerfQueryResponse(
            time: LamportTime(1),
            id: 1,
            from: NodeName("b"),
            isAck: false
        )
        #expect(serf.hear(.queryResponse(answer)).isEmpty && serf.ring.counts.strayAnswers == 1)
        var query = Self.query("load", isQuiet: true)
        query.port = 0
        #expect(serf.hear(.query(query)).isEmpty)
        query.id = 8
        query.port = 7946
        query.address = .none
        #expect(serf.hear(.query(query)).isEmpty && serf.ring.counts.impossibleAnswers == 2)
    }

    @Test("other tags are said in the node's meta")
    func tags() {
        var serf = Self.ring()
        let tags = Serf.tags(("role", "db"))
        #expect(serf.take(.tags(tags)) == [.meta(tags.meta)])
        let filter = SerfFilter.tag(Array("role".utf8), expression: Array("db".utf8))
        #expect(Self.answers(serf.hear(.query(Self.query("q", filters: [filter])))).count == 1)
        let long = Serf.tags(("role", String(repeating: "x", count: 600)))
        #expect(serf.take(.tags(long)) == [.tagsRefused(octets: 610)])
    }
}
