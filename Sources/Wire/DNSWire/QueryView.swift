package import Base

/// A question from outside, read in place: bounds first, nothing allocated, nothing copied.
///
/// The order of checks is that of the authoritative servers: length, QR, opcode, counts, question,
/// records, OPT. What fails is a `QueryFault` that says which reply it deserves, if any.
/// Source: RFC 1035 §4, RFC 6891, RFC 9267, RFC 9619; dns.md §1.1-§1.3.
package struct QueryView: ~Escapable {
    package let bytes: Span<UInt8>
    package let id: UInt16
    package let flags: HeaderFlags
    /// End of the question's labels, without the root octet; they start at 12.
    package let nameEnd: Int
    package let type: RecordType
    /// 1 is IN.
    package let questionClass: UInt16
    package let edns: EDNS?

    /// End of the question section.
    package var questionEnd: Int { nameEnd + 5 }

    /// Reads a query.
    ///
    /// Throws: `QueryFault` for everything that is not one well-formed question.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>) throws(QueryFault) {
        guard bytes.count >= MessageSize.header else { throw QueryFault(.short) }
        let flags = HeaderFlags(rawValue: bytes.uint16(at: 2))
        guard !flags.contains(.response) else { throw QueryFault(.response) }
        guard flags.opcode == 0 else { throw QueryFault(.opcode) }
        let questions = bytes.uint16(at: 4)
        let additional = Int(bytes.uint16(at: 10))
        let otherRecords = bytes.uint16(at: 6) | bytes.uint16(at: 8)
        if questions == 0, otherRecords == 0 {
            let edns = try? Self.additional(bytes, from: MessageSize.header, count: additional)
            throw QueryFault(.questionCount, edns: edns?.edns)
        }
        guard questions == 1 else { throw QueryFault(.questionCount) }
        guard let nameEnd = Self.nameEnd(bytes), bytes.count >= nameEnd + 5 else {
            throw QueryFault(.question)
        }
        let questionEnd = nameEnd + 5
        guard otherRecords == 0 else {
            throw QueryFault(.sectionCounts, questionEnd: questionEnd)
        }
        var edns: EDNS?
        if additional == 0 {
            guard bytes.count == questionEnd else {
                throw QueryFault(.trailingOctets, questionEnd: questionEnd)
            }
        } else {
            let records = try Self.additional(bytes, from: questionEnd, count: additional)
            edns = records.edns
            guard records.end == bytes.count else {
                throw QueryFault(.trailingOctets, questionEnd: questionEnd, edns: edns)
            }
            if let edns, edns.version != 0 {
                throw QueryFault(.ednsVersion, questionEnd: questionEnd, edns: edns)
            }
            if records.isSigned {
                throw QueryFault(.signed, questionEnd: questionEnd, edns: edns)
            }
        }
        self.bytes = bytes
        id = bytes.uint16(at: 0)
        self.flags = flags
        self.nameEnd = nameEnd
        type = RecordType(bytes.uint16(at: nameEnd + 1))
        questionClass = bytes.uint16(at: nameEnd + 3)
        self.edns = edns
    }

    /// The labels of the question, without the root octet.
    package var labels: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(MessageSize.header..<nameEnd) }
    }

    /// Walks the QNAME, which may not be compressed; returns the offset of its root octet.
    private static func nameEnd(_ bytes: Span<UInt8>) -> Int? {
        var at = MessageSize.header
        while at < bytes.count {
            let length = Int(bytes[at])
            if length == 0 { return at - MessageSize.header <= DomainName.octetsMax ? at : nil }
            guard length <= DomainName.labelOctetsMax else { return nil }
            at += length + 1
        }
        return nil
    }

    private struct Additional {
        var edns: EDNS?
        var isSigned = false
        var end: Int
    }

    /// Walks the additional section.
    ///
    /// Work is bounded by the octets, not by the count claimed.
    private static func additional(
        _ bytes: Span<UInt8>,
        from start: Int,
        count: Int
    ) throws(QueryFault) -> Additional {
        var cursor = Cursor(bytes, at: start, hops: pointerHopsMax)
        var found = Additional(end: start)
        for _ in 0..<count {
            // A signature has to be the last record (RFC 8945 §5.1).
            guard !found.isSigned, let head = cursor.record() else {
                throw QueryFault(.records, questionEnd: start)
            }
            switch RecordType(head.type) {
            case .opt:
                guard found.edns == nil, head.ownerIsRoot,
                    let edns = EDNS(bytes, head)
                else { throw QueryFault(.edns, questionEnd: start) }
                found.edns = edns
            case .tsig:
                found.isSigned = true
            default:
                break
            }
            cursor.at = head.dataEnd
        }
        found.end = cursor.at
        return found
    }
}

/// What a query's OPT record says (RFC 6891 §6).
package struct EDNS: Hashable, Sendable {
    /// The largest datagram the client takes, at least 512 octets.
    package let datagramMax: Int
    package let version: UInt8
    package let dnssecOK: Bool
    /// The client asks how long a connection may idle (RFC 7828).
    package let asksKeepalive: Bool

    /// nil when the options do not fill the data exactly.
    init?(_ bytes: Span<UInt8>, _ head: Cursor.RecordHead) {
        datagramMax = max(Int(head.recordClass), MessageSize.datagramDefault)
        version = bytes[head.ttlAt + 1]
        dnssecOK = bytes[head.ttlAt + 2] & 0x80 != 0
        var keepalive = false
        // The options of a version that we do not speak are not ours to judge.
        if version == 0 {
            var at = head.ttlAt + 6
            while at < head.dataEnd {
                guard head.dataEnd - at >= 4 else { return nil }
                let length = Int(bytes.uint16(at: at + 2))
                guard at + 4 + length <= head.dataEnd else { return nil }
                if bytes.uint16(at: at) == keepaliveOption { keepalive = true }
                at += 4 + length
            }
        }
        asksKeepalive = keepalive
    }
}

/// Octets that are not one well-formed question, and what can be said in reply.
package struct QueryFault: Error, Hashable, Sendable {
    package enum Reason: UInt8, Hashable, Sendable, CaseIterable {
        /// Fewer than 12 octets: nobody to answer.
        case short
        /// QR=1: answering replies makes loops.
        case response
        case opcode
        case questionCount
        /// The question does not parse.
        case question
        /// Records in the answer or authority section.
        case sectionCounts
        /// A record of the additional section does not parse.
        case records
        case edns
        case trailingOctets
        case ednsVersion
        /// A TSIG that nobody here can check (RFC 8945 §5.2.2).
        case signed
    }

    package let reason: Reason
    /// End of the question to echo; 12 when none can be.
    package let questionEnd: Int
    package let edns: EDNS?

    init(_ reason: Reason, questionEnd: Int = MessageSize.header, edns: EDNS? = nil) {
        self.reason = reason
        self.questionEnd = questionEnd
        self.edns = edns
    }

    /// The reply's code; nil when silence is the answer.
    package var responseCode: ResponseCode? {
        switch reason {
        case .short, .response: nil
        case .opcode: .notImp
        case .questionCount, .question, .sectionCounts, .records, .edns, .trailingOctets: .formErr
        case .ednsVersion: .badVers
        case .signed: .notAuth
        }
    }
}

/// Pointers followed in one query (RFC 9267 §2; dns.md M8).
private let pointerHopsMax = 127
/// RFC 7828 §3.1.
private let keepaliveOption: UInt16 = 11
