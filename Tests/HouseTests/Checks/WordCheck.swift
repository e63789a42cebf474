/// Words that may not stand in the sources, or only in some rooms.
enum WordCheck {
    /// Marks of unfinished work.
    static func unfinished(in sources: [String: String]) -> [Violation] {
        everyLine(of: sources, under: ["Sources/"]).filter { _, text in
            ["TODO", "FIXME", "XXX"].contains { hasWord($0, in: text) }
        }.map { file, text in file.with("unfinished work is an issue, not a comment: \(text)") }
    }

    /// `unsafe` outside System and Testing.
    static func unsafe(in sources: [String: String]) -> [Violation] {
        SourceFile.swift(in: sources).flatMap { file -> [Violation] in
            guard let room = file.room, room != "System", room != "Testing" else { return [] }
            return file.tokens.indices.filter { index in
                file.text(index) == "unsafe" && file.text(index - 1) != "."
            }.map { index in
                file.violation(
                    at: file.tokens[index].line,
                    "unsafe stands only in System and Testing"
                )
            }
        }
    }

    /// Promises the compiler cannot check: only in System, each with its `// Proof:`.
    static func unproven(in sources: [String: String]) -> [Violation] {
        SourceFile.swift(in: sources).flatMap { file in
            file.tokens.indices.compactMap { index -> Violation? in
                guard file.room != nil, let promise = promise(file, index) else { return nil }
                let line = file.tokens[index].line
                if file.room != "System" {
                    return file.violation(at: line, "\(promise) stands only in System")
                }
                return file.hasReason("Proof", at: line)
                    ? nil : file.violation(at: line, "\(promise) needs a line `// Proof: …`")
            }
        }
    }

    /// Paths of one machine in sources and documents.
    static func machinePaths(in sources: [String: String]) -> [Violation] {
        everyLine(of: sources, under: ["Sources/", "docs/", "README.md"]).filter { _, text in
            ["/work", "/root", "/tmp"].contains { hasPath($0, in: text) }
        }.map { file, _ in file.with("a path of one machine") }
    }

    /// Files nobody wants to read in one go, generated ones apart.
    static func tooLong(in sources: [String: String]) -> [Violation] {
        SourceFile.swift(in: sources).filter { !$0.path.contains("/Generated/") }.compactMap {
            file in
            let linesMax = file.path.hasPrefix("Tests/") ? 700 : 500
            return file.lines.count > linesMax + 1
                ? file.violation(at: linesMax, "longer than \(linesMax) lines") : nil
        }
    }

    private static func promise(_ file: SourceFile, _ index: Int) -> String? {
        switch (file.text(index), file.text(index + 1), file.text(index + 2)) {
        case ("@", "unchecked", _): "@unchecked"
        case ("@", "preconcurrency", _): "@preconcurrency"
        case ("nonisolated", "(", "unsafe"): "nonisolated(unsafe)"
        default: nil
        }
    }

    /// Every line of the files under those folders, with a place to report it at.
    private static func everyLine(
        of sources: [String: String],
        under folders: [String]
    ) -> [(Place, Substring)] {
        sources.sorted { $0.key < $1.key }
            .filter { path, _ in folders.contains { path.hasPrefix($0) } }
            .flatMap { path, text in
                text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
                    .map { (Place(path: path, line: $0.offset + 1), $0.element) }
            }
    }

    private static func hasWord(_ word: String, in text: Substring) -> Bool {
        text.ranges(of: word).contains { range in
            let before = text[..<range.lowerBound].last
            let after = text[range.upperBound...].first
            return !(before?.isLetter ?? false) && !(after?.isLetter ?? false)
        }
    }

    private static func hasPath(_ path: String, in text: Substring) -> Bool {
        text.ranges(of: path).contains { range in
            let before = text[..<range.lowerBound].last
            let after = text[range.upperBound...].first
            let isInside = before.map { $0.isLetter || $0.isNumber || "._-~})>*".contains($0) }
            let goesOn = after.map { $0.isLetter || $0.isNumber || "_-".contains($0) }
            return !(isInside ?? false) && !(goesOn ?? false)
        }
    }

    private struct Place {
        let path: String
        let line: Int

        func with(_ what: String) -> Violation { Violation(path: path, line: line, what: what) }
    }
}
