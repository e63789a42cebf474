import Gossip

/// Reads msgpack in place, as tolerantly as the peers' own decoders do.
///
/// Any family of integers that fits the field, strings and octets of either family, an array of
/// small numbers for octets, nil for any field's zero. Fields may come in any order; unknown ones
/// are stepped over. Never recurses, never reads past the end, allocates only what it returns, and
/// that never more than the octets it read. Source: gossip-wire.md §3.
struct MsgpackReader: ~Escapable {
    let bytes: Span<UInt8>
    private(set) var at: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, at: Int = 0) {
        self.bytes = bytes
        self.at = at
    }

    /// Pairs of the map that begins here; 0 for nil.
    mutating func map() throws(MsgpackFault) -> Int {
        try items(.map, octetsEach: 2) / 2
    }

    /// Elements of the array that begins here; 0 for nil.
    mutating func array() throws(MsgpackFault) -> Int {
        try items(.array, octetsEach: 1)
    }

    private mutating func items(
        _ kind: MsgpackHead.Kind,
        octetsEach: Int
    ) throws(MsgpackFault) -> Int {
        let head = try MsgpackHead(bytes, at: at)
        if head.kind == .none {
            at += 1
            return 0
        }
        guard head.kind == kind else { throw wrongKind }
        let left = bytes.count - at - head.octets
        if head.items > left {
            throw .count(claimed: head.items / octetsEach, limit: left / octetsEach)
        }
        at += head.octets
        return head.items
    }

    /// The name of the field that comes next.
    ///
    /// A name longer than every known one is none of them, and comes as it is counted.
    mutating func field() throws(MsgpackFault) -> FieldName {
        let range = try octetRange()
        var name = ShortOctets()
        for index in range.prefix(ShortOctets.keptMax + 1) { name.append(bytes[index]) }
        return FieldName(name)
    }

    /// An integer of any family that fits `Number`; 0 for nil.
    mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(MsgpackFault) -> Number {
        let head = try whole()
        let start = at
        let first = bytes[start]
        switch head.kind {
        case .none:
            at = start + 1
            return 0
        case .integer: break
        default: throw wrongKind
        }
        at = start + head.octets + head.payload
        let number: Number?
        switch first {
        case 0x00...0x7f: number = Number(exactly: first)
        case 0xe0...0xff: number = Number(exactly: Int8(bitPattern: first))
        case 0xcc: number = Number(exactly: bytes[start + 1])
        case 0xcd: number = Number(exactly: bytes.uint16(at: start + 1))
        case 0xce: number = Number(exactly: bytes.uint32(at: start + 1))
        case 0xcf: number = Number(exactly: bytes.uint64(at: start + 1))
        case 0xd0: number = Number(exactly: Int8(bitPattern: bytes[start + 1]))
        case 0xd1: number = Number(exactly: Int16(bitPattern: bytes.uint16(at: start + 1)))
        case 0xd2: number = Number(exactly: Int32(bitPattern: bytes.uint32(at: start + 1)))
        default: number = Number(exactly: Int64(bitPattern: bytes.uint64(at: start + 1)))
        }
        guard let number else { throw .range(offset: start) }
        return number
    }

    /// A truth value; false for nil.
    mutating func flag() throws(MsgpackFault) -> Bool {
        let head = try whole()
        guard head.kind == .flag || head.kind == .none else { throw wrongKind }
        at += 1
        return bytes[at - 1] == 0xc3
    }

    /// A number of 64 bits; 0 for nil.
    mutating func double() throws(MsgpackFault) -> Double {
        let head = try whole()
        let start = at
        switch head.kind {
        case .none:
            at = start + 1
            return 0
        case .double:
            at = start + 9
            return Double(bitPattern: bytes.uint64(at: start + 1))
        default: throw wrongKind
        }
    }

    /// A string's or octets' copy; empty for nil.
    mutating func octets() throws(MsgpackFault) -> [UInt8] {
        guard try MsgpackHead(bytes, at: at).kind == .array else {
            return bytes.array(try octetRange())
        }
        let count = try array()
        var octets: [UInt8] = []
        octets.reserveCapacity(count)
        for _ in 0..<count { octets.append(try integer()) }
        return octets
    }

    /// A string's or octets' first 16 octets and their count, without a copy; empty for nil.
    mutating func shortOctets() throws(MsgpackFault) -> ShortOctets {
        var octets = ShortOctets()
        if try MsgpackHead(bytes, at: at).kind == .array {
            for _ in 0..<(try array()) { octets.append(try integer()) }
        } else {
            for index in try octetRange() { octets.append(bytes[index]) }
        }
        return octets
    }

    /// Where a string's or octets' content stands; empty for nil.
    mutating func octetRange() throws(MsgpackFault) -> Range<Int> {
        let head = try whole()
        guard head.kind == .octets || head.kind == .none else { throw wrongKind }
        let start = at + head.octets
        at = start + head.payload
        return start..<at
    }

    /// Whether nil stands here; steps over it if so.
    mutating func isNone() throws(MsgpackFault) -> Bool {
        guard try MsgpackHead(bytes, at: at).kind == .none else { return false }
        at += 1
        return true
    }

    /// Steps over one item of any kind.
    mutating func skip() throws(MsgpackFault) {
        var scanner = ItemScanner(at: at, octetsMax: bytes.count - at)
        guard try scanner.advance(bytes) else {
            throw .truncated(needed: bytes.count + 1, have: bytes.count)
        }
        at = scanner.at
    }

    /// The head that stands here, once all of its item's own octets are known to be there.
    private func whole() throws(MsgpackFault) -> MsgpackHead {
        let head = try MsgpackHead(bytes, at: at)
        let end = at + head.octets + head.payload
        if end > bytes.count { throw .truncated(needed: end, have: bytes.count) }
        return head
    }

    private var wrongKind: MsgpackFault { .kind(octet: bytes[at], offset: at) }
}
