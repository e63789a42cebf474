import Base
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
