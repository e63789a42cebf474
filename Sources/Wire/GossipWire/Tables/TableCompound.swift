import Gossip

/// What rumours cost within a compound, and how a compound is written and read.
///
/// Each is a `SimpleMessage` with one field, so that two lengths stand before it: 4 octets up to 125,
/// 5 for one more, 6 above. Docker's nodes count 4 for each and may exceed a datagram; here the octets
/// are counted as they are. Source: networkdb-dns.md A2, A10.
package enum TableCompound {
    /// Octets that a rumour of so many adds to a compound.
    package static func overhead(_ octets: Int) -> Int {
        let simple = 1 + varintOctets(octets)
        return simple + 1 + varintOctets(simple + octets)
    }

    /// Octets of the message of rumours of these lengths; of one alone its own.
    package static func octets(_ lengths: some Sequence<Int>) -> Int {
        var content = 0
        var count = 0
        var only = 0
        for length in lengths {
            content += length + overhead(length)
            count += 1
            only = length
        }
        return count == 1 ? only : octets(content: content)
    }

    /// How many of them, from the first, fit into a message of so many octets.
    package static func fitting(_ lengths: some Sequence<Int>, octetsMax: Int) -> Int {
        var content = 0
        var count = 0
        for length in lengths {
            content += length + overhead(length)
            let total = count == 0 ? length : octets(content: content)
            if total > octetsMax { break }
            count += 1
        }
        return count
    }

    /// Octets of a compound with so many of content.
    static func octets(content: Int) -> Int {
        // Type, and nothing else where nothing is in it.
        content == 0 ? 2 : 3 + varintOctets(content) + content
    }

    static func contentOctets(_ rumours: [TableRumour]) -> Int {
        rumours.reduce(0) { $0 + $1.octets.count + overhead($1.octets.count) }
    }
}

extension Array where Element == UInt8 {
    /// A whole compound with so many octets of content.
    mutating func append(compound rumours: [TableRumour], contentOctets: Int) {
        append(.compound, octetCount: contentOctets)
        for rumour in rumours {
            let octets = rumour.octets.count
            append(item: 1, octetCount: 1 + varintOctets(octets) + octets)
            append(item: 1, octets: rumour.octets)
        }
    }
}

/// What a message's rumours come to, compounds within compounds undone.
///
/// One that cannot be read is counted and left out; the others stay. Of a compound whose own octets
/// are broken stays what stood before.
struct TableCollector {
    private(set) var rumours: [TableRumour] = []
    private(set) var malformed = 0
    private let rumoursMax: Int

    init(octets: Int) {
        rumoursMax = TableLimits.rumoursMax(octets: octets)
    }

    /// Takes what one `GossipMessage` says.
    mutating func collect(_ bytes: Span<UInt8>, _ range: Range<Int>, depth: Int = 0) {
        do throws(TableFault) {
            let envelope = try TableEnvelope(bytes, in: range)
            if envelope.type == .compound {
                try collect(compound: bytes, envelope.content, depth: depth)
            } else {
                try collect(bytes, range, envelope)
            }
        } catch {
            malformed += 1
        }
    }

    /// Takes what the parts of a compound say.
    ///
    /// Throws: what is wrong with the compound, not with its parts.
    mutating func collect(
        compound bytes: Span<UInt8>,
        _ content: Range<Int>,
        depth: Int
    ) throws(TableFault) {
        guard depth < TableLimits.depthMax else { throw .count(limit: TableLimits.depthMax) }
        var parts = ProtobufReader(bytes, in: content)
        while let part = try parts.next() {
            guard part.number == 1 else { continue }
            var simple = ProtobufReader(bytes, in: try part.range())
            if let payload = Self.payload(&simple) {
                collect(bytes, payload, depth: depth + 1)
            } else {
                malformed += 1
            }
        }
    }

    private static func payload(_ simple: inout ProtobufReader) -> Range<Int>? {
        var payload: Range<Int>?
        do throws(TableFault) {
            while let field = try simple.next() {
                if field.number == 1 { payload = try field.range() }
            }
        } catch {
            return nil
        }
        return payload
    }

    private mutating func collect(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ envelope: TableEnvelope
    ) throws(TableFault) {
        guard range.count <= TableLimits.rumourOctetsMax else {
            throw .length(claimed: range.count, limit: TableLimits.rumourOctetsMax)
        }
        guard rumours.count < rumoursMax else { throw .count(limit: rumoursMax) }
        let content = try TableRumour.Content(envelope, bytes)
        rumours.append(TableRumour(content, octets: bytes.array(range)))
    }
}
