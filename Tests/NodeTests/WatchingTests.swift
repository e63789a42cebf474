import Base
import Foundation
import Testing

/// A node whose own upstreams come from a resolv.conf that the test writes: its `/etc` is a folder
/// of the test, mounted where only the node sees it.
private let ownEtc = """
    mount --make-rprivate / && mount --bind "$1" /etc && shift && exec "$@"
    """

@Suite(
    "Watching",
    Requirement.tools("unshare", "mount", Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct WatchingTests {
    private static let box = """
        { "sandboxes": [ { "name": "box", "listen": "127.0.0.1:0", "networks": ["mynet"] } ],
          "endpoints": [ { "network": "mynet", "name": "web", "ip": "10.0.1.5" } ] }
        """

    // MARK: The host's upstreams

    @Test(
        "a resolv.conf that is replaced, renamed over or linked elsewhere is taken up by itself",
        Requirement.namespaces
    )
    func hostUpstreams() async throws {
        let etc = try Folder()
        defer { etc.remove() }
        try etc.write("resolv.conf", "nameserver 192.0.2.1\n")
        var start = Node.Start(configuration: Self.box)
        start.prefix = ["unshare", "--mount", "sh", "-c", ownEtc, "sh", etc.path]
        start.withoutUpstreams = true
        try await withNode(start) { node in
            let client = try Client(try #require(try await node.places()["box"]))
            let sockets = ProcessView.sockets(of: try node.pid)
            func upstreams() async throws -> [String] {
                try await node.json("status")["upstreams"].texts
            }
            func becomes(_ wanted: [String]) async throws -> Bool {
                try await eventually(within: 5) { try await upstreams() == wanted }
            }
            #expect(try await upstreams() == ["192.0.2.1"])
            // As NetworkManager, as resolvconf, as systemd-resolved do it, and by hand.
            try etc.write("resolv.conf.new", "nameserver 192.0.2.2\n")
            try await require("mv", "-fT", etc.file("resolv.conf.new"), etc.file("resolv.conf"))
            #expect(try await becomes(["192.0.2.2"]))
            try await require("sh", "-c", "echo nameserver 192.0.2.3 > \(etc.file("resolv.conf"))")
            #expect(try await becomes(["192.0.2.3"]))
            try FileManager.default.createDirectory(
                atPath: etc.file("resolve"),
                withIntermediateDirectories: false
            )
            try etc.write("resolve/stub", "nameserver 192.0.2.4\nnameserver 192.0.2.5\n")
            try FileManager.default.createSymbolicLink(
                atPath: etc.file("link"),
                withDestinationPath: "resolve/stub"
            )
            try await require("mv", "-fT", etc.file("link"), etc.file("resolv.conf"))
            #expect(try await becomes(["192.0.2.4", "192.0.2.5"]))
            try etc.write("resolve/next", "nameserver 192.0.2.6\n")
            try await require("mv", "-fT", etc.file("resolve/next"), etc.file("resolve/stub"))
            #expect(try await becomes(["192.0.2.6"]))
            // Gone for a while is no reason to lose what was known.
            try FileManager.default.removeItem(atPath: etc.file("resolve/stub"))
            // Longer than it takes to look at the file again: nothing shows that it has been looked at.
            try? await Task.sleep(for: .milliseconds(600))
            #expect(try await upstreams() == ["192.0.2.6"])
            try etc.write("resolve/stub", "nameserver 192.0.2.7\n")
            #expect(try await becomes(["192.0.2.7"]))
            #expect(try await client.resolves("web.mynet"))
            #expect(ProcessView.sockets(of: try node.pid).isSuperset(of: sockets))
        }
    }

    @Test("a new server answers what the old one could not", Requirement.namespaces)
    func newServer() async throws {
        try await withNode { upstream in
            try await upstream.require("network attach corp")
            try await upstream.require("endpoint add --network corp --name www --ip 10.9.9.9")
            try await upstream.require("sandbox add up --listen 127.0.77.53:53 --network corp")
            let etc = try Folder()
            defer { etc.remove() }
            try etc.write("resolv.conf", "nameserver 127.0.77.54\n")
            var start = Node.Start(configuration: Self.box)
            start.prefix = ["unshare", "--mount", "sh", "-c", ownEtc, "sh", etc.path]
            start.withoutUpstreams = true
            try await withNode(start) { node in
                let client = try Client(try #require(try await node.places()["box"]))
                let before = try await client.ask("www.corp", milliseconds: 6000)
                #expect(before?.responseCode == 2)
                try etc.write("resolv.conf", "nameserver 127.0.77.53\n")
                let isAnswered = try await eventually(within: 5) {
                    try await client.resolves("www.corp")
                }
                #expect(isAnswered)
            }
        }
    }

    // MARK: Top

    @Test("top counts names, sandboxes and upstreams, and a sandbox that is new begins at zero")
    func top() async throws {
        let start = Node.Start(
            configuration: Self.box,
            environment: ["WAGGLE_METRICS_NAME_SAMPLE": "1"]
        )
        try await withNode(start) { node in
            let client = try Client(try #require(try await node.places()["box"]))
            for _ in 0..<20 { #expect(try await client.resolves("WEB.mynet")) }
            #expect(try await client.ask("nope.mynet")?.responseCode == 3)
            #expect(try await client.ask("www.example.net")?.responseCode == 2)
            let top = try await node.json("top --once")
            #expect(top["questions"].number == 22 && top["nameSample"].number == 1)
            let first = top["names"].list[0]
            #expect(first["name"].text == "web.mynet" && first["questions"].number == 20)
            #expect(first["excess"].number == 0 && top["names"].list.count == 3)
            let box = top["sandboxes"].list[0]
            #expect(box["name"].text == "box" && box["questions"].number == 22)
            #expect(box["local"].number == 21 && box["forwarded"].number == 1)
            #expect(box["nxDomain"].number == 1 && box["servFail"].number == 1)
            let upstream = top["upstreams"].list[0]
            #expect(upstream["address"].text == Node.deadUpstream)
            #expect(upstream["sandbox"].isNull && upstream["questions"].number > 0)
            #expect(upstream["failures"].number > 0 && upstream["replies"].number == 0)

            let human = try await node.waggle(["top"])
            #expect(human.status == 0 && human.error.isEmpty)
            for part in ["web.mynet", "SANDBOX", "box", Node.deadUpstream, "22 questions"] {
                #expect(human.output.contains(part), "\(part) in \(human.output)")
            }
            // The slot of one that has gone is given to another, with nothing in it.
            try await node.require("sandbox add old --listen 127.0.0.1:0 --network mynet")
            let old = try Client(try #require(try await node.places()["old"]))
            #expect(try await old.resolves("web.mynet"))
            try await node.require("sandbox rm old")
            try await node.require("sandbox add new --listen 127.0.0.1:0 --network mynet")
            let new = try await node.json("top")["sandboxes"].list
                .first { $0["name"].text == "new" }
            #expect(new?["questions"].number == 0)
        }
    }

    @Test("top refuses an interval that cannot be")
    func interval() async throws {
        let outcome = try await run([Executable.path, "top", "--interval", "0"])
        #expect(outcome.status == 2 && outcome.complaints.count == 1, "\(outcome)")
    }

    // MARK: The query log

    @Test("the query log has every Nth question, with who asked what and what came of it")
    func queryLog() async throws {
        let start = Node.Start(
            configuration: Self.box,
            environment: ["WAGGLE_LOG_QUERIES": "3", "WAGGLE_LOG_FORMAT": "json"]
        )
        try await withNode(start) { node in
            let client = try Client(try #require(try await node.places()["box"]))
            for _ in 0..<9 { #expect(try await client.resolves("web.mynet")) }
            // The tenth, which is the fourth that is picked, is forwarded.
            #expect(try await client.ask("www.example.net", .aaaa)?.responseCode == 2)
            func entries() throws -> [JSON] {
                try node.complaints.split(separator: "\n").filter { $0.contains("\"query\"") }
                    .map { try JSON(String($0)) }
            }
            #expect(try await eventually(within: 5) { try entries().count == 4 })
            let list = try entries()
            for entry in list.prefix(3) {
                #expect(entry["name"].text == "web.mynet" && entry["type"].text == "A")
                #expect(entry["sandbox"].text == "box" && entry["client"].text == "127.0.0.1")
                #expect(entry["rcode"].text == "NOERROR" && entry["source"].text == "local")
                #expect(entry["transport"].text == "udp" && entry["level"].text == "info")
            }
            let last = list[3]
            #expect(last["name"].text == "www.example.net" && last["type"].text == "AAAA")
            #expect(last["rcode"].text == "SERVFAIL" && last["source"].text == "upstream")
            #expect(Int(last["microseconds"].text) ?? 0 > 0)
        }
    }

    @Test("nothing is logged of questions unless it is asked for")
    func noQueryLog() async throws {
        try await withNode(Node.Start(configuration: Self.box)) { node in
            let client = try Client(try #require(try await node.places()["box"]))
            for _ in 0..<20 { #expect(try await client.resolves("web.mynet")) }
            try await node.end()
            #expect(!node.complaints.contains("web.mynet"))
        }
    }
}
