/// A domain name in canonical wire form.
///
/// Length-prefixed labels in lower case, without the terminating root octet, so that names
/// concatenate. The root name has no octets.
///
/// Only A-Z are folded (RFC 4343 §3). Limits: a label 1 ... 63 octets, the whole name 255 octets
/// with its root (RFC 1035 §2.3.4).
package struct DomainName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Octets of the longest name without its root octet.
    package static let octetsMax = 254
    package static let labelOctetsMax = 63

    /// Labels in wire form: `[3, w, e, b]` for `web`.
    package let octets: [UInt8]

    package static let root = DomainName(trusted: [])

    private init(trusted octets: [UInt8]) {
        self.octets = octets
    }

    /// Takes labels in wire form without the root octet, folding letters.
    ///
    /// Throws: `.label` when a length octet is 0, over 63 or runs past the end; `.length` when the
    /// name is longer than 254 octets.
    package init(wire: some Sequence<UInt8>) throws(NameError) {
        var folded: [UInt8] = []
        folded.reserveCapacity(wire.underestimatedCount)
        var left = 0
        for octet in wire {
            if left == 0 {
                guard (1...UInt8(Self.labelOctetsMax)).contains(octet) else {
                    throw .label(octets: Int(octet))
                }
                left = Int(octet)
                folded.append(octet)
            } else {
                left -= 1
                folded.append(octet.foldedLetter)
            }
        }
        if left > 0 { throw .label(octets: left) }
        if folded.count > Self.octetsMax { throw .length(octets: folded.count) }
        octets = folded
    }

    /// Takes presentation text; a trailing dot is ignored, `\.` and `\DDD` are understood.
    ///
    /// Throws: `.empty` for no text, `.label`, `.length`, `.escape`. Source: RFC 1035 §5.1.
    package init(_ text: some StringProtocol) throws(NameError) {
        if text == "." {
            octets = []
            return
        }
        var labels: [UInt8] = []
        var label: [UInt8] = []
        var input = Array(text.utf8)[...]
        if input.isEmpty { throw .empty }
        while let octet = input.popFirst() {
            if octet == UInt8(ascii: "\\") {
                label.append(try Self.unescape(&input).foldedLetter)
            } else if octet == UInt8(ascii: ".") {
                try Self.close(&label, into: &labels)
            } else {
                label.append(octet.foldedLetter)
            }
        }
        if !label.isEmpty { try Self.close(&label, into: &labels) }
        if labels.count > Self.octetsMax { throw .length(octets: labels.count) }
        octets = labels
    }

    /// The name `left.right`.
    ///
    /// Throws: `.length` when it does not fit.
    package init(_ left: DomainName, under right: DomainName) throws(NameError) {
        let joined = left.octets + right.octets
        if joined.count > Self.octetsMax { throw .length(octets: joined.count) }
        octets = joined
    }

    package var isRoot: Bool { octets.isEmpty }

    package var labelCount: Int { labelStarts.count }

    /// Offset of each label's length octet.
    package var labelStarts: [Int] {
        var starts: [Int] = []
        var at = 0
        while at < octets.count {
            starts.append(at)
            at += 1 + Int(octets[at])
        }
        return starts
    }

    /// The name without its first label; nil for the root.
    package var parent: DomainName? {
        guard let first = octets.first else { return nil }
        return DomainName(trusted: Array(octets.dropFirst(1 + Int(first))))
    }

    /// The first label alone; the root for the root.
    package var firstLabel: DomainName {
        guard let first = octets.first else { return .root }
        return DomainName(trusted: Array(octets.prefix(1 + Int(first))))
    }

    /// Whether the name is `other` or ends in it at a label boundary.
    package func isAtOrBelow(_ other: DomainName) -> Bool {
        let cut = octets.count - other.octets.count
        guard cut >= 0, octets[cut...].elementsEqual(other.octets) else { return false }
        var at = 0
        while at < cut { at += 1 + Int(octets[at]) }
        return at == cut
    }

    /// The labels before `suffix`, or nil when the name does not end in it at a label boundary.
    package func relative(to suffix: DomainName) -> DomainName? {
        guard isAtOrBelow(suffix) else { return nil }
        return DomainName(trusted: Array(octets.dropLast(suffix.octets.count)))
    }

    /// Presentation text without a trailing dot; the root is `.`.
    ///
    /// What means something to readers of zone text (RFC 1035 §5.1) has a backslash before it.
    package var description: String {
        if isRoot { return "." }
        var text = ""
        for start in labelStarts {
            if start > 0 { text += "." }
            for octet in octets[(start + 1)...(start + Int(octets[start]))] {
                text += Self.escaped(octet)
            }
        }
        return text
    }

    /// Eight octets at a time: names are keys of many tables, and hashing them one by one is slow.
    package func hash(into hasher: inout Hasher) {
        let octets = octets.span
        var at = 0
        while at < octets.count {
            var word: UInt64 = 0
            for index in at..<min(at + 8, octets.count) { word = word << 8 | UInt64(octets[index]) }
            hasher.combine(word)
            at += 8
        }
        hasher.combine(octets.count)
    }

    package static func < (left: DomainName, right: DomainName) -> Bool {
        left.octets.lexicographicallyPrecedes(right.octets)
    }

    private static func close(
        _ label: inout [UInt8],
        into labels: inout [UInt8]
    ) throws(NameError) {
        guard (1...labelOctetsMax).contains(label.count) else {
            throw .label(octets: label.count)
        }
        labels.append(UInt8(label.count))
        labels += label
        label.removeAll()
    }

    private static func unescape(_ input: inout ArraySlice<UInt8>) throws(NameError) -> UInt8 {
        guard let first = input.popFirst() else { throw .escape }
        guard (48...57).contains(first) else { return first }
        guard let second = input.popFirst(), let third = input.popFirst(),
            (48...57).contains(second), (48...57).contains(third)
        else { throw .escape }
        let value = Int(first - 48) * 100 + Int(second - 48) * 10 + Int(third - 48)
        guard let octet = UInt8(exactly: value) else { throw .escape }
        return octet
    }

    private static func escaped(_ octet: UInt8) -> String {
        switch octet {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: ";"), UInt8(ascii: "\""),
            UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "@"), UInt8(ascii: "$"):
            return "\\" + String(UnicodeScalar(octet))
        case 0x21...0x7e:
            return String(UnicodeScalar(octet))
        default:
            let digits = String(octet)
            return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
    }
}

/// Why some octets or text are not a domain name.
package enum NameError: Error, Hashable, Sendable, CustomStringConvertible {
    case empty
    /// A label of this many octets; allowed are 1 ... 63.
    case label(octets: Int)
    /// A name of this many octets; allowed are 254 without the root.
    case length(octets: Int)
    /// A backslash not followed by a character or by three digits up to 255.
    case escape

    package var description: String {
        switch self {
        case .empty: "the name is empty"
        case .label(let octets): "a label has \(octets) octets, allowed are 1 to 63"
        case .length(let octets): "the name has \(octets) octets, allowed are 254"
        case .escape: "a backslash is not followed by a character or by three digits up to 255"
        }
    }
}

extension UInt8 {
    /// The octet with A-Z folded to a-z and nothing else touched (RFC 4343 §3).
    package var foldedLetter: UInt8 {
        self &- 65 < 26 ? self | 0x20 : self
    }
}
