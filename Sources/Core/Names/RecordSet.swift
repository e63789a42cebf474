package import Base

/// The data of one record, as decided here; octets are made of it in the name server.
package enum RecordData: Hashable, Sendable {
    case a(IPv4Address)
    case aaaa(IPv6Address)
    /// The data of PTR, CNAME and NS.
    case name(DomainName)
    /// Source: RFC 2782.
    case srv(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName)
    /// Data of any other type, in wire form without compression.
    case wire([UInt8])

    /// An address as the data of its type.
    package init(_ address: IPAddress) {
        switch address {
        case .v4(let v4): self = .a(v4)
        case .v6(let v6): self = .aaaa(v6)
        }
    }

    package var type: RecordType? {
        switch self {
        case .a: .a
        case .aaaa: .aaaa
        case .srv: .srv
        case .name, .wire: nil
        }
    }
}

/// A record that rides along in the additional section of an answer.
package struct GlueRecord: Hashable, Sendable {
    package let owner: DomainName
    package let data: RecordData

    package init(owner: DomainName, data: RecordData) {
        self.owner = owner
        self.data = data
    }
}

/// All records of one type at one name; they share a TTL (RFC 2181 §5.2).
package struct RecordSet: Hashable, Sendable {
    package let type: RecordType
    /// Seconds.
    package let ttl: UInt32
    /// In a fixed order; the name server shuffles at answer time.
    package let data: [RecordData]
    /// Addresses of SRV targets.
    package let glue: [GlueRecord]

    package init(
        type: RecordType,
        ttl: UInt32,
        data: [RecordData],
        glue: [GlueRecord] = []
    ) {
        precondition(!data.isEmpty, "a record set has at least one record")
        self.type = type
        self.ttl = ttl
        self.data = data
        self.glue = glue
    }
}

/// Everything one name owns.
///
/// A name may exist without owning any record.
package struct NameRecords: Hashable, Sendable {
    /// In ascending order of type.
    package private(set) var sets: [RecordSet]
    /// Whether the name exists only because a longer one does (RFC 8020), and only for questions
    /// that name the network: an alias `api.example.com` must not hide the public `example.com`.
    package let underSuffixOnly: Bool

    package init(sets: [RecordSet], underSuffixOnly: Bool = false) {
        self.sets = sets.sorted { $0.type < $1.type }
        self.underSuffixOnly = underSuffixOnly
    }

    /// The same name with more sets; a type that is there already gains the records.
    package func adding(_ more: [RecordSet]) -> NameRecords {
        var merged = sets
        for set in more {
            if let index = merged.firstIndex(where: { $0.type == set.type }) {
                let old = merged[index]
                merged[index] = RecordSet(
                    type: set.type,
                    ttl: min(old.ttl, set.ttl),
                    data: old.data + set.data.filter { !old.data.contains($0) },
                    glue: old.glue + set.glue.filter { !old.glue.contains($0) }
                )
            } else {
                merged.append(set)
            }
        }
        return NameRecords(sets: merged)
    }
}
