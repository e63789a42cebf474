package import Base

/// The names of one network, immutable, with a look-up that allocates nothing.
///
/// Names are relative to the network (`web`, `tasks.web`, `_http._tcp.web`), except reverse names,
/// which are whole. The table of static zone files is one whose network is the root. A table that
/// follows another shares with it the shards in which nothing has changed.
package final class NetworkTable: Sendable {
    /// The network's name; the root for the table of zone files.
    package let network: DomainName
    /// The address blocks whose reverse names belong to this network, ascending.
    package let subnets: [CIDR]
    /// What denials carry, as the compiler of records has made it.
    package let denial: [UInt8]
    /// The same for zone files, by the name that has the SOA record.
    package let apexDenials: [DomainName: [UInt8]]
    /// How many names exist, empty ones included.
    package let nameCount: Int
    /// The hash seed that keys must share.
    package let seed: UInt64
    /// As many as a power of two.
    private let shards: PagedArray<NameShard>

    /// A name found in a table: where its record sets are.
    ///
    /// Only a look-up makes one, and from it no denial of existence can be made: that is what keeps
    /// NXDOMAIN off names that exist.
    package struct Found: Sendable {
        let shard: Int
        /// The place of the first set.
        let sets: Int
        package let setCount: Int
        package let underSuffixOnly: Bool
    }

    /// An empty table.
    init(network: DomainName, seed: UInt64) {
        self.network = network
        self.seed = seed
        subnets = []
        denial = []
        apexDenials = [:]
        nameCount = 0
        shards = PagedArray([NameShard()])
    }

    private init(
        following other: NetworkTable,
        shards: PagedArray<NameShard>,
        nameCount: Int,
        subnets: [CIDR],
        denial: [UInt8],
        apexDenials: [DomainName: [UInt8]]
    ) {
        network = other.network
        seed = other.seed
        self.subnets = subnets
        self.denial = denial
        self.apexDenials = apexDenials
        self.nameCount = nameCount
        self.shards = shards
    }

    /// Looks up the first `labels` labels of the key (at least 1).
    ///
    /// Complexity: O(octets) when found, usually one probe when not; no allocation.
    package func find(_ key: borrowing NameKey, labels: Int) -> Found? {
        let hash = key.prefixHash(labels)
        let shard = Int(truncatingIfNeeded: hash) & (shards.count - 1)
        return Self.find(
            key,
            tag: NameShard.tag(hash),
            octets: key.prefixOctets(labels),
            in: shards[shard].octets,
            shard
        )
    }

    private static func find(
        _ key: borrowing NameKey,
        tag: UInt8,
        octets count: Int,
        in octets: [UInt8],
        _ shard: Int
    ) -> Found? {
        guard let start = NameShard.find(key, tag: tag, octets: count, in: octets) else {
            return nil
        }
        return Found(
            shard: shard,
            sets: start + NameBlock.nameStart + count,
            setCount: Int(octets.uint16(at: start + 6)),
            underSuffixOnly: octets[start + 5] == NameBlock.underSuffixOnly
        )
    }

    /// Where a set stands, and what of it a search needs to know.
    package struct SetPlace: Hashable, Sendable {
        package let shard: Int
        let at: Int
        package let type: UInt16
        /// How many records it has.
        package let count: Int
        /// Where its image is in the octets of its shard.
        package let start: Int
        package let end: Int

        @inline(__always)
        init(_ octets: [UInt8], shard: Int, at: Int) {
            self.shard = shard
            self.at = at
            type = octets.uint16(at: at)
            count = octets.uint32(at: at + 3)
            start = at + NameBlock.setHead + max(Int(octets[at + 2]) - 1, 0)
            end = start + octets.uint32(at: at + 7)
        }
    }

    /// The set of a type at a name.
    package func set(of type: RecordType, in found: Found) -> SetPlace? {
        Self.set(of: type.code, shards[found.shard].octets, found)
    }

    private static func set(of type: UInt16, _ octets: [UInt8], _ found: Found) -> SetPlace? {
        var at = found.sets
        for _ in 0..<found.setCount {
            let set = SetPlace(octets, shard: found.shard, at: at)
            if set.type == type { return set }
            at = set.end
        }
        return nil
    }

    /// The set of the lowest type at a name; nil when it has none.
    package func firstSet(in found: Found) -> SetPlace? {
        if found.setCount == 0 { return nil }
        return SetPlace(shards[found.shard].octets, shard: found.shard, at: found.sets)
    }

    /// The octets that the image of a set is in.
    package func octets(of set: SetPlace) -> [UInt8] { shards[set.shard].octets }

    /// Where an alias leads; nil for a set of another type.
    package func target(of set: SetPlace) -> DomainName? {
        if set.type != RecordType.cname.code { return nil }
        return try? DomainName(
            wire: shards[set.shard].octets[set.at + NameBlock.setHead..<set.start]
        )
    }

    /// Every name with the images of its record sets, in order of name.
    ///
    /// For people and tests, not for questions.
    package var allNames: [(name: DomainName, sets: [(type: RecordType, image: [UInt8])])] {
        shards.all.flatMap { shard in
            shard.pieces.map { piece in
                let block = Array(piece.block)
                var at = NameBlock.nameStart + Int(block[4])
                var sets: [(RecordType, [UInt8])] = []
                for _ in 0..<block.uint16(at: 6) {
                    let set = SetPlace(block, shard: 0, at: at)
                    sets.append((RecordType(set.type), Array(block[set.start..<set.end])))
                    at = set.end
                }
                return (NameBlock.name(block, at: 0), sets)
            }
        }.sorted { $0.0 < $1.0 }
    }

    /// In how many pieces the names are kept, and how many of them are not those of `other`.
    package func pieces(unlike other: NetworkTable) -> (count: Int, different: Int) {
        let pairs = zip(shards.all, other.shards.all)
        return (shards.count, pairs.count { $0.octets != $1.octets })
    }
}

// MARK: - Changes

extension NetworkTable {
    /// Names of one shard, up to twice as many: so many are copied when one of them changes.
    private static let shardNames = 8

    /// What the table knows of a name for the sake of changes.
    func content(of name: DomainName) -> (sources: [UInt32], childCount: UInt32)? {
        let hash = NameHash.of(name.octets, seed: seed)
        let shard = shards[Int(truncatingIfNeeded: hash) & (shards.count - 1)]
        guard let start = shard.find(name) else { return nil }
        return (
            NameBlock.sources(shard.octets, at: start),
            NameBlock.childCount(shard.octets, at: start)
        )
    }

    /// The table with other names: a block for each that is new or different, nil for each that is
    /// gone.
    ///
    /// `subnets`: ascending.
    func following(
        _ edits: [(name: DomainName, block: [UInt8]?)],
        subnets: [CIDR],
        denial: [UInt8],
        apexDenials: [DomainName: [UInt8]] = [:]
    ) -> NetworkTable {
        let growth = edits.reduce(0) { $0 + ($1.block == nil ? 0 : 1) }
        var shards = resized(for: nameCount + growth)
        var count = nameCount
        var perShard: [Int: [NameShard.Edit]] = [:]
        for edit in edits {
            let hash = NameHash.of(edit.name.octets, seed: seed)
            let shard = Int(truncatingIfNeeded: hash) & (shards.count - 1)
            perShard[shard, default: []].append(
                NameShard.Edit(name: edit.name, tag: NameShard.tag(hash), block: edit.block)
            )
        }
        for shard in perShard.keys.sorted() {
            let fresh = shards[shard].applying(perShard[shard] ?? [])
            count += fresh.nameCount - shards[shard].nameCount
            shards[shard] = fresh
        }
        return NetworkTable(
            following: self,
            shards: shards,
            nameCount: count,
            subnets: subnets,
            denial: denial,
            apexDenials: apexDenials
        )
    }

    /// As many shards as so many names want, or as there are when that is near enough.
    private func resized(for count: Int) -> PagedArray<NameShard> {
        let load = count / shards.count
        let isFew = load * 4 < Self.shardNames && shards.count > 1
        if load <= 2 * Self.shardNames, !isFew { return shards }
        var wanted = 1
        while wanted * Self.shardNames < count { wanted *= 2 }
        var pieces = [[NameShard.Piece]](repeating: [], count: wanted)
        for piece in shards.all.flatMap({ $0.pieces }) {
            let name = NameBlock.octets(of: piece.block)
            let hash = NameHash.of(name, seed: seed)
            pieces[Int(truncatingIfNeeded: hash) & (wanted - 1)].append(piece)
        }
        return PagedArray(pieces.map { NameShard($0) })
    }
}
