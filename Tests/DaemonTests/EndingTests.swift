import Daemon
import Synchronization
import Testing

@Suite("A daemon's end", .timeLimit(.minutes(1)))
struct EndingTests {
    /// What was given up, and by how many.
    private final class Log: Sendable {
        let steps = Mutex<[Ending.Step]>([])
        func note(_ step: Ending.Step) { steps.withLock { $0.append(step) } }
    }

    @Test("what keeps it is given up when the time is over, by name")
    func late() async throws {
        let log = Log()
        let ending = try Ending(milliseconds: 50) { log.note($0) }
        ending.enter(.farewell)
        try ending.begin()
        while log.steps.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(log.steps.withLock { $0 } == [.farewell])
        ending.finish()
    }

    @Test("nothing is given up of one that ends in time, or was never told to end")
    func inTime() async throws {
        let log = Log()
        let endings = try (0..<2).map { _ in try Ending(milliseconds: 300) { log.note($0) } }
        try endings[0].begin()
        endings[0].enter(.closing)
        endings[0].finish()
        try await Task.sleep(for: .milliseconds(500))
        #expect(log.steps.withLock { $0.isEmpty })
    }
}
