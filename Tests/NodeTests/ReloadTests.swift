import Foundation
import Glibc
import Testing

@Suite("SIGHUP", .inTurn, .timeLimit(.minutes(10)))
struct ReloadTests {
    private static let before = """
        { "sandboxes": [ { "name": "box", "listen": "127.0.0.1:0", "networks": ["mynet"] } ],
          "endpoints": [
            { "network": "mynet", "name": "web.1", "service": "web", "ip": "10.0.1.5" },
            { "network": "mynet", "name": "old", "ip": "10.0.1.6" },
            { "network": "mynet", "name": "tied", "ip": "10.0.1.7", "sandbox": "box" } ] }
        """

    /// The service's only task has become another one, and the sandbox is on one more network.
    private static let after = """
        { "sandboxes": [
            { "name": "box", "listen": "127.0.0.1:0", "networks": ["mynet", "more"] },
            { "name": "new", "listen": "127.0.0.1:0", "networks": ["more"] } ],
          "endpoints": [
            { "network": "mynet", "name": "web.2", "service": "web", "ip": "10.0.1.8" },
            { "network": "more", "name": "fresh", "ip": "10.0.2.5" },
            { "network": "mynet", "name": "tied", "ip": "10.0.1.7", "sandbox": "box" } ] }
        """

    @Test("what changed in the file changes, no socket is closed and no question is lost")
    func changes() async throws {
        try await withNode(.init(configuration: Self.before)) { node in
            let place = try #require(try await node.places()["box"])
            let client = try Client(place)
            try await node.require(
                "endpoint add --network mynet --name own --ip 10.0.1.9 --sandbox box"
            )
            let pid = try node.pid
            let sockets = ProcessView.sockets(of: pid)
            let report = try await QueryStream.during(client, "web.mynet") { stream async throws in
                for round in 0..<10 {
                    let asked = stream.asked
                    #expect(try await node.reload(round % 2 == 0 ? Self.after : Self.before))
                    #expect(await eventually(within: 5) { stream.asked > asked + 20 })
                }
                #expect(try await node.reload(Self.after))
            }
            #expect(report.lost == 0 && report.wrong == 0, "\(report)")
            #expect(report.asked > 200)
            #expect(ProcessView.sockets(of: pid).isSuperset(of: sockets))

            let places = try await node.places()
            #expect(places["box"] == place)
            #expect(try await client.resolves("fresh.more"))
            #expect(try await client.resolves("tied.mynet"))
            #expect(try await client.resolves("own.mynet"))
            #expect(try await client.ask("old.mynet")?.responseCode == 3)
            #expect(try await Client(places["new"] ?? "").resolves("fresh.more"))

            #expect(try await node.reload("{}"))
            #expect(try await node.sandboxes().isEmpty)
            #expect(try await node.endpoints().isEmpty)
            #expect(ProcessView.sockets(of: pid).count == sockets.count - 2)
        }
    }

    @Test(
        "a wrong file leaves the old one in force, and the log says why",
        arguments: [
            ("{", "configuration"), (#"{ "dsn": {} }"#, "dsn"),
            (#"{ "endpoints": [ { "network": "n", "name": "x", "ip": "1.2.3" } ] }"#, "[0].ip"),
            (#"{ "dns": { "zoneFiles": ["absent.zone"] } }"#, "absent.zone"),
            (
                #"{ "endpoints": [ { "network": "n", "name": "x", "ip": "10.0.0.1", "#
                    + #""sandbox": "nobody" } ] }"#,
                "nobody"
            ),
        ]
    )
    func wrong(text: String, why: String) async throws {
        try await withNode(.init(configuration: Self.before)) { node in
            let client = try Client(try await node.places()["box"] ?? "")
            #expect(try await node.reload(text) == false)
            let line = node.complaints.split(separator: "\n").last ?? ""
            #expect(line.contains("the old one goes on") && line.contains(why), "\(line)")
            #expect(try await client.resolves("web.mynet"))
            #expect(try await node.sandboxes() == ["box": "serving"])
            #expect(try await node.endpoints().count == 3)
            #expect(try await node.reload(Self.after))
            #expect(try await client.resolves("fresh.more"))
        }
    }

    @Test("a sandbox leaves the file together with what is tied to it")
    func tied() async throws {
        try await withNode(.init(configuration: Self.before)) { node async throws in
            // A place of its own kind: the sandbox is another one with the same name.
            let moved = Self.before.replacingOccurrences(of: "127.0.0.1:0", with: "[::1]:0")
            #expect(try await node.reload(moved))
            #expect(try await node.places()["box"]?.hasPrefix("[::1]:") == true)
            #expect(try await node.endpoints().count == 3)
            #expect(try await node.reload("{}"))
            #expect(try await node.endpoints().isEmpty)
            #expect(try node.process.isRunning == true)
        }
    }

    @Test("two sandboxes of a file cannot be at one place, whenever they came")
    func onePlace() async throws {
        try await withNode(.init(configuration: Self.before)) { node in
            let port = try await node.places()["box"] ?? ""
            let one = #"{ "name": "one", "listen": "\#(port)", "networks": ["n"] }"#
            let two = #"{ "name": "two", "listen": "\#(port)", "networks": ["n"] }"#
            #expect(try await node.reload(#"{ "sandboxes": [ \#(one) ] }"#))
            #expect(try await node.reload(#"{ "sandboxes": [ \#(one), \#(two) ] }"#) == false)
            #expect(node.complaints.contains("sandboxes[1]"))
            #expect(try await node.sandboxes() == ["one": "serving"])
        }
    }

    @Test("times to live, zone files and upstreams are taken up, and sockets stay")
    func values() async throws {
        let box = #""sandboxes": [ { "name": "box", "listen": "127.0.0.1:0", "networks": ["n"] } ]"#
        let web = #""endpoints": [ { "network": "n", "name": "web", "ip": "10.0.0.1" } ]"#
        let zone = #""dns": { "zoneFiles": ["static.zone"], "ttl": { "task": TTL } }"#
        let file = "{ \(box), \(web), \(zone) }"
        try await withNode(.init(configuration: "{ \(box), \(web) }")) { node in
            let place = try await node.places()["box"] ?? ""
            for (ttl, address) in [("11", "192.0.2.1"), ("12", "192.0.2.2")] {
                try node.folder.write("static.zone", "host.example. 60 IN A \(address)\n")
                #expect(try await node.reload(file.replacing("TTL", with: ttl)))
                let host = try await node.json("query @\(place) host.example")
                #expect(host["answer"].list.map { $0["data"].text } == [address])
                let task = try await node.json("query @\(place) web.n")
                #expect(task["answer"].list.first?["ttl"].number == Int(ttl))
            }
            #expect(try await node.places()["box"] == place)
        }
    }

    @Test("keys that need a start are named, and the rest is taken up")
    func laterKeys() async throws {
        try await withNode(.init(configuration: "{}")) { node async throws in
            let text = #"{ "dns": { "threads": 3 }, "networks": [ { "name": "taken" } ] }"#
            #expect(try await node.reload(text))
            #expect(node.complaints.contains("takes effect at the next start key=dns.threads"))
            #expect(try await node.json("network ls").list.map { $0["name"].text } == ["taken"])
        }
    }
}
