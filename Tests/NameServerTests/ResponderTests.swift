import Base
import DNSWire
import LDNS
import NameServer
import Names
import Testing

/// One responder asked directly, without sockets.
private func answer(
    _ query: [UInt8],
    _ place: (view: PublishedView, tables: NameTables),
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
            as: place.view,
            in: place.tables,
            into: &out
        ) { _, _, _, _ in .forwarded }
    }
}

@Suite("Replies without sockets")
struct ResponderTests {
    /// 242 octets, as long as a network's name may nearly be.
    private static let network = [63, 63, 63, 50].map { String(repeating: "n", count: $0) }
        .joined(separator: ".")

    private static func view() throws -> (PublishedView, NameTables) {
        var registry = Registry(
            policy: NamePolicy(),
            seed: 11,
            compiler: .images
        )
        let network = try DomainName(network)
        var endpoint = Endpoint(id: "web", network: network, name: try DomainName("web"))
        endpoint.ipv4 = IPv4Address(10, 0, 0, 1)
        _ = try registry.apply(.addEndpoints([endpoint]), at: .zero)
        let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 53)
        let sandbox = Sandbox(name: "probe", place: .address(place), networks: [network])
        let view = registry.view(of: sandbox, asking: [])
        return (PublishedView(view: view, slot: 0), registry.tables)
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

    @Test(
        "a record that no message has room for makes no answer of a part of it",
        arguments: [1, 2]
    )
    func longRecord(count: Int) throws {
        var registry = Registry(policy: NamePolicy(), seed: 11, compiler: .images)
        let owner = try DomainName("huge.example")
        // With its head of 12 octets more than a number of 16 bits says.
        let entries = (0..<count).map { index in
            let data = [UInt8](repeating: UInt8(index), count: 65_530)
            return StaticZone.Entry(owner: owner, type: .txt, ttl: 5, data: .wire(data))
        }
        _ = registry.replace(zone: StaticZone(entries))
        let place = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 53)
        let sandbox = Sandbox(name: "probe", place: .address(place), networks: [])
        let view = PublishedView(view: registry.view(of: sandbox, asking: []), slot: 0)
        let octets = answer(
            Query("huge.example", .txt).octets,
            (view, registry.tables),
            over: .stream
        )
        let reply = try DecodedMessage(octets)
        #expect(reply.isTruncated && reply.rcode == 0 && reply.answer.isEmpty)
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
        return ForwardQuestion(
            try QueryView(octets.span),
            over: .datagram,
            group: UpstreamGroup(id: 1, upstreams: []),
            profile: .waggle
        )
    }

    /// The octets of an upstream as a client gets them.
    private static func passed(_ octets: [UInt8], edns: Bool) throws -> [UInt8] {
        let reply = UpstreamReply(octets.span, try ReplyWalker(octets.span))
        return ForwardedReply.octets(reply, .fresh, for: try question(edns: edns))
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
            let passed = try Self.passed(octets, edns: edns)
            let message = try DecodedMessage(passed)
            #expect(message.id == 0x5555 && message.question.first?.name == "Web.test.")
            #expect(message.answer.map(\.dataText) == ["192.0.2.1"])
            #expect(message.additional.map(\.dataText) == ["192.0.2.2", "192.0.2.3"])
            #expect(message.hasOPT == edns)
            #expect(!message.isAuthoritative)
        }
    }

    @Test("a reply too long for the client keeps whole answers, with TC")
    func tooLong() throws {
        let records = (0..<40).flatMap { Self.address($0) }
        let octets = Self.reply([40, 0, 1], records + Self.opt)
        let plain = try Self.passed(octets, edns: false)
        let cut = try DecodedMessage(plain)
        #expect(plain.count <= 512)
        #expect(cut.isTruncated && cut.answer.count == 30)
        #expect(try DecodedMessage(try Self.passed(octets, edns: true)).answer.count == 40)
    }

    @Test("additional records go before answers do, and their lack is no reason for TC")
    func additionalFirst() throws {
        let answers = (0..<25).flatMap { Self.address($0) }
        let glue = (0..<10).flatMap { Self.address($0) }
        let plain = try Self.passed(Self.reply([25, 0, 10], answers + glue), edns: false)
        let cut = try DecodedMessage(plain)
        #expect(cut.answer.count == 25 && cut.additional.isEmpty && !cut.isTruncated)
    }

    @Test("F22: answers that do not follow from the question are left out")
    func bailiwick() throws {
        // An alias whose target is spelt out, an address at the target, and a stranger's address.
        let target: [UInt8] = [1, 0x78, 0xc0, 16]
        let alias: [UInt8] = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4] + target
        let ours: [UInt8] = target + [0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 7]
        let evil: [UInt8] =
            [4, 0x65, 0x76, 0x69, 0x6c, 0] + [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 6, 6, 6, 6]
        for records in [alias + evil + ours, evil + alias + ours, ours + alias + evil] {
            let octets = Self.reply([3, 0, 0], records)
            let reply = try DecodedMessage(try Self.passed(octets, edns: true))
            #expect(reply.answer.count == 2)
            #expect(Set(reply.answer.map { $0.dataText }) == ["x.test.", "192.0.2.7"])
        }
    }

    @Test("F17: the data of types that nobody here knows are passed on octet by octet")
    func opaque() throws {
        let data: [UInt8] = [0xc0, 0xff, 0, 1, 2, 3, 0x80]
        let record = [0xc0, 12, 0xff, 0, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
        let passed = try Self.passed(Self.reply([1, 0, 0], record), edns: false)
        #expect(Array(passed.suffix(record.count)) == record)
    }

    @Test("K1, K2: ages are taken off the TTLs, and a TTL with its highest bit is 0")
    func aged() throws {
        var huge = Self.address(2)
        huge[6] = 0x80
        let octets = Self.reply([2, 0, 0], Self.address(1) + huge)
        let reply = UpstreamReply(octets.span, try ReplyWalker(octets.span))
        #expect(reply.lifetimeSeconds == 0)
        let old = ForwardedReply.octets(
            reply,
            .init(seconds: 40, isStale: false),
            for: try Self.question(edns: true)
        )
        #expect(try DecodedMessage(old).answer.map { $0.ttl } == [20, 0])
        let stale = ForwardedReply.octets(
            reply,
            .init(seconds: 4000, isStale: true),
            for: try Self.question(edns: true)
        )
        let message = try DecodedMessage(stale)
        #expect(message.answer.map { $0.ttl } == [30, 30])
        #expect(message.edns?.options.first?.data == [0, 3])
    }
}
