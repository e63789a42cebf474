import LinuxSystem
import Testing

/// What a test needs of the machine; it is skipped, with the reason, where that is missing.
enum Requirement {
    /// Making network namespaces and entering them.
    static let namespaces: ConditionTrait = .enabled(
        "network namespaces need root, ip, nft and unshare"
    ) {
        await canMakeNamespaces.value
    }

    /// Whether it may be done here, which a root in a container may not know.
    private static let canMakeNamespaces = Task {
        guard Host.isRoot, Tool.has("ip", "nft", "unshare", "nsenter") else { return false }
        let inside = try? await run([
            "unshare", "--net", "--mount", "ip", "link", "set", "lo", "up",
        ])
        return inside?.status == 0
    }

    static func tools(_ names: String...) -> ConditionTrait {
        let missing = names.filter { Tool.path($0) == nil }
        return .enabled(if: missing.isEmpty, "not installed: \(missing.joined(separator: ", "))")
    }
}

/// How many tests of this target run at once.
///
/// Each starts a daemon and many programs: all at once they would only wait for each other, and
/// those that measure a time would measure that.
struct Turn: TestTrait, SuiteTrait, TestScoping {
    fileprivate static let all = Turns(count: 3)

    let isAlone: Bool

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let count = isAlone ? Self.all.count : 1
        await Self.all.take(count)
        do {
            try await function()
        } catch {
            await Self.all.give(count)
            throw error
        }
        await Self.all.give(count)
    }
}

extension Trait where Self == Turn {
    /// Beside a few others of this target.
    static var inTurn: Self { Turn(isAlone: false) }
    /// Beside no other of this target.
    static var alone: Self { Turn(isAlone: true) }
}

/// Turns are given in the order they were asked for, so that nobody waits for ever.
private actor Turns {
    nonisolated let count: Int
    private var free: Int
    private var waiting: [(count: Int, ready: CheckedContinuation<Void, Never>)] = []

    init(count: Int) {
        self.count = count
        free = count
    }

    func take(_ wanted: Int) async {
        if waiting.isEmpty, free >= wanted {
            free -= wanted
            return
        }
        await withCheckedContinuation { waiting.append((wanted, $0)) }
    }

    func give(_ count: Int) {
        free += count
        while let first = waiting.first, free >= first.count {
            free -= first.count
            waiting.removeFirst().ready.resume()
        }
    }
}
