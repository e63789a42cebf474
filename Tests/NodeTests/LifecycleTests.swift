import Foundation
import Glibc
import Testing

@Suite(
    "The daemon's life",
    Requirement.tools(Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct LifecycleTests {
    @Test("one ready line on standard output, and nothing else, once it serves")
    func ready() async throws {
        try await withNode { node in
            let process = try node.process
            let line = process.output
            #expect(line.hasPrefix("ready node=n1 socket=\(node.socket) version="))
            #expect(line.filter { $0 == "\n" }.count == 1)
            #expect(try await node.waggle("status").status == 0)
            #expect(process.output == line)
        }
    }

    @Test("a signal that comes with the ready line is obeyed", arguments: [SIGTERM, SIGINT])
    func earlyEnd(signal: Int32) async throws {
        for _ in 0..<5 {
            let status = try await withNode { node in try await node.end(signal) }
            #expect(status == 0)
        }
    }

    @Test("a hangup that comes with the ready line reads the configuration again")
    func earlyReload() async throws {
        for _ in 0..<5 {
            try await withNode { node in
                let process = try node.process
                process.send(SIGHUP)
                let isReloaded = await eventually(within: 5) {
                    node.complaints.contains("configuration reloaded")
                }
                #expect(isReloaded, "\(node.complaints)")
                #expect(process.isRunning)
            }
        }
    }

    @Test("a stop ends with 0 and waits for no client", arguments: [SIGTERM, SIGINT])
    func stop(signal: Int32) async throws {
        try await withNode { node in
            try await node.require("sandbox add box --listen 127.0.0.1:0 --network mynet")
            let place = try #require(try await node.places()["box"])
            let crowd = [Tool.python, Repository.fixture("connect.py"), "4", place]
            let index = try await node.json("status")["index"].number
            let watcher = [
                Tool.python, Repository.fixture("get.py"), node.socket,
                "/waggle/v1/status?watch=\(index)",
            ]
            let sockets = ProcessView.sockets(of: try node.pid).count
            try await withBackground(crowd) { crowd in
                try await withBackground(watcher) { watcher in
                    #expect(await eventually(within: 5) { crowd.output.contains("connected") })
                    let isWaiting = try await eventually(within: 5) {
                        ProcessView.sockets(of: try node.pid).count == sockets + 5
                    }
                    #expect(isWaiting && watcher.isRunning)
                    let status = try await node.end(signal, within: 10)
                    #expect(status == 0)
                }
            }
            #expect(!FileManager.default.fileExists(atPath: node.socket))
            #expect(node.complaints.isEmpty)
        }
    }

    @Test("systemd is told of start, reload and stop")
    func notifications() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let path = folder.file("notify.sock")
        try await withBackground([Tool.python, Repository.fixture("notify.py"), path]) { systemd in
            #expect(await eventually(within: 5) { systemd.output.contains("bound") })
            let start = Node.Start(configuration: "{}", environment: ["NOTIFY_SOCKET": path])
            try await withNode(start) { node in
                #expect(await eventually(within: 5) { Self.states(systemd) == ["READY=1"] })
                let isReloaded = try await node.reload("{}")
                #expect(isReloaded)
                let afterReload = ["READY=1", "RELOADING=1", "READY=1"]
                #expect(await eventually(within: 5) { Self.states(systemd) == afterReload })
                #expect(try await node.end() == 0)
                let atEnd = afterReload + ["STOPPING=1"]
                #expect(await eventually(within: 5) { Self.states(systemd) == atEnd })
            }
        }
    }

    /// What a notification socket was told, without what only dates it.
    private static func states(_ systemd: Background) -> [String] {
        systemd.output.split(separator: "\n").dropFirst().map { String($0) }
            .filter { !$0.hasPrefix("MONOTONIC_USEC=") && !$0.isEmpty }
    }
}
