import Testing

@Suite("House: Core and Wire are pure")
struct PurityTests {
    @Test("the sources are")
    func sources() {
        #expect(PurityCheck.violations(in: Repository.sources) == [])
    }

    @Test(
        "a planted violation is found",
        arguments: [
            "func f() async {}", "let x = await y", "actor Store {}", "Task { }",
            "Task.detached { }", "Task(priority: .high) { }", "Task<Void, Never>.sleep",
            "let lock = Mutex(0)", "unsafe p.pointee", "let p: UnsafePointer<UInt8>",
            "let now = ContinuousClock.now", "let n = Int.random(in: 0..<4)", "list.shuffled()",
            "list.randomElement()", "value.hashValue", "func f(_ x: any Engine)",
            #"print("\(await x)")"#, "nonisolated let a = 1",
            "withTaskGroup(of: Int.self) { _ in }",
        ]
    )
    func planted(line: String) {
        let found = PurityCheck.violations(in: ["Sources/Core/Names/A.swift": "// a\n" + line])
        #expect(found.map(\.line) == [2])
        #expect(PurityCheck.violations(in: ["Sources/Wire/DNSWire/A.swift": line]).count == 1)
        #expect(PurityCheck.violations(in: ["Sources/Shell/HTTPAPI/A.swift": line]) == [])
    }

    @Test(
        "an innocent look-alike is not reported",
        arguments: [
            "// async await actor Task", #"let s = "unsafe async Task { }""#, "let `async` = 1",
            "let task = Task(id: id, slot: 1)", "var tasks: [Task] = []", "case .any:",
            "package static let any = RecordType(255)", "func f(actor: Name) {}", "x.async",
            "Int.random(in: 0..<4, using: &generator)", "list.shuffled(using: &generator)",
            "/* withTaskGroup */", "generator.shuffle(&list, using: x)", "let unsafeName = 1",
        ]
    )
    func innocent(line: String) {
        #expect(PurityCheck.violations(in: ["Sources/Core/Names/A.swift": line]) == [])
    }
}
