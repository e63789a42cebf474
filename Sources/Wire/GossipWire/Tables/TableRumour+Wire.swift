package import Gossip

// What is said of one node, attachment or entry: networkdb-dns.md A2.

extension TableRumour {
    /// A rumour of our own, with the octets that say it.
    package init(writing content: Content) {
        var out: [UInt8] = []
        switch content {
        case .node(let event): out.append(.nodeEvent, event.octets)
        case .network(let event): out.append(.networkEvent, event.octets)
        case .table(let event): out.append(.tableEvent, event.octets)
        }
        self.init(content, octets: out)
    }
}

extension TableRumour.Content {
    /// Throws: `TableFault.type` for what is no rumour.
    init(_ envelope: TableEnvelope, _ bytes: Span<UInt8>) throws(TableFault) {
        let reader = ProtobufReader(bytes, in: envelope.content)
        switch envelope.type {
        case .nodeEvent: self = .node(try NodeEvent(reader))
        case .networkEvent: self = .network(try NetworkEvent(reader))
        case .tableEvent: self = .table(try TableEvent(reader))
        case .pushPull, .bulkSync, .compound: throw .type(UInt64(envelope.type.rawValue))
        }
    }
}

extension NodeEvent {
    init(_ fields: consuming ProtobufReader) throws(TableFault) {
        self.init(nil, NodeName(octets: []), at: LamportTime(0))
        while let field = try fields.next() {
            switch field.number {
            case 1: kind = UInt8(exactly: try field.integer()).flatMap { Kind(rawValue: $0) }
            case 2: time = try field.time()
            case 3: node = try fields.bytes.node(field)
            case 100: backSeconds = UInt32(clamping: try field.integer())
            default: continue
            }
        }
        if node.isEmpty { throw .name(field: 3, octets: 0) }
    }

    var octets: [UInt8] {
        var out: [UInt8] = []
        out.append(field: 1, integer: UInt64(kind?.rawValue ?? 0))
        out.append(field: 2, integer: time.value)
        out.append(field: 3, octets: node.octets)
        out.append(field: 100, integer: UInt64(backSeconds))
        return out
    }
}

extension NetworkEvent {
    init(_ fields: consuming ProtobufReader) throws(TableFault) {
        self.init(nil, NodeName(octets: []), NetworkID(octets: []), at: LamportTime(0))
        while let field = try fields.next() {
            switch field.number {
            case 1: kind = UInt8(exactly: try field.integer()).flatMap { Kind(rawValue: $0) }
            case 2: time = try field.time()
            case 3: node = try fields.bytes.node(field)
            case 4: network = try fields.bytes.network(field)
            default: continue
            }
        }
        if node.isEmpty { throw .name(field: 3, octets: 0) }
        if network.octets.isEmpty { throw .name(field: 4, octets: 0) }
    }

    var octets: [UInt8] {
        var out: [UInt8] = []
        out.append(field: 1, integer: UInt64(kind?.rawValue ?? 0))
        out.append(field: 2, integer: time.value)
        out.append(field: 3, octets: node.octets)
        out.append(field: 4, octets: network.octets)
        return out
    }
}

extension TableEvent {
    init(_ fields: consuming ProtobufReader) throws(TableFault) {
        var kind: Kind?
        var time = LamportTime(0)
        var owner = NodeName(octets: [])
        var network = NetworkID(octets: [])
        var table: [UInt8] = []
        var key: [UInt8] = []
        var value = 0..<0
        var residual: UInt32 = 0
        while let field = try fields.next() {
            switch field.number {
            case 1: kind = UInt8(exactly: try field.integer()).flatMap { Kind(rawValue: $0) }
            case 2: time = try field.time()
            case 3: owner = try fields.bytes.node(field)
            case 4: network = try fields.bytes.network(field)
            case 5: table = try fields.bytes.name(field, octetsMax: TableName.octetsMax)
            case 6:
                key = try fields.bytes.name(
                    field,
                    octetsMax: EntryKey.octetsMax,
                    allowsSlash: true
                )
            case 7: value = try field.range()
            case 8: residual = Self.seconds(try field.integer32())
            default: continue
            }
        }
        if owner.isEmpty { throw .name(field: 3, octets: 0) }
        if network.octets.isEmpty { throw .name(field: 4, octets: 0) }
        if table.isEmpty { throw .name(field: 5, octets: 0) }
        if key.isEmpty { throw .name(field: 6, octets: 0) }
        guard value.count <= TableLimits.valueOctetsMax else {
            throw .length(claimed: value.count, limit: TableLimits.valueOctetsMax)
        }
        self.init(
            kind,
            EntryKey(TableName(octets: table), key),
            in: network,
            owner: owner,
            at: time,
            value: fields.bytes.array(value),
            residualSeconds: residual
        )
    }

    /// On the wire the number has a sign; below zero is as good as nothing.
    private static func seconds(_ number: UInt32) -> UInt32 {
        UInt32(max(0, Int32(bitPattern: number)))
    }

    var octets: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(
            40 + owner.octets.count + network.octets.count + entry.table.octets.count
                + entry.key.count + value.count
        )
        out.append(field: 1, integer: UInt64(kind?.rawValue ?? 0))
        out.append(field: 2, integer: time.value)
        out.append(field: 3, octets: owner.octets)
        out.append(field: 4, octets: network.octets)
        out.append(field: 5, octets: entry.table.octets)
        out.append(field: 6, octets: entry.key)
        out.append(field: 7, octets: value)
        out.append(field: 8, integer: UInt64(min(residualSeconds, UInt32(Int32.max))))
        return out
    }
}
