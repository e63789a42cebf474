import Foundation
import Glibc
import Testing

@Suite("The daemon's life", .inTurn, .timeLimit(.minutes(10)))
struct LifecycleTests {
    @Test("one ready line on standard output, and nothing else, once it serves")
    func ready() async throws {
        try await withNode { node in
            let process = try node.process
            let line = process.output
            #expect(line.hasPrefix("ready node=n1 socket=\(node.socket) version="))
            #expect(line.filter { $0 == "\n" }.count == 1)
            #expect(try await node.waggle(["status"]).status == 0)
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
}
