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

    /// Whether a comment `// WORD: reason` stands on the line, in the comments and attributes
    /// directly above it, or in the comments directly below.
    func hasReason(_ word: String, at line: Int) -> Bool {
        let above = lines[..<max(0, line - 1)].reversed().prefix { text in
            let code = text.drop { $0 == " " }
            return code.hasPrefix("//") || code.hasPrefix("@")
        }
        let below = lines.dropFirst(line).prefix { $0.drop { $0 == " " }.hasPrefix("//") }
        return ([lines[line - 1]] + above + below).contains { text in
            guard let mark = text.firstRange(of: "// \(word): ") else { return false }
            return !text[mark.upperBound...].allSatisfy(\.isWhitespace)
        }
    }
}

extension SourceFile {
    /// The index of the bracket that closes the one at `index`, or the last token.
    func closing(_ index: Int) -> Int {
        var depth = 0
        for at in index..<tokens.count {
            switch tokens[at].text {
            case "(", "[", "{": depth += 1
            case ")", "]", "}": depth -= 1
            default: break
            }
            if depth == 0 { return at }
        }
        return tokens.count - 1
    }

    /// The index of the bracket that opens what the one at `index` closes, or the first token.
    func opening(_ index: Int) -> Int {
        var depth = 0
        for at in (0...index).reversed() {
            switch tokens[at].text {
            case ")", "]", "}": depth += 1
            case "(", "[", "{": depth -= 1
            default: break
            }
            if depth == 0 { return at }
        }
        return 0
    }
}

/// What a check found, printed as a compiler would.
struct Violation: Hashable, CustomStringConvertible {
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}
