import Foundation
import Glibc
import Testing

@Suite("The daemon's life", .inTurn, .timeLimit(.minutes(10)))
struct LifecycleTests {
    @Test("one ready line on standard output, and nothing else, once it serves")
    func ready() async throws {
        try await withNode { node in
            let client = try Client("127.0.0.1:1")
            #expect(try await client.resolves("x") == false)
            let line = try node.process.output
            #expect(line.hasPrefix("ready node=n1 socket=\(node.socket) version="))
            #expect(line.filter { $0 == "\n" }.count == 1)
            #expect(try await node.waggle(["status"]).status == 0)
            #expect(try node.process.output == line)
        }
    }
}
