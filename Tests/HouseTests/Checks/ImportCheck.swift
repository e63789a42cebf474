/// Holds every import of the walled rooms against the table, and C modules against one owner.
enum ImportCheck {
    /// Imports that the table does not allow, and targets that it does not know.
    static func violations(in sources: [String: String]) -> [Violation] {
        SourceFile.swift(in: sources).flatMap { file -> [Violation] in
            guard let room = file.room, Rooms.walled.contains(room) else { return [] }
            guard let allowed = Rooms.allowed(target: file.target, room: room) else {
                return [file.violation(at: 1, "target \(file.target) has no line in Rooms.uses")]
            }
            return file.imports.filter { !allowed.contains($0.text) }.map { module in
                file.violation(
                    at: module.line,
                    "\(file.target) (\(room)) may not import \(module.text)"
                )
            }
        }
    }

    /// C modules imported by more than one Swift target, or, in System, by none.
    ///
    /// A module counts once the manifest names it, so that a folder may come before its target.
    static func sharedCModules(in sources: [String: String]) -> [Violation] {
        let manifest = sources["Package.swift"] ?? ""
        let headers = sources.keys.sorted().filter { path in
            path.hasPrefix("Sources/") && (path.hasSuffix(".h") || path.hasSuffix(".modulemap"))
        }
        var importers: [String: Set<String>] = [:]
        for file in SourceFile.swift(in: sources) {
            for module in file.imports {
                importers[module.text, default: []].insert(file.target)
            }
        }
        var seen: Set<String> = []
        return headers.compactMap { path -> Violation? in
            let header = SourceFile(path: path, text: "")
            guard manifest.contains("\"\(header.target)\""),
                seen.insert(header.target).inserted
            else { return nil }
            let targets = (importers[header.target] ?? []).sorted()
            if targets.count == 1 || (targets.isEmpty && header.room != "System") { return nil }
            let names = targets.isEmpty ? "no target" : targets.joined(separator: ", ")
            return header.violation(
                at: 1,
                "C module \(header.target) is imported by \(names), not by exactly one"
            )
        }
    }
}
