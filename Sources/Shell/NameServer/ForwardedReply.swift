package import Base
package import DNSWire
package import Names

/// A question that somebody upstream has to answer, kept until the reply is there.
package struct ForwardQuestion: Sendable {
    package let id: UInt16
    package let flags: HeaderFlags
    /// The question section as the client sent it.
    package let question: [UInt8]
    package let type: RecordType
    package let edns: EDNS?
    /// Octets that the client takes.
    package let limit: Int
    package let profile: NamePolicy.Profile
    package let group: UpstreamGroup
    /// Who asked and where, for the query log; nil for one that is not logged.
    var logged: Logged?

    struct Logged: Sendable {
        let sandbox: String
        let client: SocketEndpoint
        let isStream: Bool
    }

    /// Keeps the question of a query that `QueryView` has read.
    package init(
        _ query: borrowing QueryView,
        over transport: Transport,
        group: UpstreamGroup,
        profile: NamePolicy.Profile
    ) {
        var question: [UInt8] = []
        question.reserveCapacity(query.questionEnd - MessageSize.header)
        for index in MessageSize.header..<query.questionEnd { question.append(query.bytes[index]) }
        id = query.id
        flags = query.flags
        self.question = question
        type = query.type
        edns = query.edns
        limit = ForwardedReply.limit(query.edns, transport)
        self.profile = profile
        self.group = group
    }

    /// The name as the client sent it, without its root octet.
    package var labels: ArraySlice<UInt8> { question.dropLast(5) }
}

/// An upstream's reply made into the client's own: its id, its letters, its size, its OPT.
package enum ForwardedReply {
    /// What is fixed about a client's reply before it is known what it says.
    struct Head {
        let id: UInt16
        let flags: HeaderFlags
        let edns: EDNS?
        let limit: Int
    }

    /// How old a reply is, and whether it is told though its time is over.
    package struct Age: Hashable, Sendable {
        package let seconds: UInt32
        package let isStale: Bool

        package init(seconds: UInt32, isStale: Bool) {
            self.seconds = seconds
            self.isStale = isStale
        }

        package static let fresh = Age(seconds: 0, isStale: false)
    }

    /// Octets that a client takes.
    static func limit(_ edns: EDNS?, _ transport: Transport) -> Int {
        switch transport {
        case .stream: MessageSize.streamMax
        case .datagram:
            min(edns?.datagramMax ?? MessageSize.datagramDefault, MessageSize.datagramMax)
        }
    }

    package static func octets(
        _ reply: UpstreamReply,
        _ age: Age,
        for question: ForwardQuestion
    ) -> [UInt8] {
        let head = Head(
            id: question.id,
            flags: question.flags,
            edns: question.edns,
            limit: question.limit
        )
        // A header, OPT with one reason, and what the reply has.
        let room = MessageSize.header + question.question.count + reply.body.count + 32
        return [UInt8](capacity: min(room, question.limit)) { out in
            write(reply, age, head, question.question.span, into: &out)
        }
    }

    /// Writes a reply with its records' ages taken off, cut to what the client takes.
    static func write(
        _ reply: UpstreamReply,
        _ age: Age,
        _ head: Head,
        _ question: Span<UInt8>,
        into out: inout OutputSpan<UInt8>
    ) {
        let error = extendedError(reply, age)
        let optOctets = head.edns == nil ? 0 : ReplyWriter.optOctets(error: error, keepalive: nil)
        let room = head.limit - MessageSize.header - question.count - optOctets
        let cut = cut(reply, room: room, dnssecOK: head.edns?.dnssecOK ?? false)
        // Sets of another module are built member by member: plain bits are several times cheaper.
        var bits = HeaderFlags.response.rawValue | HeaderFlags.recursionAvailable.rawValue
        bits |= head.flags.rawValue & HeaderFlags.echoedBits
        if cut.isTruncated { bits |= HeaderFlags.truncated.rawValue }
        ReplyWriter.header(
            &out,
            id: head.id,
            flags: bits | reply.code & 15,
            questions: 1,
            answers: cut.answers,
            authorities: cut.authorities,
            additionals: cut.additionals + (head.edns == nil ? 0 : 1)
        )
        out.append(question, question.indices)
        var at = 0
        for mark in reply.marks {
            let end = Int(mark.end)
            if end > cut.octets { break }
            let ttlAt = Int(mark.ttlAt)
            out.append(octets: reply.body, at..<ttlAt)
            out.append(uint32: aged(reply.body, at: ttlAt, age))
            out.append(octets: reply.body, ttlAt + 4..<end)
            at = end
        }
        if let edns = head.edns {
            ReplyWriter.opt(&out, code: .noError, dnssecOK: edns.dnssecOK, error: error)
        }
    }

    private struct Cut {
        var octets: Int
        var answers: UInt16
        var authorities: UInt16
        var additionals: UInt16
        var isTruncated = false
    }

    /// What of a reply fits: additional records go first, then the authority of an answer, and then
    /// answers, with TC.
    private static func cut(_ reply: UpstreamReply, room: Int, dnssecOK: Bool) -> Cut {
        var cut = Cut(
            octets: reply.body.count,
            answers: reply.answerCount,
            authorities: reply.authorityCount,
            additionals: reply.additionalCount
        )
        cut.isTruncated = reply.isTruncated
        if cut.octets <= room { return cut }
        cut.additionals = 0
        cut.octets = end(of: Int(reply.answerCount) + Int(reply.authorityCount), in: reply)
        if cut.octets <= room { return cut }
        cut.authorities = 0
        cut.octets = end(of: Int(reply.answerCount), in: reply)
        // A denial without its proof, or an answer without its proof for one who checks it, is none.
        if reply.answerCount == 0 || dnssecOK { cut.isTruncated = true }
        while cut.octets > room, cut.answers > 0 {
            cut.isTruncated = true
            cut.answers -= 1
            cut.octets = end(of: Int(cut.answers), in: reply)
        }
        return cut
    }

    private static func end(of records: Int, in reply: UpstreamReply) -> Int {
        records == 0 ? 0 : Int(reply.marks[records - 1].end)
    }

    private static func aged(_ body: [UInt8], at offset: Int, _ age: Age) -> UInt32 {
        if age.isStale { return staleTTL }
        let ttl =
            UInt32(body[offset]) << 24 | UInt32(body[offset + 1]) << 16
            | UInt32(body[offset + 2]) << 8 | UInt32(body[offset + 3])
        // RFC 2181 §8: the highest bit means 0.
        return ttl > UInt32(Int32.max) || ttl < age.seconds ? 0 : ttl - age.seconds
    }

    private static func extendedError(_ reply: UpstreamReply, _ age: Age) -> ExtendedError? {
        if age.isStale {
            return ExtendedError(
                reply.code == UpstreamReply.nxDomainCode ? .staleNXDomain : .staleAnswer
            )
        }
        return reply.extendedError.map { ExtendedError(infoCode: $0) }
    }

    /// SERVFAIL, with the reason for clients that can read it (RFC 8914).
    package static func failure(
        _ error: ExtendedError,
        for question: ForwardQuestion
    ) -> [UInt8] {
        [UInt8](capacity: question.question.count + 64) { out in
            let isDocker = question.profile == .docker
            var bits = HeaderFlags.response.rawValue
            if !isDocker { bits |= HeaderFlags.recursionAvailable.rawValue }
            bits |= question.flags.rawValue & HeaderFlags.echoedBits
            let edns = isDocker ? nil : question.edns
            ReplyWriter.header(
                &out,
                id: question.id,
                flags: bits | UInt16(ResponseCode.servFail.rawValue),
                questions: 1,
                answers: 0,
                authorities: 0,
                additionals: edns == nil ? 0 : 1
            )
            out.append(octets: question.question)
            if let edns {
                ReplyWriter.opt(
                    &out,
                    code: .servFail,
                    dnssecOK: edns.dnssecOK,
                    error: error
                )
            }
        }
    }
}

/// Seconds that a client may keep a stale answer (RFC 8767 §4).
private let staleTTL: UInt32 = 30

extension ExtendedError {
    /// Why an exchange ended without an answer.
    init(_ failure: Forwarder.Failure) {
        switch failure {
        case .noUpstream, .noReply, .noUsableReply(nil): self.init(.noReachableAuthority)
        case .noUsableReply(let code?): self.init(infoCode: code)
        case .limit, .loop: self.init(.networkError)
        }
    }
}
