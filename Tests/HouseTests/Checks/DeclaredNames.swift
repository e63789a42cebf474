/// The names a file or a target declares, sorted by whether their type has an order.
struct DeclaredNames {
    /// Names of dictionaries and sets.
    private(set) var unordered: Set<String> = []
    /// Names declared as something else only.
    private(set) var ordered: Set<String> = []
    /// Those of `unordered` that other files of the target can see.
    private var properties: Set<String> = []
    /// For each type its properties, and whether each is a dictionary or set.
    private(set) var members: [String: [String: Bool]] = [:]
    /// For variables and parameters the name of their type.
    private(set) var types: [String: String] = [:]

    init() {}

    init(in file: SourceFile) {
        let aliases = Set(
            file.tokens.indices.filter { index in
                file.text(index) == "typealias" && file.text(index + 2) == "="
                    && Self.isUnorderedType(file, index + 3, aliases: [])
            }.map { file.text($0 + 1) }
        )
        var scopes = TypeScopes()
        for index in file.tokens.indices {
            scopes.take(file, index)
            let name = file.text(index)
            if file.text(index + 1) == ":", let type = Self.typeName(file, index + 2) {
                types[name] = type
            }
            guard let isUnordered = Self.kind(file, index, aliases: aliases) else { continue }
            let isVariable = ["let", "var"].contains(file.text(index - 1))
            if let type = scopes.innermost, isVariable {
                members[type, default: [:]][name] = isUnordered
            }
            if isUnordered {
                unordered.insert(name)
                if isVariable, scopes.innermost != nil, !Self.isPrivate(file, index) {
                    properties.insert(name)
                }
            } else {
                ordered.insert(name)
            }
        }
        ordered.subtract(unordered)
    }

    /// Takes over what other files of the target can see of `file`.
    mutating func share(_ file: DeclaredNames) {
        unordered.formUnion(file.properties)
        for (type, names) in file.members {
            members[type, default: [:]].merge(names) { $0 || $1 }
        }
    }

    /// Whether the word at `index` is declared here as unordered; nil when it is no declaration.
    private static func kind(_ file: SourceFile, _ index: Int, aliases: Set<String>) -> Bool? {
        guard file.text(index).first?.isLetter == true else { return nil }
        let isVariable = ["let", "var"].contains(file.text(index - 1))
        switch file.text(index + 1) {
        case ":":
            // A variable, a parameter, or an argument: only a type can follow the first two.
            if isUnorderedType(file, index + 2, aliases: aliases) { return true }
            return isVariable ? false : nil
        case "=" where isVariable:
            return isUnorderedType(file, index + 2, aliases: aliases)
        default:
            return isVariable ? false : nil
        }
    }

    /// Whether a dictionary or set type, or a literal of one, begins at `index`.
    private static func isUnorderedType(
        _ file: SourceFile,
        _ index: Int,
        aliases: Set<String>
    ) -> Bool {
        let at = afterModifiers(file, index)
        if ["Set", "Dictionary"].contains(file.text(at)) {
            return ["<", "(", "="].contains(file.text(at + 1))
        }
        if aliases.contains(file.text(at)) { return true }
        guard file.text(at) == "[" else { return false }
        let end = file.closing(at)
        // `[a: b].keys` is what its chain says; `[x].map` is an array.
        guard file.text(end + 1) != "." else { return false }
        var inside = at + 1
        while inside < end {
            if ["(", "[", "{"].contains(file.text(inside)) { inside = file.closing(inside) }
            if file.text(inside) == ":" { return true }
            inside += 1
        }
        return false
    }

    private static func typeName(_ file: SourceFile, _ index: Int) -> String? {
        let word = file.text(afterModifiers(file, index))
        return word.first?.isUppercase == true ? word : nil
    }

    private static func afterModifiers(_ file: SourceFile, _ index: Int) -> Int {
        let modifiers: Set = ["inout", "borrowing", "consuming", "sending", "(", "@"]
        return (index..<max(index, file.tokens.count)).first { !modifiers.contains(file.text($0)) }
            ?? index
    }

    private static func isPrivate(_ file: SourceFile, _ index: Int) -> Bool {
        // Not `private(set)`: that can be read.
        ["private", "fileprivate"].contains(file.text(index - 2))
    }
}

/// Which type's braces the walk over a file's tokens is directly in.
private struct TypeScopes {
    /// For each open brace the type it opens, nil for other braces.
    private var stack: [String?] = []
    private var announced: String?

    /// The type whose member a declaration here is; nil inside functions and outside types.
    var innermost: String? { stack.last ?? nil }

    mutating func take(_ file: SourceFile, _ index: Int) {
        switch file.text(index) {
        case "struct", "class", "enum", "actor", "extension", "protocol":
            guard file.text(index - 1) != ".", file.text(index + 1).first?.isUppercase == true
            else { return }
            var name = index + 1
            while file.text(name + 1) == "." { name += 2 }
            announced = file.text(name)
        case "{":
            stack.append(announced)
            announced = nil
        case "}":
            _ = stack.popLast()
        default:
            break
        }
    }
}
