import Base
import DNSWire
package import Names

/// An upstream's reply made into the client's own: its id, its letters, its size, its OPT.
package enum ForwardedReply {
    /// `reply`: octets that `ReplyWalker` has accepted for this question.
    package static func octets(_ reply: [UInt8], for question: ForwardQuestion) -> [UInt8] {
        guard let walked = try? ReplyWalker(reply.span) else {
            preconditionFailure("only walked replies are passed on")
        }
        // Without the OPT record: it speaks of the upstream's link, not of the client's. What
        // follows it is additional, and no name before it reads any of it.
        var body = reply
        if let opt = walked.opt { body.removeSubrange(opt.lowerBound...) }
        var bits = walked.flags
        bits.remove([.authoritative, .authenticData, .checkingDisabled, .recursionDesired])
        bits.insert(.recursionAvailable)
        bits.formUnion(
            question.flags.intersection([.recursionDesired, .checkingDisabled])
        )
        var counts = (
            UInt16(walked.answerCount), UInt16(walked.authorityCount),
            UInt16(walked.additionalBeforeOPT)
        )
        let opt = question.edns.map { edns in
            optRecord(upper: UInt8(walked.responseCode >> 4), edns.dnssecOK)
        }
        let limit = min(
            question.edns?.datagramMax ?? MessageSize.datagramDefault,
            MessageSize.datagramMax
        )
        if opt == nil, walked.responseCode > 15 {
            // Without OPT only the lower four bits can be said, and they mean something else.
            bits.subtract(HeaderFlags(rawValue: 15))
            bits.formUnion(HeaderFlags(rawValue: UInt16(ResponseCode.servFail.rawValue)))
            body.removeSubrange(walked.questionEnd...)
            counts = (0, 0, 0)
        } else if body.count + (opt?.count ?? 0) > limit {
            body.removeSubrange(walked.questionEnd...)
            bits.insert(.truncated)
            counts = (0, 0, 0)
        }
        var head: [UInt8] = []
        head.append(uint16: question.id)
        head.append(uint16: bits.rawValue)
        head.append(uint16: 1)
        head.append(uint16: counts.0)
        head.append(uint16: counts.1)
        head.append(uint16: counts.2 + (opt == nil ? 0 : 1))
        head += question.question
        body.replaceSubrange(..<walked.questionEnd, with: head)
        return body + (opt ?? [])
    }

    /// SERVFAIL, with the reason for clients that can read it (RFC 8914).
    package static func failure(
        _ failure: Forwarder.Failure,
        for question: ForwardQuestion
    ) -> [UInt8] {
        let isDocker = question.profile == .docker
        var bits: HeaderFlags = [.response]
        if !isDocker { bits.insert(.recursionAvailable) }
        bits.formUnion(
            question.flags.intersection([.recursionDesired, .checkingDisabled])
        )
        let hasOPT = question.edns != nil && !isDocker
        var octets: [UInt8] = []
        octets.append(uint16: question.id)
        octets.append(uint16: bits.rawValue | UInt16(ResponseCode.servFail.rawValue))
        for count: UInt16 in [1, 0, 0, hasOPT ? 1 : 0] { octets.append(uint16: count) }
        octets += question.question
        if hasOPT {
            let error: ExtendedError.Code =
                failure == .limit ? .networkError : .noReachableAuthority
            octets += optRecord(upper: 0, question.edns?.dnssecOK ?? false, error)
        }
        return octets
    }

    private static func optRecord(
        upper: UInt8,
        _ dnssecOK: Bool,
        _ error: ExtendedError.Code? = nil
    ) -> [UInt8] {
        var octets: [UInt8] = [0]
        octets.append(uint16: RecordType.opt.code)
        octets.append(uint16: UInt16(MessageSize.datagramMax))
        octets += [upper, 0]
        octets.append(uint16: dnssecOK ? 0x8000 : 0)
        octets.append(uint16: error == nil ? 0 : UInt16(MessageSize.extendedError))
        if let error {
            for value in [15, 2, error.rawValue] { octets.append(uint16: value) }
        }
        return octets
    }
}
