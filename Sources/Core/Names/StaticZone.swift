package import Base

/// The records of static zone files, ready to be merged and looked up.
///
/// Visible to all sandboxes.
package struct StaticZone: Sendable {
    /// By whole name.
    package private(set) var names: [DomainName: NameRecords] = [:]
    /// Names that have a SOA record, ascending.
    package private(set) var apexes: [DomainName] = []

    /// One record of a file.
    package struct Entry: Hashable, Sendable {
        package let owner: DomainName
        package let type: RecordType
        /// Seconds.
        package let ttl: UInt32
        package let data: RecordData

        package init(owner: DomainName, type: RecordType, ttl: UInt32, data: RecordData) {
            self.owner = owner
            self.type = type
            self.ttl = ttl
            self.data = data
        }
    }

    package init() {}

    /// Takes records in the order of their files; TTLs of one set are levelled to the lowest.
    package init(_ records: [Entry]) {
        var sets: [DomainName: [RecordSet]] = [:]
        for record in records {
            sets[record.owner, default: []].append(
                RecordSet(type: record.type, ttl: record.ttl, data: [record.data])
            )
            if record.type == .soa { apexes.append(record.owner) }
        }
        names = sets.mapValues { NameRecords(sets: []).adding($0) }
        apexes.sort()
        addEmptyNonTerminals()
    }

    /// The records at or below a network's name, relative to it.
    package func part(under network: DomainName) -> [DomainName: NameRecords] {
        var part: [DomainName: NameRecords] = [:]
        for (name, records) in names.sorted(by: { $0.key < $1.key }) {
            if let relative = name.relative(to: network), !relative.isRoot, !records.sets.isEmpty {
                part[relative] = records
            }
        }
        return part
    }

    /// Names with records at or below a network's name, relative to it.
    func names(under network: DomainName) -> [DomainName] {
        if names.isEmpty { return [] }
        return part(under: network).keys.sorted()
    }

    /// Names whose records are not the same in `other`, ascending.
    func differences(to other: StaticZone) -> [DomainName] {
        let all = Set(names.keys).union(other.names.keys)
        return all.filter { names[$0] != other.names[$0] }.sorted()
    }

    /// Names between an apex and its records exist (RFC 8020); above the apex nothing is claimed.
    private mutating func addEmptyNonTerminals() {
        for name in names.keys.sorted()
        where apexes.contains(where: { name.relative(to: $0) != nil }) {
            var above = name.parent
            while let ancestor = above, names[ancestor] == nil,
                apexes.contains(where: { ancestor.relative(to: $0) != nil })
            {
                names[ancestor] = NameRecords(sets: [])
                above = ancestor.parent
            }
        }
    }
}
