/// The name of a question, folded and hashed once, in storage that is reused for every question.
///
/// Tables look up the whole name and every leading part of it (`web.1` of `web.1.mynet`), so the
/// hash runs from the first label on and its value at each label boundary is kept.
package struct NameKey: ~Copyable {
    // In arrays of fixed size rather than inline, so that a key is handed on by reference.
    /// Labels in canonical wire form, without the root octet.
    private var octets = [UInt8](repeating: 0, count: 256)
    private var starts = [UInt8](repeating: 0, count: 128)
    private var hashes = [UInt64](repeating: 0, count: 128)
    package private(set) var octetCount = 0
    package private(set) var labelCount = 0
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
        labelCount = Self.fold(labels, seed: seed, &octets, &starts, &hashes)
        octetCount = labels.count
    }

    /// Writes folded octets, label starts and hashes; returns how many labels there are.
    private static func fold(
        _ labels: Span<UInt8>,
        seed: UInt64,
        _ octets: inout [UInt8],
        _ starts: inout [UInt8],
        _ hashes: inout [UInt64]
    ) -> Int {
        var octets = octets.mutableSpan
        var starts = starts.mutableSpan
        var hashes = hashes.mutableSpan
        var hash = NameHash(seed: seed)
        var at = 0
        var label = 0
        while at < labels.count {
            starts[label] = UInt8(truncatingIfNeeded: at)
            let length = labels[at]
            octets[at] = length
            hash.take(length)
            at += 1
            let end = at + Int(length)
            while at < end {
                let octet = labels[at].foldedLetter
                octets[at] = octet
                hash.take(octet)
                at += 1
            }
            hashes[label] = hash.value
            label += 1
        }
        return label
    }

    package mutating func load(_ name: DomainName) {
        load(name.octets.span)
    }

    /// One octet of the labels, folded; their length octets count.
    package func octet(_ index: Int) -> UInt8 {
        precondition(index < octetCount, "no such octet in the name")
        return octets[index]
    }

    /// Whether the first `count` octets are those of `stored` from `start` on.
    package func prefix(_ count: Int, equals stored: [UInt8], at start: Int) -> Bool {
        let own = octets.span
        let other = stored.span
        for index in 0..<count where own[index] != other[start + index] { return false }
        return true
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
        let own = octets.span
        let other = suffix.span
        for index in other.indices where own[cut + index] != other[index] { return nil }
        if cut == octetCount { return labelCount }
        for label in 0..<labelCount where Int(starts[label]) == cut { return label }
        return nil
    }

    /// A keyed hash of the name from label `label` on, and of a number.
    package func hash(_ hash: SipHash, fromLabel label: Int, and number: UInt64) -> UInt64 {
        hash.value(octets, prefixOctets(label)..<octetCount, and: number)
    }

    /// Whether the name from label `label` on is this one.
    package func suffix(fromLabel label: Int, equals stored: [UInt8]) -> Bool {
        let start = prefixOctets(label)
        guard octetCount - start == stored.count else { return false }
        let own = octets.span
        let other = stored.span
        for index in other.indices where own[start + index] != other[index] { return false }
        return true
    }

    /// The octets of label `index`, without its length.
    package func labelRange(_ index: Int) -> Range<Int> {
        let start = Int(starts[index])
        return start + 1..<start + 1 + Int(octets[start])
    }

    /// The name from label `first` to before label `end`.
    package func name(labels range: Range<Int>) -> DomainName {
        let part = prefixOctets(range.lowerBound)..<prefixOctets(range.upperBound)
        guard let name = try? DomainName(wire: octets[part]) else {
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
        of(octets[...], seed: seed)
    }

    package static func of(_ octets: ArraySlice<UInt8>, seed: UInt64) -> UInt64 {
        var hash = NameHash(seed: seed)
        for octet in octets { hash.take(octet) }
        return hash.value
    }
}
