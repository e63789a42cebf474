import Foundation

/// The repository this test was built from, found through the path of this file.
enum Repository {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every path under the top level, files and folders, without build products and git's own.
    static let paths: Set<String> = {
        var found: Set<String> = []
        for entry in topLevel {
            found.insert(entry)
            let inside = FileManager.default.enumerator(atPath: root.appending(path: entry).path)
            while let path = inside?.nextObject() as? String { found.insert("\(entry)/\(path)") }
        }
        return found
    }()

    /// The entries of the top level that are kept in git or could be by accident.
    static let topLevel: [String] = {
        let entries = try? FileManager.default.contentsOfDirectory(atPath: root.path)
        return (entries ?? []).sorted().filter { entry in
            let ignored = [".git", ".swiftpm", "Package.resolved"].contains(entry)
            return !ignored && !entry.hasPrefix(".build")
        }
    }()

    /// The text of every file that a check reads, by path.
    static let sources: [String: String] = {
        var texts: [String: String] = [:]
        let endings = [".swift", ".c", ".h", ".md", ".modulemap", ".service", ".json"]
        let folders = ["Sources/", "Tests/", "docs/"]
        for path in paths where folders.contains(where: path.hasPrefix) {
            guard endings.contains(where: path.hasSuffix) else { continue }
            texts[path] = text(path)
        }
        for path in ["Package.swift", "README.md", "Makefile", "Dockerfile", ".ci/run"] {
            texts[path] = text(path)
        }
        return texts
    }()

    /// The text of one file, nil when it is not there.
    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
