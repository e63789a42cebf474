/// One secret of a ring, for AES-128, AES-192 or AES-256.
///
/// Never written anywhere: whoever prints, dumps or reflects it sees its length.
package struct RingKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// 16, 24 or 32.
    package static let octetCounts = [16, 24, 32]

    package let octets: [UInt8]

    /// Throws: `KeyRingFault.length`.
    package init(_ octets: [UInt8]) throws(KeyRingFault) {
        guard Self.octetCounts.contains(octets.count) else { throw .length(octets.count) }
        self.octets = octets
    }

    package var description: String { "a key of \(octets.count) octets" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// The keys of a ring, in order: the first, the primary one, seals; every one opens.
///
/// A ring without keys is a ring without encryption, even where encryption is configured. To change
/// keys without losing anybody: add the new one everywhere, use it everywhere, remove the old one
/// everywhere. Source: gossip-wire.md §15, §17.15.
package struct KeyRing: Hashable, Sendable {
    /// Keys at a time: each one is tried on every datagram that none before it opens.
    package static let keysMax = 16

    package private(set) var keys: [RingKey] = []

    /// No keys: nothing is encrypted.
    package init() {}

    /// Throws: `KeyRingFault.duplicate`, `.full`.
    package init(_ keys: [RingKey]) throws(KeyRingFault) {
        for key in keys { try add(key) }
    }

    package var isEmpty: Bool { keys.isEmpty }
    package var primary: RingKey? { keys.first }

    /// Opens with one more key, as the last; the first one that is added seals, too.
    ///
    /// Throws: `KeyRingFault.duplicate`, `.full`.
    package mutating func add(_ key: RingKey) throws(KeyRingFault) {
        if keys.contains(key) { throw .duplicate }
        if keys.count >= Self.keysMax { throw .full(limit: Self.keysMax) }
        keys.append(key)
    }

    /// Seals with `key` from now on.
    ///
    /// Throws: `KeyRingFault.unknown`.
    package mutating func use(_ key: RingKey) throws(KeyRingFault) {
        guard let place = keys.firstIndex(of: key) else { throw .unknown }
        keys.insert(keys.remove(at: place), at: 0)
    }

    /// Opens with one key less.
    ///
    /// Throws: `KeyRingFault.unknown`, and `.primary` for the key that seals.
    package mutating func remove(_ key: RingKey) throws(KeyRingFault) {
        guard let place = keys.firstIndex(of: key) else { throw .unknown }
        if place == 0 { throw .primary }
        keys.remove(at: place)
    }
}

/// Why a ring's keys stay as they are.
package enum KeyRingFault: Error, Hashable, Sendable {
    /// A key has 16, 24 or 32 octets.
    case length(Int)
    /// It is there already.
    case duplicate
    /// It is not there.
    case unknown
    /// It seals; another one has to be used before it goes.
    case primary
    case full(limit: Int)
}
