import Base
import Names
import Testing

@Suite("Forwarding decisions")
struct ForwarderTests {
    @Test("F6: equal questions share one exchange, and each client gets its answer")
    func coalesced() throws {
        var bench = Bench()
        let question = try Bench.question(Bench.group(1))
        let clients = (0..<100).map { _ in bench.ask(question) }
        #expect(bench.sent.count == 1)
        bench.handle(.reply(attempt: bench.sent[0].number, Bench.answer()))
        #expect(clients.allSatisfy { bench.answers[$0] != nil })
        #expect(bench.forwarder.inFlight == 0)
    }

    @Test("questions that differ in type, DO or group do not share")
    func different() throws {
        var bench = Bench()
        bench.ask(try Bench.question(Bench.group(1)))
        bench.ask(try Bench.question(Bench.group(1), type: .aaaa))
        bench.ask(try Bench.question(Bench.group(1), dnssecOK: true))
        bench.ask(try Bench.question(Bench.group(1, id: 2)))
        #expect(bench.sent.count == 4)
    }

    @Test("F9: a silent upstream is joined by the next after 400 ms, and SERVFAIL comes in time")
    func silent() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(2)))
        bench.advance(milliseconds: 399)
        #expect(bench.sent.map { $0.upstream } == [Bench.upstream(1)])
        bench.advance(milliseconds: 2)
        #expect(bench.sent.map { $0.upstream } == [Bench.upstream(1), Bench.upstream(2)])
        bench.advance(milliseconds: 3598)
        #expect(bench.failures[client] == nil)
        bench.advance(milliseconds: 2)
        #expect(bench.failures[client] == .noReply)
        #expect(bench.sent.count <= Forwarder.attemptsMax)
        #expect(Set(bench.closed) == Set(bench.sent.map { $0.number }))
    }

    @Test("the wait follows the round trips: a fast upstream that falls silent is noticed sooner")
    func adaptive() throws {
        var bench = Bench()
        for number in 0..<20 {
            bench.ask(try Bench.question(Bench.group(2), "h\(number).example"))
            bench.advance(milliseconds: 2)
            let last = try #require(bench.sent.last)
            bench.handle(.reply(attempt: last.number, Bench.answer()))
        }
        let before = bench.sent.count
        bench.ask(try Bench.question(Bench.group(2), "slow.example"))
        bench.advance(milliseconds: 31)
        #expect(bench.sent.count == before + 2)
        #expect(bench.sent.last?.upstream == Bench.upstream(2))
    }

    @Test("a late reply to an earlier attempt still counts")
    func late() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(2)))
        bench.advance(milliseconds: 500)
        bench.handle(.reply(attempt: bench.sent[0].number, Bench.answer()))
        #expect(bench.answers[client] != nil)
        #expect(bench.closed == [bench.sent[0].number, bench.sent[1].number])
    }

    @Test("F10: an unreachable upstream hands over at once")
    func unreachable() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(2)))
        bench.handle(.unreachable(attempt: bench.sent[0].number))
        #expect(bench.sent.last?.upstream == Bench.upstream(2))
        bench.handle(.unreachable(attempt: bench.sent[1].number))
        #expect(bench.failures[client] == .noReply)
    }

    @Test(
        "F11: one that cannot help hands over; when none can, the last reason is told",
        arguments: [1, 2, 4, 5] as [UInt16]
    )
    func unusable(code: UInt16) throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(2)))
        var first = Bench.code(code)
        first.extendedError = 9
        bench.handle(.reply(attempt: bench.sent[0].number, first))
        #expect(bench.sent.last?.upstream == Bench.upstream(2))
        bench.handle(.reply(attempt: bench.sent[1].number, Bench.code(code)))
        #expect(bench.failures[client] == .noUsableReply(extendedError: 9))
    }

    @Test("F12: NXDOMAIN is final")
    func denial() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(2)))
        bench.handle(.reply(attempt: bench.sent[0].number, Bench.denial))
        #expect(bench.answers[client]?.code == 3)
        #expect(bench.sent.count == 1)
    }

    @Test("F13: FORMERR without OPT is asked again without EDNS, and remembered for ten minutes")
    func plain() throws {
        var bench = Bench()
        bench.ask(try Bench.question(Bench.group(2)))
        #expect(bench.sent[0].hasEDNS)
        bench.handle(.reply(attempt: bench.sent[0].number, Bench.code(1, hasOPT: false)))
        #expect(bench.sent[1].upstream == Bench.upstream(1) && !bench.sent[1].hasEDNS)
        bench.handle(.reply(attempt: bench.sent[1].number, Bench.answer()))
        bench.ask(try Bench.question(Bench.group(2), "again.example"))
        #expect(bench.sent[2].hasEDNS == false)
        bench.advance(milliseconds: 600_001)
        bench.ask(try Bench.question(Bench.group(2), "later.example"))
        #expect(bench.sent.last?.hasEDNS == true)
    }

    @Test("F14: a truncated reply is asked for over TCP, and is what remains when that fails")
    func truncated() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(1)))
        var short = Bench.answer()
        short.isTruncated = true
        bench.handle(.reply(attempt: bench.sent[0].number, short))
        #expect(bench.sent[1].transport == .stream)
        bench.handle(.reply(attempt: bench.sent[1].number, Bench.answer()))
        #expect(bench.answers[client]?.isTruncated == false)
        let other = bench.ask(try Bench.question(Bench.group(1), "other.example"))
        bench.handle(.reply(attempt: bench.sent[2].number, short))
        bench.handle(.unreachable(attempt: bench.sent[3].number))
        #expect(bench.answers[other]?.isTruncated == true)
        // What was cut short is not kept.
        bench.ask(try Bench.question(Bench.group(1), "other.example"))
        #expect(bench.sent.count == 5)
    }

    @Test("F4: after three strange replies the question goes over TCP")
    func strange() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(2)))
        for _ in 0..<3 { bench.handle(.strange(attempt: bench.sent[0].number)) }
        #expect(bench.sent.count == 2)
        #expect(bench.sent[1].transport == .stream)
        #expect(bench.sent[1].upstream == Bench.upstream(1))
        bench.handle(.reply(attempt: bench.sent[1].number, Bench.answer()))
        #expect(bench.answers[client] != nil)
    }

    @Test("F5: letters are varied for public upstreams that keep them, and never for private ones")
    func letters() throws {
        var bench = Bench()
        bench.ask(try Bench.question(Bench.group(1)))
        #expect(bench.sent[0].variesLetters)
        for _ in 0..<3 { bench.handle(.otherLetters(attempt: bench.sent[0].number)) }
        bench.ask(try Bench.question(Bench.group(1), "next.example"))
        #expect(bench.sent.last?.variesLetters == false)
        let inside = UpstreamGroup(id: 9, upstreams: [Bench.upstream(1, publicly: false)])
        bench.ask(try Bench.question(inside))
        #expect(bench.sent.last?.variesLetters == false)
    }

    @Test("one that fails three times is asked last, and tried again beside another after a pause")
    func down() throws {
        var bench = Bench()
        for number in 0..<3 {
            bench.ask(try Bench.question(Bench.group(2), "h\(number).example"))
            bench.handle(.unreachable(attempt: bench.sent[bench.sent.count - 1].number))
            let last = try #require(bench.sent.last)
            bench.handle(.reply(attempt: last.number, Bench.answer()))
        }
        let before = bench.sent.count
        bench.ask(try Bench.question(Bench.group(2), "next.example"))
        #expect(bench.sent[before].upstream == Bench.upstream(2))
        #expect(bench.sent.count == before + 1)
        bench.handle(.reply(attempt: bench.sent[before].number, Bench.answer()))
        bench.advance(milliseconds: 1001)
        bench.ask(try Bench.question(Bench.group(2), "probe.example"))
        let both = bench.sent[(before + 1)...].map { $0.upstream }
        #expect(both == [Bench.upstream(2), Bench.upstream(1)])
        bench.handle(.reply(attempt: bench.sent[before + 2].number, Bench.answer()))
        bench.ask(try Bench.question(Bench.group(2), "back.example"))
        #expect(bench.sent.last?.upstream == Bench.upstream(1))
    }

    @Test("F24: a question that comes back to us ends as a loop")
    func looped() throws {
        var bench = Bench()
        let client = bench.ask(try Bench.question(Bench.group(1)))
        bench.handle(.looped(attempt: bench.sent[0].number))
        #expect(bench.failures[client] == .loop)
    }

    @Test("F25: at the limit the sandbox that has the most yields, and only it")
    func fairness() throws {
        var bench = Bench(exchanges: 8)
        let group = Bench.group(1)
        let flood = try (0..<8).map {
            bench.ask(try Bench.question(group, "f\($0).example", sandbox: 1))
        }
        let late = bench.ask(try Bench.question(group, "f8.example", sandbox: 1))
        #expect(bench.failures[late] == .limit)
        let neighbour = bench.ask(try Bench.question(group, "n.example", sandbox: 2))
        #expect(bench.failures[neighbour] == nil)
        #expect(bench.failures[flood[0]] == .limit)
        #expect(flood.dropFirst().allSatisfy { bench.failures[$0] == nil })
        #expect(bench.forwarder.inFlight == 8)
        for number in 1..<4 {
            bench.ask(try Bench.question(group, "n\(number).example", sandbox: 2))
        }
        // Both now have their half, and neither takes more.
        let more = bench.ask(try Bench.question(group, "n9.example", sandbox: 2))
        #expect(bench.failures[more] == .limit)
        #expect(bench.forwarder.inFlight == 8)
    }

    @Test("K7: a stale answer is given after 1.8 s, the refresh goes on, and then at once for 30 s")
    func stale() throws {
        var bench = Bench()
        let question = try Bench.question(Bench.group(1))
        bench.ask(question)
        bench.handle(.reply(attempt: bench.sent[0].number, Bench.answer(ttl: 10)))
        bench.advance(milliseconds: 20_000)
        let client = bench.ask(question)
        bench.advance(milliseconds: 1799)
        #expect(bench.answers[client] == nil)
        bench.advance(milliseconds: 2)
        #expect(bench.stale.contains(client))
        #expect(bench.forwarder.inFlight == 1)
        bench.advance(milliseconds: 3000)
        #expect(bench.forwarder.inFlight == 0)
        let kept = bench.kept(question)
        #expect(kept?.isStale == true && kept?.isPostponed == true)
        bench.advance(milliseconds: 31_000)
        let later = bench.kept(question)
        #expect(later?.isPostponed == false)
    }

    @Test("K6: a failure is kept for a second, then longer")
    func failure() throws {
        var bench = Bench()
        let question = try Bench.question(Bench.group(1))
        bench.ask(question)
        bench.handle(.unreachable(attempt: bench.sent[0].number))
        let kept = bench.kept(question)
        #expect(kept?.isFailure == true)
        bench.advance(milliseconds: 1001)
        let later = bench.kept(question)
        #expect(later == nil)
    }

    @Test("attempts, useful replies and failures are counted for each upstream")
    func totals() throws {
        var bench = Bench()
        bench.ask(try Bench.question(Bench.group(2)))
        bench.handle(.reply(attempt: bench.sent[0].number, Bench.code(2)))
        bench.handle(.reply(attempt: bench.sent[1].number, Bench.answer()))
        bench.ask(try Bench.question(Bench.group(2), "other.example"))
        bench.handle(.unreachable(attempt: bench.sent[2].number))
        bench.handle(.looped(attempt: bench.sent[3].number))
        let reports = bench.forwarder.reports
        #expect(reports.map { $0.upstream } == [Bench.upstream(1), Bench.upstream(2)])
        #expect(reports.map { $0.askedCount } == [2, 2])
        #expect(reports.map { $0.replyCount } == [0, 1])
        #expect(reports.map { $0.failureCount } == [2, 1])
        #expect(reports.map { $0.isDown } == [false, true])
    }

    @Test("of more upstreams than there is room for, those asked longest ago are forgotten")
    func manyUpstreams() throws {
        var bench = Bench()
        let count = UInt64(Forwarder.upstreamsMax) + 40
        for number in 0..<count {
            let address = IPv4Address(UInt32(0x0a00_0000) + UInt32(number))
            let upstream = Upstream(
                SocketEndpoint(address: .v4(address), port: 53),
                from: .sandbox("s\(number)")
            )
            bench.ask(try Bench.question(UpstreamGroup(id: number, upstreams: [upstream])))
            let last = try #require(bench.sent.last)
            bench.handle(.reply(attempt: last.number, Bench.answer()))
            bench.advance(milliseconds: 1)
        }
        let kept = Set(bench.forwarder.reports.map { $0.upstream.source })
        #expect(kept.count == Forwarder.upstreamsMax)
        #expect(kept.contains(.sandbox("s\(count - 1)")) && !kept.contains(.sandbox("s39")))
    }

    @Test(
        "whatever upstreams do, every client hears exactly once, before 4.5 s",
        arguments: UInt64(1)...40
    )
    func everyClient(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        var bench = Bench(exchanges: 16, cacheEntries: 20)
        var askedAt: [UInt64: Moment] = [:]
        var heard: Set<UInt64> = []
        var handled = 0
        for _ in 0..<600 {
            let name = "n\(dice.below(12)).example"
            let group = Bench.group(UInt8(1 + dice.below(3)), id: UInt64(dice.below(2)))
            let sandbox = Int(dice.below(3))
            if dice.below(3) > 0 {
                let client = bench.ask(try Bench.question(group, name, sandbox: sandbox))
                askedAt[client] = bench.now
            }
            while handled < bench.sent.count, dice.below(4) > 0 {
                let attempt = bench.sent[handled].number
                handled += 1
                switch dice.below(9) {
                case 0: bench.handle(.unreachable(attempt: attempt))
                case 1: bench.handle(.strange(attempt: attempt))
                case 2: bench.handle(.otherLetters(attempt: attempt))
                case 3: bench.handle(.reply(attempt: attempt, Bench.code(2)))
                case 4: bench.handle(.reply(attempt: attempt, Bench.denial))
                case 5:
                    var short = Bench.answer()
                    short.isTruncated = true
                    bench.handle(.reply(attempt: attempt, short))
                case 6: bench.handle(.looped(attempt: attempt))
                case 7: break
                default: bench.handle(.reply(attempt: attempt, Bench.answer(ttl: 2)))
                }
            }
            bench.advance(milliseconds: UInt64(dice.below(400)))
            for client in Array(bench.answers.keys) + Array(bench.failures.keys)
            where heard.insert(client).inserted {
                let asked = try #require(askedAt[client])
                #expect(bench.now.milliseconds(since: asked) <= 4500)
            }
        }
        bench.advance(milliseconds: 5000)
        #expect(bench.answers.count + bench.failures.count == askedAt.count)
        #expect(bench.forwarder.inFlight == 0)
        #expect(bench.closed.sorted() == bench.sent.map { $0.number }.sorted())
    }
}
