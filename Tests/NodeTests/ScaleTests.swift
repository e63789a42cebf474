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
        var figures: [String: Double] = [:]
        for line in outcome.lines {
            let words = line.split(separator: " ")
            if words.count == 2 { figures[String(words[0])] = Double(words[1]) }
        }
        for name in ["answered", "kill-answered", "stop-answered", "serving"] {
            #expect(figures[name] == Double(count), "\(name)")
        }
        // One socket for datagrams and one for connections each, and the watch for mounts.
        let empty = try #require(figures["empty-descriptors"])
        let most = empty + Double(2 * count + 4)
        for name in ["descriptors", "kill-descriptors", "stop-descriptors"] {
            #expect(figures[name].map { $0 >= Double(2 * count) && $0 <= most } == true, "\(name)")
        }
        #expect(figures["end-descriptors"].map { $0 <= empty + 4 } == true)
        // Far below this; what a sandbox costs must not become megabytes.
        #expect(figures["anonymous-kb"].map { $0 < 60 << 10 } == true)
    }
}
