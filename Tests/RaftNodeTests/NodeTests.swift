import Foundation
import KeyValue
import RaftNode
import SwarmCore
import Testing

/// Whole managers over loopback, with real journals.
@Suite("Managers over loopback", .serialized)
struct NodeTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("waggle-raft-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    @Test("a lone manager decides, is stopped, and has all again")
    func alone() throws {
        try withFolder { folder in
            let group = try NodeGroup(1, in: folder)
            let node = try #require(group.leader())
            for number in 0..<50 { _ = try group.put("k\(number)", "v\(number)", at: node).get() }
            let before = try group.read(at: node).get()
            #expect(before.applied == 50)
            group.stopAll()
            try group.start(RaftID(1))
            let again = try #require(group.leader())
            #expect(try group.read(at: again).get() == before)
            group.stopAll()
        }
    }

    @Test("three managers agree, lose their leader, and lose nothing else")
    func three() throws {
        try withFolder { folder in
            let group = try NodeGroup(3, in: folder)
            let first = try #require(group.leader())
            for number in 0..<20 { _ = try group.put("a\(number)", "1", at: first).get() }
            let gone = try #require(first.status.leader)
            group.stop(gone)
            let second = try #require(group.leader())
            for number in 0..<20 { _ = try group.put("b\(number)", "2", at: second).get() }
            let back = try group.start(gone)
            let applied = second.status.applied
            #expect(group.wait { back.status.applied >= applied })
            let states = try group.ids.map { id in
                try group.read(at: #require(group.nodes[id])).get()
            }
            #expect(states[0].values.count == 40)
            #expect(states.allSatisfy { $0 == states[0] })
            group.stopAll()
        }
    }

    @Test("a manager that lacks what others have forgotten is sent a snapshot")
    func snapshot() throws {
        try withFolder { folder in
            let group = try NodeGroup(3, in: folder) { settings in
                settings.snapshotEntries = 100
                settings.entriesKept = 10
                settings.rules.keptOctetsMax = 0
                settings.rules.snapshotChunkOctets = 4096
            }
            let leader = try #require(group.leader())
            let away = try #require(group.ids.first { $0 != leader.status.leader })
            group.stop(away)
            let value = String(repeating: "x", count: 200)
            for number in 0..<500 { _ = try group.put("k\(number % 300)", value, at: leader).get() }
            #expect(group.wait { leader.status.counts.snapshotsTaken >= 3 })
            let back = try group.start(away)
            let applied = leader.status.applied
            #expect(group.wait { back.status.applied >= applied })
            #expect(back.status.counts.snapshotsReceived >= 1)
            let states = [try group.read(at: back).get(), try group.read(at: leader).get()]
            #expect(states[0] == states[1])
            // And it has it on its disk.
            group.stop(away)
            let again = try group.start(away)
            #expect(group.wait { again.status.applied >= applied })
            group.stopAll()
        }
    }

    @Test("a manager that joins votes once it has caught up")
    func joins() throws {
        try withFolder { folder in
            let group = try NodeGroup(1, in: folder)
            let leader = try #require(group.leader())
            for number in 0..<20 { _ = try group.put("k\(number)", "v", at: leader).get() }
            let joined = try group.join(RaftID(2))
            let change: Result<Void, RaftNodeError> = NodeGroup.answer {
                leader.change(MembershipChange([.join(RaftID(2))]), $0)
            }
            try change.get()
            #expect(group.wait { leader.status.membership.incoming.count == 2 })
            _ = try group.put("last", "v", at: leader).get()
            let applied = leader.status.applied
            #expect(group.wait { joined.status.applied >= applied })
            group.stopAll()
        }
    }

    @Test("a leader hands over, and a client that asks the other next is served")
    func handsOver() throws {
        try withFolder { folder in
            let group = try NodeGroup(3, in: folder)
            let leader = try #require(group.leader())
            let old = try #require(leader.status.leader)
            leader.transferLeadership()
            #expect(group.wait { (group.leader()?.status.leader ?? old) != old })
            let next = try #require(group.leader())
            _ = try group.put("k", "v", at: next).get()
            group.stopAll()
        }
    }
}
