package import HashTreeCollections
import RaftNode

/// A state of keys and values that managers agree on, for tests and benchmarks of the driver.
///
/// A command is 1, the key and the value (it is put there; its result is the index), or 2, the key and two
/// values (the second takes the place of the first; its result is 1 where it did); each a length of four octets,
/// the lowest first, and so many octets.
package struct KeyValueStore: StateMachine, Equatable {
    package private(set) var values: TreeDictionary<[UInt8], [UInt8]> = [:]
    /// Commands that were applied.
    package private(set) var applied: UInt64 = 0

    package init() {}

    package static func put(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        [1] + run(key) + run(value)
    }

    package static func swap(_ key: [UInt8], _ old: [UInt8], _ new: [UInt8]) -> [UInt8] {
        [2] + run(key) + run(old) + run(new)
    }

    package mutating func apply(_ command: [UInt8], at index: UInt64) -> [UInt8] {
        applied += 1
        var runs = RunReader()
        runs.add(Array(command.dropFirst()))
        let parts = runs.take()
        switch (command.first, parts.count) {
        case (1, 2):
            values[parts[0]] = parts[1]
            return Self.octets(index)
        case (2, 3):
            if values[parts[0]] ?? [] != parts[1] { return [0] }
            values[parts[0]] = parts[2]
            return [1]
        default: return []
        }
    }

    package func pieces() -> Pieces { Pieces(self) }

    /// The number of commands, then keys and values; at most about 256 KiB and one value in each piece.
    package struct Pieces: IteratorProtocol, Sendable {
        private var rest: TreeDictionary<[UInt8], [UInt8]>.Iterator
        private var head: [UInt8]

        init(_ store: KeyValueStore) {
            rest = store.values.makeIterator()
            head = KeyValueStore.octets(store.applied)
        }

        package mutating func next() -> [UInt8]? {
            var piece = head
            head = []
            while piece.count < 256 << 10, let (key, value) = rest.next() {
                piece += KeyValueStore.run(key) + KeyValueStore.run(value)
            }
            return piece.isEmpty ? nil : piece
        }
    }

    package struct Reader: StateReader {
        private var store = KeyValueStore()
        private var head: [UInt8] = []
        private var runs = RunReader()
        private var key: [UInt8]?

        package init() {}

        package mutating func read(_ octets: [UInt8]) -> Bool {
            var octets = octets[...]
            while head.count < 8, let octet = octets.popFirst() { head.append(octet) }
            runs.add(Array(octets))
            for run in runs.take() {
                if let known = key {
                    store.values[known] = run
                    key = nil
                } else {
                    key = run
                }
            }
            return true
        }

        package consuming func finish() -> KeyValueStore? {
            guard head.count == 8, key == nil, runs.isEmpty else { return nil }
            var store = store
            store.applied = head.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            return store
        }
    }

    fileprivate static func octets(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    fileprivate static func run(_ octets: [UInt8]) -> [UInt8] {
        Self.octets(UInt64(octets.count)).prefix(4) + octets
    }
}

/// Takes runs of octets apart as they come.
private struct RunReader: Sendable {
    private var buffer: [UInt8] = []

    var isEmpty: Bool { buffer.isEmpty }

    mutating func add(_ octets: [UInt8]) { buffer += octets }

    mutating func take() -> [[UInt8]] {
        var runs: [[UInt8]] = []
        var at = 0
        while buffer.count - at >= 4 {
            var count = 0
            for place in 0..<4 { count |= Int(buffer[at + place]) << (8 * place) }
            guard buffer.count - at - 4 >= count else { break }
            runs.append(Array(buffer[at + 4..<at + 4 + count]))
            at += 4 + count
        }
        buffer.removeFirst(at)
        return runs
    }
}
