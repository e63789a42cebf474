/// Finds what Core and Wire may not say: clocks, dice, locks, concurrency, unsafe memory.
///
/// Imports are held against the table of rooms by `ImportCheck`; this check reads the words.
enum PurityCheck {
    /// Words that are wrong wherever they stand as code.
    private static let words: Set = [
        "async", "await", "unsafe", "nonisolated",
        "TaskGroup", "ThrowingTaskGroup", "DiscardingTaskGroup", "withTaskGroup",
        "withThrowingTaskGroup", "withDiscardingTaskGroup", "AsyncStream", "AsyncSequence",
        "CheckedContinuation", "MainActor", "TaskLocal", "GlobalActor",
        "Mutex", "Atomic", "NSLock", "NIOLock", "DispatchQueue", "DispatchSemaphore", "pthread_t",
        "ContinuousClock", "SuspendingClock", "Date", "SystemRandomNumberGenerator",
        "hashValue",
    ]

    /// Calls that throw the system's dice unless a generator is handed in.
    private static let dice: Set = ["random", "randomElement", "shuffle", "shuffled"]

    /// What makes a `Task` the concurrency library's, not Swarm's.
    private static let taskMembers: Set = [
        "detached", "sleep", "yield", "isCancelled", "checkCancellation", "currentPriority",
        "immediate",
    ]

    static func violations(in sources: [String: String]) -> [Violation] {
        SourceFile.swift(in: sources)
            .filter { $0.room == "Core" || $0.room == "Wire" }
            .flatMap { file in
                file.tokens.indices.compactMap { index in
                    reason(file, index).map { file.violation(at: file.tokens[index].line, $0) }
                }
            }
    }

    private static func reason(_ file: SourceFile, _ index: Int) -> String? {
        let word = file.text(index)
        let next = file.text(index + 1)
        // A label or a member of that name is a domain word, not the keyword.
        let isMember = file.text(index - 1) == "."
        if words.contains(word), next != ":", !isMember || word == "hashValue" {
            return "a pure room may not say \(word)"
        }
        if word.hasPrefix("Unsafe") || word.hasPrefix("ManagedBuffer") {
            return "a pure room may not hold \(word)"
        }
        if word == "any", !isMember, isExistential(file, index) {
            return "a pure room names its types: no any"
        }
        if word == "actor", !isMember, next.first?.isLetter == true {
            return "a pure room has no actor"
        }
        if word == "Task", !isMember, isConcurrency(file, index) {
            return "a pure room starts no Task"
        }
        if dice.contains(word), isMember, next == "(", !usesGenerator(file, index + 1) {
            return "\(word) without `using:` throws the system's dice"
        }
        return nil
    }

    /// A type follows, and the word is not the name of a case or a constant.
    private static func isExistential(_ file: SourceFile, _ index: Int) -> Bool {
        let next = file.text(index + 1)
        let isDeclared = ["let", "var", "case", "func"].contains(file.text(index - 1))
        return !isDeclared && (next == "~" || next.first?.isUppercase == true)
    }

    private static func isConcurrency(_ file: SourceFile, _ index: Int) -> Bool {
        switch file.text(index + 1) {
        case "{", "<": true
        case ".": taskMembers.contains(file.text(index + 2))
        case "(": ["priority", "operation", "executorPreference"].contains(file.text(index + 2))
        default: false
        }
    }

    /// Whether the call whose `(` stands at `index` has an argument `using:`.
    private static func usesGenerator(_ file: SourceFile, _ index: Int) -> Bool {
        let end = file.closing(index)
        return (index..<end).contains { at in
            file.text(at) == "using" && file.text(at + 1) == ":"
        }
    }
}
