package import Base

/// The names of one network, immutable, with a look-up that allocates nothing.
///
/// Names are relative to the network (`web`, `tasks.web`, `_http._tcp.web`), except reverse names,
/// which are whole. The table of static zone files is one whose network is the root. An open
/// addressing table holds 32 bits of hash and an index in one word, so a miss is usually one read.
package final class NetworkTable: Sendable {
    /// The network's name; the root for the table of zone files.
    package let network: DomainName
    /// The address blocks whose reverse names belong to this network, ascending.
    package let subnets: [CIDR]
    /// Every record set, at the index that `SetHandle` carries.
    package let sets: [RecordSet]
    /// How many names exist, empty ones included.
    package let nameCount: Int
    /// The hash seed that keys must share.
    package let seed: UInt64

    private let slots: [UInt64]
    private let slotMask: Int
    private let entries: [Entry]
    private let octets: [UInt8]
    /// Beside `sets`: what a question is held against, without touching the sets.
    private let types: [RecordType]

    private struct Entry: Sendable {
        let nameStart: UInt32
        let nameCount: UInt8
        let underSuffixOnly: Bool
        let setCount: UInt16
        let firstSet: UInt32
    }

    /// A name found in a table: where its record sets are.
    ///
    /// Only a look-up makes one, and from it no denial of existence can be made: that is what keeps
    /// NXDOMAIN off names that exist.
    package struct Found: Sendable {
        /// Indices into `sets`, ascending by type; empty for a name without records.
        package let sets: Range<Int>
        package let underSuffixOnly: Bool

        fileprivate init(sets: Range<Int>, underSuffixOnly: Bool) {
            self.sets = sets
            self.underSuffixOnly = underSuffixOnly
        }
    }

    /// Builds the table.
    ///
    /// `seed` must be that of the keys it will be asked with.
    package init(
        network: DomainName,
        subnets: [CIDR],
        names: [DomainName: NameRecords],
        seed: UInt64
    ) {
        self.network = network
        self.subnets = subnets.sorted()
        let ordered = names.sorted { $0.key < $1.key }
        var slotCount = 4
        while slotCount < ordered.count * 2 { slotCount *= 2 }
        var slots = [UInt64](repeating: 0, count: slotCount)
        var entries: [Entry] = []
        var sets: [RecordSet] = []
        var octets: [UInt8] = []
        entries.reserveCapacity(ordered.count)
        for (name, records) in ordered {
            let hash = NameHash.of(name.octets, seed: seed)
            var slot = Int(truncatingIfNeeded: hash) & (slotCount - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slotCount - 1) }
            slots[slot] = (hash >> 32) << 32 | UInt64(entries.count + 1)
            entries.append(
                Entry(
                    nameStart: UInt32(octets.count),
                    nameCount: UInt8(name.octets.count),
                    underSuffixOnly: records.underSuffixOnly,
                    setCount: UInt16(records.sets.count),
                    firstSet: UInt32(sets.count)
                )
            )
            sets += records.sets
            octets += name.octets
        }
        self.slots = slots
        self.slotMask = slotCount - 1
        self.entries = entries
        self.octets = octets
        self.sets = sets
        types = sets.map { $0.type }
        nameCount = entries.count
        self.seed = seed
    }

    /// Looks up the first `labels` labels of the key (at least 1).
    ///
    /// Complexity: O(octets) when found, usually one probe when not; no allocation.
    package func find(_ key: borrowing NameKey, labels: Int) -> Found? {
        let hash = key.prefixHash(labels)
        let tag = hash >> 32
        var slot = Int(truncatingIfNeeded: hash) & slotMask
        while true {
            let word = slots[slot]
            if word == 0 { return nil }
            if word >> 32 == tag {
                let entry = entries[Int(truncatingIfNeeded: word & 0xffff_ffff) - 1]
                let count = key.prefixOctets(labels)
                if Int(entry.nameCount) == count,
                    key.prefix(count, equals: octets, at: Int(entry.nameStart))
                {
                    let first = Int(entry.firstSet)
                    return Found(
                        sets: first..<first + Int(entry.setCount),
                        underSuffixOnly: entry.underSuffixOnly
                    )
                }
            }
            slot = (slot + 1) & slotMask
        }
    }

    /// The index of the set of this type at a name.
    package func set(of type: RecordType, in found: Found) -> Int? {
        for index in found.sets where types[index] == type { return index }
        return nil
    }

    /// Every name with its record sets, in order of name.
    ///
    /// For people, not for questions.
    package var allNames: [(name: DomainName, sets: ArraySlice<RecordSet>)] {
        entries.map { entry in
            let start = Int(entry.nameStart)
            let wire = octets[start..<start + Int(entry.nameCount)]
            guard let name = try? DomainName(wire: wire) else {
                preconditionFailure("a table holds only well-formed names")
            }
            let first = Int(entry.firstSet)
            return (name, sets[first..<first + Int(entry.setCount)])
        }
    }
}
