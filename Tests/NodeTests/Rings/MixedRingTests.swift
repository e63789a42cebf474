import Gossip
import GossipNode
import Testing

/// Two agents and three nodes of ours under kills and restarts.
@Suite(
    "A ring of both kinds under faults",
    Requirement.namespaces,
    Requirement.serf,
    .timeLimit(.minutes(5))
)
struct MixedRingTests {
    @Test(
        "whoever is killed is found dead, whoever starts again is alive, and all agree in the end"
    )
    func faults() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1, "-retry-join=127.0.0.3")
            let two = try await ring.serf("s2", 2, "-retry-join=127.0.0.1")
            let nodes = try (0..<3).map { try ring.waggle("w\($0)", 3 + $0) }
            for node in nodes { try node.up("127.0.0.1", "127.0.0.2") }
            let all: Set = ["s1", "s2", "w0", "w1", "w2"]
            func agree() async {
                for node in nodes { #expect(await node.shows(all, within: 30), "\(node.name)") }
                for agent in [one, two] {
                    for member in all {
                        #expect(await agent.shows(member, "alive", within: 30), "\(member)")
                    }
                }
            }
            await agree()
            // One of ours and one of theirs at a time; the other agent sees both fail.
            nodes[1].crash()
            await two.crash()
            #expect(await one.shows("w1", "failed"))
            #expect(await one.shows("s2", "failed"))
            #expect(await nodes[0].shows("w1", .dead))
            #expect(await nodes[0].shows("s2", .dead))
            try nodes[1].up("127.0.0.3")
            try await two.up()
            await agree()
            // A frozen agent is back in time, or comes back.
            one.freeze(true)
            try await Task.sleep(for: .seconds(2))
            one.freeze(false)
            nodes[2].crash()
            try nodes[2].up("127.0.0.2")
            await agree()
            try nodes[0].tell("over")
            for node in nodes { #expect(await node.hears("over")) }
            for agent in [one, two] {
                #expect(await agent.says("Received event: user-event: over"))
                // Nobody was taken for two.
                #expect(!agent.log.contains("conflict"))
            }
        }
    }
}
