import Foundation
import Testing

import raft_trace

/// Recorded runs of etcd's engine; they are not part of this repository.
private enum Recordings {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "shared/fixtures/raft-traces")

    static let paths: [String] = {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        let found = files?.compactMap { $0 as? URL } ?? []
        return found.filter { $0.pathExtension == "txt" }.map(\.path).sorted()
    }()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: URL(filePath: path), encoding: .utf8)
    }
}

@Suite("Recorded runs of etcd")
struct TraceTests {
    @Test(
        "this engine does what etcd's did",
        .enabled(if: !Recordings.paths.isEmpty, "the recordings are not beside this checkout"),
        arguments: Recordings.paths
    )
    func recorded(path: String) throws {
        let result = RaftTrace.check(try Recordings.text(path))
        #expect(result.failure == nil)
        #expect(result.directives > 0)
    }

    /// Of each run that is recorded, one octet of what was printed is made another.
    @Test(
        "a recording that says something else is noticed",
        .enabled(if: !Recordings.paths.isEmpty, "the recordings are not beside this checkout"),
        arguments: Recordings.paths
    )
    func changed(path: String) throws {
        let text = try Recordings.text(path)
        let result = try #require(Self.withChange(text))
        #expect(RaftTrace.check(result).failure != nil)
    }

    private static func withChange(_ text: String) -> String? {
        let forms = [
            ("Term:1", "Term:9"), ("VoteWon", "VoteLost"), ("(id=1)", "(id=8)"),
            ("next=1", "next=3"),
        ]
        for (old, new) in forms {
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                .map { String($0) }
            let place = lines.lastIndex { line in
                line.contains(old) && !line.hasPrefix("#") && !line.contains("INFO")
            }
            guard let place else { continue }
            lines[place] = lines[place].replacing(old, with: new)
            return lines.joined(separator: "\n")
        }
        return nil
    }

    @Test("a run of one's own is carried out and compared")
    func own() throws {
        let text = """
            # Three nodes, one of which leads.
            add-nodes 3 voters=(1,2,3) index=10
            ----
            INFO a line of the log is not compared

            campaign 1
            ----
            ok

            stabilize log-level=none
            ----
            ok

            raft-state
            ----
            1: StateLeader (Voter) Term:1 Lead:1
            2: StateFollower (Voter) Term:1 Lead:1
            3: StateFollower (Voter) Term:1 Lead:1

            """
        #expect(RaftTrace.check(text).failure == nil)
        let other = text.replacing("2: StateFollower", with: "2: StateLeader")
        #expect(RaftTrace.check(other).failure?.contains("line 14") == true)
    }

    @Test(
        "a file that is no recording says so",
        arguments: [
            "", "campaign 1\n", "fly 1\n----\nok\n", "campaign 1\n----\nok\n",
            "vote cfg=(1\n----\n",
        ]
    )
    func malformed(text: String) {
        #expect(RaftTrace.check(text).failure != nil)
    }
}
