/// One file as the checks see it: where it stands, its text and its tokens.
struct SourceFile {
    let path: String
    let lines: [Substring]
    let tokens: [Token]

    /// The Swift files among `sources` (path from the top of the repository to text), in order.
    static func swift(in sources: [String: String]) -> [SourceFile] {
        sources.sorted { $0.key < $1.key }
            .filter { $0.key.hasSuffix(".swift") }
            .map { SourceFile(path: $0.key, text: $0.value) }
    }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        tokens = path.hasSuffix(".swift") ? SwiftTokens.of(text) : []
    }

    /// `Core` for `Sources/Core/Base/CIDR.swift`; nil outside `Sources`.
    var room: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    /// The name of the target: the folder under the room, or the folder under `Tests`.
    ///
    /// Fuzz targets stand one folder deeper and are named with it: `Fuzz/Query`.
    var target: String {
        let parts = path.split(separator: "/").map { String($0) }
        guard parts.count > 2 else { return path }
        if parts[0] == "Tests" { return parts[1] }
        guard parts.count > 3 else { return parts[1] }
        return parts[2] == "Fuzz" && parts.count > 4 ? "Fuzz/" + parts[3] : parts[2]
    }

    /// The modules the file imports, each with its line.
    var imports: [Token] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
        return tokens.indices.compactMap { index in
            guard tokens[index].text == "import", text(index - 1) != "." else { return nil }
            let module = kinds.contains(text(index + 1)) ? index + 2 : index + 1
            return module < tokens.count ? tokens[module] : nil
        }
    }

    /// The text of a token, or nothing outside the file.
    func text(_ index: Int) -> String {
        tokens.indices.contains(index) ? tokens[index].text : ""
    }

    func violation(at line: Int, _ what: String) -> Violation {
        Violation(path: path, line: line, what: what)
    }

    /// Whether a comment `// WORD: reason` stands on the line or in the comments and attributes
    /// directly above it.
    func hasReason(_ word: String, at line: Int) -> Bool {
        var index = line - 1
        while lines.indices.contains(index) {
            if let comment = lines[index].firstRange(of: "// \(word): ") {
                return !lines[index][comment.upperBound...].allSatisfy(\.isWhitespace)
            }
            index -= 1
            guard lines.indices.contains(index) else { return false }
            let above = lines[index].drop { $0 == " " }
            guard above.hasPrefix("//") || above.hasPrefix("@") else { return false }
        }
        return false
    }
}

/// What a check found, printed as a compiler would.
struct Violation: Hashable, CustomStringConvertible {
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}
