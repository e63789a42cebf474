import Testing

@Suite("House: reading Swift")
struct SwiftTokensTests {
    @Test(
        "comments and strings are no code, interpolations are",
        arguments: [
            ("let a = 1 // async", "let a = 1"),
            ("/* a /* b */ async */ x", "x"),
            (#"f("async \(g(h)) await")"#, #"f ( "" g ( h ) )"#),
            (##"f(#"a "b" \(no) \#(yes)"#)"##, ##"f ( "" yes )"##),
            ("let s = \"\"\"\n  async \"quoted\"\n  \"\"\"\nend", "let s = \"\" end"),
            (#"f("\\") async"#, #"f ( "" ) async"#),
            (#"f("\"") async"#, #"f ( "" ) async"#),
            ("`async` a->b", "`async` a -> b"),
            ("#if os(Linux)", "# if os ( Linux )"),
        ]
    )
    func tokens(source: String, expected: String) {
        #expect(SwiftTokens.of(source).map(\.text).joined(separator: " ") == expected)
    }

    @Test("lines are counted through comments and long strings")
    func lines() {
        let source = "/* 1\n2 */ a\n\"\"\"\n\\(b)\n\"\"\"\nc"
        #expect(SwiftTokens.of(source).map(\.line) == [2, 3, 4, 6])
    }
}
