import Simulation
import Testing

@Suite("Linearizability")
struct LinearizabilityTests {
    typealias Operation = Linearizability.Operation

    private static func put(_ value: UInt64, _ call: UInt64, _ end: UInt64 = .max) -> Operation {
        Operation(call: call, end: end, operation: .put(value))
    }

    private static func get(_ value: UInt64, _ call: UInt64, _ end: UInt64) -> Operation {
        Operation(call: call, end: end, operation: .get, result: value)
    }

    private static func swap(
        _ old: UInt64,
        _ new: UInt64,
        _ isDone: Bool,
        _ call: UInt64,
        _ end: UInt64 = .max
    ) -> Operation {
        Operation(call: call, end: end, operation: .swap(old, new), result: isDone ? 1 : 0)
    }

    @Test("what can have happened in one order is accepted")
    func possible() {
        let histories: [[Operation]] = [
            [],
            [Self.put(1, 0, 10), Self.get(1, 11, 20)],
            // A read beside a write may see either value.
            [Self.put(1, 0, 10), Self.get(0, 1, 9)],
            [Self.put(1, 0, 10), Self.get(1, 1, 9)],
            // One without an answer may happen late, early, or never.
            [Self.put(1, 0), Self.get(0, 5, 6), Self.get(1, 7, 8)],
            [Self.put(1, 0), Self.get(0, 5, 6), Self.get(0, 7, 8)],
            [Self.put(1, 0, 10), Self.swap(1, 2, true, 5, 15), Self.get(2, 16, 20)],
            [Self.put(1, 0, 3), Self.swap(9, 2, false, 5, 15), Self.get(1, 16, 20)],
            [Self.swap(0, 2, true, 0), Self.get(2, 5, 6)],
        ]
        for history in histories {
            #expect(Linearizability.check(history) == .linearizable, "\(history)")
        }
    }

    @Test("what cannot have happened is noticed")
    func impossible() {
        let histories: [[Operation]] = [
            // A stale read after the write was answered.
            [Self.put(1, 0, 10), Self.get(0, 11, 20)],
            // Seen, then not seen.
            [Self.put(1, 0), Self.get(1, 5, 6), Self.get(0, 7, 8)],
            [Self.put(1, 0, 3), Self.put(2, 4, 8), Self.get(1, 9, 10)],
            // Two of one value each swapped it.
            [Self.put(1, 0, 3), Self.swap(1, 2, true, 4, 9), Self.swap(1, 3, true, 4, 9)],
            [Self.swap(5, 6, true, 0, 3)],
            // Lost although answered.
            [Self.put(1, 0, 3), Self.swap(0, 2, true, 5, 6)],
            // Two readers see two writes in different orders.
            [
                Self.put(1, 0, 20), Self.put(2, 0, 20), Self.get(1, 1, 5), Self.get(2, 6, 8),
                Self.get(1, 9, 12),
            ],
        ]
        for history in histories {
            #expect(Linearizability.check(history) == .impossible, "\(history)")
        }
    }
}
