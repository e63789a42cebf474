import Foundation
import Glibc
import Testing

@Suite(
    "A ring of daemons",
    Requirement.namespaces,
    Requirement.tools("ip"),
    .timeLimit(.minutes(5))
)
struct RingTests {
    private static let keys = [
        Data((0..<16).map { $0 }).base64EncodedString(),
        Data((0..<32).map { 0xa0 + $0 }).base64EncodedString(),
    ]

    @Test("three daemons see each other; one that is killed dies, and is back once it is started")
    func killed() async throws {
        try await withRing(of: 3) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            try await ring.nodes[2].end(SIGKILL)
            #expect(try await ring.sees(0, ["n0 alive", "n1 alive", "n2 dead"]))
            try await ring.nodes[2].up()
            // The name has one dead run and one that lives, as Docker's ids have it.
            let wanted = ["n0 alive", "n1 alive", "n2 alive", "n2 dead"]
            #expect(try await ring.sees(1, wanted))
            let members = try await ring.nodes[1].json("members").list
            let runs = members.filter { $0["name"].text == "n2" }
            // The id in the state directory says that it is the same node.
            #expect(Set(runs.map { $0["tags"]["id"].text }).count == 1)
            #expect(Set(runs.map { $0["id"].text }).count == 2)
            try await ring.nodes[1].require("forget n2")
            #expect(try await ring.sees(1, ["n0 alive", "n1 alive", "n2 alive"]))
        }
    }

    @Test("a daemon leaves on SIGINT and on 'waggle leave', and joins again")
    func left() async throws {
        try await withRing(of: 3) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            #expect(try await ring.nodes[2].end(SIGINT) == 0)
            #expect(try await ring.sees(0, ["n0 alive", "n1 alive", "n2 left"], within: 5))
            try await ring.nodes[1].require("leave")
            #expect(try await ring.sees(0, ["n0 alive", "n1 left", "n2 left"], within: 5))
            let said = try await ring.nodes[1].require("join \(Ring.address(0))")
            #expect(said.hasPrefix("joined \(Ring.address(0)):7946; "))
            #expect(try await ring.sees(0, ["n0 alive", "n1 alive", "n2 left"], within: 5))
        }
    }

    @Test("SIGTERM ends a daemon without leaving")
    func terminated() async throws {
        try await withRing(of: 2) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            #expect(try await ring.nodes[1].end(SIGTERM) == 0)
            #expect(try await ring.sees(0, ["n0 alive", "n1 dead"]))
        }
    }

    @Test("keys are changed on running daemons without losing one, and kept over a restart")
    func rotation() async throws {
        try await withRing(of: 3, keys: [Self.keys[0]]) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            var fingerprint = ""
            for node in ring.nodes {
                fingerprint = try await node.require("keys add", input: Self.keys[1] + "\n")
            }
            #expect(fingerprint.count == 8)
            let list = try await ring.nodes[0].json("keys ls").list
            #expect(list.map { $0["bits"].number } == [128, 256])
            #expect(list.map { $0["primary"].isTrue } == [true, false])
            let old = list.first?["fingerprint"].text ?? ""
            for node in ring.nodes { try await node.require("keys use \(fingerprint)") }
            let refusal = try await ring.nodes[0].waggle("keys rm \(fingerprint)")
            #expect(refusal.status == 1 && refusal.error.contains("use another one first"))
            for node in ring.nodes { try await node.require("keys rm \(old)") }
            #expect(try await ring.nodes[0].waggle("keys rm \(old)").status == 4)
            // Long enough for a member that is not understood to be suspected and to die.
            try await Task.sleep(for: .seconds(8))
            #expect(try await ring.isWhole(within: 1))
            try await ring.nodes[1].restart(SIGTERM)
            #expect(try await ring.nodes[1].json("keys ls").list.map { $0["bits"].number } == [256])
            #expect(ring.nodes[1].complaints.contains("gossip.keys is not used"))
            let wanted = ["n0 alive", "n1 alive", "n2 alive"]
            let isBack = await eventually(within: 15) {
                let view = try? await ring.view(0)
                return view?.filter { $0.hasSuffix("alive") } == wanted
            }
            #expect(isBack)
            let path = "\(ring.nodes[1].stateDirectory)/gossip.keys"
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
            #expect((mode as? Int) == 0o600)
            let secrets = [Self.keys[0], Self.keys[1]]
            for node in ring.nodes {
                #expect(!secrets.contains { node.complaints.contains($0) })
            }
        }
    }

    @Test("a daemon with another key is not let in, and it is counted and said")
    func wrongKey() async throws {
        try await withRing(of: 2, keys: [Self.keys[0]]) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            var start = Node.Start(
                configuration: Ring.configuration(2, keys: [Self.keys[1]]),
                prefix: ring.space.inside
            )
            start.hasGossip = true
            start.environment = ["WAGGLE_NODE_NAME": "n2"]
            let words = ["ip", "-n", ring.space.name, "address", "add", "\(Ring.address(2))/24"]
            _ = try await run(words + ["dev", "lo"])
            try await withNode(start) { stranger in
                let outcome = try await stranger.waggle("join \(Ring.address(1))")
                #expect(outcome.status == 1 && outcome.error.contains("with the same keys"))
                #expect(try await stranger.json("members").list.count == 1)
            }
            #expect(try await ring.sees(0, ["n0 alive", "n1 alive"], within: 2))
        }
    }

    @Test(
        "what makes no sense is refused with what to do",
        arguments: [
            ("join nowhere", 2, "is no address"), ("join", 2, "addr"),
            ("forget n7", 4, "no member n7"), ("forget n1", 1, "only what is dead or left"),
            ("keys use 00000000", 4, "no such key"), ("keys", 2, "is missing"),
            ("join 10.99.0.1", 2, "is this node"),
        ]
    )
    func refusals(command: String, status: Int32, why: String) async throws {
        try await withRing(of: 2) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            let outcome = try await ring.nodes[0].waggle(command)
            #expect(outcome.status == status && outcome.error.contains(why), "\(outcome)")
            let key = try await ring.nodes[0].waggle(["keys", "add"], input: "c2hvcnQ=")
            #expect(key.status == 2 && !key.error.contains("c2hvcnQ="), "\(key)")
        }
    }

    @Test("a daemon whose gossip port is taken says so, and starts only where nobody asked for it")
    func portTaken() async throws {
        try await withRing(of: 1) { (ring: Ring) async throws -> Void in
            var second = Node.Start(
                configuration: Ring.configuration(0),
                prefix: ring.space.inside
            )
            second.hasGossip = true
            try await withNode(second, isUp: false) { node in
                let outcome = try await node.attempt()
                #expect(outcome.status == 1 && outcome.error.contains("gossip.bind"), "\(outcome)")
            }
        }
        try await withNamespace { space in
            var start = Node.Start(prefix: space.inside)
            start.hasGossip = true
            try await withNode(start) { first in
                #expect(try await first.json("status")["planes"]["gossip"].text == "serving")
                try await withNode(start) { second in
                    let status = try await second.json("status")
                    #expect(status["planes"]["gossip"].text == "failed")
                    #expect(status["problems"].texts.contains { $0.contains("gossip is off") })
                    let outcome = try await second.waggle("members")
                    #expect(outcome.status == 1 && outcome.error.contains("gossip plane is off"))
                }
            }
        }
    }

    @Test("two machines of one name are both there, and every node says so")
    func oneNameTwice() async throws {
        try await withRing(of: 2) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            let words = ["ip", "-n", ring.space.name, "address", "add", "\(Ring.address(2))/24"]
            _ = try await run(words + ["dev", "lo"])
            var start = Node.Start(configuration: Ring.configuration(2), prefix: ring.space.inside)
            start.hasGossip = true
            start.environment = ["WAGGLE_NODE_NAME": "n1"]
            try await withNode(start) { (_: Node) async throws -> Void in
                #expect(try await ring.sees(0, ["n0 alive", "n1 alive", "n1 alive"]))
                let problems = try await ring.nodes[0].json("status")["problems"].texts
                #expect(problems.contains { $0.contains("two machines have the name n1") })
                #expect(ring.nodes[0].complaints.contains("two machines have one name"))
            }
        }
    }

    @Test("each start has a higher incarnation than the one before, whatever the clock says")
    func incarnations() async throws {
        try await withRing(of: 1) { (ring: Ring) async throws -> Void in
            let node = ring.nodes[0]
            let first = try await node.json("members").list.first?["incarnation"].number ?? 0
            try await node.restart(SIGKILL)
            let second = try await node.json("members").list.first?["incarnation"].number ?? 0
            #expect(first > 0 && second > first)
            // As a clock leaves it that was an hour ahead.
            let path = "\(node.stateDirectory)/gossip.incarnation"
            try Data("\(second + 3600)\n".utf8).write(to: URL(filePath: path))
            try await node.restart(SIGKILL)
            let third = try await node.json("members").list.first?["incarnation"].number
            #expect(third == second + 3601)
        }
    }

    @Test("a daemon ends at once though commands wait for somebody who does not answer")
    func endingWhileJoining() async throws {
        try await withRing(of: 1) { (ring: Ring) async throws -> Void in
            let words = ["ip", "-n", ring.space.name, "address", "add", "\(Ring.address(8))/24"]
            _ = try await run(words + ["dev", "lo"])
            let rules = "table inet deaf { chain input { type filter hook input priority 0;\n"
            try await NodeTests.require(
                "ip netns exec \(ring.space.name) nft -f -",
                input: rules + "ip daddr \(Ring.address(8)) drop\n}\n}\n"
            )
            // Of the profile lan, which waits longest for a stream.
            let text = """
                {"node": {"name": "n5"}, "gossip": {"bind": "\(Ring.address(0)):7950"}}
                """
            var start = Node.Start(configuration: text, prefix: ring.space.inside)
            start.hasGossip = true
            try await withNode(start) { node in
                let words = [Executable.path, "join", Ring.address(8)]
                let environment = ["WAGGLE_SOCKET": node.socket]
                let client = try Background(words, in: node.folder, environment: environment)
                // It has asked when the daemon tries to reach the address.
                let isAsking = try await eventually(within: 10) {
                    try await ring.space.run("ss", "-tnH", "state", "syn-sent").output
                        .contains("\(Ring.address(8)):7946")
                }
                #expect(isAsking && client.isRunning)
                #expect(try await node.end(SIGINT, within: 5) == 0)
                #expect(await client.end(within: 5) == 1, "\(client.error)")
            }
        }
    }

    @Test("a node that looks for as many addresses as it holds refuses to join another one")
    func manyAddresses() async throws {
        try await withNamespace { space in
            let list = (1...64).map { "\"10.98.0.\($0)\"" }.joined(separator: ", ")
            var start = Node.Start(
                configuration: """
                    {"gossip": {"bind": "127.0.0.1:7946", "join": [\(list)]}}
                    """,
                prefix: space.inside
            )
            start.hasGossip = true
            try await withNode(start) { node in
                let outcome = try await node.waggle("join 10.98.0.99")
                #expect(outcome.status == 1, "\(outcome)")
                #expect(outcome.error.contains("looks for 64 addresses already"), "\(outcome)")
                #expect(node.complaints.contains("an address to join was left out"))
            }
        }
    }

    @Test("a name that is too long for a ring is refused, and nothing starts")
    func longName() async throws {
        let name = Array(repeating: String(repeating: "a", count: 60), count: 4)
            .joined(separator: ".")
        try await withNode(Node.Start(flags: ["--name", name + ".bcdef"]), isUp: false) { node in
            let outcome = try await node.attempt()
            #expect(outcome.status == 2 && outcome.error.contains("node.name"), "\(outcome)")
        }
    }

    @Test("members have the documented keys, and what happens to them is counted")
    func documents() async throws {
        try await withRing(of: 2) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            let wanted: Set<String> = [
                "name", "id", "address", "state", "status", "drained", "self", "incarnation",
                "meta", "tags",
                "versions", "roundTripMicroseconds", "stateSeconds",
            ]
            for member in try await ring.nodes[0].json("members").list {
                #expect(member.keys.isSuperset(of: wanted), "\(wanted.subtracting(member.keys))")
            }
            let table = try await ring.nodes[0].require("members")
            #expect(table.contains("NAME") && table.contains("10.99.0.2:7946"))
        }
    }
}
