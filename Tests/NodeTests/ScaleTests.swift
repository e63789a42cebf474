import Foundation
import Testing

/// Many sandboxes on one daemon: counts and descriptors here, times with `make scale`.
@Suite(
    "Many sandboxes",
    Requirement.namespaces,
    Requirement.tools(Tool.python),
    .alone,
    .timeLimit(.minutes(10))
)
struct ScaleTests {
    @Test("two hundred namespaces: all are served, before and after a kill and a stop")
    func namespaces() async throws {
        let count = 200
        let words = [Tool.python, Repository.fixture("scale.py"), Executable.path, "\(count)", "1"]
        let outcome = try await run(words, seconds: 300)
        #expect(outcome.status == 0, "\(outcome)")
        var figures: [String: Int] = [:]
        for line in outcome.lines {
            let words = line.split(separator: " ")
            if words.count == 2 { figures[String(words[0])] = Double(words[1]).map { Int($0) } }
        }
        for name in ["answered", "kill-answered", "stop-answered", "serving"] {
            #expect(figures[name] == count, "\(name)")
        }
        // One socket for datagrams and one for connections each, and the watch for mounts.
        let empty = try #require(figures["empty-descriptors"])
        let most = empty + 2 * count + 4
        for name in ["descriptors", "kill-descriptors", "stop-descriptors"] {
            let descriptors = figures[name] ?? 0
            #expect(descriptors >= 2 * count && descriptors <= most, "\(name)")
        }
        #expect(figures["end-descriptors"] ?? .max <= empty + 4)
        // A sanitizer's own memory would hide what a sandbox costs.
        let own = figures["empty-anonymous-kb"] ?? 0
        if own < 30_000 { #expect(figures["anonymous-kb"] ?? .max < own + 100 * count) }
    }
}
