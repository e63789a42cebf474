package import Gossip

extension SerfCodec {
    /// Serf's own octets.
    package static let wire = SerfCodec(
        message: { $0.octets },
        meta: { $0.meta },
        tags: { try? SerfTags(meta: $0.span) },
        filter: { try? SerfFilter($0) },
        conflictAnswer: { SerfMember.conflictAnswer($0) },
        keyRequest: { try? SerfKeyAnswer.key(request: $0.span) },
        keyAnswer: { $0.octets }
    )
}
