import Base
import DNSWire
package import Names

/// A record set as octets, ready to be copied into replies.
///
/// Made when a name changes and kept in the name's table. Numbers are little-endian:
///
///     octets of each record, or 0  u16    glue records  u16    octets of glue  u32
///     after 0, where they differ or are too long: where each record ends  u32 each
///     the records, each beginning with a pointer to the question's name
///     the glue records
///
/// Says where things are; the octets, which are the shard's, go beside it, so that no reference to
/// them is counted for each of its uses.
struct RecordImage {
    let count: Int
    /// Octets of each record; 0 when they differ.
    let stride: Int
    let glueCount: Int
    let glue: Range<Int>
    /// Where the ends of records are noted, when they differ.
    private let ends: Int
    private let records: Int

    private static let head = 8

    /// `octets`: of the shard that the set stands in.
    @inline(__always)
    init(_ set: NetworkTable.SetPlace, _ octets: [UInt8]) {
        count = set.count
        stride = octets.number16(set.start)
        glueCount = octets.number16(set.start + 2)
        glue = set.end - octets.number32(set.start + 4)..<set.end
        ends = set.start + Self.head
        records = stride == 0 ? ends + 4 * count : ends
    }

    /// Octets of record `index` of the set.
    @inline(__always)
    func record(_ index: Int, _ octets: [UInt8]) -> Range<Int> {
        if stride > 0 {
            let start = records + index * stride
            return start..<start + stride
        }
        let start = index == 0 ? 0 : octets.number32(ends + 4 * (index - 1))
        return records + start..<records + octets.number32(ends + 4 * index)
    }

    /// Octets of all records.
    var all: Range<Int> { records..<glue.lowerBound }
}

extension RecordCompiler {
    /// Makes what the name server copies into replies.
    package static let images = RecordCompiler(
        image: { image(of: $0) },
        denial: { network, ttl in
            let zone = network.isRoot ? resolverZone : network
            return denial(RecordEncoder.soa(zone: zone, minimum: ttl), ttl: ttl)
        },
        zoneDenial: { soa in
            guard case .wire(let data)? = soa.data.first, data.count >= 20 else { return [] }
            // RFC 2308 §3: the lower of the record's own TTL and its MINIMUM field.
            let minimum = data.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return denial(data, ttl: min(soa.ttl, minimum))
        }
    )

    private static func image(of set: RecordSet) -> [UInt8] {
        var records: [UInt8] = []
        var ends: [Int] = []
        for data in set.data {
            RecordEncoder.append(
                .question,
                type: set.type,
                ttl: set.ttl,
                data: data.octets,
                to: &records
            )
            ends.append(records.count)
        }
        let stride = records.count / set.data.count
        // One that is longer than its number could say is as good as one that differs.
        let isUniform =
            stride <= Int(UInt16.max) && ends.enumerated().allSatisfy { $1 == ($0 + 1) * stride }
        var glue: [UInt8] = []
        var glueCount = 0
        for record in set.glue {
            guard let type = record.data.type, glueCount < Int(UInt16.max) else { continue }
            RecordEncoder.append(
                .name(record.owner),
                type: type,
                ttl: set.ttl,
                data: record.data.octets,
                to: &glue
            )
            glueCount += 1
        }
        var image: [UInt8] = []
        image.reserveCapacity(8 + (isUniform ? 0 : 4 * ends.count) + records.count + glue.count)
        image.append(number: isUniform ? stride : 0, octets: 2)
        image.append(number: glueCount, octets: 2)
        image.append(number: glue.count, octets: 4)
        if !isUniform { for end in ends { image.append(number: end, octets: 4) } }
        return image + records + glue
    }

    /// The SOA record of a denial; its owner is the question's name.
    private static func denial(_ data: [UInt8], ttl: UInt32) -> [UInt8] {
        var octets: [UInt8] = []
        RecordEncoder.append(.question, type: .soa, ttl: ttl, data: data, to: &octets)
        return octets
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

extension [UInt8] {
    @inline(__always)
    fileprivate func number16(_ at: Int) -> Int { Int(self[at]) | Int(self[at + 1]) << 8 }

    @inline(__always)
    fileprivate func number32(_ at: Int) -> Int {
        number16(at) | Int(self[at + 2]) << 16 | Int(self[at + 3]) << 24
    }

    fileprivate mutating func append(number: Int, octets: Int) {
        for index in 0..<octets { append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
    }
}

/// The zone that speaks for names which no network and no file owns.
let resolverZone: DomainName = {
    guard let name = try? DomainName("waggle.internal") else {
        preconditionFailure("a constant name is well formed")
    }
    return name
}()
