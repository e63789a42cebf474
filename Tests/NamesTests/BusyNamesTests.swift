import Base
import Names
import Testing

@Suite("The busiest names")
struct BusyNamesTests {
    private static func noted(_ names: [String]) throws -> [BusyNames.Entry] {
        var sketch = BusyNames()
        var key = NameKey(seed: 5)
        for name in names {
            key.load(try DomainName(name))
            sketch.note(key)
        }
        return sketch.entries
    }

    @Test("names that fit are counted exactly, the most frequent first, whatever their letters")
    func exact() throws {
        let entries = try Self.noted(["a.x", "b.x", "B.X", ".", "b.x", "a.x", "."])
        #expect(entries.map { "\($0.name)" } == ["b.x", "a.x", "."])
        #expect(entries.map { $0.count } == [3, 2, 2])
        #expect(entries.allSatisfy { $0.excess == 0 })
    }

    @Test("the busy ones keep their places among many names that come once", arguments: [1, 2, 3])
    func busy(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        var names: [String] = []
        var truth: [String: UInt64] = [:]
        for number in 0..<6000 {
            let name =
                dice.below(4) == 0 ? "busy\(dice.below(8)).x" : "once\(number).example"
            names.append(name)
            truth[name, default: 0] += 1
        }
        let entries = try Self.noted(names)
        #expect(entries.count == BusyNames.capacity)
        #expect(entries.map { $0.count } == entries.map { $0.count }.sorted(by: >))
        // No occurrence is lost, none counted twice.
        #expect(entries.reduce(0) { $0 + $1.count } == 6000)
        for entry in entries {
            let count = truth["\(entry.name)"] ?? 0
            #expect(entry.count >= count && entry.count - entry.excess <= count, "\(entry)")
        }
        let first = Set(entries.prefix(8).map { "\($0.name)" })
        #expect(first == Set((0..<8).map { "busy\($0).x" }))
    }

    @Test("the longest name there may be is kept whole")
    func longest() throws {
        let longest = [63, 63, 63, 61].map { String(repeating: "l", count: $0) }
            .joined(separator: ".")
        #expect(try Self.noted([longest]).map { "\($0.name)" } == [longest])
    }
}
