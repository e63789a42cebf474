package import Base

/// The names asked for most, in room that is taken once and never grows.
///
/// The Space-Saving sketch (Metwally, Agrawal and El Abbadi, 2005): a name that has no place takes
/// that of the least frequent one, and its count with it as an *excess*. So a count is never too
/// low, it is too high by at most its excess, and every name with more than `noted / capacity`
/// occurrences has a place.
///
/// It sees what its owner shows it, which may be a sample.
package struct BusyNames: ~Copyable {
    /// Names that have a place at once.
    package static let capacity = 128

    package struct Entry: Hashable, Sendable {
        package let name: DomainName
        package let count: UInt64
        /// How much too high `count` can be.
        package let excess: UInt64
    }

    private struct Place {
        var hash: UInt64
        var count: UInt64
        var excess: UInt64
        var octetCount: Int
        /// Where its octets begin.
        let room: Int
    }

    /// The most frequent first.
    private var places: [Place] = []
    private var octets = [UInt8](repeating: 0, count: capacity * roomOctets)
    private static let roomOctets = 256

    package init() {
        places.reserveCapacity(Self.capacity)
    }

    /// Counts one occurrence; no allocation.
    package mutating func note(_ key: borrowing NameKey) {
        let hash = key.labelCount == 0 ? 0 : key.prefixHash(key.labelCount)
        var at = place(of: key, hash)
        if at == places.count { at = takePlace(key, hash) }
        places[at].count += 1
        // A step of one passes equals only, so that the order holds.
        let count = places[at].count
        while at > 0, places[at - 1].count < count {
            places.swapAt(at - 1, at)
            at -= 1
        }
    }

    /// The place of a name; the number of places when it has none.
    private func place(of key: borrowing NameKey, _ hash: UInt64) -> Int {
        for at in places.indices where places[at].hash == hash {
            // Equal hashes do not make equal names: strangers choose them.
            if places[at].octetCount == key.octetCount,
                key.prefix(key.octetCount, equals: octets, at: places[at].room)
            {
                return at
            }
        }
        return places.count
    }

    private mutating func takePlace(_ key: borrowing NameKey, _ hash: UInt64) -> Int {
        let at: Int
        if places.count < Self.capacity {
            at = places.count
            let room = at * Self.roomOctets
            places.append(
                Place(hash: hash, count: 0, excess: 0, octetCount: key.octetCount, room: room)
            )
        } else {
            at = places.count - 1
            places[at].excess = places[at].count
            places[at].hash = hash
            places[at].octetCount = key.octetCount
        }
        let room = places[at].room
        for index in 0..<key.octetCount { octets[room + index] = key.octet(index) }
        return at
    }

    /// What has a place now, the most frequent first.
    package var entries: [Entry] {
        places.map { place in
            let wire = octets[place.room..<place.room + place.octetCount]
            guard let name = try? DomainName(wire: wire) else {
                preconditionFailure("a key always holds a well-formed name")
            }
            return Entry(name: name, count: place.count, excess: place.excess)
        }
    }
}
