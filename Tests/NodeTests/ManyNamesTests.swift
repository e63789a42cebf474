import Foundation
import Glibc
import Testing

@Suite("Very many names", .inTurn, .timeLimit(.minutes(10)))
struct ManyNamesTests {
    private static let networks = 200
    private static let perNetwork = 100

    private static func endpoints(ofNetwork network: Int) -> String {
        let items = (0..<perNetwork).map { task in
            """
            {"network": "net\(network)", "name": "host-\(task)", \
            "ip": "10.\(network / 256).\(network % 256).\(task)"}
            """
        }
        return "[\(items.joined(separator: ","))]"
    }

    @Test("40,000 records take little memory, and all of them are there after kill -9")
    func memory() async throws {
        try await withNode { node in
            try await node.require("sandbox add box --listen 127.0.0.1:0 --network net150")
            let before = try Self.anonymousOctets(try node.pid)
            for network in 0..<Self.networks {
                let list = Self.endpoints(ofNetwork: network)
                try await node.require("endpoint add --file -", input: list)
            }
            let records = 2 * Self.networks * Self.perNetwork
            let each = (try Self.anonymousOctets(try node.pid) - before) / records
            // 200 in docs/performance.md; more here, for buffers of requests and room to grow.
            #expect(each < 500, "octets for each record: \(each)")
            try await node.restart(SIGKILL)
            let counts = try await node.json("status")["counts"]
            #expect(counts["endpoints"].number == Self.networks * Self.perNetwork)
            #expect(counts["names"].number == records)
            let place = try #require(try await node.places()["box"])
            let answer = try await node.waggle("query @\(place) host-77 A --short")
            #expect(answer.lines == ["10.0.150.77"], "\(answer)")
        }
    }

    @Test("the log is written anew while changes go on, and loses none of them")
    func rewrite() async throws {
        try await withNode { node in
            let rounds = 8
            for round in 0..<rounds {
                try await node.require("sandbox add box --listen 127.0.0.1:0 --network tied")
                let items = (0..<5000).map { task in
                    """
                    {"network": "tied", "name": "host-\(round)-\(task)", "sandbox": "box", \
                    "ip": "10.\(round).\(task / 256).\(task % 256)"}
                    """
                }
                let list = "[\(items.joined(separator: ","))]"
                try await node.require("endpoint add --file -", input: list)
                // The steps of a rewrite lie between this one and the next.
                try await node.require(
                    "endpoint add --network kept --name kept\(round) --ip 10.9.9.\(round)"
                )
                if round + 1 < rounds { try await node.require("sandbox rm box") }
            }
            try await node.restart(SIGKILL)
            let counts = try await node.json("status")["counts"]
            #expect(counts["endpoints"].number == 5000 + rounds)
            #expect(counts["names"].number == 2 * (5000 + rounds))
            let size =
                try FileManager.default
                .attributesOfItem(atPath: node.log)[.size] as? Int
            // Each round adds 0.7 MB; a rewrite is due at 1 MB more than twice what is kept.
            #expect(size ?? .max < 4_000_000)
        }
    }

    private static func anonymousOctets(_ pid: Int32) throws -> Int {
        let status = Folder.text("/proc/\(pid)/status")
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        let words = line?.split(separator: " ") ?? []
        return try #require(words.dropFirst().first.flatMap { Int($0) }) << 10
    }
}
