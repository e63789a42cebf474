import Testing

@Suite("House: no unordered iteration reaches an output")
struct OrderTests {
    @Test("the sources are clean")
    func sources() {
        #expect(OrderCheck.violations(in: Repository.sources) == [])
    }

    @Test(
        "a planted leak is found",
        arguments: [
            "for name in names {}", "for (key, value) in names {}", "for key in names.keys {}",
            "for key in self.names.keys {}", "for x in self.names.filter({ $0.value > 1 }) {}",
            "return names.values.map { $0 + 1 }", "let a = Array(names)",
            "let a = Array(names.keys)",
            "names.forEach { f($0) }", "let a = names.first",
            "out.append(contentsOf: names.values)",
            "let a = names.keys.joined()", "let a = names.min { $0.value < $1.value }",
            "for x in seen {}", "for x in seen.union(other) {}", "let a = seen.map { $0 }",
            "while let x = seen.popFirst() {}", "for x in Set(list) {}", "let k = names.keys",
            "Dictionary(grouping: list) { $0 }.map { $0.key }", "for x in later {}",
            "let a = seen.randomElement()", "for case .a(let x) in seen {}",
            "let a = names.reduce(0) { f($0, $1) }", "for x in index {}",
            "for x in argument {}", "let z = zip(names.keys, list)",
        ]
    )
    func planted(line: String) {
        #expect(found(line).count == 1)
    }

    @Test(
        "an innocent look-alike is not reported",
        arguments: [
            "for name in names.keys.sorted() {}", "for (k, v) in names.sorted(by: <) {}",
            "let a = names.keys.count", "if names.keys.contains(x) {}", "let a = names[key]",
            "for x in names[key, default: []] {}", "for x in list {}", "list.map { $0 }",
            "let a = Set(names.keys)", "seen.formUnion(names.keys)", "let a = names.values.max()",
            "names.removeValue(forKey: x)", "let n = names.mapValues { $0 + 1 }",
            "let a = names.isEmpty", "// for name in names {}", #"let a = "for x in names""#,
            "f(names: list)", "let s = list.map { x in names[x] }",
            "let a = names.filter { $0.value > 1 }.keys.sorted()", "seen.insert(x)",
            "let a = names.values.allSatisfy { $0 > 1 }",
            "// Unordered: a sum has no order.\nfor value in names.values { total += value }",
            "for value in names.values { total += value }  // Unordered: a sum has no order.",
        ]
    )
    func innocent(line: String) {
        #expect(found(line) == [])
    }

    @Test("a reason has to be given")
    func reason() {
        #expect(found("// Unordered: \nfor x in names {}").count == 1)
    }

    @Test("a property is known in the target's other files, unless they declare the name anew")
    func otherFiles() {
        let declaring = "struct A {\n    var table: [Int: Int] = [:]\n}"
        let using = "for x in a.table {}"
        let own = "let table = [1, 2]\nfor x in table {}"
        #expect(found(using, beside: declaring).count == 1)
        #expect(found(own, beside: declaring) == [])
        #expect(
            found("for x in a.table {}", beside: "struct A {\n    private var table: [Int: Int]\n}")
                == []
        )
    }

    @Test("a member is looked up in the type of its owner, where that is known")
    func owners() {
        let types = """
            struct Sandbox { let networks: [Int] }
            struct Registry { private(set) var networks: [Int: Int] = [:] }
            struct Store { var lone: [Int: Int] = [:] }
            """
        func count(_ line: String) -> Int { found(line, beside: types).count }
        #expect(count("for n in sandbox.networks {}") == 0)
        #expect(count("func f(box: borrowing Sandbox) { for n in box.networks {} }") == 0)
        #expect(count("for n in registry.networks {}") == 1)
        #expect(count("func f(r: Registry) { for n in r.networks {} }") == 1)
        #expect(count("for n in f(x).networks {}") == 0)
        #expect(count("for n in f(x).lone {}") == 1)
        #expect(count("extension Registry { func f() { for n in self.networks {} } }") == 1)
    }

    @Test("other rooms may iterate as they like")
    func otherRooms() {
        let source = "let a: Set<Int> = []\nfor x in a {}"
        #expect(OrderCheck.violations(in: ["Sources/Shell/HTTPAPI/A.swift": source]) == [])
    }

    private func found(_ line: String, beside other: String = "") -> [Violation] {
        let source = """
            typealias Index = [String: [Int]]
            struct A {
                var names: [String: Int] = [:]
                var seen: Set<Int> = []
                var index: Index
                let list: [(key: Int, value: Int)]
                func f(_ argument: borrowing [Int: Int]) {
                    var later = [Int: Int]()
                    let other = Set([1])
            \(line)
                }
            }
            """
        return OrderCheck.violations(in: [
            "Sources/Core/Names/A.swift": other.isEmpty ? source : line,
            "Sources/Core/Names/B.swift": other,
        ])
    }
}
