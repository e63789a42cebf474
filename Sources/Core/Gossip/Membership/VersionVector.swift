/// Which versions a node speaks: six octets, `Vsn` on the wire.
///
/// Three of the membership protocol, three of what rides on it. Vectors of another length come from
/// broken peers; they are read, told apart by `isWhole`, and never passed on.
/// Source: gossip-wire.md §7.
package struct VersionVector: Hashable, Sendable {
    package let octets: ShortOctets

    package init(_ octets: ShortOctets) {
        self.octets = octets
    }

    package init(
        protocolMin: UInt8,
        protocolMax: UInt8,
        protocolCurrent: UInt8,
        delegateMin: UInt8,
        delegateMax: UInt8,
        delegateCurrent: UInt8
    ) {
        octets = ShortOctets([
            protocolMin, protocolMax, protocolCurrent, delegateMin, delegateMax, delegateCurrent,
        ])
    }

    package static let none = VersionVector(ShortOctets())
    /// Docker's rings and plain memberlist.
    package static let networkDB = VersionVector(ShortOctets([1, 5, 2, 0, 0, 0]))
    /// Ours in Docker's rings: its acks tell whether it knows the same (gossip-scale.md §3.1).
    package static let agreeing = VersionVector(ShortOctets([1, 5, 2, 0, 1, 0]))
    /// A serf agent's.
    package static let serf = VersionVector(ShortOctets([1, 5, 2, 2, 5, 5]))

    package static let octetCount = 6

    /// Six octets; the members below need it.
    package var isWhole: Bool { octets.count == Self.octetCount }
    package var protocolMin: UInt8 { octets[0] }
    /// 3 takes pings over TCP, 4 sends nacks, 5 takes checksums.
    package var protocolMax: UInt8 { octets[1] }
    package var protocolCurrent: UInt8 { octets[2] }
    package var delegateMin: UInt8 { octets[3] }
    package var delegateMax: UInt8 { octets[4] }
    package var delegateCurrent: UInt8 { octets[5] }
}
