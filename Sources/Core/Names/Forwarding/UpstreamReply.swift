/// What an upstream said, as far as the decisions here need to know; the octets are opaque.
package struct UpstreamReply: Hashable, Sendable {
    /// Where one record stands in `body`.
    package struct Mark: Hashable, Sendable {
        /// Offset of its 32 bits of TTL.
        package let ttlAt: UInt16
        /// Where the next record begins.
        package let end: UInt16

        package init(ttlAt: UInt16, end: UInt16) {
            self.ttlAt = ttlAt
            self.end = end
        }
    }

    /// The sections behind the question, without OPT.
    ///
    /// Names in it may point at the question, which starts at 12 and has the same length in every
    /// reply.
    package var body: [UInt8]
    /// The records in `body`, in order.
    package var marks: [Mark]
    package var answerCount: UInt16
    package var authorityCount: UInt16
    package var additionalCount: UInt16
    /// The response code with the upper bits of OPT.
    package var code: UInt16
    /// Whether records were left out (TC).
    package var isTruncated: Bool
    package var hasOPT: Bool
    /// The INFO-CODE of the reply's extended error (RFC 8914).
    package var extendedError: UInt16?
    /// Seconds that every record of the answer may be kept; nil without records.
    package var answerTTL: UInt32?
    /// Seconds that a denial may be kept: the lesser of the SOA record's TTL and its MINIMUM (RFC
    /// 2308 §5); nil without a SOA record.
    package var denialTTL: UInt32?

    package init(
        body: [UInt8] = [],
        marks: [Mark] = [],
        answerCount: UInt16 = 0,
        authorityCount: UInt16 = 0,
        additionalCount: UInt16 = 0,
        code: UInt16 = 0,
        isTruncated: Bool = false,
        hasOPT: Bool = true,
        extendedError: UInt16? = nil,
        answerTTL: UInt32? = nil,
        denialTTL: UInt32? = nil
    ) {
        self.body = body
        self.marks = marks
        self.answerCount = answerCount
        self.authorityCount = authorityCount
        self.additionalCount = additionalCount
        self.code = code
        self.isTruncated = isTruncated
        self.hasOPT = hasOPT
        self.extendedError = extendedError
        self.answerTTL = answerTTL
        self.denialTTL = denialTTL
    }

    package static let noErrorCode: UInt16 = 0
    package static let formErrCode: UInt16 = 1
    package static let nxDomainCode: UInt16 = 3
    package static let badVersCode: UInt16 = 16

    /// Whether it settles the question: an answer or a denial.
    ///
    /// FORMERR, SERVFAIL, NOTIMP, REFUSED and the rest may be bettered by another upstream.
    package var isConclusive: Bool { code == Self.noErrorCode || code == Self.nxDomainCode }

    /// Seconds that it may be given to others; 0 for one that must not be kept.
    package var lifetimeSeconds: UInt32 {
        if isTruncated || !isConclusive { return 0 }
        // An answer, or aliases that lead to a denial: what is left of them bounds the whole.
        if code == Self.noErrorCode, let answerTTL {
            return min(answerTTL, Self.answerSecondsMax)
        }
        // RFC 2308 §5: a denial without a SOA record is not kept.
        guard let denialTTL else { return 0 }
        return min(denialTTL, answerTTL ?? .max, Self.denialSecondsMax)
    }

    /// An answer is asked for anew after an hour, whatever its TTL.
    static let answerSecondsMax: UInt32 = 3600
    /// And a denial after five minutes, as RFC 2308 §5 advises to bound it.
    static let denialSecondsMax: UInt32 = 300
}
