import Foundation
import Testing

@Suite("What is refused", .inTurn, .timeLimit(.minutes(10)))
struct RefusalTests {
    /// A file, the key that is named, and what is allowed there.
    static let files: [(text: String, key: String, allowed: String)] = [
        (#"{ "dsn": {} }"#, "dsn", "stateDirectory"),
        (#"{ "dns": { "thread": 2 } }"#, "dns.thread", "threads"),
        (#"{ "dns": { "threads": "2" } }"#, "dns.threads", "1 to 64"),
        (#"{ "dns": { "threads": 65 } }"#, "dns.threads", "1 to 64"),
        (#"{ "dns": { "profile": "bind" } }"#, "dns.profile", "docker"),
        (#"{ "dns": { "ttl": { "vip": -1 } } }"#, "dns.ttl.vip", "0 to 86400"),
        (#"{ "dns": { "upstreams": ["8.8.8"] } }"#, "dns.upstreams[0]", "address"),
        (#"{ "api": { "socket": "relative" } }"#, "api.socket", "absolute path"),
        (#"{ "metrics": { "listen": "here" } }"#, "metrics.listen", "ADDRESS:PORT"),
        (#"{ "log": { "level": "loud" } }"#, "log.level", "warning"),
        (#"{ "gossip": { "keys": ["short"] } }"#, "gossip.keys[0]", "16, 24 or 32"),
        (#"{ "sandboxes": [ { "name": "a", "networks": ["n"] } ] }"#, "sandboxes[0]", "listen"),
        (
            #"{ "sandboxes": [ { "name": "a b", "listen": "127.0.0.1:0", "networks": ["n"] } ] }"#,
            "sandboxes[0].name", "letters"
        ),
        (
            #"{ "endpoints": [ { "network": "n", "name": "a", "ip": "10.0.0.256" } ] }"#,
            "endpoints[0].ip", "IPv4 address"
        ),
        (
            #"{ "endpoints": [ { "network": "n", "name": "a", "ip": "10.0.0.1", "sandbox": "x" } ] }"#,
            "endpoints[0].sandbox", "one of the file's"
        ),
        (#"{ "node": { "name": "n", "name": "m" } }"#, "name", "stands twice"),
        (#"{ "node": { "name": "n" }"#, "line 1", "one JSON object"),
        (#"[]"#, "the document", "an object"),
    ]

    @Test(
        "a wrong file ends the start with 2, naming file, key and what is allowed",
        arguments: files
    )
    func file(text: String, key: String, allowed: String) async throws {
        try await withNode(.init(configuration: text), isUp: false) { node in
            let refused = try await node.attempt()
            #expect(refused.status == 2, "\(refused)")
            #expect(refused.output.isEmpty)
            #expect(refused.complaints.count == 1, "\(refused)")
            #expect(refused.error.hasPrefix("waggle: "))
            for part in [key, allowed] { #expect(refused.error.contains(part), "\(refused)") }
            let isByFile = refused.error.contains(node.configurationPath)
            #expect(isByFile || key == "endpoints[0].sandbox", "\(refused)")
        }
    }

    @Test("a wrong variable or flag ends the start with 2 and is named")
    func surroundings() async throws {
        let starts: [(Node.Start, String)] = [
            (.init(environment: ["WAGGLE_DNS_THREADS": "many"]), "WAGGLE_DNS_THREADS"),
            (.init(environment: ["WAGGLE_DNS_THREDS": "1"]), "WAGGLE_DNS_THREDS"),
            (.init(flags: ["--log-level", "loud"]), "--log-level"),
            (.init(flags: ["--upstream", "nowhere"]), "--upstream"),
            (.init(flags: ["--config", "/nonexistent/waggle.json"]), "/nonexistent/waggle.json"),
            (.init(flags: ["--colour"]), "--colour"),
        ]
        for (start, name) in starts {
            try await withNode(start, isUp: false) { node in
                let refused = try await node.attempt()
                #expect(refused.status == 2, "\(refused)")
                #expect(refused.output.isEmpty)
                #expect(refused.complaints.count == 1 && refused.error.contains(name), "\(refused)")
            }
        }
    }

    static let asking: [String] = [
        "status", "records", "sandbox ls", "sandbox rm x", "endpoint ls", "endpoint rm x",
        "endpoint drain x", "endpoint renew x", "network ls", "network attach x",
        "network detach x", "explain x --sandbox y",
        "sandbox add x --listen 127.0.0.1:0 --network n",
        "endpoint add --network n --name x --ip 10.0.0.1",
    ]

    @Test(
        "without a daemon every command that needs one ends with 3 and one line",
        arguments: asking
    )
    func unreachable(command: String) async throws {
        let socket = "/nonexistent/waggle.sock"
        let outcome = try await run([Executable.path] + words(command) + ["--socket", socket])
        #expect(outcome.status == 3, "\(outcome)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.complaints.count == 1, "\(outcome)")
        #expect(outcome.error.contains("no daemon answers at \(socket)"))
    }

    @Test("a thing that is not there ends with 4 and one line")
    func absent() async throws {
        try await withNode { node in
            try await node.require("sandbox add box --listen 127.0.0.1:0 --network n")
            for command in [
                "sandbox rm x", "endpoint rm x", "endpoint drain x", "endpoint renew x",
                "network detach x", "records x", "endpoint ls --network x",
                "explain web --sandbox x",
                "endpoint add --network n --name a --ip 10.0.0.1 --sandbox x",
            ] {
                let outcome = try await node.waggle(command)
                #expect(outcome.status == 4, "\(command): \(outcome)")
                #expect(outcome.output.isEmpty)
                #expect(outcome.complaints.count == 1, "\(command): \(outcome)")
            }
            #expect(try await node.endpoints().isEmpty)
        }
    }

    static let misused: [String] = [
        "fly", "sandbox", "endpoint fly", "status extra", "status --colour",
        "sandbox add x --network n", "sandbox add x --listen 127.0.0.1:0",
        "sandbox add x --listen here --network n", "sandbox add x --pid zero --network n",
        "sandbox add x --listen 127.0.0.1:0 --pid 1 --network n",
        "sandbox add x --listen 127.0.0.1:0 --network n --allow everyone",
        "sandbox add a..b --listen 127.0.0.1:0 --network n",
        "endpoint add --network n --name x", "endpoint add --name x --ip 10.0.0.1",
        "endpoint add --network n --name x --ip 10.0.0", "endpoint rm",
        "endpoint add --network n --name x --ip 10.0.0.1 --vip 10.0.0.2",
        "endpoint add --network n --name x --ip 10.0.0.1 --ttl 0",
        "endpoint add --network n --name x --ip 10.0.0.1 --ttl 5 --pid 1",
        "endpoint add --network n --name x --ip 10.0.0.1 --port tcp:http:99999 --service s",
        "endpoint add --file /nonexistent", "network attach n --subnet 10.0.0.0/40",
        "query", "query x @127.0.0.1:99999", "explain", "explain x",
    ]

    @Test("wrong usage ends with 2, one line on stderr and nothing on stdout", arguments: misused)
    func usage(command: String) async throws {
        let outcome = try await run(
            [Executable.path] + words(command),
            environment: ["WAGGLE_SOCKET": "/nonexistent/waggle.sock"]
        )
        #expect(outcome.status == 2, "\(outcome)")
        #expect(outcome.output.isEmpty, "\(outcome)")
        #expect(outcome.complaints.count == 1, "\(outcome)")
        #expect(outcome.error.hasPrefix("waggle: "))
    }
}
