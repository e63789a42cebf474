import Base

/// A name of a message in two numbers, so that thousands of names can be held against each other
/// without reading them again: names that are the same have the same digest.
///
/// Not for anything that a stranger may not fool: it has no key.
package struct NameDigest: Hashable, Sendable {
    package let labelCount: Int
    fileprivate let hash: UInt64
}

/// The digests of a name and of everything it is below.
package struct NameDigests: Sendable {
    /// Where the name stands.
    package let start: Int
    /// The hash of each run of labels from the first on, the empty one included.
    private var runs: [UInt64] = [0]

    package init(_ bytes: Span<UInt8>, _ start: Int) {
        self.start = start
        var last = UInt64(0)
        MessageName.labels(bytes, start) { label in
            last = joined(last, label)
            runs.append(last)
        }
    }

    /// Whether the name may be the one with that digest.
    package func isMaybe(_ other: NameDigest) -> Bool {
        other.labelCount == runs.count - 1 && other.hash == runs[runs.count - 1]
    }

    /// Whether the name may be below the one with that digest.
    package func isMaybeBelow(_ other: NameDigest) -> Bool {
        let more = runs.count - 1 - other.labelCount
        guard more > 0 else { return false }
        var before = runs[more]
        for _ in 0..<other.labelCount { before = before &* step }
        return runs[runs.count - 1] &- before == other.hash
    }
}

extension MessageName {
    package static func digest(_ bytes: Span<UInt8>, _ start: Int) -> NameDigest {
        var count = 0
        var hash = UInt64(0)
        labels(bytes, start) { label in
            hash = joined(hash, label)
            count += 1
        }
        return NameDigest(labelCount: count, hash: hash)
    }

    /// The hash of each label, letters folded.
    fileprivate static func labels(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ body: (UInt64) -> Void
    ) {
        var at = label(bytes, start)
        while bytes[at] != 0 {
            let end = at + 1 + Int(bytes[at])
            var hash = NameHash(seed: 0)
            for index in at..<end { hash.take(bytes[index].foldedLetter) }
            body(hash.value)
            at = label(bytes, end)
        }
    }
}

/// A run of labels with one more behind it.
private func joined(_ run: UInt64, _ label: UInt64) -> UInt64 { run &* step &+ label }

/// Odd, so that no bit of a label is lost on the way.
private let step: UInt64 = 0x9e37_79b9_7f4a_7c15
