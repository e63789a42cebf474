import Base

/// One name of a table with its record sets, as octets at a place of a shard.
///
/// Numbers are little-endian:
///
///     length of the block  u32    octets of the name  u8    flags  u8    record sets  u16
///     the name's octets
///     for each set, ascending by type:
///         type  u16    octets of the target + 1, or 0  u8    records  u32    octets of the image  u32
///         the target's octets, for CNAME    the image that the name server copies from
///     places of the endpoints it comes from  u32 each, ascending
///     names directly below it  u32    how many endpoints  u32
///
/// What decides an answer stands in front; what only a change needs, at the end.
enum NameBlock {
    static let nameStart = 8
    static let setHead = 11
    static let tail = 8
    static let underSuffixOnly: UInt8 = 1

    /// Appends a block.
    ///
    /// `image`: makes the octets of a set.
    static func append(
        _ name: DomainName,
        _ content: Content,
        image: (RecordSet) -> [UInt8],
        to octets: inout [UInt8]
    ) {
        let start = octets.count
        octets.append(uint32: 0)
        octets.append(UInt8(name.octets.count))
        octets.append(content.records.underSuffixOnly ? underSuffixOnly : 0)
        octets.append(uint16: UInt16(content.records.sets.count))
        octets += name.octets
        for set in content.records.sets {
            octets.append(uint16: set.type.code)
            let image = image(set)
            if set.type == .cname, case .name(let target)? = set.data.first {
                octets.append(UInt8(target.octets.count + 1))
                octets.append(uint32: UInt32(set.data.count))
                octets.append(uint32: UInt32(image.count))
                octets += target.octets
            } else {
                octets.append(0)
                octets.append(uint32: UInt32(set.data.count))
                octets.append(uint32: UInt32(image.count))
            }
            octets += image
        }
        for source in content.sources { octets.append(uint32: source) }
        octets.append(uint32: content.childCount)
        octets.append(uint32: UInt32(content.sources.count))
        octets.set(uint32: UInt32(octets.count - start), at: start)
    }

    /// What a block says beside the name.
    struct Content {
        var records: NameRecords
        /// Places of the endpoints that give it records, ascending.
        var sources: [UInt32]
        /// How many names stand directly below it.
        var childCount: UInt32
    }

    static func length(_ octets: [UInt8], at start: Int) -> Int { octets.uint32(at: start) }

    /// The octets of the name.
    static func octets(_ octets: [UInt8], at start: Int) -> ArraySlice<UInt8> {
        octets[start + nameStart..<start + nameStart + Int(octets[start + 4])]
    }

    /// The octets of the name of a whole block.
    static func octets(of block: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        block.dropFirst(nameStart).prefix(Int(block[block.startIndex + 4]))
    }

    static func name(_ octets: [UInt8], at start: Int) -> DomainName {
        guard let name = try? DomainName(wire: Self.octets(octets, at: start)) else {
            preconditionFailure("a table holds only well-formed names")
        }
        return name
    }

    static func sources(_ octets: [UInt8], at start: Int) -> [UInt32] {
        let end = start + length(octets, at: start) - tail
        let count = octets.uint32(at: end + 4)
        return (0..<count).map { UInt32(octets.uint32(at: end - 4 * (count - $0))) }
    }

    static func childCount(_ octets: [UInt8], at start: Int) -> UInt32 {
        UInt32(octets.uint32(at: start + length(octets, at: start) - tail))
    }
}

extension [UInt8] {
    @inline(__always)
    func uint16(at index: Int) -> UInt16 {
        UInt16(self[index]) | UInt16(self[index + 1]) << 8
    }

    @inline(__always)
    func uint32(at index: Int) -> Int {
        Int(self[index]) | Int(self[index + 1]) << 8 | Int(self[index + 2]) << 16
            | Int(self[index + 3]) << 24
    }

    fileprivate mutating func append(uint16 value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }

    mutating func append(uint32 value: UInt32) {
        append(uint16: UInt16(truncatingIfNeeded: value))
        append(uint16: UInt16(truncatingIfNeeded: value >> 16))
    }

    mutating func set(uint32 value: UInt32, at index: Int) {
        for octet in 0..<4 {
            self[index + octet] = UInt8(truncatingIfNeeded: value >> UInt32(8 * octet))
        }
    }
}
