import Base
import DNSWire
import LinuxSystem
import NameServer
import Names
import Synchronization
import Testing

@Suite("Snapshots replaced while questions are answered")
struct SnapshotTests {
    private static let generations: UInt8 = 200

    /// A view in which all addresses of `web` name the generation in their third octet.
    private static func view(_ generation: UInt8) throws -> (PublishedView, NameTables) {
        var registry = Registry(
            policy: NamePolicy(),
            seed: 11,
            compiler: .images
        )
        let network = try DomainName("svc.internal")
        let endpoints = try (0..<20).map { task in
            var endpoint = Endpoint(
                id: "\(task)",
                network: network,
                name: try DomainName("task\(task)")
            )
            endpoint.ipv4 = IPv4Address(10, 0, generation, UInt8(task))
            endpoint.service = ServiceMembership(name: try DomainName("web"))
            return endpoint
        }
        _ = try registry.apply(.addEndpoints(endpoints), at: .zero)
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let sandbox = Sandbox(name: "probe", place: .address(anyPort), networks: [network])
        let view = registry.view(of: sandbox, asking: [])
        return (PublishedView(view: view, slot: 0), registry.tables)
    }

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    @Test("an answer is of one snapshot, and in the end of the last one")
    func whole() throws {
        let fixture = try Fixture()
        let isOver = Flag()
        let publisher = try PinnedThread(name: "publisher") {
            for generation in 0..<Self.generations {
                guard let (view, tables) = try? Self.view(generation) else { break }
                fixture.server.publish([view], tables)
            }
            isOver.value.store(true, ordering: .releasing)
        }
        defer { publisher.join() }
        var seen: Set<UInt8> = []
        while !isOver.value.load(ordering: .acquiring) {
            seen.formUnion(try Self.answered(fixture))
        }
        #expect(seen.count > 1)
        #expect(try Self.answered(fixture) == [Self.generations - 1])
    }

    /// The generations that one answer speaks of; none for the fixture's own first snapshot.
    private static func answered(_ fixture: Fixture) throws -> Set<UInt8> {
        let reply = try #require(try fixture.datagram(Query("web.svc.internal", .a).octets))
        let walked = try ReplyWalker(reply.span)
        if walked.answerCount == 3 { return [] }
        try #require(walked.answerCount == 20)
        // A record has 16 octets and ends with its address.
        let third = Set((0..<20).map { reply[walked.questionEnd + 16 * $0 + 14] })
        #expect(third.count == 1, "\(third)")
        return third
    }
}
