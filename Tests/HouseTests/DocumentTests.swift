import Foundation
import Testing

@Suite("House: documents tell the truth about the tree")
struct DocumentTests {
    @Test("the top level holds what it should and no more")
    func topLevel() {
        #expect(Set(Repository.topLevel).subtracting(DocumentCheck.topLevel) == [])
    }

    @Test("docs/ARCHITECTURE.md names what exists, in at most 250 lines")
    func architecture() {
        let path = "docs/ARCHITECTURE.md"
        guard let text = Repository.text(path) else { return }
        let strangers = DocumentCheck.strangers(
            in: text,
            at: path,
            paths: Repository.paths,
            sources: Repository.sources
        )
        #expect(strangers == [])
        #expect(DocumentCheck.tooLong(text, at: path, linesMax: 250) == [])
    }

    @Test("README.md has at most 80 lines")
    func readme() {
        guard let text = Repository.text("README.md") else { return }
        #expect(DocumentCheck.tooLong(text, at: "README.md", linesMax: 80) == [])
    }

    @Test("every decision has its four parts")
    func decisions() {
        let entries = Repository.sources.filter { $0.key.hasPrefix("docs/decisions/") }
        for (path, text) in entries {
            for part in ["## Context", "## Options", "## Choice", "## We would be wrong if"] {
                #expect(text.contains("\n\(part)\n"), "\(path) lacks \(part)")
            }
        }
    }

    @Test("scripts can be run", arguments: [".ci/run", ".ci/install"])
    func scripts(path: String) {
        let file = Repository.root.appending(path: path).path
        #expect(FileManager.default.isExecutableFile(atPath: file))
    }

    private static let paths: Set = ["docs", "docs/a.md", "Sources", "Sources/Core", "Makefile"]
    private static let sources = ["Sources/Core/Base/CIDR.swift": "struct CIDRBlock {} // Gone"]

    @Test(
        "a stranger is found",
        arguments: [
            "`docs/b.md`", "see `Sources/Wire/` and", "`Core/Names`", "`README.md`", "`NameTable`",
            "`Gone`", "a `Base` and `Names`",
        ]
    )
    func stranger(line: String) {
        let found = DocumentCheck.strangers(
            in: "# x\n\(line)\n",
            at: "a.md",
            paths: Self.paths,
            sources: Self.sources
        )
        #expect(found.map(\.line) == [2])
    }

    @Test(
        "what exists or is neither path nor type is not reported",
        arguments: [
            "`docs/a.md`", "`docs/`", "`Core`", "`Sources/Core/`", "`Makefile`", "`CIDRBlock`",
            "`Base`",
            "`/metrics`", "`a/b`", "`docs/*.md`", "docs/b.md", "`SIGHUP`", "`make run`", "`web.1`",
            "```\ndocs/b.md `NameTable`\n```", "`CIDR.swift`",
        ]
    )
    func known(line: String) {
        let found = DocumentCheck.strangers(
            in: line,
            at: "a.md",
            paths: Self.paths,
            sources: Self.sources
        )
        #expect(found == [])
    }

    @Test("a document is too long from one line more on")
    func length() {
        #expect(DocumentCheck.tooLong("a\nb\n", at: "a.md", linesMax: 2) == [])
        #expect(DocumentCheck.tooLong("a\nb\nc\n", at: "a.md", linesMax: 2).count == 1)
    }
}
