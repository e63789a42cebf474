import Base
import DNSWire
package import Names

/// A network's record sets as octets, ready to be copied into replies.
///
/// Made by the publisher when a table changes, at the index that the table's own sets have.
package final class CompiledTable: Sendable {
    let table: NetworkTable
    let octets: [UInt8]
    let sets: [CompiledSet]
    /// Starts of the records of sets whose records differ in length.
    let offsets: [UInt32]
    /// The SOA record of denials; its owner is the question's name.
    let denial: Range<Int>
    /// Denials of zone files, by the name that has the SOA record.
    private let zoneDenials: [DomainName: Range<Int>]

    /// One set in `octets`.
    ///
    /// Each record starts with a pointer to the question's name.
    struct CompiledSet: Sendable {
        let start: Int
        let count: Int
        /// Octets of each record; 0 when they differ.
        let stride: Int
        /// Index of the first record in `offsets`, when they differ.
        let firstOffset: Int
        let end: Int
        let glue: Range<Int>
        let glueCount: Int
    }

    /// `negativeTTL`: seconds a denial may be kept.
    package init(_ table: NetworkTable, negativeTTL: UInt32) {
        var compiler = Compiler()
        self.table = table
        sets = table.sets.map { compiler.add($0) }
        let zone = table.network.isRoot ? resolverZone : table.network
        denial = compiler.addDenial(
            RecordEncoder.soa(zone: zone, minimum: negativeTTL),
            ttl: negativeTTL
        )
        var denials: [DomainName: Range<Int>] = [:]
        for (name, sets) in table.allNames {
            for set in sets where set.type == .soa {
                guard case .wire(let data)? = set.data.first, data.count >= 20 else { continue }
                // RFC 2308 §3: the lower of the record's own TTL and its MINIMUM field.
                let minimum = data.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                denials[name] = compiler.addDenial(data, ttl: min(set.ttl, minimum))
            }
        }
        zoneDenials = denials
        octets = compiler.octets
        offsets = compiler.offsets
    }

    func denial(ofZone apex: DomainName) -> Range<Int> {
        zoneDenials[apex] ?? denial
    }

    /// Octets of record `index` of a set.
    @inline(__always)
    func record(_ index: Int, of set: CompiledSet) -> Range<Int> {
        if set.stride > 0 {
            let start = set.start + index * set.stride
            return start..<start + set.stride
        }
        let start = Int(offsets[set.firstOffset + index])
        let next = set.firstOffset + index + 1
        return start..<(index + 1 < set.count ? Int(offsets[next]) : set.end)
    }

    private struct Compiler {
        var octets: [UInt8] = []
        var offsets: [UInt32] = []

        mutating func add(_ set: RecordSet) -> CompiledSet {
            let start = octets.count
            let firstOffset = offsets.count
            var starts: [UInt32] = []
            for data in set.data {
                starts.append(UInt32(octets.count))
                RecordEncoder.append(
                    .question,
                    type: set.type,
                    ttl: set.ttl,
                    data: data.octets,
                    to: &octets
                )
            }
            let end = octets.count
            let stride = (end - start) / set.data.count
            let isUniform = starts.enumerated().allSatisfy { Int($1) == start + $0 * stride }
            if !isUniform { offsets += starts }
            for record in set.glue {
                guard let type = record.data.type else { continue }
                RecordEncoder.append(
                    .name(record.owner),
                    type: type,
                    ttl: set.ttl,
                    data: record.data.octets,
                    to: &octets
                )
            }
            return CompiledSet(
                start: start,
                count: set.data.count,
                stride: isUniform ? stride : 0,
                firstOffset: firstOffset,
                end: end,
                glue: end..<octets.count,
                glueCount: set.glue.count
            )
        }

        mutating func addDenial(_ data: [UInt8], ttl: UInt32) -> Range<Int> {
            let start = octets.count
            RecordEncoder.append(.question, type: .soa, ttl: ttl, data: data, to: &octets)
            return start..<octets.count
        }
    }
}

extension RecordData {
    /// The data in wire form.
    fileprivate var octets: [UInt8] {
        switch self {
        case .a(let address): address.octets
        case .aaaa(let address): address.octets
        case .name(let name): RecordEncoder.wire(name)
        case .srv(let priority, let weight, let port, let target):
            RecordEncoder.srv(priority: priority, weight: weight, port: port, target: target)
        case .wire(let octets): octets
        }
    }
}

/// The zone that speaks for names which no network and no file owns.
let resolverZone: DomainName = {
    guard let name = try? DomainName("waggle.internal") else {
        preconditionFailure("a constant name is well formed")
    }
    return name
}()
