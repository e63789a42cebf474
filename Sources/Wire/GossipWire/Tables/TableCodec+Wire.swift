package import Gossip

extension TableCodec {
    /// NetworkDB's own octets, and those of our extensions.
    package static let wire = TableCodec(
        rumour: { TableRumour(writing: $0) },
        message: { $0.octets },
        read: { octets in
            (try? TableReading(octets.span)).map { ($0.message, $0.malformed) }
        },
        state: { $0.octets },
        readState: { try? TableState($0.span) },
        ack: { $0.octets },
        readAck: { AckDigest($0.span) },
        capabilities: { NodeMeta($0.span)?.capabilities ?? [] },
        identity: { meta in
            NodeMeta(meta.span).map { NodeIdentity(id: $0.id, boot: $0.boot) }
        },
        compoundOverhead: { TableCompound.overhead($0) }
    )
}
