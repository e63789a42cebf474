import Foundation
import Glibc
import Testing

/// The daemon itself in a ring of serf agents.
@Suite(
    "A daemon among serf agents",
    Requirement.namespaces,
    Requirement.serf,
    .timeLimit(.minutes(5))
)
struct SerfDaemonTests {
    @Test(
        "it joins, is seen alive, failed, back and left, and keeps the keys that an agent changes"
    )
    func life() async throws {
        let old = Data(repeating: 7, count: 16).base64EncodedString()
        let new = Data(repeating: 8, count: 32).base64EncodedString()
        try await withRingSpace { ring in
            let agent = try await ring.serf("s1", 1, "-encrypt=\(old)")
            var start = Node.Start()
            start.prefix = ring.space.inside
            start.environment = [
                "WAGGLE_GOSSIP_BIND": "127.0.0.2:7946", "WAGGLE_GOSSIP_JOIN": "127.0.0.1:7946",
                "WAGGLE_GOSSIP_DELEGATE": "serf", "WAGGLE_GOSSIP_PROFILE": "local",
                "WAGGLE_GOSSIP_KEYS": old,
            ]
            try await withNode(start) { node in
                #expect(await agent.shows("n1", "alive"))
                let isSeen = await eventually(within: 10) {
                    (try? await Self.state(of: "s1", at: node)) == "alive"
                }
                #expect(isSeen)
                for step in ["-install=\(new)", "-use=\(new)", "-remove=\(old)"] {
                    let outcome = try await agent.serf("keys \(step)")
                    #expect(outcome.status == 0, "\(step): \(outcome)")
                }
                try await node.end(SIGKILL)
                #expect(await agent.shows("n1", "failed"))
                // The file wins over the key it was started with.
                try await node.up()
                #expect(await agent.shows("n1", "alive"))
                #expect(try await node.end(SIGINT) == 0)
                #expect(await agent.shows("n1", "left", within: 5))
            }
        }
    }

    @Test("'waggle members' shows members as serf does, beside what membership has of them")
    func statuses() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let two = try await ring.serf("s2", 3, "-retry-join=127.0.0.1")
            var start = Node.Start()
            start.prefix = ring.space.inside
            start.environment = [
                "WAGGLE_GOSSIP_BIND": "127.0.0.2:7946", "WAGGLE_GOSSIP_JOIN": "127.0.0.1:7946",
                "WAGGLE_GOSSIP_DELEGATE": "serf", "WAGGLE_GOSSIP_PROFILE": "local",
            ]
            try await withNode(start) { node in
                for member in ["n1", "s1", "s2"] {
                    #expect(await Self.shows(node, member, "alive alive"))
                }
                await two.crash()
                #expect(await Self.shows(node, "s2", "dead failed"))
                #expect(await one.shows("s2", "failed"))
                #expect(try await one.serf("force-leave s2").status == 0)
                #expect(await Self.shows(node, "s2", "left left"))
                #expect(try await one.status(of: "s2") == "left")
                let table = try await node.require("members").split(separator: "\n")
                #expect(table.first?.contains(" STATE ") == true)
                #expect(table.first?.contains(" STATUS ") == true)
                try await node.require("leave")
                #expect(await Self.shows(node, "n1", "left left"))
            }
        }
    }

    /// Whether it comes to show state and status of a member so.
    private static func shows(_ node: Node, _ member: String, _ wanted: String) async -> Bool {
        await eventually(within: 40) {
            let list = (try? await node.json("members").list) ?? []
            return list.first { $0["name"].text == member }
                .map { "\($0["state"].text) \($0["status"].text)" } == wanted
        }
    }

    private static func state(of member: String, at node: Node) async throws -> String {
        try await node.json("members").list.first { $0["name"].text == member }?["state"].text ?? ""
    }
}
