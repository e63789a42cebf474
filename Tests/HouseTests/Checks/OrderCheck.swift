/// Finds places in Core and Wire where the order of a dictionary or set may reach an output.
///
/// That order differs from process to process, so two builds of the same state would differ too.
/// The check knows a collection by how its name is declared, in the same file or, for a name that
/// the file does not declare itself, elsewhere in the target. It follows the chain of calls behind
/// the name: `sorted`, `count`, `contains` and their like settle the order, `map`, `keys`, `first`
/// and a `for` let it out. Where order is truly without effect, a comment `// Unordered: why` on
/// the line or above it says so.
enum OrderCheck {
    /// Members that make the order irrelevant.
    private static let settling: Set = [
        "sorted", "count", "isEmpty", "contains", "allSatisfy", "isSubset",
        "isSuperset", "isDisjoint", "isStrictSubset", "isStrictSuperset",
    ]

    /// Members that settle the order unless a closure can call two elements equal.
    private static let extremes: Set = ["min", "max"]

    /// Callers whose result depends on the elements alone.
    private static let settlingCalls: Set = [
        "Set", "Dictionary", "count", "formUnion", "formIntersection", "subtract",
        "formSymmetricDifference", "union", "intersection", "subtracting", "isSubset",
        "isSuperset", "isDisjoint", "uniqueKeysWithValues",
    ]

    /// Callers that keep the order they are given.
    private static let keepingCalls: Set = [
        "Array", "ContiguousArray", "Deque", "zip", "contentsOf",
    ]

    /// Members whose result is as unordered as what they are called on.
    private static let unordered: Set = [
        "filter", "mapValues", "compactMapValues", "merging", "union", "intersection",
        "subtracting", "symmetricDifference",
    ]

    /// Members whose result is a sequence in that accidental order.
    private static let sequences: Set = [
        "keys", "values", "map", "compactMap", "flatMap", "lazy", "enumerated", "reversed",
        "prefix", "suffix", "dropFirst", "dropLast", "elements",
    ]

    /// Members that act on that order at once.
    private static let leaking: Set = [
        "first", "forEach", "reduce", "makeIterator", "randomElement", "popFirst", "removeFirst",
        "joined", "elementsEqual", "lexicographicallyPrecedes", "startIndex",
    ]

    static func violations(in sources: [String: String]) -> [Violation] {
        let files = SourceFile.swift(in: sources).filter { file in
            file.room == "Core" || file.room == "Wire"
        }
        var shared: [String: Set<String>] = [:]
        let names = files.map { DeclaredNames(in: $0) }
        for (file, declared) in zip(files, names) {
            shared[file.target, default: []].formUnion(declared.properties)
        }
        return zip(files, names).flatMap { file, declared in
            let known = declared.unordered.union(
                (shared[file.target] ?? []).subtracting(declared.ordered)
            )
            return violations(in: file, names: known)
        }
    }

    private static func violations(in file: SourceFile, names: Set<String>) -> [Violation] {
        file.tokens.indices.compactMap { index in
            let word = file.text(index)
            let leak: String? =
                if names.contains(word), !isLabel(file, index) {
                    leak(file, start: expressionStart(file, index), next: index + 1)
                } else if let end = makesCollection(file, index) {
                    leak(file, start: index, next: end)
                } else {
                    nil
                }
            let line = file.tokens[index].line
            guard let leak, !file.hasReason("Unordered", at: line) else { return nil }
            return file.violation(at: line, "the order of \(word) reaches \(leak)")
        }
    }

    /// How the order gets out of the chain whose next token is at `next`; nil when it does not.
    private static func leak(_ file: SourceFile, start: Int, next: Int) -> String? {
        var at = next
        var sequence: String?
        while true {
            while ["?", "!"].contains(file.text(at)) { at += 1 }
            guard file.text(at) == "." else { break }
            let member = file.text(at + 1)
            if settling.contains(member) { return nil }
            if leaking.contains(member) { return member }
            if extremes.contains(member) {
                return file.text(at + 2) == "(" && file.text(at + 3) == ")" ? nil : member
            }
            guard sequences.contains(member) || unordered.contains(member) else { return nil }
            if sequences.contains(member) { sequence = member }
            at += 2
            while ["(", "{"].contains(file.text(at)), !(isLoop(file, start) && file.text(at) == "{")
            {
                at = file.closing(at) + 1
            }
        }
        // A subscript or a call takes one element out; the order stays inside.
        if ["[", "("].contains(file.text(at)) { return nil }
        if isLoop(file, start) { return "a for loop" }
        let isArgument = ["(", ":"].contains(file.text(start - 1))
        let caller = isArgument ? file.text(start - 2) : ""
        if keepingCalls.contains(caller) { return caller }
        return settlingCalls.contains(caller) ? nil : sequence
    }

    /// The first token of `self.state.name` for the index of `name`.
    private static func expressionStart(_ file: SourceFile, _ index: Int) -> Int {
        var start = index
        while file.text(start - 1) == "." {
            let owner = file.text(start - 2) == "?" ? start - 3 : start - 2
            guard file.text(owner).first?.isLetter == true else { break }
            start = owner
        }
        return start
    }

    /// Whether the expression that begins at `start` is what a `for` goes over.
    private static func isLoop(_ file: SourceFile, _ start: Int) -> Bool {
        guard file.text(start - 1) == "in" else { return false }
        var at = start - 2
        while at >= 0, !["{", "}", ";"].contains(file.text(at)) {
            if file.text(at) == "for" { return true }
            at -= 1
        }
        return false
    }

    /// `Set(…)` or `Dictionary<…>(…)` written in place: the index after the call, else nil.
    private static func makesCollection(_ file: SourceFile, _ index: Int) -> Int? {
        guard ["Set", "Dictionary"].contains(file.text(index)) else { return nil }
        var at = index + 1
        if file.text(at) == "<" {
            while at < file.tokens.count, file.text(at) != ">" { at += 1 }
            at += 1
        }
        guard file.text(at) == "(" else { return nil }
        let end = file.closing(at) + 1
        let hasClosure = file.text(end) == "{" && !isLoop(file, index)
        return hasClosure ? file.closing(end) + 1 : end
    }

    /// An argument label or the name in a declaration is no use of the collection.
    private static func isLabel(_ file: SourceFile, _ index: Int) -> Bool {
        file.text(index + 1) == ":" || ["let", "var"].contains(file.text(index - 1))
    }
}

/// The names a file declares, sorted by whether their type has an order.
struct DeclaredNames {
    /// Names of dictionaries and sets.
    var unordered: Set<String> = []
    /// Those of them that other files of the target can see.
    var properties: Set<String> = []
    /// Names declared as something else.
    var ordered: Set<String> = []

    init(in file: SourceFile) {
        let aliases = Set(
            file.tokens.indices.filter { index in
                file.text(index) == "typealias" && file.text(index + 2) == "="
                    && Self.isUnorderedType(file, index + 3, aliases: [])
            }.map { file.text($0 + 1) }
        )
        var depth = 0
        for index in file.tokens.indices {
            if file.text(index) == "{" { depth += 1 }
            if file.text(index) == "}" { depth -= 1 }
            guard let isUnordered = Self.kind(file, index, aliases: aliases) else { continue }
            let name = file.text(index)
            if isUnordered {
                unordered.insert(name)
                if Self.isShared(file, index) { properties.insert(name) }
            } else {
                ordered.insert(name)
            }
        }
        ordered.subtract(unordered)
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
        var at = index
        while ["inout", "borrowing", "consuming", "sending", "(", "@"].contains(file.text(at)) {
            at += 1
        }
        if ["Set", "Dictionary"].contains(file.text(at)) {
            return file.text(at + 1) == "<" || file.text(at + 1) == "(" || file.text(at + 1) == "="
        }
        if aliases.contains(file.text(at)) { return true }
        guard file.text(at) == "[" else { return false }
        let end = file.closing(at)
        guard !["."].contains(file.text(end + 1)) else { return false }
        var inside = at + 1
        while inside < end {
            if ["(", "[", "{"].contains(file.text(inside)) { inside = file.closing(inside) }
            if file.text(inside) == ":" { return true }
            inside += 1
        }
        return false
    }

    /// Whether other files can see the name: a stored property that is not private.
    private static func isShared(_ file: SourceFile, _ index: Int) -> Bool {
        guard ["let", "var"].contains(file.text(index - 1)) else { return false }
        let line = file.lines[file.tokens[index].line - 1]
        let indent = line.prefix { $0 == " " }.count
        return indent <= 4 && !line.contains("private var") && !line.contains("private let")
    }
}
