import Crypto
package import JournalWire
import LinuxSystem

/// Seals and opens payloads: ChaCha20-Poly1305, with a nonce that no other payload has.
///
/// What is sealed is bound to its place by what is sealed along with it. Source: raft.md §3.7, R6.
package struct JournalCipher: Sendable {
    private let keys: [(number: UInt32, key: SymmetricKey)]
    private var nonces = NonceSequence()

    /// Keys of 32 octets; the first one seals.
    package init(_ keys: [KeyFile.Key]) {
        precondition(!keys.isEmpty, "a cipher has a key")
        self.keys = keys.map { ($0.number, SymmetricKey(data: $0.octets)) }
    }

    /// A key that nobody knows yet.
    package static func newKey(number: UInt32) -> KeyFile.Key {
        KeyFile.Key(number: number, octets: KernelRandom.octets(KeyFile.keyOctets))
    }

    /// The number of the key that seals.
    package var number: UInt32 { keys[0].number }

    /// Nonce, what was sealed, tag.
    package mutating func seal(_ plain: [UInt8], additional: [UInt8]) -> [UInt8] {
        do {
            let nonce = try ChaChaPoly.Nonce(data: nonces.next())
            let box = try ChaChaPoly.seal(
                plain,
                using: keys[0].key,
                nonce: nonce,
                authenticating: additional
            )
            return [UInt8](box.combined)
        } catch {
            // The lengths of keys and nonces are ours.
            preconditionFailure("ChaCha20-Poly1305 did not seal: \(error)")
        }
    }

    /// Nil when the key is not here, or the octets are not what was sealed at that place.
    package func open(_ sealed: [UInt8], key number: UInt32, additional: [UInt8]) -> [UInt8]? {
        guard let key = keys.first(where: { $0.number == number })?.key,
            let box = try? ChaChaPoly.SealedBox(combined: sealed),
            let plain = try? ChaChaPoly.open(box, using: key, authenticating: additional)
        else { return nil }
        return [UInt8](plain)
    }
}

/// Eight octets of chance and a count of four: none comes twice in one process, and two processes share
/// one with a chance of one in 2^64.
struct NonceSequence: Sendable {
    private var front = KernelRandom.octets(8)
    private var count: UInt32 = 0

    mutating func next() -> [UInt8] {
        if count == .max {
            front = KernelRandom.octets(8)
            count = 0
        }
        count += 1
        return front + (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * UInt32($0))) }
    }
}
