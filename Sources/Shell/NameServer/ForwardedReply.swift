import Base
import DNSWire
import Names

/// An upstream's reply made into the client's own: its id, its letters, its size, its OPT.
enum ForwardedReply {
    /// `reply`: octets that `ReplyWalker` has accepted for this question.
    static func octets(_ reply: [UInt8], for question: ForwardQuestion) -> [UInt8] {
        guard let walked = try? ReplyWalker(reply.span) else {
            preconditionFailure("only walked replies are passed on")
        }
        // Without the OPT record: it speaks of the upstream's link, not of the client's. What
        // follows it is additional and nothing points into it from before.
        var body = reply
        var additionals = walked.additionalCount
        if let opt = walked.opt {
            if opt.upperBound < reply.count {
                additionals = recordsBefore(opt.lowerBound, reply, walked)
            }
            body.removeSubrange(opt.lowerBound...)
        }
        var bits = walked.flags
        bits.remove([.authoritative, .authenticData, .checkingDisabled, .recursionDesired])
        bits.insert(.recursionAvailable)
        bits.formUnion(
            question.flags.intersection([.recursionDesired, .checkingDisabled])
        )
        var counts = (
            UInt16(walked.answerCount), UInt16(walked.authorityCount), UInt16(additionals)
        )
        let opt = question.edns.map { edns in
            optRecord(upper: UInt8(walked.responseCode >> 4), edns.dnssecOK)
        }
        let limit = min(
            question.edns?.datagramMax ?? MessageSize.datagramDefault,
            MessageSize.datagramMax
        )
        if body.count + (opt?.count ?? 0) > limit {
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
    static func failure(
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

    /// Additional records that end before `offset`.
    private static func recordsBefore(
        _ offset: Int,
        _ reply: [UInt8],
        _ walked: ReplyWalker
    ) -> Int {
        // Cutting at the OPT record must keep the count true; walking again is the rare case.
        var cut = Array(reply[..<offset])
        var count = walked.additionalCount
        while count >= 0 {
            cut[10] = UInt8(truncatingIfNeeded: count >> 8)
            cut[11] = UInt8(truncatingIfNeeded: count)
            if (try? ReplyWalker(cut.span)) != nil { return count }
            count -= 1
        }
        return 0
    }
}
