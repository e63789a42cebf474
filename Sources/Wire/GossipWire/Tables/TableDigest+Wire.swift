package import Gossip

// Between nodes that say they can read it: gossip-scale.md §3.9, docs/decisions/0010.

extension TableDigest {
    /// The first octet: no protobuf message begins with it.
    package static let mark: UInt8 = 0xf7

    private static let ownersKind: UInt8 = 1
    private static let rangesKind: UInt8 = 2
    private static let wantsAnswerFlag: UInt8 = 1
    private static let isWholeFlag: UInt8 = 2

    /// Reads the octets of a user message.
    ///
    /// Layout: 0xF7, kind (1 owners, 2 ranges), flags (1 wants an answer, 2 is whole), sender, network, number
    /// of owners, and for each its node and, of kind 1, count, latest time and the 8 octets of the sum, of
    /// kind 2 the 8 octets of each of sixteen sums. Names are a length and so many octets; lengths, counts
    /// and times are varints; sums have the lowest octet first. Nothing follows: another layout is another
    /// kind. Throws: `TableFault` for anything else, and for more than `TableLimits.ownersMax` owners.
    package init(_ octets: Span<UInt8>) throws(TableFault) {
        guard octets.count > 0 else { throw .empty }
        guard octets.count >= 3 else { throw .truncated(needed: 3, have: octets.count) }
        guard octets[0] == Self.mark else { throw .type(UInt64(octets[0])) }
        let wantsAnswer = octets[2] & Self.wantsAnswerFlag != 0
        var reader = ProtobufReader(octets, in: 3..<octets.count)
        let sender = NodeName(octets: try reader.name(octetsMax: NodeName.octetsMax))
        let network = NetworkID(octets: try reader.name(octetsMax: NetworkID.octetsMax))
        if network.octets.contains(UInt8(ascii: "/")) {
            throw .name(field: 0, octets: network.octets.count)
        }
        let count = try reader.varint()
        guard count <= UInt64(TableLimits.ownersMax) else {
            throw .count(limit: TableLimits.ownersMax)
        }
        let content: Content
        switch octets[1] {
        case Self.ownersKind:
            var owners: [Owner] = []
            for _ in 0..<count {
                let node = NodeName(octets: try reader.name(octetsMax: NodeName.octetsMax))
                guard let count = UInt32(exactly: try reader.varint()) else {
                    throw .number(offset: reader.at)
                }
                let latest = LamportTime(try reader.varint())
                let sum = EntrySum(count: count, latest: latest, sum: try reader.sum())
                owners.append(Owner(node, sum))
            }
            let isWhole = octets[2] & Self.isWholeFlag != 0
            content = .owners(owners, isWhole: isWhole)
        case Self.rangesKind:
            var owners: [Ranges] = []
            for _ in 0..<count {
                let node = NodeName(octets: try reader.name(octetsMax: NodeName.octetsMax))
                var sums: [UInt64] = []
                sums.reserveCapacity(Ranges.count)
                for _ in 0..<Ranges.count { sums.append(try reader.sum()) }
                owners.append(Ranges(node, sums: sums))
            }
            content = .ranges(owners)
        default: throw .type(UInt64(octets[1]))
        }
        guard reader.at == octets.count else {
            throw .length(claimed: octets.count, limit: reader.at)
        }
        self.init(from: sender, of: network, wantsAnswer: wantsAnswer, content)
    }

    /// The octets of the user message.
    package var octets: [UInt8] {
        var out: [UInt8] = [Self.mark]
        var flags = wantsAnswer ? Self.wantsAnswerFlag : 0
        switch content {
        case .owners(let owners, let isWhole):
            if isWhole { flags |= Self.isWholeFlag }
            appendHead(Self.ownersKind, flags, owners.count, to: &out)
            for owner in owners {
                out.append(name: owner.node.octets)
                out.append(varint: UInt64(owner.sum.count))
                out.append(varint: owner.sum.latest.value)
                out.append(little64: owner.sum.sum)
            }
        case .ranges(let owners):
            appendHead(Self.rangesKind, flags, owners.count, to: &out)
            for owner in owners {
                out.append(name: owner.node.octets)
                for sum in owner.sums { out.append(little64: sum) }
            }
        }
        return out
    }

    private func appendHead(
        _ kind: UInt8,
        _ flags: UInt8,
        _ count: Int,
        to out: inout [UInt8]
    ) {
        out.append(kind)
        out.append(flags)
        out.append(name: sender.octets)
        out.append(name: network.octets)
        out.append(varint: UInt64(count))
    }
}

extension ProtobufReader {
    /// A length and so many octets; at least one.
    fileprivate mutating func name(octetsMax: Int) throws(TableFault) -> [UInt8] {
        let range = try take(try varint())
        guard !range.isEmpty, range.count <= octetsMax else {
            throw .name(field: 0, octets: range.count)
        }
        return bytes.array(range)
    }

    fileprivate mutating func sum() throws(TableFault) -> UInt64 {
        bytes.little64(at: try take(8).lowerBound)
    }
}

extension Array where Element == UInt8 {
    fileprivate mutating func append(name octets: [UInt8]) {
        append(varint: UInt64(octets.count))
        append(contentsOf: octets)
    }
}
