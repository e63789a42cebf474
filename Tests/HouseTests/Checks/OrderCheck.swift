/// Finds places in Core and Wire where the order of a dictionary or set may reach an output.
///
/// That order differs from process to process, so two builds of the same state would differ too.
/// The check knows a collection by how its name is declared: in the same file, elsewhere in the
/// target when the file does not declare the name itself, or in the type of what owns it. It follows the chain of calls behind
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
        let names = files.map { DeclaredNames(in: $0) }
        var targets: [String: DeclaredNames] = [:]
        for (file, declared) in zip(files, names) {
            targets[file.target, default: DeclaredNames()].share(declared)
        }
        return zip(files, names).flatMap { file, declared in
            violations(in: file, declared, targets[file.target] ?? DeclaredNames())
        }
    }

    private static func violations(
        in file: SourceFile,
        _ declared: DeclaredNames,
        _ target: DeclaredNames
    ) -> [Violation] {
        file.tokens.indices.compactMap { index in
            let leak: String? =
                if isCollection(file, index, declared, target), !isLabel(file, index) {
                    leak(file, start: expressionStart(file, index), next: index + 1)
                } else if let end = makesCollection(file, index) {
                    leak(file, start: index, next: end)
                } else {
                    nil
                }
            let line = file.tokens[index].line
            guard let leak, !file.hasReason("Unordered", at: line) else { return nil }
            return file.violation(at: line, "the order of \(file.text(index)) reaches \(leak)")
        }
    }

    /// Whether the word at `index` names a dictionary or set.
    ///
    /// `owner.name` is looked up in the owner's type where that is known; where it is not, the
    /// name has to mean a collection wherever the target declares it.
    private static func isCollection(
        _ file: SourceFile,
        _ index: Int,
        _ declared: DeclaredNames,
        _ target: DeclaredNames
    ) -> Bool {
        let name = file.text(index)
        let isKnown =
            declared.unordered.contains(name)
            || target.unordered.contains(name) && !declared.ordered.contains(name)
        guard isKnown, file.text(index - 1) == "." else { return isKnown }
        let owner = file.text(index - 2) == "?" ? file.text(index - 3) : file.text(index - 2)
        if owner == "self" { return isKnown }
        let type = declared.types[owner] ?? owner.prefix(1).uppercased() + owner.dropFirst()
        if let isUnordered = target.members[type]?[name] { return isUnordered }
        return !target.members.values.contains { $0[name] == false }
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

    /// The first token of `self.state(x)[y]?.name` for the index of `name`.
    private static func expressionStart(_ file: SourceFile, _ index: Int) -> Int {
        var start = index
        while file.text(start - 1) == "." {
            var owner = start - 2
            while ["?", "!", ")", "]"].contains(file.text(owner)) {
                owner = [")", "]"].contains(file.text(owner)) ? file.opening(owner) - 1 : owner - 1
            }
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
