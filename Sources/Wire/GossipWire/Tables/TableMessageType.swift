import Gossip

/// What a `GossipMessage` holds.
///
/// Source: networkdb-dns.md A2.
package enum TableMessageType: UInt8, Hashable, Sendable, CaseIterable {
    case networkEvent = 1
    case tableEvent = 2
    /// A state, no user message.
    case pushPull = 3
    case bulkSync = 4
    case compound = 5
    case nodeEvent = 6
}

/// A `GossipMessage`: a type, and where what it holds stands.
struct TableEnvelope {
    let type: TableMessageType
    let content: Range<Int>

    /// Throws: `TableFault.type` for types that nobody knows.
    init(_ bytes: Span<UInt8>, in range: Range<Int>) throws(TableFault) {
        guard !range.isEmpty else { throw .empty }
        var reader = ProtobufReader(bytes, in: range)
        var type: UInt64 = 0
        var content = range.lowerBound..<range.lowerBound
        while let field = try reader.next() {
            switch field.number {
            case 1: type = try field.integer()
            case 2: content = try field.range()
            default: continue
            }
        }
        guard let known = UInt8(exactly: type).flatMap({ TableMessageType(rawValue: $0) }) else {
            throw .type(type)
        }
        self.type = known
        self.content = content
    }
}

extension Array where Element == UInt8 {
    /// What stands before so many octets of content that the caller appends.
    mutating func append(_ type: TableMessageType, octetCount: Int) {
        append(field: 1, integer: UInt64(type.rawValue))
        if octetCount > 0 { append(item: 2, octetCount: octetCount) }
    }

    /// A whole `GossipMessage`.
    mutating func append(_ type: TableMessageType, _ content: [UInt8]) {
        reserveCapacity(count + content.count + 12)
        append(type, octetCount: content.count)
        append(contentsOf: content)
    }
}
