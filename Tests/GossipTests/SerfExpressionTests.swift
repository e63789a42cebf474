import Gossip
import Testing

@Suite("Expressions of a query's filter")
struct SerfExpressionTests {
    @Test(
        "an expression is found where it is",
        arguments: [
            ("web", "web", true), ("web", "a web b", true), ("web", "we", false),
            ("^web$", "web", true), ("^web$", "webs", false), ("", "", true), ("", "x", true),
            ("^$", "", true), ("^$", "x", false), ("w.b", "wob", true), ("w.b", "w\nb", false),
            ("a*", "", true), ("^a*$", "aaa", true), ("^a+$", "", false), ("^a+$", "aa", true),
            ("^ab?c$", "ac", true), ("^ab?c$", "abbc", false), ("^(ab|cd)+$", "abcdab", true),
            ("^(ab|cd)+$", "abc", false), ("^(?:a|b|)$", "", true), ("x|^y$", "zy", false),
            ("^[a-c1]+$", "abc1", true), ("^[^a-c]+$", "xyzb", false), ("^[]a]+$", "a]a", true),
            ("^[a-]$", "-", true), ("^\\d{2,3}$", "12", true), ("^\\d{2,3}$", "1234", false),
            ("^\\d{2}$", "123", false), ("^\\d{2,}$", "12345", true), ("^[\\w.]+$", "a_1.b", true),
            ("^\\S+\\s\\W$", "ab -", true), ("a\\.b", "axb", false), ("a\\.b", "a.b", true),
            ("^.*?b$", "aab", true), ("^()*$", "", true), ("(a*)*b", "aaac", false),
            ("^ü$", "ü", true),
        ]
    )
    func matching(expression: String, value: String, expected: Bool) throws {
        let read = try #require(SerfExpression(Array(expression.utf8)), "\(expression)")
        #expect(read.matches(Array(value.utf8)) == expected, "\(expression) in \(value)")
    }

    @Test(
        "what is no expression, or beyond what is known, is refused",
        arguments: [
            "(", ")", "a)", "[a", "*", "+a", "a**", "a{", "a{2", "a{3,2}", "a{2}{2}", "\\", "\\b",
            "\\1", "(?i)a", "[[:alpha:]]", "[z-a]", "a{9999}", "((a{99}){99}){99}",
            String(repeating: "(", count: 40), String(repeating: "a", count: 513),
        ]
    )
    func refused(expression: String) {
        let isRead = SerfExpression(Array(expression.utf8)) != nil
        #expect(!isRead)
    }

    @Test("an expression made to take for ever does not")
    func bounded() throws {
        let expression = try #require(SerfExpression(Array("^(a|aa|a*)*(a|aa)*b$".utf8)))
        let value = [UInt8](repeating: UInt8(ascii: "a"), count: 500)
        #expect(!expression.matches(value))
        #expect(expression.matches(value + [UInt8(ascii: "b")]))
    }
}
