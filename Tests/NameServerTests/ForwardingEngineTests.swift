import Base
import Glibc
import LDNS
import NameServer
import Synchronization
import Testing

/// Cache, coalescing, TCP, split domains, limits: the rest of dns.md §1.6, over real sockets.
@Suite("Forwarding: the engine at work")
struct ForwardingEngineTests {
    private func asked(_ fixture: Fixture, _ query: Query) throws -> DecodedMessage {
        try DecodedMessage(try #require(try fixture.datagram(query.octets, milliseconds: 5000)))
    }

    @Test("K1: the second client is answered from what is kept, with the TTL counted down")
    func kept() throws {
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(80)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        for name in ["www.example.net", "WWW.Example.NET"] {
            let query = Query(name, .a, id: 0x0707)
            let octets = try #require(try fixture.datagram(query.octets))
            #expect(Array(octets[12..<12 + query.question.count]) == query.question)
            let reply = try DecodedMessage(octets)
            #expect(reply.answer.map { $0.dataText } == ["192.0.2.80"])
            #expect((299...300).contains(reply.answer.first?.ttl ?? 0))
            #expect(!reply.isAuthoritative)
        }
        let stream = try fixture.stream(
            framed(Query("www.example.net", .a).octets),
            messages: 1
        )
        #expect(try DecodedMessage(try #require(stream.first)).answer.count == 1)
        #expect(upstream.queries.count == 1)
        #expect(fixture.count(.cacheHits) == 2)
    }

    @Test("K6: a failure is told again without asking, with EDE 13")
    func keptFailure() throws {
        let upstream = try ScriptedUpstream { query, _ in [Reply.to(query, flags: 0x8182)] }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        #expect(try asked(fixture, Query("www.example.net", .a)).rcode == 2)
        let again = try asked(fixture, Query("www.example.net", .a).edns())
        #expect(again.rcode == 2)
        #expect(again.edns?.options.first?.data == [0, 13])
        #expect(upstream.queries.count == 1)
    }

    @Test("F5: the letters of a question to a public upstream are varied, the client's come back")
    func otherLetters() throws {
        // Loopback counts as private, so this is seen at the desk's own writer: the reply's letters.
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(1)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        _ = try asked(fixture, Query("WWW.EXAMPLE.NET", .a))
        let sent = try #require(upstream.queries.first)
        #expect(Reply.question(sent).starts(with: Query.labels("www.example.net")))
    }

    @Test("F6: a hundred clients with one question cost the upstream one")
    func coalesced() throws {
        let haveAllAsked = Mutex(false)
        let upstream = try ScriptedUpstream { query, _ in
            for _ in 0..<3000 where !haveAllAsked.withLock({ $0 }) { usleep(1000) }
            return [Reply.to(query, answers: [Reply.address(1)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint], cacheEntries: 0)
        var octets: [UInt8] = []
        for id in 0..<50 { octets += framed(Query("www.example.net", .a, id: UInt16(id)).octets) }
        let client = try StreamClient(fixture.endpoint)
        try client.send(octets)
        for _ in 0..<3000 where fixture.count(.forwarded) < 50 { usleep(1000) }
        haveAllAsked.withLock { $0 = true }
        let replies = try client.messages(50)
        #expect(Set(replies.map { $0[1] }) == Set(0..<50))
        #expect(upstream.queries.count == 1)
    }

    @Test("F14: what an upstream truncates is fetched over TCP, whole")
    func overTCP() throws {
        let upstream = try ScriptedUpstream(
            stream: { query in
                Reply.to(query, answers: (0..<200).map { Reply.address($0) })
            },
            { query, _ in [Reply.to(query, flags: 0x8380)] }
        )
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let replies = try fixture.stream(
            framed(Query("www.example.net", .a).octets),
            messages: 1
        )
        let whole = try DecodedMessage(try #require(replies.first))
        #expect(whole.answer.count == 200 && !whole.isTruncated)
        // The same, kept, for a client that takes 512 octets: as many as fit, with TC.
        let cut = try asked(fixture, Query("www.example.net", .a))
        #expect(cut.isTruncated && cut.answer.count == 29)
        #expect(upstream.queries.count == 1)
    }

    @Test("F4: three strange replies, and the question goes over TCP")
    func forged() throws {
        let upstream = try ScriptedUpstream(
            stream: { query in Reply.to(query, answers: [Reply.address(9)]) },
            { query, _ in
                (0..<3).map { index in
                    var wrong = Reply.to(query, answers: [Reply.address(66)])
                    wrong[0] ^= UInt8(1 + index)
                    return wrong
                }
            }
        )
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.9"])
        #expect(fixture.count(.upstreamStreams) == 1)
    }

    @Test("F13: an upstream that does not know EDNS is asked without it")
    func withoutEDNS() throws {
        let upstream = try ScriptedUpstream { query, _ in
            query[11] == 1
                ? [Reply.to(query, flags: 0x8181)]
                : [Reply.to(query, answers: [Reply.address(3)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        #expect(try asked(fixture, Query("a.example.net", .a)).answer.count == 1)
        #expect(try asked(fixture, Query("b.example.net", .a)).answer.count == 1)
        #expect(upstream.queries.map { $0[11] } == [1, 0, 0])
    }

    @Test("F19, F21: DO and CD go to the upstream and are kept apart")
    func bits() throws {
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(query[3] & 0x10 == 0 ? 1 : 2)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let plain = Query("www.example.net", .a).edns()
        let secure = Query("www.example.net", .a).edns(flags: 0x8000)
        let unchecked = Query("www.example.net", .a).with(flags: 0x0110)
        for query in [plain, secure, unchecked, plain, secure] { _ = try asked(fixture, query) }
        #expect(upstream.queries.count == 3)
        let sent = try upstream.queries.map { try DecodedMessage($0) }
        #expect(sent.map { $0.edns?.doBit } == [false, true, false])
        #expect(sent.map { $0.checkingDisabled } == [false, false, true])
    }

    @Test("F20: AD of an upstream is not passed on, since nobody here has checked it")
    func authentic() throws {
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, flags: 0x81a0, answers: [Reply.address(1)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let query = Query("www.example.net", .a).with(flags: 0x0120).edns(flags: 0x8000)
        #expect(try !asked(fixture, query).authenticData)
    }

    @Test("F24: an upstream that is this resolver is noticed, and the client told")
    func loop() throws {
        // A fixture whose upstream is its own address: the port has to be known beforehand.
        let free = try Fixture()
        let endpoint = free.endpoint
        free.server.stop()
        let fixture = try Fixture(at: endpoint, upstreams: [endpoint])
        let query = Query("www.example.net", .a).edns()
        let octets = try fixture.datagram(query.octets, milliseconds: 1000)
        let reply = try DecodedMessage(try #require(octets, "an answer at once"))
        #expect(reply.rcode == 2)
        #expect(reply.edns?.options.first?.data == [0, 23])
        #expect(fixture.count(.forwardLoops) == 1)
    }

    @Test("F25: at the limit a question fails at once, and local names are answered as ever")
    func limit() throws {
        let dead = try ScriptedUpstream { _, _ in [] }
        let fixture = try Fixture(upstreams: [dead.endpoint], forwardLimit: 2)
        var octets: [UInt8] = []
        for id in 0..<3 { octets += framed(Query("h\(id).example.net", .a, id: UInt16(id)).octets) }
        octets += framed(Query("web", .a, id: 9).octets)
        let replies = try fixture.stream(octets, messages: 2, milliseconds: 1000)
        #expect(replies.map { $0[1] } == [2, 9])
        #expect(replies.first.map { $0[3] & 15 } == 2)
        #expect(fixture.count(.forwardLimited) == 1)
    }

    @Test("F26: a reply of pointers that lead to pointers is refused and the next one taken")
    func bomb() throws {
        let upstream = try ScriptedUpstream { query, _ in
            var bomb = Reply.to(query, answers: [Reply.address(1)])
            bomb[7] = 255
            for _ in 0..<2000 { bomb += [0xc0, 12] }
            return [bomb, Reply.to(query, answers: [Reply.address(1)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        #expect(try asked(fixture, Query("www.example.net", .a)).answer.count == 1)
        #expect(fixture.count(.upstreamMalformed) == 1)
    }

    @Test("F27: a domain with upstreams of its own: the longest wins, at the boundary of labels")
    func domains() throws {
        let general = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(1)])]
        }
        let corp = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(2)])]
        }
        let lab = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(3)])]
        }
        let fixture = try Fixture(
            upstreams: [general.endpoint],
            domains: [
                "corp.example": [corp.endpoint], "lab.corp.example": [lab.endpoint],
                "local": [corp.endpoint],
            ]
        )
        let expected = [
            ("corp.example", 2), ("a.CORP.example", 2), ("xcorp.example", 1),
            ("lab.corp.example", 3), ("b.lab.corp.example", 3), ("example", 1),
            // A special name is asked for where somebody was named for it.
            ("printer.local", 2),
        ]
        for (name, last) in expected {
            let reply = try asked(fixture, Query(name, .a))
            #expect(reply.answer.map { $0.dataText } == ["192.0.2.\(last)"], "\(name)")
        }
    }

    @Test("K5: below a denied name nothing is asked for")
    func cut() throws {
        let upstream = try ScriptedUpstream { query, _ in
            let soa: [UInt8] =
                [0, 0] + [0, 0, 0, 1, 0, 0, 0, 60, 0, 0, 0, 30, 0, 0, 14, 16, 0, 0, 0, 60]
            return [
                Reply.to(query, flags: 0x8183, authorities: [Reply.record(.soa, soa)])
            ]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        #expect(try asked(fixture, Query("gone.example.net", .a)).rcode == 3)
        let below = try asked(fixture, Query("x.gone.example.net", .txt))
        #expect(below.rcode == 3)
        #expect(below.authority.map { $0.type } == [.soa])
        #expect(upstream.queries.count == 1)
    }
}
