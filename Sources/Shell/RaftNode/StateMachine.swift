/// What a cluster of managers keeps alike: a state that only commands change.
///
/// `apply` depends on nothing but the state and the command, and cannot fail: what is wrong with a command is
/// its result, the same on every node. Source: Raft paper §2.
package protocol StateMachine: Sendable {
    /// The state in pieces of at most 1 MiB, made while others are applied to the original: copying the
    /// machine has to be cheap.
    associatedtype Pieces: IteratorProtocol<[UInt8]> & Sendable
    /// Makes a machine of such pieces, cut as it may be.
    associatedtype Reader: StateReader where Reader.Machine == Self

    init()
    /// Applies a command; returns what its proposer is told.
    mutating func apply(_ command: [UInt8], at index: UInt64) -> [UInt8]
    func pieces() -> Pieces
}

package protocol StateReader: Sendable {
    associatedtype Machine

    init()
    /// Takes the next octets; false where they are none of a state.
    mutating func read(_ octets: [UInt8]) -> Bool
    /// What was read; nil where something is missing.
    consuming func finish() -> Machine?
}

/// Names the octets of a snapshot: FNV-1a of 64 bits over words of eight octets, and their number.
struct StateDigest: Sendable {
    private var value: UInt64 = 0xcbf2_9ce4_8422_2325
    private var word: UInt64 = 0
    private(set) var octets: UInt64 = 0

    mutating func add(_ piece: [UInt8]) {
        for octet in piece {
            word = word << 8 | UInt64(octet)
            octets += 1
            if octets & 7 == 0 { mix() }
        }
    }

    private mutating func mix() {
        value = (value ^ word) &* 0x0000_0100_0000_01b3
        value ^= value >> 29
        word = 0
    }

    /// Never 0.
    consuming func finish() -> UInt64 {
        var rest = self
        rest.mix()
        rest.word = rest.octets
        rest.mix()
        return max(1, rest.value)
    }
}
