package import Gossip

// What goes as a user message: networkdb-dns.md A2, A10, A11.

/// What could be read of a user message.
package struct TableReading: Hashable, Sendable {
    package let message: TableMessage
    /// Parts of it that could not be read: rumours of a compound, names of networks.
    package let malformed: Int

    /// Reads the octets of a user message.
    ///
    /// Throws: `TableFault` when nothing of it can be read; parts of a compound that cannot are counted.
    package init(_ octets: Span<UInt8>) throws(TableFault) {
        guard octets.count > 0 else { throw .empty }
        if octets[0] == TableDigest.mark {
            message = .digest(try TableDigest(octets))
            malformed = 0
            return
        }
        let envelope = try TableEnvelope(octets, in: 0..<octets.count)
        switch envelope.type {
        case .nodeEvent, .networkEvent, .tableEvent:
            guard octets.count <= TableLimits.rumourOctetsMax else {
                throw .length(claimed: octets.count, limit: TableLimits.rumourOctetsMax)
            }
            let content = try TableRumour.Content(envelope, octets)
            let whole = octets.array(0..<octets.count)
            message = .rumours([TableRumour(content, octets: whole)])
            malformed = 0
        case .compound:
            var collector = TableCollector(octets: octets.count)
            collector.collect(octets, 0..<octets.count)
            message = .rumours(collector.rumours)
            malformed = collector.malformed
        case .bulkSync:
            (message, malformed) = try Self.bulkSync(octets, envelope.content)
        case .pushPull: throw .type(UInt64(envelope.type.rawValue))
        }
    }

    private static func bulkSync(
        _ octets: Span<UInt8>,
        _ content: Range<Int>
    ) throws(TableFault) -> (TableMessage, Int) {
        var sync = BulkSync(
            time: LamportTime(0),
            isUnsolicited: false,
            node: NodeName(octets: []),
            networks: [],
            rumours: []
        )
        var payload = 0..<0
        var malformed = 0
        var fields = ProtobufReader(octets, in: content)
        while let field = try fields.next() {
            switch field.number {
            case 1: sync.time = try field.time()
            case 2: sync.isUnsolicited = try field.flag()
            case 3: sync.node = try octets.node(field)
            case 4:
                let limit = TableLimits.networksMax
                if sync.networks.count + malformed == limit { throw .count(limit: limit) }
                if let network = try? octets.network(field) {
                    sync.networks.append(network)
                } else {
                    malformed += 1
                }
            case 5: payload = try field.range()
            case 100: sync.reach = UInt32(clamping: try field.integer())
            default: continue
            }
        }
        if sync.node.isEmpty { throw .name(field: 3, octets: 0) }
        if !payload.isEmpty {
            var collector = TableCollector(octets: octets.count)
            collector.collect(octets, payload)
            sync.rumours = collector.rumours
            malformed += collector.malformed
        }
        return (.bulkSync(sync), malformed)
    }
}

extension TableMessage {
    /// The octets of the user message.
    ///
    /// One rumour stands alone, more of them, or none, in a compound.
    package var octets: [UInt8] {
        switch self {
        case .rumours(let rumours):
            if rumours.count == 1 { return rumours[0].octets }
            var out: [UInt8] = []
            let content = TableCompound.contentOctets(rumours)
            out.reserveCapacity(TableCompound.octets(content: content))
            out.append(compound: rumours, contentOctets: content)
            return out
        case .bulkSync(let sync): return sync.octets
        case .digest(let digest): return digest.octets
        }
    }
}

extension BulkSync {
    var octets: [UInt8] {
        var head: [UInt8] = []
        head.append(field: 1, integer: time.value)
        head.append(field: 2, flag: isUnsolicited)
        head.append(field: 3, octets: node.octets)
        for network in networks { head.append(item: 4, octets: network.octets) }
        let content = TableCompound.contentOctets(rumours)
        let payload = TableCompound.octets(content: content)
        head.append(item: 5, octetCount: payload)
        var tail: [UInt8] = []
        tail.append(field: 100, integer: UInt64(reach))

        let count = head.count + payload + tail.count
        var out: [UInt8] = []
        out.reserveCapacity(count + 12)
        out.append(.bulkSync, octetCount: count)
        out.append(contentsOf: head)
        out.append(compound: rumours, contentOctets: content)
        out.append(contentsOf: tail)
        return out
    }
}
