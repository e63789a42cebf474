import Base

/// A few of the names of a table, immutable, with a look-up that allocates nothing.
///
/// All of it is one array, so that a look-up touches little memory: a tag of 8 bits of hash for each
/// name, where its block is, and the blocks (`NameBlock`) in any order. Numbers are little-endian.
///
///     names  u32    tag  u8 each    place of the block  u32 each    blocks
struct NameShard: Sendable {
    let octets: [UInt8]

    private static let head = 4

    init() {
        self.init([])
    }

    /// A shard of whole blocks.
    init(_ pieces: [Piece]) {
        let start = Self.head + 5 * pieces.count
        var octets: [UInt8] = []
        octets.reserveCapacity(pieces.reduce(start) { $0 + $1.block.count })
        octets.append(uint32: UInt32(pieces.count))
        for piece in pieces { octets.append(piece.tag) }
        var place = start
        for piece in pieces {
            octets.append(uint32: UInt32(place))
            place += piece.block.count
        }
        for piece in pieces { octets += piece.block }
        self.octets = octets
    }

    /// A name's block with the tag that finds it.
    struct Piece {
        let tag: UInt8
        let block: ArraySlice<UInt8>
    }

    /// The tag of a name's hash; the lower bits of the hash choose the shard.
    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt8 { UInt8(hash >> 56) }

    var nameCount: Int { octets.uint32(at: 0) }

    /// The place of the block of the key's first labels, which have `count` octets.
    ///
    /// Complexity: O(names of the shard), which the table keeps few; no allocation.
    static func find(
        _ key: borrowing NameKey,
        tag: UInt8,
        octets count: Int,
        in octets: [UInt8]
    ) -> Int? {
        let names = octets.uint32(at: 0)
        for index in 0..<names where octets[head + index] == tag {
            let start = octets.uint32(at: head + names + 4 * index)
            if Int(octets[start + 4]) == count,
                key.prefix(count, equals: octets, at: start + NameBlock.nameStart)
            {
                return start
            }
        }
        return nil
    }

    /// The place of a name's block.
    func find(_ name: DomainName) -> Int? {
        places.first { NameBlock.octets(octets, at: $0).elementsEqual(name.octets) }
    }

    private var places: some Collection<Int> {
        (0..<nameCount).lazy.map { octets.uint32(at: Self.head + nameCount + 4 * $0) }
    }

    var pieces: [Piece] {
        places.enumerated().map { index, start in
            let end = start + NameBlock.length(octets, at: start)
            return Piece(tag: octets[Self.head + index], block: octets[start..<end])
        }
    }

    /// A name that is new, different or gone.
    struct Edit {
        let name: DomainName
        let tag: UInt8
        /// Its block; nil when it is gone.
        let block: [UInt8]?
    }

    /// The same names but for those of `edits`, each named once.
    func applying(_ edits: [Edit]) -> NameShard {
        let replaced = edits.compactMap { find($0.name) }
        let kept = pieces.filter { !replaced.contains($0.block.startIndex) }
        let fresh = edits.compactMap { edit in
            edit.block.map { Piece(tag: edit.tag, block: $0[...]) }
        }
        return NameShard(kept + fresh)
    }
}
