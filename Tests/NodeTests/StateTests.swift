import Foundation
import Glibc
import Testing

@Suite("State", .inTurn, .timeLimit(.minutes(10)))
struct StateTests {
    @Test(
        "everything that was added is there and answers after the end of the daemon",
        Requirement.namespaces,
        arguments: [SIGKILL, SIGTERM]
    )
    func restart(signal: Int32) async throws {
        try await withNode { node in
            try await withNamespace { space in
                try await withBackground(space.inside + ["sleep", "60"]) { sleeper in
                    try await Self.fill(node, space, sleeper.pid)
                    let before = try await Self.everything(node)
                    try await node.restart(signal)
                    #expect(try await Self.everything(node) == before)
                    let client = try Client(inside: space)
                    for name in ["web", "tasks.web", "db", "store", "timed", "bound"] {
                        #expect(try await client.resolves(name), "\(name)")
                    }
                    // Known and empty: its last task went before the restart.
                    let gone = try await client.ask("gone")
                    #expect(gone == Reply(responseCode: 0, answerCount: 0))
                    #expect(node.complaints.isEmpty)
                }
            }
        }
    }

    private static func fill(_ node: Node, _ space: Namespace, _ pid: Int32) async throws {
        try await node.require("network attach empty --subnet 10.9.0.0/24")
        try await node.require("sandbox add box --netns \(space.path) --network mynet --network m2")
        try await node.require(
            "sandbox add plain --listen 127.0.0.1:0 --network mynet --allow 10.0.0.0/8"
                + " --upstream 192.0.2.1:5353 --internal"
        )
        for words in [
            "web.1 --service web --vip 10.0.1.100 --ip 10.0.1.1 --port tcp:http:80 --id w1",
            "web.2 --service web --vip 10.0.1.100 --ip 10.0.1.2 --id w2",
            "db --ip 10.0.1.3 --ip6 fd00::3 --alias store --container-id 0123456789abcdef --id d",
            "bound --ip 10.0.1.4 --sandbox box --id b", "process --ip 10.0.1.5 --pid \(pid) --id p",
            "timed --ip 10.0.1.6 --ttl 600 --id t", "gone.1 --service gone --ip 10.0.1.7 --id g",
        ] {
            let words = "endpoint add --network mynet --name \(words)".split(separator: " ")
            let outcome = try await node.waggle(words.map { String($0) })
            guard outcome.status == 0 else { throw HarnessError("\(outcome)") }
        }
        try await node.require("endpoint drain w2")
        try await node.require("endpoint rm g")
    }

    /// What the lists show, without ages and without a port that the kernel has chosen.
    private static func everything(_ node: Node) async throws -> [String] {
        var lines: [String] = []
        for sandbox in try await node.json("sandbox ls").list {
            let parts = [
                sandbox["name"].text, sandbox["kind"].text, sandbox["state"].text,
                "\(sandbox["networks"].texts)", "\(sandbox["allow"].texts)",
                "\(sandbox["upstreams"].texts)", "\(sandbox["internal"].isTrue)",
            ]
            lines.append(parts.joined(separator: " "))
        }
        for endpoint in try await node.json("endpoint ls").list {
            let parts = [
                endpoint["id"].text, endpoint["name"].text, endpoint["ip"].text,
                endpoint["ip6"].text, endpoint["vip"].text, endpoint["service"].text,
                "\(endpoint["aliases"].texts)", "\(endpoint["ports"].texts)",
                endpoint["tie"]["kind"].text, "\(endpoint["drained"].isTrue)",
            ]
            lines.append(parts.joined(separator: " "))
        }
        for network in try await node.json("network ls").list {
            lines.append("\(network["name"].text) \(network["subnets"].texts)")
        }
        return lines
    }

    @Test("an endpoint ends with its sandbox, its process or its time, and a renewed one goes on")
    func ties() async throws {
        try await withNode { node in
            try await node.require("sandbox add box --listen 127.0.0.1:0 --network mynet")
            let words = ["endpoint", "add", "--network", "mynet", "--ip", "10.0.1.1", "--name"]
            func add(_ name: String, _ flags: String...) async throws {
                let outcome = try await node.waggle(words + [name, "--id", name] + flags)
                guard outcome.status == 0 else { throw HarnessError("\(outcome)") }
            }
            try await add("stays")
            try await add("boxed", "--sandbox", "box")
            try await withBackground(["sleep", "60"]) { sleeper in
                try await add("process", "--pid", "\(sleeper.pid)")
                try await add("timed", "--ttl", "2")
                try await add("renewed", "--ttl", "2")
                #expect(try await node.endpoints().count == 5)
                sleeper.send(SIGKILL)
                #expect(
                    try await eventually(within: 1) {
                        try await !node.endpoints().contains("process")
                    }
                )
            }
            let isOver = try await eventually(within: 4) {
                try await node.require("endpoint renew renewed")
                return try await !node.endpoints().contains("timed")
            }
            #expect(isOver)
            try await node.require("sandbox rm box")
            #expect(try await node.endpoints() == ["stays", "renewed"])
            try await node.restart(SIGKILL)
            #expect(try await node.endpoints() == ["stays", "renewed"])
        }
    }

    @Test("an endpoint tied to a sandbox of the file survives")
    func tiedToFile() async throws {
        let file = """
            { "sandboxes": [ { "name": "box", "listen": "127.0.0.1:0", "networks": ["mynet"] } ],
              "endpoints": [ { "network": "mynet", "name": "web", "ip": "10.0.1.1" } ] }
            """
        try await withNode(.init(configuration: file)) { node in
            try await node.require(
                "endpoint add --network mynet --name db --ip 10.0.1.2 --sandbox box --id tied"
            )
            try await node.restart(SIGKILL)
            #expect(try await node.endpoints().contains("tied"))
            #expect(try await Client(try await node.places()["box"] ?? "").resolves("db.mynet"))
            #expect(node.complaints.isEmpty)
        }
    }

    @Test(
        "a file of endpoints is added as a whole or not at all",
        arguments: [
            (#"{"network": "n", "name": "b", "ip": "10.0.0"}"#, 2, "[1].ip"),
            (#"{"network": "n", "name": "b", "ip": "10.0.0.2", "ipp": 1}"#, 2, "[1].ipp"),
            (#"{"network": "n", "name": "b", "ip": "10.0.0.2", "id": "known"}"#, 1, "known"),
            (#"{"network": "n", "name": "b", "ip": "10.0.0.2", "id": "a"}"#, 1, "a"),
            (#"{"network": "n", "name": "b", "ip": "10.0.0.2", "sandbox": "no"}"#, 4, "no"),
            (#"{"network": "n", "name": "b", "ip": "10.0.0.2", "pid": 4000000}"#, 1, "4000000"),
        ]
    )
    func allOrNone(entry: String, status: Int32, why: String) async throws {
        try await withNode { node in
            try await node.require("endpoint add --network n --name k --ip 10.0.0.9 --id known")
            let good = #"{"network": "n", "name": "a", "ip": "10.0.0.1", "id": "a"}"#
            let last = #"{"network": "other", "name": "c", "ip": "10.0.0.3", "id": "c"}"#
            let log = Folder.text(node.log)
            let words = ["endpoint", "add", "--file", "-"]
            let refused = try await node.waggle(words, input: "[\(good), \(entry), \(last)]")
            #expect(refused.status == status, "\(refused)")
            #expect(refused.complaints.count == 1 && refused.error.contains(why), "\(refused)")
            #expect(refused.output.isEmpty)
            #expect(try await node.endpoints() == ["known"])
            #expect(Folder.text(node.log) == log)

            let added = try await node.waggle(words, input: "[\(good), \(last)]")
            #expect(added.lines == ["a", "c"])
            try await node.restart(SIGKILL)
            #expect(try await node.endpoints() == ["known", "a", "c"])
        }
    }

    @Test("whatever was said to be added is there after a kill at any moment")
    func randomKills() async throws {
        let adding = """
            while id=$("$0" endpoint add --network n --name "x$1" --ip 10.0.0.1); do
                echo "$id"
            done 2> /dev/null
            """
        try await withNode { node in
            var promised: Set<String> = []
            var rounds = 0
            for _ in 0..<10 {
                let environment = ["WAGGLE_SOCKET": node.socket]
                let shell = ["sh", "-c", adding, Executable.path]
                try await withBackground(shell + ["1"], environment: environment) { first in
                    try await withBackground(shell + ["2"], environment: environment) { second in
                        try await Task.sleep(for: .milliseconds(Int.random(in: 100...400)))
                        try await node.end(SIGKILL)
                        // Both see the daemon gone and end by themselves.
                        _ = await first.end(within: 5)
                        _ = await second.end(within: 5)
                        for output in [first.output, second.output] {
                            promised.formUnion(output.split(separator: "\n").map { String($0) })
                        }
                    }
                }
                try await node.up()
                let there = try await node.endpoints()
                #expect(there.isSuperset(of: promised), "\(promised.subtracting(there))")
                rounds += 1
            }
            #expect(rounds == 10 && promised.count > 5, "\(promised.count) promised")
        }
    }

    @Test("a record that a crash has torn is cut off, and everything before it is there")
    func torn() async throws {
        try await withNode { node in
            for name in ["a", "b"] {
                try await node.require(
                    "endpoint add --network n --name \(name) --ip 10.0.0.1 --id \(name)"
                )
            }
            try await node.end(SIGKILL)
            let whole = Folder.text(node.log)
            try Data((whole + whole.prefix(40)).utf8).write(to: URL(filePath: node.log))
            try await node.up()
            #expect(node.complaints.contains("an unfinished record was cut off octets=40"))
            #expect(try await node.endpoints() == ["a", "b"])
            #expect(Folder.text(node.log) == whole)
        }
    }

    @Test("a record that is damaged before the end stops the start, and nothing is changed")
    func damaged() async throws {
        try await withNode { node in
            for name in ["a", "b", "c"] {
                try await node.require("endpoint add --network n --name \(name) --ip 10.0.0.1")
            }
            try await node.end(SIGKILL)
            let broken = Folder.text(node.log).replacingOccurrences(
                of: #""name":"b""#,
                with: #""name":"d""#
            )
            try Data(broken.utf8).write(to: URL(filePath: node.log))
            let refused = try await node.attempt()
            #expect(refused.status == 1, "\(refused)")
            #expect(refused.output.isEmpty)
            #expect(refused.complaints.count == 1, "\(refused)")
            #expect(refused.error.contains("names.log is damaged before its end; restore it"))
            #expect(Folder.text(node.log) == broken)
        }
    }

    @Test("a sandbox that cannot be opened now is not forgotten")
    func notNow() async throws {
        try await withNode { node in
            for index in 0..<20 {
                try await node.require("sandbox add box\(index) --listen 127.0.0.1:0 --network n")
            }
            try await node.end(SIGKILL)
            try await node.up(prefix: ["sh", "-c", "ulimit -n 56; exec \"$0\" \"$@\""])
            let states = try await node.sandboxes()
            #expect(states.count == 20)
            #expect(Set(states.values) == ["serving", "failed"])
            try await node.restart(SIGTERM)
            #expect(try await Set(node.sandboxes().values) == ["serving"])
        }
    }

    @Test("a sandbox whose namespace went while the daemon was away goes", Requirement.namespaces)
    func wentMeanwhile() async throws {
        try await withNode { node in
            try await withNamespace { stays in
                try await withNamespace { goes in
                    for (name, space) in [("stays", stays), ("goes", goes)] {
                        try await node.require(
                            "sandbox add \(name) --netns \(space.path) --network mynet"
                        )
                        try await node.require(
                            "endpoint add --network mynet --name \(name) --ip 10.0.0.1"
                                + " --sandbox \(name) --id \(name)"
                        )
                    }
                    try await node.end(SIGKILL)
                    try await goes.delete()
                    try await node.up()
                    #expect(try await node.sandboxes() == ["stays": "serving"])
                    #expect(try await node.endpoints() == ["stays"])
                    #expect(try await Client(inside: stays).resolves("stays"))
                    try await node.restart(SIGKILL)
                    #expect(try await node.sandboxes() == ["stays": "serving"])
                }
            }
        }
    }
}
