import Base
import DNSWire
import LDNS
import NameServer
import Names
import Testing

/// One responder asked directly, without sockets.
private func answer(
    _ query: [UInt8],
    _ view: PublishedView,
    over transport: Transport,
    from port: UInt16 = 40_000
) -> [UInt8] {
    var responder = Responder(counters: WorkerCounters(), nameSeed: 11, diceSeed: 1)
    let client = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: port)
    return [UInt8](capacity: MessageSize.streamMax) { out in
        _ = responder.respond(
            to: query.span,
            from: client,
            over: transport,
            as: view,
            into: &out
        )
    }
}

@Suite("Replies without sockets")
struct ResponderTests {
    /// 242 octets, as long as a network's name may nearly be.
    private static let network = [63, 63, 63, 50].map { String(repeating: "n", count: $0) }
        .joined(separator: ".")

    private static func view() throws -> PublishedView {
        var registry = Registry(policy: NamePolicy(), seed: 11)
        let network = try DomainName(network)
        var endpoint = Endpoint(id: "web", network: network, name: try DomainName("web"))
        endpoint.ipv4 = IPv4Address(10, 0, 0, 1)
        _ = try registry.apply(.addEndpoints([endpoint]), at: .zero)
        let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 53)
        let sandbox = Sandbox(name: "probe", place: .address(place), networks: [network])
        let view = registry.view(of: sandbox, defaultUpstreams: [])
        return PublishedView(
            view: view,
            networks: view.networks.map { CompiledTable($0, negativeTTL: 5) },
            zone: CompiledTable(view.zone, negativeTTL: 5)
        )
    }

    @Test(
        "M17: ports whose owners would answer a reply get none over UDP",
        arguments: [UInt16(0), 7, 19, 53]
    )
    func echoPorts(port: UInt16) throws {
        let view = try Self.view()
        let query = Query("web", .a).octets
        #expect(answer(query, view, over: .datagram, from: port).isEmpty)
        #expect(answer([1, 2] + query, view, over: .datagram, from: port).isEmpty)
        #expect(!answer(query, view, over: .stream, from: port).isEmpty)
        #expect(!answer(query, view, over: .datagram, from: port + 1024).isEmpty)
    }

    @Test(
        "a SOA record too long for the client makes it ask again over TCP",
        arguments: [
            ("web", RecordType.aaaa, UInt16(0)), ("nope." + network, .a, 3), (network, .soa, 0),
        ]
    )
    func longSOA(name: String, type: RecordType, code: UInt16) throws {
        let view = try Self.view()
        let query = Query(name, type)
        let datagram = answer(query.octets, view, over: .datagram)
        #expect(datagram.count <= 512)
        let cut = try DecodedMessage(datagram)
        #expect(cut.isTruncated && cut.rcode == code)
        #expect(cut.answer.isEmpty && cut.authority.isEmpty)
        for whole in [
            answer(query.octets, view, over: .stream),
            answer(query.edns(size: 1232).octets, view, over: .datagram),
        ] {
            let reply = try DecodedMessage(whole)
            #expect(!reply.isTruncated && reply.rcode == code)
            #expect((reply.answer + reply.authority).map(\.type) == [.soa])
        }
    }
}

@Suite("Replies of upstreams, passed on")
struct ForwardedReplyTests {
    private static let opt: [UInt8] = [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]

    /// An address record whose owner is at `owner`, or the question's name.
    private static func address(_ last: UInt8, owner: UInt8 = 12) -> [UInt8] {
        [0xc0, owner, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last]
    }

    private static func question(edns: Bool) throws -> ForwardQuestion {
        let query = Query("Web.test", .a, id: 0x5555)
        let octets = edns ? query.edns(size: 4096).octets : query.octets
        return ForwardQuestion(try QueryView(octets.span), upstreams: [], profile: .waggle)
    }

    private static func reply(_ counts: [UInt16], _ records: [UInt8]) -> [UInt8] {
        var query = Query("web.test", .a, id: 0x1111)
        query.flags = 0x8580
        query.counts = [1] + counts
        query.rest = records
        return query.octets
    }

    @Test("an OPT record between others goes, and what is behind it, and the count is true")
    func optInside() throws {
        let octets = Self.reply(
            [1, 0, 4],
            Self.address(1) + Self.address(2) + Self.address(3) + Self.opt + Self.address(4)
        )
        for edns in [false, true] {
            let passed = ForwardedReply.octets(octets, for: try Self.question(edns: edns))
            let message = try DecodedMessage(passed)
            #expect(message.id == 0x5555 && message.question.first?.name == "Web.test.")
            #expect(message.answer.map(\.dataText) == ["192.0.2.1"])
            #expect(message.additional.map(\.dataText) == ["192.0.2.2", "192.0.2.3"])
            #expect(message.hasOPT == edns)
            #expect(!message.isAuthoritative)
        }
    }

    @Test("a code that only EDNS can say is SERVFAIL for a client without it")
    func extendedCode() throws {
        var badVersion = Self.opt
        badVersion[5] = 1
        let octets = Self.reply([1, 0, 1], Self.address(1) + badVersion)
        let plain = try DecodedMessage(
            ForwardedReply.octets(octets, for: try Self.question(edns: false))
        )
        #expect(plain.rcode == 2 && plain.answer.isEmpty && !plain.isTruncated)
        let extended = try DecodedMessage(
            ForwardedReply.octets(octets, for: try Self.question(edns: true))
        )
        #expect(extended.rcode == 16 && extended.answer.count == 1)
    }

    @Test("a reply too long for the client is cut to its question")
    func tooLong() throws {
        let records = (0..<40).flatMap { Self.address($0) }
        let octets = Self.reply([40, 0, 1], records + Self.opt)
        let plain = ForwardedReply.octets(octets, for: try Self.question(edns: false))
        let cut = try DecodedMessage(plain)
        #expect(cut.isTruncated && cut.answer.isEmpty && plain.count == 26)
        let whole = ForwardedReply.octets(octets, for: try Self.question(edns: true))
        #expect(try DecodedMessage(whole).answer.count == 40)
    }
}
