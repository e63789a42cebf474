/// How what serf says becomes octets, and payloads become values, for a core that knows no octets.
///
/// Made by `GossipWire`; nil stands for octets that say nothing.
package struct SerfCodec: Sendable {
    /// The octets of a user message.
    package let message: @Sendable (SerfMessage) -> [UInt8]
    /// A member's meta that says these tags.
    package let meta: @Sendable (SerfTags) -> [UInt8]
    /// The tags that a member's meta says.
    package let tags: @Sendable ([UInt8]) -> SerfTags?
    /// Whom a query is for.
    package let filter: @Sendable ([UInt8]) -> SerfFilter?
    /// The answer to a question about a name that two nodes claim.
    package let conflictAnswer: @Sendable (SerfMember?) -> [UInt8]
    /// The key that a question about keys is about; empty when about all.
    package let keyRequest: @Sendable ([UInt8]) -> [UInt8]?
    package let keyAnswer: @Sendable (SerfKeyAnswer) -> [UInt8]

    package init(
        message: @escaping @Sendable (SerfMessage) -> [UInt8],
        meta: @escaping @Sendable (SerfTags) -> [UInt8],
        tags: @escaping @Sendable ([UInt8]) -> SerfTags?,
        filter: @escaping @Sendable ([UInt8]) -> SerfFilter?,
        conflictAnswer: @escaping @Sendable (SerfMember?) -> [UInt8],
        keyRequest: @escaping @Sendable ([UInt8]) -> [UInt8]?,
        keyAnswer: @escaping @Sendable (SerfKeyAnswer) -> [UInt8]
    ) {
        self.message = message
        self.meta = meta
        self.tags = tags
        self.filter = filter
        self.conflictAnswer = conflictAnswer
        self.keyRequest = keyRequest
        self.keyAnswer = keyAnswer
    }
}
