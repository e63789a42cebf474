/// The name of a question, folded and hashed once, in storage that is reused for every question.
///
/// Tables look up the whole name and every leading part of it (`web.1` of `web.1.mynet`), so the
/// hash runs from the first label on and its value at each label boundary is kept.
package struct NameKey: ~Copyable {
    /// Labels in canonical wire form, without the root octet.
    package private(set) var octets = InlineArray<256, UInt8>(repeating: 0)
    package private(set) var octetCount = 0
    package private(set) var labelCount = 0
    private var starts = InlineArray<128, UInt8>(repeating: 0)
    private var hashes = InlineArray<128, UInt64>(repeating: 0)
    private let seed: UInt64

    /// A key whose hashes are those of tables built with the same seed.
    package init(seed: UInt64) {
        self.seed = seed
    }

    /// Takes labels in wire form as they stand in a question, without the root octet.
    ///
    /// The octets must be well framed (`DNSWire.QueryView` has checked them); at most 254.
    package mutating func load(_ labels: Span<UInt8>) {
        precondition(labels.count <= DomainName.octetsMax, "name longer than a question allows")
        var hash = NameHash(seed: seed)
        var at = 0
        var label = 0
        while at < labels.count {
            let length = Int(labels[at])
            starts[label] = UInt8(truncatingIfNeeded: at)
            octets[at] = labels[at]
            hash.take(labels[at])
            let end = at + 1 + length
            at += 1
            while at < end {
                let octet = labels[at].foldedLetter
                octets[at] = octet
                hash.take(octet)
                at += 1
            }
            hashes[label] = hash.value
            label += 1
        }
        octetCount = at
        labelCount = label
    }

    package mutating func load(_ name: DomainName) {
        load(name.octets.span)
    }

    /// Octets of the first `labels` labels.
    package func prefixOctets(_ labels: Int) -> Int {
        labels == labelCount ? octetCount : Int(starts[labels])
    }

    /// Hash of the first `labels` labels, 1 to `labelCount`.
    package func prefixHash(_ labels: Int) -> UInt64 {
        hashes[labels - 1]
    }

    /// How many labels stand before `suffix`, or nil when the name does not end in it.
    package func labels(before suffix: [UInt8]) -> Int? {
        let cut = octetCount - suffix.count
        if cut < 0 { return nil }
        let tail = octets.span
        for index in suffix.indices where tail[cut + index] != suffix[index] {
            return nil
        }
        if cut == octetCount { return labelCount }
        for label in 0..<labelCount where Int(starts[label]) == cut {
            return label
        }
        return nil
    }

    /// The octets of label `index`, without its length.
    package func labelRange(_ index: Int) -> Range<Int> {
        let start = Int(starts[index])
        return start + 1..<start + 1 + Int(octets[start])
    }

    /// The name from label `first` to before label `end`.
    package func name(labels range: Range<Int>) -> DomainName {
        let bytes = octets.span
        let from = prefixOctets(range.lowerBound)
        let to = prefixOctets(range.upperBound)
        var copy: [UInt8] = []
        for index in from..<to { copy.append(bytes[index]) }
        guard let name = try? DomainName(wire: copy) else {
            preconditionFailure("a key always holds a well-formed name")
        }
        return name
    }

    package var name: DomainName { name(labels: 0..<labelCount) }
}

/// The keyed hash of name tables, one octet at a time.
///
/// Keys are inserted by operators and peers of the cluster only, so a seeded multiplicative hash
/// is enough here; a cache filled by strangers needs a stronger one.
package struct NameHash: Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed ^ 0x9e37_79b9_7f4a_7c15
    }

    package mutating func take(_ octet: UInt8) {
        state = (state ^ UInt64(octet)) &* 0x0000_0100_0000_01b3
    }

    /// The mixed hash of what has been taken so far.
    package var value: UInt64 {
        var mixed = state
        mixed ^= mixed >> 32
        mixed = mixed &* 0xd6e8_feb8_6659_fd93
        mixed ^= mixed >> 32
        return mixed
    }

    package static func of(_ octets: [UInt8], seed: UInt64) -> UInt64 {
        var hash = NameHash(seed: seed)
        for octet in octets { hash.take(octet) }
        return hash.value
    }
}
