/// The state that a simulated Raft cluster agrees on: a few keys, each of which is used for a while.
package struct KeyValueMachine: Hashable, Sendable {
    /// What a client asks for.
    package enum Operation: Hashable, Sendable {
        case put(UInt64)
        /// Puts the second where the first stands.
        case swap(UInt64, UInt64)
        case get
    }

    package struct Command: Hashable, Sendable {
        package var client: UInt32
        /// Rises from command to command of one client: what comes twice is applied once.
        package var sequence: UInt32
        package var key: UInt32
        package var operation: Operation

        package init(client: UInt32, sequence: UInt32, key: UInt32, operation: Operation) {
            self.client = client
            self.sequence = sequence
            self.key = key
            self.operation = operation
        }
    }

    static let clientsMax = 32

    /// Keys in use; an older key gives its place to a younger one.
    static let places = 64

    private var keys = Array(repeating: UInt32.max, count: places)
    private var values = Array(repeating: UInt64(0), count: places)
    private var sequences = Array(repeating: UInt32(0), count: clientsMax)
    private var results = Array(repeating: UInt64(0), count: clientsMax)
    /// Sums up all that was applied, in order.
    package private(set) var digest: UInt64 = 0

    package init() {}

    /// The value of a key: 0 before anything was put there.
    package func value(of key: UInt32) -> UInt64 {
        let place = Int(key) % Self.places
        return keys[place] == key ? values[place] : 0
    }

    /// Applies what an entry carries: what it read, or the value before, or 1 where a swap took place; and the
    /// command, if it was new.
    package mutating func apply(_ octets: [UInt8]) -> (result: UInt64, effect: Command?) {
        for octet in octets {
            digest = (digest ^ UInt64(octet)) &* 0x0000_0100_0000_01b3
        }
        guard let command = Command(octets) else { return (0, nil) }
        let place = Int(command.client) % Self.clientsMax
        if command.sequence <= sequences[place] { return (results[place], nil) }
        sequences[place] = command.sequence
        results[place] = perform(command)
        return (results[place], command)
    }

    private mutating func perform(_ command: Command) -> UInt64 {
        let before = value(of: command.key)
        switch command.operation {
        case .get: return before
        case .put(let new):
            set(command.key, new)
            return before
        case .swap(let old, let new):
            if before != old { return 0 }
            set(command.key, new)
            return 1
        }
    }

    private mutating func set(_ key: UInt32, _ value: UInt64) {
        let place = Int(key) % Self.places
        keys[place] = key
        values[place] = value
    }
}

extension KeyValueMachine {
    /// How many `octets` there are.
    static let octetCount = places * 12 + clientsMax * 12 + 8

    /// All of it, as a snapshot holds it.
    var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(Self.octetCount)
        func add(_ value: UInt64, _ count: Int) {
            for place in 0..<count {
                octets.append(UInt8(truncatingIfNeeded: value >> (8 * place)))
            }
        }
        for key in keys { add(UInt64(key), 4) }
        for value in values { add(value, 8) }
        for sequence in sequences { add(UInt64(sequence), 4) }
        for result in results { add(result, 8) }
        add(digest, 8)
        return octets
    }

    /// What `octets` were made of; nil where they are not as many.
    init?(_ octets: [UInt8]) {
        guard octets.count == Self.octetCount else { return nil }
        var at = 0
        func number(_ count: Int) -> UInt64 {
            defer { at += count }
            return (0..<count).reduce(0) { $0 | UInt64(octets[at + $1]) << (8 * UInt64($1)) }
        }
        for place in keys.indices { keys[place] = UInt32(truncatingIfNeeded: number(4)) }
        for place in values.indices { values[place] = number(8) }
        for place in sequences.indices { sequences[place] = UInt32(truncatingIfNeeded: number(4)) }
        for place in results.indices { results[place] = number(8) }
        digest = number(8)
    }
}

extension KeyValueMachine.Command {
    /// As an entry carries it.
    package var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(29)
        func add(_ value: UInt64, _ count: Int) {
            for place in 0..<count {
                octets.append(UInt8(truncatingIfNeeded: value >> (8 * place)))
            }
        }
        add(UInt64(client), 4)
        add(UInt64(sequence), 4)
        add(UInt64(key), 4)
        switch operation {
        case .get: add(0, 1)
        case .put(let new):
            add(1, 1)
            add(new, 8)
        case .swap(let old, let new):
            add(2, 1)
            add(old, 8)
            add(new, 8)
        }
        return octets
    }

    package init?(_ octets: [UInt8]) {
        func number(_ start: Int, _ count: Int) -> UInt64? {
            guard start + count <= octets.count else { return nil }
            return (0..<count).reduce(0) { $0 | UInt64(octets[start + $1]) << (8 * UInt64($1)) }
        }
        guard let client = number(0, 4), let sequence = number(4, 4), let key = number(8, 4),
            let kind = number(12, 1)
        else { return nil }
        self.client = UInt32(truncatingIfNeeded: client)
        self.sequence = UInt32(truncatingIfNeeded: sequence)
        self.key = UInt32(truncatingIfNeeded: key)
        switch kind {
        case 0: operation = .get
        case 1:
            guard let new = number(13, 8) else { return nil }
            operation = .put(new)
        case 2:
            guard let old = number(13, 8), let new = number(21, 8) else { return nil }
            operation = .swap(old, new)
        default: return nil
        }
    }
}
