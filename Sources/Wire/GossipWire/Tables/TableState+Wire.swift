package import Gossip

// The user state of membership's exchanges: networkdb-dns.md A2, A13.

extension TableState {
    /// Reads the user state of an exchange.
    ///
    /// Attachments without a node, or of a network that no path may have, are let go. Throws: `TableFault`
    /// for anything else than a state, and for one of more than `TableLimits.attachmentsMax`.
    package init(_ octets: Span<UInt8>) throws(TableFault) {
        let envelope = try TableEnvelope(octets, in: 0..<octets.count)
        guard envelope.type == .pushPull else { throw .type(UInt64(envelope.type.rawValue)) }
        self.init(time: LamportTime(0), node: NodeName(octets: []), attachments: [])
        var count = 0
        var fields = ProtobufReader(octets, in: envelope.content)
        while let field = try fields.next() {
            switch field.number {
            case 1: time = try field.time()
            case 2:
                count += 1
                let limit = TableLimits.attachmentsMax
                guard count <= limit else { throw .count(limit: limit) }
                let entry = ProtobufReader(octets, in: try field.range())
                if let attachment = try? Attachment(entry) { attachments.append(attachment) }
            case 3: node = try octets.node(field)
            default: continue
            }
        }
        if node.isEmpty { throw .name(field: 3, octets: 0) }
    }

    /// The user state as an exchange carries it.
    package var octets: [UInt8] {
        var content: [UInt8] = []
        content.append(field: 1, integer: time.value)
        for attachment in attachments { content.append(item: 2, octets: attachment.octets) }
        content.append(field: 3, octets: node.octets)
        var out: [UInt8] = []
        out.append(.pushPull, content)
        return out
    }
}

extension Attachment {
    init(_ fields: consuming ProtobufReader) throws(TableFault) {
        let none = NetworkID(octets: [])
        self.init(NodeName(octets: []), none, at: LamportTime(0), isLeaving: false)
        while let field = try fields.next() {
            switch field.number {
            case 1: network = try fields.bytes.network(field)
            case 2: time = try field.time()
            case 3: node = try fields.bytes.node(field)
            case 4: isLeaving = try field.flag()
            default: continue
            }
        }
        if network.octets.isEmpty { throw .name(field: 1, octets: 0) }
        if node.isEmpty { throw .name(field: 3, octets: 0) }
    }

    var octets: [UInt8] {
        var out: [UInt8] = []
        out.append(field: 1, octets: network.octets)
        out.append(field: 2, integer: time.value)
        out.append(field: 3, octets: node.octets)
        out.append(field: 4, flag: isLeaving)
        return out
    }
}
