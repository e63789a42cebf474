/// Holds the documents and the top level of the repository against what is there.
enum DocumentCheck {
    /// What stands at the top level and why is in docs/ARCHITECTURE.md; nothing else does.
    static let topLevel: Set = [
        ".ci", ".gitignore", "Dockerfile", "LICENSE", "Makefile", "Package.swift", "README.md",
        "Sources", "Tests", "docs", "fixtures",
    ]

    /// Paths and types in backticks in `document` that do not exist.
    ///
    /// A word with a slash is a path when it begins with a folder of the top level or of `Sources`.
    /// A single capitalised word with a small letter is a type or target, and has to occur in the
    /// sources.
    static func strangers(
        in document: String,
        at path: String,
        paths: Set<String>,
        sources: [String: String]
    ) -> [Violation] {
        let words = knownWords(in: sources)
        return spans(of: document).compactMap { span, line in
            let text = span.hasSuffix("/") ? String(span.dropLast()) : span
            if isPath(text, paths: paths) {
                let exists = paths.contains(text) || paths.contains("Sources/" + text)
                return exists ? nil : Violation(path: path, line: line, what: "no path \(text)")
            }
            guard isTypeName(text), !words.contains(text) else { return nil }
            return Violation(path: path, line: line, what: "no type or target \(text)")
        }
    }

    /// Whether `document` is longer than `linesMax`, as a violation.
    static func tooLong(_ document: String, at path: String, linesMax: Int) -> [Violation] {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        let count = lines.last == "" ? lines.count - 1 : lines.count
        guard count > linesMax else { return [] }
        return [Violation(path: path, line: linesMax, what: "\(count) lines, at most \(linesMax)")]
    }

    /// The spans in single backticks outside code blocks, each with its line.
    private static func spans(of document: String) -> [(String, Int)] {
        var found: [(String, Int)] = []
        var isCode = false
        for (index, line) in document.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                isCode.toggle()
                continue
            }
            if isCode { continue }
            let parts = line.split(separator: "`", omittingEmptySubsequences: false)
            for part in stride(from: 1, to: parts.count - 1, by: 2) {
                found.append((String(parts[part]), index + 1))
            }
        }
        return found
    }

    private static func isPath(_ text: String, paths: Set<String>) -> Bool {
        if topLevel.contains(text) { return true }
        guard let slash = text.firstIndex(of: "/"), slash != text.startIndex else { return false }
        guard !text.contains(where: { " *{<…".contains($0) }) else { return false }
        let first = String(text[..<slash])
        let rooms = ["Core", "Wire", "System", "Shell", "Run", "Testing", "Benchmarks"]
        return topLevel.contains(first) || rooms.contains(first)
    }

    private static func isTypeName(_ text: String) -> Bool {
        text.first?.isUppercase == true && text.contains(where: \.isLowercase)
            && text.allSatisfy { $0.isLetter || $0.isNumber }
    }

    private static func knownWords(in sources: [String: String]) -> Set<String> {
        var words: Set<String> = []
        for (path, text) in sources {
            if path.hasSuffix(".swift") {
                words.formUnion(SwiftTokens.of(text).map(\.text))
            }
            words.formUnion(path.split(separator: "/").map { String($0) })
        }
        return words
    }
}
