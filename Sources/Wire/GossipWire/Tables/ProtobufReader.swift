import Gossip

/// One field as it stands on the wire.
struct ProtobufField {
    enum Content {
        case integer(UInt64)
        /// Where the octets of a text, of octets or of a message stand.
        case octets(Range<Int>)
        /// Four or eight octets; no field that we know has them.
        case fixed
    }

    let number: UInt32
    let content: Content
    /// Where the field begins.
    let offset: Int

    func integer() throws(TableFault) -> UInt64 {
        guard case .integer(let value) = content else { throw wrongForm }
        return value
    }

    /// As Docker's decoder has it: the lower 32 bits.
    func integer32() throws(TableFault) -> UInt32 {
        UInt32(truncatingIfNeeded: try integer())
    }

    func time() throws(TableFault) -> LamportTime { LamportTime(try integer()) }
    func flag() throws(TableFault) -> Bool { try integer() != 0 }

    func range() throws(TableFault) -> Range<Int> {
        guard case .octets(let range) = content else { throw wrongForm }
        return range
    }

    private var wrongForm: TableFault { .form(field: number, offset: offset) }
}

/// Reads the fields of one protobuf message in place, one after another.
///
/// Fields come as they stand: in any order, repeated, unknown ones too, so that whoever reads takes the
/// last of a field and steps over what it does not know. Groups are refused: nobody writes them, and
/// their end is found by nesting alone. Never recurses, never reads past the end, allocates nothing.
/// Source: networkdb-dns.md A2; protobuf.dev, "Encoding".
struct ProtobufReader: ~Escapable {
    let bytes: Span<UInt8>
    private(set) var at: Int
    let end: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, in range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= bytes.count,
            "\(range) of \(bytes.count) octets"
        )
        self.bytes = bytes
        at = range.lowerBound
        end = range.upperBound
    }

    /// The field that comes next; nil at the end.
    mutating func next() throws(TableFault) -> ProtobufField? {
        if at == end { return nil }
        let offset = at
        let tag = try varint()
        guard tag >> 3 != 0, let number = UInt32(exactly: tag >> 3) else {
            throw .tag(offset: offset)
        }
        let content: ProtobufField.Content
        switch tag & 7 {
        case 0: content = .integer(try varint())
        case 2: content = .octets(try take(try varint()))
        case 1:
            _ = try take(8)
            content = .fixed
        case 5:
            _ = try take(4)
            content = .fixed
        default: throw .tag(offset: offset)
        }
        return ProtobufField(number: number, content: content, offset: offset)
    }

    /// A number, seven bits in each octet, the lowest first; at most ten octets.
    mutating func varint() throws(TableFault) -> UInt64 {
        let start = at
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while at < end {
            let octet = bytes[at]
            at += 1
            // The tenth octet holds the last bit.
            if shift == 63, octet > 1 { throw .number(offset: start) }
            value |= UInt64(octet & 0x7f) << shift
            if octet < 0x80 { return value }
            shift += 7
        }
        throw .truncated(needed: at + 1, have: end)
    }

    /// Steps over so many octets.
    mutating func take(_ count: UInt64) throws(TableFault) -> Range<Int> {
        guard count <= UInt64(end - at) else {
            throw .truncated(needed: Int(clamping: UInt64(at) + min(count, 1 << 62)), have: end)
        }
        let start = at
        at += Int(count)
        return start..<at
    }
}

extension Span where Element == UInt8 {
    /// A name's copy.
    ///
    /// Throws: `TableFault.name` when it is empty, too long, or has a `/` and may not.
    func name(
        _ field: ProtobufField,
        octetsMax: Int,
        allowsSlash: Bool = false
    ) throws(TableFault) -> [UInt8] {
        let range = try field.range()
        guard !range.isEmpty, range.count <= octetsMax, allowsSlash || !hasSlash(range) else {
            throw .name(field: field.number, octets: range.count)
        }
        return array(range)
    }

    private func hasSlash(_ range: Range<Int>) -> Bool {
        for index in range where self[index] == UInt8(ascii: "/") { return true }
        return false
    }

    func node(_ field: ProtobufField) throws(TableFault) -> NodeName {
        // Names of nodes are no parts of paths.
        NodeName(octets: try name(field, octetsMax: NodeName.octetsMax, allowsSlash: true))
    }

    func network(_ field: ProtobufField) throws(TableFault) -> NetworkID {
        NetworkID(octets: try name(field, octetsMax: NetworkID.octetsMax))
    }
}
