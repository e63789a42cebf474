import Testing

@Suite("House: words and where they may stand")
struct WordTests {
    @Test("the sources are clean")
    func sources() {
        #expect(WordCheck.unfinished(in: Repository.sources) == [])
        #expect(WordCheck.unsafe(in: Repository.sources) == [])
        #expect(WordCheck.unproven(in: Repository.sources) == [])
        #expect(WordCheck.machinePaths(in: Repository.sources) == [])
        #expect(WordCheck.tooLong(in: Repository.sources) == [])
    }

    @Test(
        "a mark of unfinished work is found",
        arguments: ["// TODO later", "/* FIXME: x */", "// XXX", #"let a = "TODO""#]
    )
    func unfinished(line: String) {
        #expect(WordCheck.unfinished(in: ["Sources/Core/Base/A.swift": line]).count == 1)
        #expect(WordCheck.unfinished(in: ["Sources/System/CLinux/a.c": line]).count == 1)
        #expect(WordCheck.unfinished(in: ["Tests/BaseTests/A.swift": line]) == [])
    }

    @Test(
        "a longer word is no mark",
        arguments: ["let mkdtemp = \"XXXXXX\"", "// TODOS", "todo()"]
    )
    func finished(line: String) {
        #expect(WordCheck.unfinished(in: ["Sources/Core/Base/A.swift": line]) == [])
    }

    @Test("unsafe is found outside System and Testing")
    func unsafe() {
        let line = "let a = unsafe b  // unsafe\nlet c = \"unsafe\""
        for path in ["Shell/HTTPAPI", "Run/Daemon", "Core/Base", "Benchmarks/EchoBenchmarks"] {
            let found = WordCheck.unsafe(in: ["Sources/\(path)/A.swift": line])
            #expect(found.map(\.line) == [1])
        }
        for path in ["Sources/System/LDNS", "Sources/Testing/Fuzz/Query", "Tests/LDNSTests"] {
            #expect(WordCheck.unsafe(in: ["\(path)/A.swift": line]) == [])
        }
        #expect(WordCheck.unsafe(in: ["Sources/Run/Daemon/A.swift": "x.unsafe(unsafely)"]) == [])
    }

    @Test(
        "a promise needs System and a proof",
        arguments: [
            "final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1",
            "@preconcurrency import B",
        ]
    )
    func unproven(line: String) {
        func found(_ path: String, _ text: String) -> Int {
            WordCheck.unproven(in: ["Sources/\(path)/A.swift": text]).count
        }
        let proof = "// Proof: written once before the threads start.\n"
        #expect(found("System/LinuxSystem", line) == 1)
        #expect(found("System/LinuxSystem", "// Proof:\n" + line) == 1)
        #expect(found("System/LinuxSystem", proof + "let a = 1\n" + line) == 1)
        #expect(found("System/LinuxSystem", proof + line) == 0)
        #expect(found("System/LinuxSystem", proof + "// and so on\n@a\n" + line) == 0)
        #expect(found("System/LinuxSystem", line + "\n    " + proof) == 0)
        #expect(found("Run/Daemon", proof + line) == 1)
        #expect(found("Run/Daemon", "// " + line) == 0)
    }

    @Test(
        "a path of one machine is found",
        arguments: ["see /work/x", "`/root/.cache`", "cd /tmp", "\"/tmp/a.sock\"", "/work"]
    )
    func machinePath(line: String) {
        for path in ["Sources/Run/Daemon/A.swift", "docs/a.md", "README.md"] {
            #expect(WordCheck.machinePaths(in: [path: line]).count == 1)
        }
        #expect(WordCheck.machinePaths(in: ["Tests/A/A.swift": line]) == [])
    }

    @Test(
        "another path is not",
        arguments: [
            "/var/lib/waggle", "docs/work/a", "~/root/a", "/workers", "/rooted", "$X/tmp/a2b",
        ]
    )
    func otherPath(line: String) {
        #expect(WordCheck.machinePaths(in: ["docs/a.md": line]) == [])
    }

    @Test("a long file is found, a generated one is not")
    func tooLong() {
        let long = String(repeating: "\n", count: 501)
        #expect(WordCheck.tooLong(in: ["Sources/Core/Base/A.swift": long]).count == 1)
        #expect(WordCheck.tooLong(in: ["Tests/BaseTests/A.swift": long]) == [])
        #expect(WordCheck.tooLong(in: ["Sources/Wire/ClusterWire/Generated/A.swift": long]) == [])
    }
}
