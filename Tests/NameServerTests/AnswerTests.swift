import Base
import Glibc
import LDNS
import LinuxSystem
import NameServer
import Names
import Testing

@Suite("Answers")
struct AnswerTests {
    @Test("L10: every order of three records is equally likely")
    func shuffle() throws {
        let fixture = try Fixture()
        var counts: [[UInt8]: Int] = [:]
        let rounds = 3000
        for _ in 0..<rounds {
            let reply = try #require(try fixture.datagram(Query("web", .a).octets))
            let order = (0..<3).map { reply[reply.count - 1 - 16 * $0] }
            #expect(Set(order) == [11, 12, 13])
            counts[order, default: 0] += 1
        }
        #expect(counts.count == 6)
        let mean = Double(rounds) / 6
        let chi = counts.values.reduce(0.0) {
            $0 + (Double($1) - mean) * (Double($1) - mean) / mean
        }
        // Five degrees of freedom: beyond 25.7 in one run of ten thousand.
        #expect(chi < 25.7)
    }

    @Test("N1: the question's letters come back, and the answer's owner points at them")
    func letters() throws {
        let fixture = try Fixture()
        let query = Query("WeB.sVc.InTeRnAl", .a)
        let reply = try #require(try fixture.datagram(query.octets))
        let end = 12 + query.question.count
        #expect(Array(reply[12..<end]) == query.question)
        #expect(stride(from: end, to: reply.count, by: 16).allSatisfy { reply[$0] == 0xc0 })
        #expect(stride(from: end, to: reply.count, by: 16).allSatisfy { reply[$0 + 1] == 12 })
    }

    @Test("N2: only A to Z are folded: octets beyond ASCII that differ are different names")
    func folding() throws {
        let network = try DomainName("n")
        let name = try DomainName(wire: [1, 0xc1])
        var endpoint = Endpoint(id: "e", network: network, name: name)
        endpoint.ipv4 = IPv4Address(10, 0, 0, 1)
        var registry = Registry(policy: NamePolicy(), seed: 5, compiler: .images)
        _ = try registry.apply(.addEndpoints([endpoint]), at: .zero)
        guard let table = registry.table(of: network) else {
            throw RegistryError.noNetwork(network)
        }
        for (octet, isThere) in [(UInt8(0xc1), true), (0xe1, false)] {
            var key = NameKey(seed: 5)
            key.load(try DomainName(wire: [1, octet]))
            #expect((table.find(key, labels: 1) != nil) == isThere)
        }
    }

    @Test("S3: an SRV answer is cut between records, and never without TC")
    func serviceOverflow() throws {
        let fixture = try Fixture()
        let reply = try DecodedMessage(
            try #require(try fixture.datagram(Query("_big._tcp.many", .srv).octets))
        )
        #expect(reply.isTruncated)
        #expect(reply.answer.allSatisfy { $0.type == .srv })
        #expect(reply.additional.isEmpty)
        let whole = try fixture.stream(framed(Query("_big._tcp.many", .srv).octets), messages: 1)
        let all = try DecodedMessage(try #require(whole.first))
        #expect(all.answer.count == 40)
        #expect(all.additional.count == 40)
        #expect(!all.isTruncated)
    }

    @Test("S1: addresses of the targets ride along when they fit, and are no reason for TC")
    func glue() throws {
        let fixture = try Fixture()
        let query = Query("_http._tcp.web", .srv)
        let reply = try DecodedMessage(try #require(try fixture.datagram(query.octets)))
        #expect(reply.answer.count == 3)
        #expect(reply.additional.count == 3)
        let some = Query("_big._tcp.some", .srv)
        let without = try DecodedMessage(try #require(try fixture.datagram(some.octets)))
        #expect(without.answer.count == 9)
        #expect(without.additional.isEmpty)
        #expect(!without.isTruncated)
    }

    @Test(
        "M17: a question from a port that echoes is dropped",
        .enabled(if: geteuid() == 0, "binding a port below 1024 needs root"),
        arguments: [7, 19, 53] as [UInt16]
    )
    func echoPorts(port: UInt16) throws {
        let fixture = try Fixture()
        // An address of loopback that nothing else uses.
        let from = SocketEndpoint(address: .v4(IPv4Address(127, 77, 0, 1)), port: port)
        let socket = try Sockets.datagram(boundTo: from, shared: false)
        try Sockets.send(
            socket.raw,
            Query("web", .a).octets,
            to: fixture.endpoint,
            control: []
        )
        _ = try fixture.datagram(Query("web", .a).octets)
        #expect(fixture.count(.droppedSource) == 1)
        #expect(fixture.count(.localAnswers) == 1)
    }

    @Test("the docker profile answers as dockerd 20.10 does, octet by octet")
    func docker() throws {
        let fixture = try Fixture(profile: .docker)
        let reply = try #require(try fixture.datagram(Query("dual", .a).edns().octets))
        let hex = reply.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        // networkdb-dns.md C7 with this fixture's name and address.
        #expect(
            hex == "12348180" + "0001000100000000" + "046475616c00" + "00010001"
                + "046475616c00" + "00010001" + "00000258" + "00040a000014"
        )
        let empty = try DecodedMessage(
            try #require(try fixture.datagram(Query("web", .aaaa).octets))
        )
        #expect(empty.rcode == 0 && empty.answer.isEmpty && empty.authority.isEmpty)
        #expect(!empty.isAuthoritative && empty.recursionAvailable)
        // Other types of a local name are forwarded; without an upstream that fails.
        let other = try DecodedMessage(
            try #require(try fixture.datagram(Query("web", .txt).octets))
        )
        #expect(other.rcode == 2 && !other.recursionAvailable)
    }

    @Test("an internal sandbox never forwards")
    func internalSandbox() throws {
        let upstream = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 9)
        let fixture = try Fixture(upstreams: [upstream], isInternal: true)
        let query = Query("www.example.net", .a).edns()
        let reply = try DecodedMessage(try #require(try fixture.datagram(query.octets)))
        #expect(reply.rcode == 5)
        #expect(!reply.recursionAvailable)
        #expect(reply.edns?.options.first?.data == [0, 15])
        #expect(fixture.count(.forwarded) == 0)
    }

    @Test("M16: random octets neither crash it nor make it say more than was asked")
    func random() throws {
        let fixture = try Fixture()
        var dice = SeededGenerator(seed: 42)
        let socket = try Sockets.datagram(connectedTo: fixture.endpoint)
        for _ in 0..<20_000 {
            var octets = (0..<Int(dice.below(80))).map { _ in UInt8(dice.below(256)) }
            // Half look like queries, so that they get further.
            if octets.count > 12, dice.below(2) == 0 {
                octets.replaceSubrange(
                    2..<12,
                    with: [1, 0, 0, 1, 0, 0, 0, 0, 0, UInt8(dice.below(3))]
                )
            }
            _ = try Sockets.send(socket.raw, octets)
        }
        let reply = try #require(try fixture.datagram(Query("web", .a).octets))
        #expect(try DecodedMessage(reply).answer.count == 3)
    }
}
