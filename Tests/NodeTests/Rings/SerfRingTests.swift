import Foundation
import Gossip
import GossipNode
import GossipWire
import Testing

/// Our nodes in rings of serf agents: what they show, what the agents show.
@Suite(
    "Rings with serf agents",
    Requirement.namespaces,
    Requirement.serf,
    .timeLimit(.minutes(5))
)
struct SerfRingTests {
    private static func tags(_ name: String, _ value: String) -> SerfTags {
        SerfTags([SerfTags.Tag(name: Array(name.utf8), value: Array(value.utf8))])
    }

    @Test("a ring forms whoever joins whom, and tags are seen on both sides")
    func joining() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1, "-tag", "role=web")
            let node = try ring.waggle("w1", 2, tags: Self.tags("role", "hive"))
            try node.up("127.0.0.1")
            let two = try await ring.serf("s2", 3, "-retry-join=127.0.0.2")
            for agent in [one, two] {
                for member in ["s1", "s2", "w1"] { #expect(await agent.shows(member, "alive")) }
                let seen = try await agent.members()["w1"]
                #expect(seen?["tags"]["role"].text == "hive")
                #expect(seen?["addr"].text == "127.0.0.2:7946")
            }
            #expect(await node.shows(["s1", "s2", "w1"]))
            let meta = try #require(try await node.reports()["s1"]).meta
            let tags = try SerfTags(meta: meta.span)
            #expect(tags == Self.tags("role", "web"))
            try node.update(tags: Self.tags("role", "queen"))
            let isUpdated = await eventually(within: 10) {
                (try? await two.members()["w1"]?["tags"]["role"].text) == "queen"
            }
            #expect(isUpdated)
            #expect(try await two.serf("tags -set role=db").status == 0)
            let isSeen = await eventually(within: 10) {
                (try? await node.reports()["s2"]?.meta) == Self.tags("role", "db").meta
            }
            #expect(isSeen)
        }
    }

    @Test("a node that crashes is failed, alive when it is back, and left when it leaves")
    func ownFates() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let node = try ring.waggle("w1", 2)
            try node.up("127.0.0.1")
            #expect(await one.shows("w1", "alive"))
            node.crash()
            #expect(await one.shows("w1", "failed"))
            try node.up("127.0.0.1")
            #expect(await one.shows("w1", "alive"))
            try await node.leave()
            #expect(await one.shows("w1", "left", within: 5))
            // One that comes back from a leave has to outlive it.
            node.crash()
            try node.up("127.0.0.1")
            #expect(await one.shows("w1", "alive"))
            #expect(await node.shows("s1", .alive))
            #expect(!one.log.contains("[ERR]"), "\(one.log.suffix(3000))")
        }
    }

    @Test(
        "an agent that crashes is dead, alive when it is back, and left when it leaves or is forced"
    )
    func theirFates() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let node = try ring.waggle("w1", 2)
            try node.up("127.0.0.1")
            let two = try await ring.serf("s2", 3, "-retry-join=127.0.0.2")
            #expect(await node.shows("s2", .alive))
            await two.crash()
            #expect(await node.shows("s2", .dead))
            #expect(await one.shows("s2", "failed"))
            try await two.up()
            #expect(await node.shows("s2", .alive))
            #expect(await one.shows("s2", "alive"))
            #expect(try await two.serf("leave").status == 0)
            #expect(await node.shows("s2", .left))
            try await two.up()
            #expect(await node.shows("s2", .alive))
            #expect(await one.shows("s2", "alive"))
            await two.crash()
            #expect(await node.shows("s2", .dead))
            #expect(await one.shows("s2", "failed"))
            #expect(try await one.serf("force-leave s2").status == 0)
            #expect(await node.shows("s2", .left))
        }
    }

    @Test("a node lets go of a failed agent, and the others do too")
    func forgetting() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let node = try ring.waggle("w1", 2)
            try node.up("127.0.0.1")
            let two = try await ring.serf("s2", 3, "-retry-join=127.0.0.1")
            #expect(await node.shows("s2", .alive))
            await two.crash()
            #expect(await node.shows("s2", .dead))
            #expect(await one.shows("s2", "failed"))
            try await node.forget("s2")
            #expect(await one.shows("s2", "left"))
            #expect(await node.shows("s2", .left))
            try await node.forget("s2", isPrune: true)
            #expect(await one.shows("s2", ""))
        }
    }

    @Test("events go both ways, and through a node between two that do not hear each other")
    func events() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let node = try ring.waggle("w1", 2)
            try node.up("127.0.0.1")
            let two = try await ring.serf("s2", 3, "-retry-join=127.0.0.2")
            for agent in [one, two] { #expect(await agent.shows("w1", "alive")) }
            #expect(await one.shows("s2", "alive"))
            try await ring.cut(one.address, two.address)
            #expect(try await one.serf("event deploy abc").status == 0)
            #expect(await two.says("Received event: user-event: deploy"))
            #expect(await node.hears("deploy"))
            try node.tell("swarm", "north")
            for agent in [one, two] {
                #expect(await agent.says("Received event: user-event: swarm"))
            }
            // Each knows the other by what passes through the node.
            try await Task.sleep(for: .seconds(6))
            #expect(try await one.status(of: "s2") == "alive")
            #expect(try await two.status(of: "s1") == "alive")
            #expect(try await node.counts().serf?.droppedEvents == 0)
        }
    }

    @Test("queries are acknowledged, filtered, relayed, and leave nobody out")
    func queries() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let node = try ring.waggle("w1", 2, tags: Self.tags("role", "hive"))
            try node.up("127.0.0.1")
            let two = try await ring.serf("s2", 3, "-retry-join=127.0.0.2")
            #expect(await one.shows("w1", "alive"))
            #expect(await two.shows("w1", "alive"))
            #expect(await one.shows("s2", "alive"))
            func acks(_ flags: String) async throws -> Set<String> {
                let outcome = try await one.serf("query -format json -timeout 1s \(flags) load")
                return Set(try JSON(outcome.output)["Acks"].texts)
            }
            #expect(try await acks("") == ["s1", "s2", "w1"])
            #expect(try await acks("-relay-factor 2") == ["s1", "s2", "w1"])
            #expect(try await acks("-node w1") == ["w1"])
            #expect(try await acks("-tag role=h.ve") == ["w1"])
            #expect(try await acks("-tag role=web") == [])
            let reach = try await one.serf("reachability")
            #expect(reach.status == 0 && reach.output.contains("Successfully contacted all"))
        }
    }

    @Test("an agent whose name is claimed twice gets the node's vote, and stays")
    func conflict() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1)
            let node = try ring.waggle("w1", 2)
            try node.up("127.0.0.1")
            #expect(await one.shows("w1", "alive"))
            #expect(await node.shows("s1", .alive))
            let other = try await ring.serf("s1", 9, "-retry-join=127.0.0.1")
            #expect(await one.says("majority in name conflict resolution", within: 15))
            #expect(one.log.contains("majority in name conflict resolution [1 / 1]"))
            #expect(one.isRunning)
            // Whoever came later goes.
            let isGone = await eventually(within: 15) { !other.isRunning }
            #expect(isGone, "\(other.log.suffix(2000))")
            #expect(try await one.status(of: "w1") == "alive")
            #expect(try await node.counts().serf?.conflictVotes ?? 0 >= 1)
        }
    }

    @Test("a sealed ring changes its keys by an agent's word, and loses nobody")
    func keys() async throws {
        let old = [UInt8](repeating: 7, count: 16)
        let new = [UInt8](repeating: 8, count: 32)
        let (oldText, newText) = (
            Data(old).base64EncodedString(), Data(new).base64EncodedString()
        )
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1, "-encrypt=\(oldText)")
            let node = try ring.waggle("w1", 2, keys: [old])
            try node.up("127.0.0.1")
            #expect(await one.shows("w1", "alive"))
            #expect(await node.shows("s1", .alive))
            let plain = try ring.waggle("w2", 4)
            try plain.up("127.0.0.1")
            for step in ["-install=\(newText)", "-use=\(newText)", "-remove=\(oldText)"] {
                let outcome = try await one.serf("keys \(step)")
                #expect(outcome.status == 0, "\(step): \(outcome)")
            }
            let list = try await one.serf("keys -list")
            #expect(list.output.contains("\(newText)  [2/2]"), "\(list)")
            #expect(!list.output.contains(oldText))
            #expect(await one.shows("w1", "alive"))
            #expect(await node.shows("s1", .alive))
            #expect(try await one.serf("event sealed").status == 0)
            #expect(await node.hears("sealed"))
            let wrong = try await one.serf("keys -remove=\(newText)")
            #expect(wrong.status == 1 && wrong.output.contains("the key in use cannot be removed"))
            let late = try await ring.serf(
                "s3",
                3,
                "-encrypt=\(newText)",
                "-retry-join=127.0.0.2"
            )
            #expect(await late.shows("s1", "alive"))
            #expect(await node.shows("s3", .alive))
            #expect(try await plain.reports().count == 1)
            #expect(try await one.status(of: "w2") == "")
        }
    }
}
