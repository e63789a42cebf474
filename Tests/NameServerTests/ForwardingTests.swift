import Base
import LDNS
import NameServer
import Testing

/// What goes upstream, and what comes of it: the first rows of dns.md §1.6, and those of §1.1 to
/// §1.5 that need an upstream.
@Suite("Forwarding")
struct ForwardingTests {
    private func asked(_ fixture: Fixture, _ query: Query) throws -> DecodedMessage {
        try DecodedMessage(try #require(try fixture.datagram(query.octets, milliseconds: 5000)))
    }

    @Test("F1: the question goes out under an id of our own and comes back as the client's")
    func forwarded() throws {
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(80)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let query = Query("WwW.Example.Net", .a, id: 0x4242)
        let octets = try #require(try fixture.datagram(query.octets))
        let reply = try DecodedMessage(octets)
        #expect(reply.id == 0x4242)
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.80"])
        #expect(!reply.isAuthoritative && reply.recursionAvailable && reply.recursionDesired)
        #expect(Array(octets[12..<12 + query.question.count]) == query.question)
        let sent = try #require(upstream.queries.first)
        #expect(sent[2] & 1 == 1, "RD is set")
        let outside = try DecodedMessage(sent)
        #expect(outside.edns?.udpSize == 1232)
    }

    @Test("F2: ids and source ports differ from question to question")
    func unpredictable() throws {
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(1)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        for number in 0..<50 { _ = try asked(fixture, Query("h\(number).example.net", .a)) }
        let ids = Set(upstream.queries.map { Int($0[0]) << 8 | Int($0[1]) })
        // Fifty of 65,536: two or more equal pairs happen in fewer than 2 of 10,000 runs.
        #expect(ids.count >= 48)
    }

    @Test(
        "F4: a reply that is not to the question is ignored",
        arguments: ["id", "name", "type", "class", "QR", "opcode", "garbage"]
    )
    func mismatch(lie: String) throws {
        let upstream = try ScriptedUpstream { query, _ in
            var wrong = Reply.to(query, answers: [Reply.address(66)])
            switch lie {
            case "id": wrong[0] ^= 0xff
            case "name": wrong[13] ^= 1
            case "type": wrong[12 + Reply.question(query).count - 3] = 28
            case "class": wrong[12 + Reply.question(query).count - 1] = 3
            case "QR": wrong[2] &= 0x7f
            case "opcode": wrong[2] |= 0x20
            default: wrong = [1, 2, 3]
            }
            return [wrong, Reply.to(query, answers: [Reply.address(1)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.1"])
        let counted =
            fixture.count(.upstreamMismatch) + fixture.count(.upstreamMalformed)
        #expect(counted == 1)
    }

    @Test("F9: a silent upstream costs a second, not the answer")
    func silent() throws {
        let dead = try ScriptedUpstream { _, _ in [] }
        let alive = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(2)])]
        }
        let fixture = try Fixture(upstreams: [dead.endpoint, alive.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.2"])
        #expect(dead.queries.count == 1)
    }

    @Test("F9: when all are silent SERVFAIL comes before the client gives up, with the reason")
    func allSilent() throws {
        let dead = try ScriptedUpstream { _, _ in [] }
        let fixture = try Fixture(upstreams: [dead.endpoint])
        let query = Query("www.example.net", .a).edns()
        let octets = try fixture.datagram(query.octets, milliseconds: 4500)
        let reply = try DecodedMessage(try #require(octets, "an answer before 4.5 s"))
        #expect(reply.rcode == 2)
        #expect(reply.edns?.options.first?.data == [0, 22])
    }

    @Test("F10: a closed port hands over at once")
    func closed() throws {
        let alive = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(3)])]
        }
        let nobody = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 9)
        let fixture = try Fixture(upstreams: [nobody, alive.endpoint])
        let octets = try fixture.datagram(Query("www.example.net", .a).octets, milliseconds: 500)
        let reply = try DecodedMessage(try #require(octets, "well before the first time-out"))
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.3"])
    }

    @Test("F11: an upstream that cannot help hands over", arguments: [1, 2, 4, 5] as [UInt16])
    func unusable(code: UInt16) throws {
        let useless = try ScriptedUpstream { query, _ in
            [Reply.to(query, flags: 0x8180 | code)]
        }
        let alive = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(4)])]
        }
        let both = try Fixture(upstreams: [useless.endpoint, alive.endpoint])
        let reply = try asked(both, Query("www.example.net", .a))
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.4"])
        let alone = try Fixture(upstreams: [useless.endpoint])
        #expect(try asked(alone, Query("www.example.net", .a)).rcode == 2)
    }

    @Test("F12: NXDOMAIN is an answer")
    func final() throws {
        let first = try ScriptedUpstream { query, _ in [Reply.to(query, flags: 0x8183)] }
        let second = try ScriptedUpstream { query, _ in [Reply.to(query)] }
        let fixture = try Fixture(upstreams: [first.endpoint, second.endpoint])
        #expect(try asked(fixture, Query("nope.example.net", .a)).rcode == 3)
        #expect(second.queries.isEmpty)
    }

    @Test(
        "T11, T8, X7, X9, X10, L12: what is not ours is forwarded",
        arguments: [
            (".", RecordType.ns), (".", .a), ("home.arpa", .ds), ("ipv4only.arpa", .a),
            ("www.example.com", .a), ("example.org", .mx), ("unknown", .a), ("x.y", .txt),
            ("1.1.0.11.in-addr.arpa", .ptr), ("www.example.net", RecordType(65280)),
        ]
    )
    func notOurs(name: String, type: RecordType) throws {
        let upstream = try ScriptedUpstream { query, _ in [Reply.to(query, flags: 0x8183)] }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        #expect(try asked(fixture, Query(name, type)).rcode == 3)
        #expect(upstream.queries.count == 1)
    }

    @Test(
        "what is ours or nobody's is never forwarded",
        arguments: [
            "web.svc.internal", "nope.svc.internal", "x.y.web.svc.internal", "tasks.nope",
            "zero", "_x._tcp.web", "77.0.0.10.in-addr.arpa", "localhost", "a.invalid", "a.test",
            "printer.local", "x.onion", "x.alt", "x.home.arpa", "_dns.resolver.arpa",
            "1.0.0.127.in-addr.arpa",
        ]
    )
    func ours(name: String) throws {
        let upstream = try ScriptedUpstream { query, _ in [Reply.to(query)] }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        for type in [RecordType.a, .aaaa, .txt, .https, .any, .mx] {
            _ = try asked(fixture, Query(name, type))
        }
        #expect(upstream.queries.isEmpty)
    }

    @Test("X11, P6: private names may be asked of a private upstream")
    func privateNames() throws {
        // The upstream is at 127.0.0.1, which is private; the rows show the other case.
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(5)])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        #expect(try asked(fixture, Query("x.internal", .a)).answer.count == 1)
        _ = try asked(fixture, Query("1.1.168.192.in-addr.arpa", .ptr))
        #expect(upstream.queries.count == 2)
    }

    @Test("F15, F18: what does not fit is cut with TC, and OPT goes to those who sent one")
    func tooLong() throws {
        let upstream = try ScriptedUpstream { query, _ in
            let opt: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
            return [
                Reply.to(
                    query,
                    answers: (0..<60).map { Reply.address($0) },
                    additionals: [opt]
                )
            ]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let plain = try #require(try fixture.datagram(Query("www.example.net", .a).octets))
        #expect(plain.count <= 512)
        #expect(try DecodedMessage(plain).isTruncated)
        #expect(try DecodedMessage(plain).edns == nil)
        let large = try asked(fixture, Query("www.example.net", .a).edns())
        #expect(large.answer.count == 60)
        #expect(large.edns?.udpSize == 1232)
    }

    @Test("TC2: local answers do not wait behind a slow forwarded one on the same connection")
    func outOfOrder() throws {
        let dead = try ScriptedUpstream { _, _ in [] }
        let fixture = try Fixture(upstreams: [dead.endpoint])
        let slow = framed(Query("www.example.net", .a, id: 1).octets)
        let fast = framed(Query("web", .a, id: 2).octets)
        let replies = try fixture.stream(slow + fast, messages: 2, milliseconds: 5000)
        #expect(replies.map { $0[1] } == [2, 1])
    }

    @Test("questions of one connection wait for their upstream without being taken for a stall")
    func manyForwarded() throws {
        let dead = try ScriptedUpstream { _, _ in [] }
        let fixture = try Fixture(upstreams: [dead.endpoint])
        var octets: [UInt8] = []
        for id in 0..<80 {
            octets += framed(Query("h\(id).example.net", .a, id: UInt16(id)).octets)
        }
        let replies = try fixture.stream(octets, messages: 80, milliseconds: 9000)
        #expect(replies.count == 80)
    }
}
