package import Base

/// A question on the wire (RFC 1035 §4.1) with an EDNS record (RFC 6891 §6.1.2).
package struct QueryMessage: Hashable, Sendable {
    /// What we take over UDP: DNS flag day 2020.
    package static let datagramOctetsMax = 1232

    package let id: UInt16
    package let name: DomainName
    package let type: RecordType
    /// Whether signatures are asked for (the DO bit, RFC 3225).
    package let dnssec: Bool

    package init(id: UInt16, name: DomainName, type: RecordType, dnssec: Bool) {
        self.id = id
        self.name = name
        self.type = type
        self.dnssec = dnssec
    }

    package var octets: [UInt8] {
        // Recursion desired; one question, one additional record.
        var out = Self.pair(id) + [1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
        out += name.octets + [0] + Self.pair(type.code) + [0, 1]
        out += [0] + Self.pair(RecordType.opt.code) + Self.pair(UInt16(Self.datagramOctetsMax))
        out += [0, 0, dnssec ? 0x80 : 0, 0, 0, 0]
        return out
    }

    /// Whether the octets are a reply with our id to our question; a server that cannot read the
    /// question may leave it out.
    package func isAnswered(by reply: [UInt8]) -> Bool {
        guard reply.count >= 12, reply.starts(with: Self.pair(id)), reply[2] & 0x80 != 0 else {
            return false
        }
        if reply[4] == 0, reply[5] == 0 { return true }
        let question = name.octets + [0] + Self.pair(type.code) + [0, 1]
        return reply.dropFirst(12).prefix(question.count).map { $0.foldedLetter }
            == question.map { $0.foldedLetter }
    }

    private static func pair(_ value: UInt16) -> [UInt8] {
        [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
    }
}
