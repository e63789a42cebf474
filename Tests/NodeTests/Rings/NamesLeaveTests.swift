import DNSWire
import Foundation
import Glibc
import Testing

/// Names of daemons that leave, that start again, and that others spoke for.
extension RingNamesTests {
    @Test("a daemon that has left answers its own names alone, and all again once it has joined")
    func left() async throws {
        try await withNames(of: 3) { names in
            for node in 0..<3 {
                try await names.add(node, "--name t\(node) --ip 10.0.1.\(node + 1)")
            }
            for node in 0..<3 { #expect(await names.answers(node, "t\((node + 1) % 3)", 1)) }
            let leaver = names.ring.nodes[1]
            try await leaver.require("leave")
            // The ring was told when the command returned, and so was the name table, or nearly.
            #expect(await names.isUnknown(1, "t0", within: 1))
            #expect(await names.isUnknown(1, "t2", within: 1))
            #expect(await names.answers(1, "t1", 1))
            #expect(try await leaver.json("status")["counts"]["remoteEndpoints"].number == 0)
            for other in [0, 2] { #expect(await names.isUnknown(other, "t1")) }
            try await leaver.require("join \(Ring.address(0))")
            for other in [0, 2] { #expect(await names.answers(1, "t\(other)", 1, within: 3)) }
            for other in [0, 2] { #expect(await names.answers(other, "t1", 1, within: 3)) }
        }
    }

    @Test("daemons that are started again one after the other lose no answer")
    func rolled() async throws {
        try await withNames(of: 3) { names in
            for node in 0..<3 {
                try await names.add(
                    node,
                    "--name web.\(node) --service web --ip 10.0.1.\(node + 1)"
                )
            }
            for node in 0..<3 { #expect(await names.answers(node, "web", 3)) }
            var lost: [String] = []
            var asked = 0
            func watch(_ others: [Int], seconds: Double) async throws {
                let end = Date().addingTimeInterval(seconds)
                while Date() < end {
                    for node in others {
                        let count = try await names.ask(node, "web")?.answerCount
                        asked += 1
                        if count != 3 { lost.append("\(count.map { "\($0)" } ?? "-") on n\(node)") }
                    }
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            // Long enough to be dead for others; n0 is who the others join.
            for node in [1, 2] {
                let others = [0, 1, 2].filter { $0 != node }
                for other in others { #expect(await names.answers(other, "web", 3)) }
                #expect(try await names.ring.nodes[node].end(SIGTERM) == 0)
                try await watch(others, seconds: 7)
                let states = try await names.ring.view(0)
                #expect(states.contains("n\(node) dead"), "\(states)")
                try await names.ring.nodes[node].up()
                try await watch(others, seconds: 2)
            }
            #expect(lost.isEmpty, "\(lost.count) of \(asked): \(lost.prefix(5))")
            #expect(asked > 100)
        }
    }

    @Test("what the ring has of a node's endpoints another way is put right by an audit")
    func repaired() async throws {
        try await withNames(of: 3) { names in
            try await names.add(0, "--name db --id same --ip 10.0.2.1")
            #expect(await names.answers(2, "db", 1))
            // Another takes the entry, and takes it away: nobody has it, and it is still here.
            try await names.add(1, "--name db --id same --ip 10.0.2.2")
            let isTaken = await eventually(within: 10) {
                (try? await names.records(2, "db")) == ["10.0.2.2 n1"]
            }
            #expect(isTaken)
            try await names.ring.nodes[1].require("endpoint rm same")
            #expect(await names.isUnknown(2, "db"))
            #expect(await names.answers(0, "db", 1))
            let node = names.ring.nodes[0]
            #expect(try await node.require("audit") == "1 repaired")
            let isBack = await eventually(within: 10) {
                (try? await names.records(2, "db")) == ["10.0.2.1 n0"]
            }
            #expect(isBack)
            #expect(try await node.require("audit") == "0 repaired")
        }
    }
}
