import Base
import DNSWire
import Foundation
import Glibc
import Testing

/// Names of one daemon on the others of its ring.
@Suite(
    "Names in a ring of daemons",
    Requirement.namespaces,
    Requirement.tools("ip"),
    .timeLimit(.minutes(5))
)
struct RingNamesTests {
    /// Where the sandbox of that node listens.
    private static func place(_ node: Int) -> String { "127.0.0.1:\(5300 + node)" }

    /// Daemons of one ring, and somebody who asks each of them.
    struct Names: Sendable {
        let ring: Ring
        let clients: [Client]

        func add(_ node: Int, _ words: String) async throws {
            try await ring.nodes[node].require("endpoint add --network mynet \(words)")
        }

        /// The code and the number of answers that a name gets.
        func ask(_ node: Int, _ name: String) async throws -> Reply? {
            try await clients[node].ask(name)
        }

        /// Waits until a node answers a name with so many records.
        func answers(
            _ node: Int,
            _ name: String,
            _ count: Int,
            within seconds: Double = 10
        ) async -> Bool {
            await eventually(within: seconds) {
                guard let reply = try? await ask(node, name) else { return false }
                return reply.responseCode == 0 && reply.answerCount == count
            }
        }

        /// Waits until a node answers that there is no such name, or asks an upstream that is not there.
        func isUnknown(_ node: Int, _ name: String, within seconds: Double = 10) async -> Bool {
            await eventually(within: seconds) {
                guard let reply = try? await ask(node, name) else { return false }
                return reply.responseCode != 0
            }
        }

        /// Records of a name as a node lists them: value and owner.
        func records(_ node: Int, _ name: String) async throws -> [String] {
            try await ring.nodes[node].json("records").list.filter { $0["name"].text == name }
                .map { "\($0["value"].text) \($0["owner"].text)" }.sorted()
        }
    }

    /// Runs `body` with so many daemons; each has a sandbox on the networks given for it.
    func withNames(
        of count: Int,
        networks: [String] = [],
        _ body: (Names) async throws -> Void
    ) async throws {
        try await withRing(of: count) { (ring: Ring) async throws -> Void in
            #expect(try await ring.isWhole())
            var clients: [Client] = []
            for (index, node) in ring.nodes.enumerated() {
                let network = index < networks.count ? networks[index] : "mynet"
                let place = Self.place(index)
                try await node.require("sandbox add probe --listen \(place) --network \(network)")
                var client = try Client(place)
                client.namespace = ring.space.path
                clients.append(client)
            }
            try await body(Names(ring: ring, clients: clients))
        }
    }

    @Test("what one node has is answered by the others of its network, and gone when it is gone")
    func addedAndRemoved() async throws {
        try await withNames(of: 2) { names in
            for round in 0..<50 {
                try await names.add(0, "--name one\(round) --id one\(round) --ip 10.0.1.\(round)")
                #expect(await names.answers(1, "one\(round)", 1, within: 5), "round \(round)")
                try await names.ring.nodes[0].require("endpoint rm one\(round)")
                #expect(await names.isUnknown(1, "one\(round)", within: 5), "round \(round)")
            }
            let records = try await names.ring.nodes[1].json("records mynet").list
            #expect(records.isEmpty)
        }
    }

    @Test("records and explanations say whose a name is, how it came, and that it is drained")
    func looking() async throws {
        try await withNames(of: 2) { names in
            try await names.add(
                0,
                "--name web.1 --id e1 --service web --ip 10.0.1.1 --port tcp:http:80"
            )
            try await names.add(1, "--name web.2 --id e2 --service web --ip 10.0.1.2")
            #expect(await names.answers(1, "web", 2))
            #expect(await names.answers(0, "web", 2))
            #expect(try await names.records(1, "web") == ["10.0.1.1 n0", "10.0.1.2 n1"])
            let node = names.ring.nodes[1]
            let records = try await node.json("records").list
            let remote = records.first {
                $0["value"].text == "10.0.1.1" && $0["name"].text == "web"
            }
            #expect(["gossip", "push", "sync"].contains(remote?["path"].text ?? ""))
            #expect(remote?["endpoint"].text == "e1" && remote?["static"].isTrue == false)
            let explanation = try await node.require("explain web --sandbox probe")
            #expect(explanation.contains("from endpoint e1 of node n0"), "\(explanation)")
            #expect(try await names.clients[1].ask("_http._tcp.web", .srv)?.answerCount == 1)
            // It is another node's to remove and to drain.
            #expect(try await node.waggle("endpoint rm e1").status == 4)
            #expect(try await node.waggle("endpoint drain e1").status == 4)
            #expect(try await node.endpoints() == ["e2"])
            try await names.ring.nodes[0].require("endpoint drain e1")
            #expect(await names.answers(1, "web", 1))
            #expect(await names.answers(1, "web.1", 1))
            let status = try await node.json("status")
            #expect(status["counts"]["endpoints"].number == 1)
            #expect(status["counts"]["remoteEndpoints"].number == 1)
            #expect(status["problems"].list.isEmpty, "\(status)")
            #expect(try await node.require("audit") == "0 repaired")
        }
    }

    @Test(
        "a node that is not on a network holds nothing of it, and nothing is left once it is off it"
    )
    func attachment() async throws {
        try await withNames(of: 3, networks: ["mynet", "mynet", "other"]) { names in
            try await names.add(0, "--name db --ip 10.0.1.1")
            #expect(await names.answers(1, "db", 1))
            let stranger = names.ring.nodes[2]
            #expect(try await stranger.json("records").list.isEmpty)
            #expect(await names.isUnknown(2, "db"))
            #expect(try await stranger.json("status")["counts"]["remoteEndpoints"].number == 0)
            #expect(try await stranger.json("network ls").list.map { $0["name"].text } == ["other"])
            // It comes to it, and leaves again; twice, since what was left must not be in the way.
            for _ in 0..<2 {
                try await stranger.require("network attach mynet")
                let isHere = await eventually(within: 10) {
                    (try? await names.records(2, "db")) == ["10.0.1.1 n0"]
                }
                #expect(isHere)
                try await stranger.require("network detach mynet")
                #expect(try await stranger.json("records").list.isEmpty)
                let counts = try await stranger.json("status")["counts"]
                #expect(counts["remoteEndpoints"].number == 0)
            }
            #expect(await names.answers(1, "db", 1))
        }
    }

    @Test("tasks of a killed node leave the answers, and no answer is empty meanwhile")
    func killed() async throws {
        try await withNames(of: 3) { names in
            for node in 0..<3 {
                try await names.add(
                    node,
                    "--name web.\(node) --service web --ip 10.0.1.\(node + 1)"
                )
            }
            for node in 0..<3 { #expect(await names.answers(node, "web", 3)) }
            try await names.ring.nodes[2].end(SIGKILL)
            var empty = 0
            for node in 0..<2 {
                let isGone = await eventually(within: 15) {
                    guard let reply = try? await names.ask(node, "web") else { return false }
                    if reply.answerCount == 0 { empty += 1 }
                    return reply.answerCount == 2
                }
                #expect(isGone)
            }
            #expect(empty == 0)
        }
    }

    @Test("a node that is killed and starts again loses no name in the answers of others")
    func restarted() async throws {
        try await withNames(of: 3) { names in
            for task in 0..<20 {
                try await names.add(1, "--name t\(task) --id t\(task) --ip 10.0.1.\(task + 1)")
            }
            #expect(await names.answers(0, "t19", 1))
            try await names.ring.nodes[1].end(SIGKILL)
            try await names.ring.nodes[1].up()
            var lost: [String] = []
            let end = Date().addingTimeInterval(8)
            while Date() < end {
                for task in 0..<20 {
                    for node in [0, 2] where try await names.ask(node, "t\(task)")?.answerCount != 1
                    {
                        lost.append("t\(task) on n\(node)")
                    }
                }
            }
            #expect(lost.isEmpty, "\(lost.prefix(5))")
            // What it has now is heard though it said other things before.
            try await names.ring.nodes[1].require("endpoint rm t0")
            #expect(await names.isUnknown(0, "t0"))
            try await names.add(1, "--name t0 --id t0 --ip 10.0.1.99")
            let isHeard = await eventually(within: 10) {
                (try? await names.records(0, "t0")) == ["10.0.1.99 n1"]
            }
            #expect(isHeard)
            // The times at which it said so outlive it.
            try await names.ring.nodes[1].end(SIGTERM)
            let path = "\(names.ring.nodes[1].stateDirectory)/gossip.times"
            let times = try JSON(String(contentsOfFile: path, encoding: .utf8))
            #expect(times["final"].isTrue && times["tables"].number > 20, "\(times)")
        }
    }

    /// What the first and the last node say while the one between them is killed and starts again.
    private func restartUnderLoad(_ round: Int, _ names: Names) async throws -> [String] {
        let node = names.ring.nodes[1]
        var lost: [String] = []
        func look() async throws {
            for task in 0..<10 {
                for peer in [0, 2] where try await names.ask(peer, "t\(task)")?.answerCount != 1 {
                    lost.append("t\(task) on n\(peer) in round \(round)")
                }
            }
        }
        func change(_ peer: Int, _ step: Int) async throws {
            let name = "c\(peer)-\(round)-\(step)"
            let address = "10.0.\(2 + peer).\(4 * round + step + 1)"
            try await names.add(peer, "--name \(name) --id \(name) --ip \(address)")
            if round > 0 {
                try await names.ring.nodes[peer].require(
                    "endpoint rm c\(peer)-\(round - 1)-\(step)"
                )
            }
        }
        try await change(0, 0)
        // Said a moment before the end, to be heard of all the same.
        try await names.add(1, "--name r\(round) --id r\(round) --ip 10.0.9.\(round + 1)")
        let ended = Date()
        try await node.end(SIGKILL)
        try await change(2, 0)
        try await look()
        async let start = node.up()
        try await change(0, 1)
        try await change(2, 1)
        try await look()
        _ = try await start
        try await change(0, 2)
        try await look()
        // On a busy machine it may be away for longer than it takes to be given up, and its names with it.
        return Date().timeIntervalSince(ended) < 2.5 ? lost : []
    }

    @Test("ten restarts while others change records lose none on any node")
    func restartsUnderLoad() async throws {
        let rounds = 10
        try await withNames(of: 3) { names in
            for task in 0..<10 {
                try await names.add(1, "--name t\(task) --id t\(task) --ip 10.0.1.\(task + 1)")
            }
            for peer in [0, 2] { #expect(await names.answers(peer, "t9", 1)) }
            var lost: [String] = []
            for round in 0..<rounds { lost += try await restartUnderLoad(round, names) }
            #expect(lost.isEmpty, "\(lost.prefix(5))")
            let last = rounds - 1
            let expected =
                (0..<10).map { "t\($0) n1" } + (0..<rounds).map { "r\($0) n1" }
                + (0..<3).map { "c0-\(last)-\($0) n0" } + (0..<2).map { "c2-\(last)-\($0) n2" }
            func found(_ node: Int) async throws -> Set<String> {
                let list = try await names.ring.nodes[node].json("records mynet").list
                return Set(
                    list.filter { $0["type"].text == "A" }
                        .map { "\($0["name"].text) \($0["owner"].text)" }
                )
            }
            for node in 0..<3 {
                let isWhole = await eventually(within: Spread.seconds) {
                    (try? await found(node)) == Set(expected)
                }
                let difference = try await found(node).symmetricDifference(expected)
                #expect(isWhole, "n\(node): \(difference.sorted().prefix(5))")
                #expect(try await names.ring.nodes[node].require("audit") == "0 repaired")
            }
        }
    }

    @Test("many endpoints in one request are answered by all, and by one that comes later")
    func many() async throws {
        try await withNames(of: 3, networks: ["mynet", "mynet", "other"]) { names in
            let items = (0..<1000).map { place in
                #"{"network": "mynet", "name": "m\#(place)", "id": "m\#(place)", "#
                    + #""ip": "10.1.\#(place / 250).\#(place % 250 + 1)"}"#
            }
            let file = try Folder()
            defer { file.remove() }
            try file.write("many.json", "[\(items.joined(separator: ","))]")
            try await names.ring.nodes[0].require("endpoint add --file \(file.file("many.json"))")
            let isHere = await eventually(within: 15) {
                let status = try? await names.ring.nodes[1].json("status")
                return status?["counts"]["remoteEndpoints"].number == 1000
            }
            #expect(isHere)
            for place in [0, 499, 999] { #expect(await names.answers(1, "m\(place)", 1)) }
            try await names.ring.nodes[2].require("network attach mynet")
            let isLaterHere = await eventually(within: 15) {
                let status = try? await names.ring.nodes[2].json("status")
                return status?["counts"]["remoteEndpoints"].number == 1000
            }
            #expect(isLaterHere)
            for node in names.ring.nodes {
                #expect(try await node.require("audit") == "0 repaired")
            }
        }
    }

    @Test("nodes that disagree answer alike: about a service's addresses, and about an id")
    func clashes() async throws {
        try await withNames(of: 2) { names in
            try await names.add(
                0,
                "--name web.1 --id e1 --service web --vip 10.0.1.100 --ip 10.0.1.1"
            )
            try await names.add(1, "--name web.2 --id e2 --service web --ip 10.0.1.2")
            for node in 0..<2 {
                let isSettled = await eventually(within: 10) {
                    let text = try? await names.ring.nodes[node].require(
                        "explain web --sandbox probe"
                    )
                    return text?.contains("IN A 10.0.1.100") == true
                        && text?.contains("e2 of node n1") == true
                        && text?.contains("not answered") == true
                }
                #expect(isSettled)
                #expect(await names.answers(node, "web", 1))
            }
            // Each answers its own of an id that both have, and says so.
            for node in 0..<2 {
                try await names.add(node, "--name db --id same --ip 10.0.2.\(node + 1)")
            }
            for node in 0..<2 {
                #expect(try await names.records(node, "db") == ["10.0.2.\(node + 1) n\(node)"])
            }
            let isSaid = await eventually(within: 20) {
                for node in names.ring.nodes { _ = try? await node.require("audit") }
                for node in names.ring.nodes {
                    let problems = (try? await node.json("status"))?["problems"].texts ?? []
                    if problems.contains(where: { $0.contains("another node has one of that id") })
                    {
                        return true
                    }
                }
                return false
            }
            #expect(isSaid)
        }
    }
}
