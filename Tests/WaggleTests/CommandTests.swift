import FoundationEssentials
import HTTPAPI
import Synchronization
import Testing
import waggle

/// Commands against a server that remembers what it was asked.
@Suite("Commands", .timeLimit(.minutes(2)))
struct CommandTests {
    /// What each command sends, and the status of its end for the status it is answered.
    @Test(
        "a command sends one request",
        arguments: [
            (
                "sandbox add x --pid 7 --network a b --network c --internal",
                #"POST /waggle/v1/sandboxes {"name":"x","pid":7,"network":["a","b","c"],"#
                    + #""internal":true}"#
            ),
            (
                "sandbox add --listen [::1]:53 --upstream 1.1.1.1 --network a x",
                #"POST /waggle/v1/sandboxes {"name":"x","listen":"[::1]:53","network":["a"],"#
                    + #""upstream":["1.1.1.1"]}"#
            ),
            (
                "sandbox add --pid 7 --network a --resolv-conf /r --hosts /h --hostname w "
                    + "--hostname-file /n --root /c --address 10.0.0.1 fd00::1 x",
                #"POST /waggle/v1/sandboxes {"name":"x","pid":7,"network":["a"],"#
                    + #""resolvConf":"/r","hosts":"/h","hostnameFile":"/n","root":"/c","#
                    + #""hostname":"w","address":["10.0.0.1","fd00::1"]}"#
            ),
            ("sandbox rm x", "DELETE /waggle/v1/sandboxes/x "),
            ("sandbox ls --json", "GET /waggle/v1/sandboxes "),
            (
                "endpoint add --network n --name web.1 --ip 10.0.0.1 --service web --vip 10.0.0.9 "
                    + "--alias a b --task-alias c --port tcp:http:80 --ttl 9",
                #"POST /waggle/v1/endpoints {"network":"n","name":"web.1","ip":"10.0.0.1","#
                    + #""service":"web","vip":"10.0.0.9","alias":["a","b"],"taskAlias":["c"],"#
                    + #""port":["tcp:http:80"],"ttl":9}"#
            ),
            ("endpoint drain a/b", "POST /waggle/v1/endpoints/a%2Fb/drain "),
            ("endpoint renew e", "POST /waggle/v1/endpoints/e/renew "),
            ("endpoint rm e", "DELETE /waggle/v1/endpoints/e "),
            ("endpoint ls --network n", "GET /waggle/v1/endpoints?network=n "),
            ("network ls", "GET /waggle/v1/networks "),
            (
                "network attach --subnet 10.0.0.0/24 fd00::/64 n",
                #"POST /waggle/v1/networks {"name":"n","subnet":["10.0.0.0/24","fd00::/64"]}"#
            ),
            ("network detach n", "DELETE /waggle/v1/networks/n "),
            ("status", "GET /waggle/v1/status "),
            ("records n", "GET /waggle/v1/records?network=n "),
            (
                "explain web srv --sandbox x",
                "GET /waggle/v1/explain?name=web&type=SRV&sandbox=x "
            ),
        ]
    )
    func requests(line: String, wanted: String) async throws {
        #expect(try await Self.run(line, answering: .json([])) == (.done, [wanted]))
    }

    @Test(
        "an answer that is an error ends the command with its code",
        arguments: [
            (404, CommandStatus.absent), (409, .failed), (503, .failed), (400, .usage),
        ]
    )
    func errors(status: Int, wanted: CommandStatus) async throws {
        let (found, _) = try await Self.run(
            "sandbox rm x",
            answering: .failure(status, "said the daemon")
        )
        #expect(found == wanted)
    }

    @Test("an answer that is no JSON is a failure")
    func brokenAnswer() async throws {
        #expect(try await Self.run("status", answering: .text("<html>")).0 == .failed)
    }

    @Test("a wrong file of endpoints is refused before the daemon is asked")
    func file() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).json"
        let good = #"[{"network":"n","name":"a","ip":"10.0.0.1"}]"#
        for (text, status, count) in [
            (good, CommandStatus.done, 1), ("{}", .usage, 0), (#"[{"network":"n"}]"#, .usage, 0),
        ] {
            try Data(text.utf8).write(to: URL(filePath: path))
            let (found, requests) = try await Self.run(
                "endpoint add --file \(path)",
                answering: .json(["ids": ["e1"]])
            )
            #expect(found == status)
            #expect(requests == (count == 0 ? [] : ["POST /waggle/v1/endpoints \(good)"]))
        }
        try FileManager.default.removeItem(atPath: path)
    }

    @Test(
        "wrong usage is exit 2, help is exit 0, no daemon is exit 3",
        arguments: [
            ("--help", CommandStatus.done), ("sandbox add --help", .done), ("--version", .done),
            ("", .done), ("help records", .done), ("sandbox", .usage), ("fly", .usage),
            ("sandbox add x", .usage), ("sandbox add x --pid q --network n", .usage),
            ("endpoint add --network n --name a --ip 10.0.0.300", .usage),
            ("endpoint add --file /nowhere/x", .usage), ("query", .usage),
            ("explain web", .usage), ("status --socket /nowhere/s", .unreachable),
        ]
    )
    func statuses(line: String, wanted: CommandStatus) async {
        #expect(await Waggle.run(line.split(separator: " ").map { String($0) }) == wanted)
    }

    private static func run(
        _ line: String,
        answering answer: APIResponse
    ) async throws -> (CommandStatus, [String]) {
        let path = FileManager.default.temporaryDirectory.path + "/w-\(UUID().uuidString).sock"
        let (seen, record) = AsyncStream.makeStream(of: String.self)
        let server = try await APIServer.bind([
            APIListener(.unix(path: path, group: nil)) { request in
                let body = String(decoding: request.body, as: UTF8.self)
                record.yield("\(request.method) \(request.target) \(body)")
                return answer
            }
        ])
        async let running: Void = server.run()
        let words = line.split(separator: " ").map { String($0) }
        let status = await Waggle.run(words + ["--socket", path])
        server.stop()
        await running
        record.finish()
        var requests: [String] = []
        for await request in seen { requests.append(request) }
        return (status, requests)
    }
}
