import Base
import Foundation
import LinuxSystem
import Testing

@Suite(
    "Looking",
    Requirement.tools("dig", Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct LookingTests {
    /// Keys that programs rely on, as docs/api.md lists them; more may come.
    private static let keys: [String: Set<String>] = [
        "status": [
            "version", "node", "planes", "counts", "uptimeSeconds", "stateDirectory", "socket",
            "profile", "upstreams", "index", "problems",
        ],
        "top": [
            "atMicroseconds", "uptimeSeconds", "nameSample", "questions", "dropped", "names",
            "sandboxes", "upstreams",
        ],
        "sandbox ls": [
            "name", "kind", "netns", "pid", "listen", "networks", "upstreams", "allow", "internal",
            "redirect", "resolvConf", "origin", "state", "error", "address",
        ],
        "endpoint ls": [
            "id", "network", "name", "ip", "ip6", "service", "serviceId", "vip", "vip6", "aliases",
            "taskAliases", "containerId", "ports", "tie", "drained", "origin", "ageSeconds",
        ],
        "network ls": [
            "name", "attached", "subnets", "endpoints", "remoteEndpoints", "sandboxes", "names",
        ],
        "records": [
            "network", "name", "type", "value", "ttl", "owner", "path", "ageSeconds", "drained",
            "static", "overruled", "endpoint",
        ],
        "explain web --sandbox box": [
            "question", "sandbox", "steps", "verdict", "rcode", "answers", "text",
        ],
        "query web": [
            "question", "rcode", "flags", "answer", "authority", "additional", "server",
            "transport", "octets", "milliseconds",
        ],
    ]

    @Test("every list and report is JSON with the documented keys", arguments: keys.keys.sorted())
    func documents(command: String) async throws {
        try await withNode { node in
            let place = try await Self.fill(node)
            let wanted = try #require(Self.keys[command])
            let command = command.replacing("query", with: "query @\(place)")
            let outcome = try await node.waggle(command + " --json")
            #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome)")
            let document = try JSON(outcome.output)
            let items = command.contains("ls") || command == "records" ? document.list : [document]
            #expect(!items.isEmpty)
            for item in items {
                #expect(item.keys.isSuperset(of: wanted), "\(wanted.subtracting(item.keys))")
            }
            // People get a table or lines, with the same facts.
            let human = try await node.waggle(command)
            #expect(human.status == 0 && human.lines.count > 1, "\(human)")
            #expect((try? JSON(human.output)) == nil)
        }
    }

    @Test("a node without anything has empty lists, not errors")
    func empty() async throws {
        try await withNode { node in
            for command in ["sandbox ls", "endpoint ls", "network ls", "records"] {
                let outcome = try await node.waggle(command + " --json")
                #expect(outcome.status == 0 && outcome.text == "[]", "\(command): \(outcome)")
            }
        }
    }

    @Test("explain comes to what a question gets")
    func explanations() async throws {
        try await withNode { node in
            let place = try await Self.fill(node)
            let rows: [(name: String, type: String, verdict: String, code: String)] = [
                ("web", "A", "answer", "NOERROR"), ("web.mynet", "A", "answer", "NOERROR"),
                ("_http._tcp.web", "SRV", "answer", "NOERROR"),
                ("web", "AAAA", "noData", "NOERROR"),
                ("nope.mynet", "A", "nxDomain", "NXDOMAIN"),
                ("localhost", "A", "answer", "NOERROR"), ("mynet", "SOA", "answer", "NOERROR"),
                ("www.example.net", "A", "forward", "SERVFAIL"),
            ]
            for row in rows {
                let report = try await node.json("explain \(row.name) \(row.type) --sandbox box")
                #expect(report["verdict"].text == row.verdict, "\(row)")
                #expect(!report["steps"].list.isEmpty)
                let port = place.split(separator: ":").last.map { String($0) } ?? ""
                let reply = try await run([
                    "dig", "+noall", "+answer", "+comments", "-p", port, "@127.0.0.1", row.name,
                    row.type,
                ])
                #expect(reply.output.contains("status: \(row.code)"), "\(row): \(reply)")
                if row.verdict != "forward" { #expect(report["rcode"].text == row.code) }
                let answers = reply.lines.filter { !$0.hasPrefix(";") }.map(Self.spaced)
                #expect(report["answers"].texts.map(Self.spaced) == answers, "\(row)")
                let text = try await node.require("explain \(row.name) \(row.type) --sandbox box")
                #expect(Self.ageless(text) == Self.ageless(report["text"].text))
            }
        }
    }

    private static func ageless(_ text: String) -> String {
        text.replacing(/\d+ s old/, with: "")
    }

    private static func spaced(_ line: String) -> String {
        line.split { $0.isWhitespace }.joined(separator: " ")
    }

    @Test("query asks over UDP and TCP, by name or by address")
    func query() async throws {
        try await withNode { node in
            let place = try await Self.fill(node)
            for flags in [[], ["--tcp"], ["--dnssec"]] {
                let outcome = try await node.waggle(["query", "@\(place)", "web"] + flags)
                #expect(outcome.output.contains("10.0.1.100"), "\(outcome)")
                #expect(outcome.output.contains("over \(flags == ["--tcp"] ? "tcp" : "udp")"))
            }
            let short = try await node.waggle("query @\(place) web A --short")
            #expect(short.text == "10.0.1.100")
            let silent = try await node.waggle("query @127.0.0.1:1 web")
            #expect(silent.status == 1 && silent.complaints.count == 1, "\(silent)")
        }
    }

    static let commands = [
        "", "daemon", "sandbox", "sandbox add", "sandbox rm", "sandbox ls", "endpoint",
        "endpoint add", "endpoint drain", "endpoint renew", "endpoint rm", "endpoint ls", "network",
        "network ls", "network attach", "network detach", "status", "top", "records", "explain",
        "query",
    ]

    @Test("--help on every command ends with 0 and says how it is used", arguments: commands)
    func help(command: String) async throws {
        let outcome = try await run([Executable.path] + words(command) + ["--help"])
        #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome)")
        let usage = (["USAGE: waggle"] + words(command)).joined(separator: " ")
        #expect(outcome.output.contains(usage), "\(outcome)")
    }

    @Test("a watch is answered by the next change, and at once for any other index")
    func watch() async throws {
        try await withNode { node in
            let index = try await node.json("status")["index"].number
            let status = "/waggle/v1/status"
            let sockets = ProcessView.sockets(of: try node.pid).count
            let waiting = Self.get(node.socket, "\(status)?watch=\(index)")
            try await withBackground(waiting) { watcher in
                let isWaiting = try await eventually(within: 5) {
                    ProcessView.sockets(of: try node.pid).count == sockets + 1
                }
                #expect(isWaiting && watcher.isRunning)
                try await node.require("network attach news")
                #expect(await watcher.end(within: 5) == 0)
                let lines = watcher.output.split(separator: "\n")
                #expect(lines.first == "200")
                #expect(try JSON(String(lines.last ?? ""))["counts"]["networks"].number == 1)
            }
            for other in [0, index + 1000] {
                let outcome = try await run(Self.get(node.socket, "\(status)?watch=\(other)"))
                #expect(outcome.lines.first == "200", "\(outcome)")
            }
        }
    }

    @Test("metrics count questions, and health is told, over HTTP")
    func metrics() async throws {
        let port = try Self.freePort()
        let place = "127.0.0.1:\(port)"
        let start = Node.Start(environment: ["WAGGLE_METRICS_LISTEN": place])
        try await withNode(start) { node in
            let client = try Client(try await Self.fill(node))
            for _ in 0..<5 { #expect(try await client.resolves("web.mynet")) }
            #expect(try await client.ask("nope.mynet")?.responseCode == 3)
            let metrics = try await run(Self.get(place, "/metrics"))
            #expect(metrics.lines.first == "200")
            for line in [
                "waggle_dns_queries_total{transport=\"udp\"} 6",
                "waggle_dns_replies_total{rcode=\"NXDOMAIN\"} 1", "waggle_sandboxes 1",
                "waggle_endpoints 2",
            ] {
                #expect(metrics.lines.contains(line), "\(line) in \(metrics.output)")
            }
            let health = try await run(Self.get(place, "/healthz"))
            #expect(health.lines == ["200", "ok"])
            #expect(try await run(Self.get(place, "/waggle/v1/status")).lines.first == "404")
        }
    }

    @Test("flags win over variables, those over the file, that over defaults")
    func precedence() async throws {
        let file = #"{ "node": { "name": "of-file" }, "dns": { "ttl": { "vip": 77, "task": 7 } } }"#
        let variables = ["WAGGLE_NODE_NAME": "of-variable", "WAGGLE_DNS_TTL_TASK": "66"]
        var start = Node.Start(configuration: file, environment: variables)
        start.flags = ["--name", "of-flag", "--upstream", "192.0.2.1", "[2001:db8::1]:5353"]
        try await withNode(start) { node in
            let line = try node.process.output
            #expect(line.contains("node=of-flag "))
            let status = try await node.json("status")
            #expect(status["node"]["name"].text == "of-flag")
            #expect(status["upstreams"].texts == ["192.0.2.1", "[2001:db8::1]:5353"])
            let place = try await Self.fill(node)
            let vip = try await node.json("query @\(place) web")
            #expect(vip["answer"].list.first?["ttl"].number == 77)
            let task = try await node.json("query @\(place) tasks.web")
            #expect(task["answer"].list.first?["ttl"].number == 66)
        }
    }

    // MARK: -

    /// A sandbox `box`, a service and a container; where the sandbox listens.
    private static func fill(_ node: Node) async throws -> String {
        try await node.require("sandbox add box --listen 127.0.0.1:0 --network mynet")
        try await node.require(
            "endpoint add --network mynet --name web.1 --service web --vip 10.0.1.100 --ip"
                + " 10.0.1.5 --port tcp:http:80"
        )
        try await node.require("endpoint add --network mynet --name db --ip 10.0.1.6 --sandbox box")
        return try await node.places()["box"] ?? ""
    }

    private static func get(_ place: String, _ path: String) -> [String] {
        [Tool.python, Repository.fixture("get.py"), place, path]
    }

    private static func freePort() throws -> UInt16 {
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.listener(boundTo: anyPort, shared: false)
        return try Sockets.localEndpoint(of: socket.raw).port
    }
}
