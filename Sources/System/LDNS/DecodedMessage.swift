package import Base
import CLDNS

/// A DNS message as libldns reads it: the independent judge of our replies in tests.
///
/// Nothing of DNSWire is used, so that a mistake there does not excuse itself. What libldns lets
/// pass is checked by `MessageFraming`. Not for hostile octets.
package struct DecodedMessage: Hashable, Sendable {
    package let id: UInt16
    /// QR: a reply.
    package let isReply: Bool
    /// AA.
    package let isAuthoritative: Bool
    /// TC.
    package let isTruncated: Bool
    /// RD.
    package let recursionDesired: Bool
    /// RA.
    package let recursionAvailable: Bool
    /// AD.
    package let authenticData: Bool
    /// CD.
    package let checkingDisabled: Bool
    package let opcode: UInt8
    /// The reply code with the upper eight bits of EDNS, 0 to 4,095.
    package let rcode: UInt16
    package let question: [DecodedQuestion]
    package let answer: [DecodedRecord]
    package let authority: [DecodedRecord]
    /// Without OPT and TSIG, which libldns keeps apart.
    package let additional: [DecodedRecord]
    /// The OPT record, if there is one.
    package let edns: DecodedEDNS?
    package let hasTSIG: Bool

    /// Decodes exactly one message.
    ///
    /// Throws: why it is none.
    package init(_ message: [UInt8]) throws(MessageError) {
        try MessageFraming.check(message)
        let handle = try MessageHandle.parsed(message)
        self = try unsafe handle.read { packet throws(MessageError) in
            try unsafe DecodedMessage(packet: packet)
        }
    }

    private init(packet: UnsafePointer<ldns_pkt>) throws(MessageError) {
        unsafe id = ldns_pkt_id(packet)
        unsafe isReply = ldns_pkt_qr(packet)
        unsafe isAuthoritative = ldns_pkt_aa(packet)
        unsafe isTruncated = ldns_pkt_tc(packet)
        unsafe recursionDesired = ldns_pkt_rd(packet)
        unsafe recursionAvailable = ldns_pkt_ra(packet)
        unsafe authenticData = ldns_pkt_ad(packet)
        unsafe checkingDisabled = ldns_pkt_cd(packet)
        unsafe opcode = UInt8(truncatingIfNeeded: ldns_pkt_get_opcode(packet).rawValue)
        let lowBits = unsafe UInt16(truncatingIfNeeded: ldns_pkt_get_rcode(packet).rawValue)
        unsafe rcode = UInt16(ldns_pkt_edns_extended_rcode(packet)) << 4 | lowBits
        unsafe question = DecodedQuestion.list(ldns_pkt_question(packet))
        unsafe answer = DecodedRecord.list(ldns_pkt_answer(packet))
        unsafe authority = DecodedRecord.list(ldns_pkt_authority(packet))
        unsafe additional = DecodedRecord.list(ldns_pkt_additional(packet))
        edns = unsafe ldns_pkt_edns(packet) ? try DecodedEDNS(packet) : nil
        hasTSIG = unsafe ldns_pkt_tsig(packet) != nil
    }

    package var hasOPT: Bool { edns != nil }
    /// Octets the sender takes over UDP; nil without OPT.
    package var udpSize: UInt16? { edns?.udpSize }
    /// Nil without OPT.
    package var ednsVersion: UInt8? { edns?.version }
    /// DO; false without OPT.
    package var doBit: Bool { edns?.doBit ?? false }
}

/// The OPT record of a message (RFC 6891 §6.1).
package struct DecodedEDNS: Hashable, Sendable {
    /// Octets the sender takes over UDP.
    package let udpSize: UInt16
    package let version: UInt8
    package let doBit: Bool
    /// The 15 flags below DO.
    package let reservedFlags: UInt16
    package let options: [DecodedOption]

    init(_ packet: UnsafePointer<ldns_pkt>) throws(MessageError) {
        unsafe udpSize = ldns_pkt_edns_udp_size(packet)
        unsafe version = ldns_pkt_edns_version(packet)
        unsafe doBit = ldns_pkt_edns_do(packet)
        unsafe reservedFlags = ldns_pkt_edns_z(packet) & 0x7fff
        guard let field = unsafe ldns_pkt_edns_data(packet) else {
            options = []
            return
        }
        options = try DecodedOption.list(unsafe fieldData(field))
    }
}

/// One EDNS option.
package struct DecodedOption: Hashable, Sendable {
    package let code: UInt16
    package let data: [UInt8]

    /// Cuts the data of an OPT record itself: libldns drops all options when one is misframed.
    fileprivate static func list(_ octets: [UInt8]) throws(MessageError) -> [DecodedOption] {
        var rest = octets[...]
        var options: [DecodedOption] = []
        while !rest.isEmpty {
            guard rest.count >= 4 else { throw .optionLength }
            let head = rest.prefix(4).map { UInt16($0) }
            let count = Int(head[2] << 8 | head[3])
            rest = rest.dropFirst(4)
            guard rest.count >= count else { throw .optionLength }
            let data = Array(rest.prefix(count))
            options.append(DecodedOption(code: head[0] << 8 | head[1], data: data))
            rest = rest.dropFirst(count)
        }
        return options
    }
}

/// One entry of a question section.
package struct DecodedQuestion: Hashable, Sendable {
    /// Presentation text with its trailing dot, in the case of the wire.
    package let name: String
    package let type: RecordType
    package let recordClass: UInt16

    @unsafe
    fileprivate static func list(
        _ records: UnsafePointer<ldns_rr_list>?
    ) -> [DecodedQuestion] {
        var all: [DecodedQuestion] = []
        for index in unsafe 0..<ldns_rr_list_rr_count(records) {
            guard let record = unsafe ldns_rr_list_rr(records, index) else { break }
            all.append(
                DecodedQuestion(
                    name: unsafe takeText(ldns_rdf2str(ldns_rr_owner(record))),
                    type: unsafe RecordType(
                        UInt16(truncatingIfNeeded: ldns_rr_get_type(record).rawValue)
                    ),
                    recordClass: unsafe UInt16(
                        truncatingIfNeeded: ldns_rr_get_class(record).rawValue
                    )
                )
            )
        }
        return all
    }
}

/// One record of a message.
package struct DecodedRecord: Hashable, Sendable {
    /// Presentation text with its trailing dot, in the case of the wire.
    package let owner: String
    package let type: RecordType
    package let recordClass: UInt16
    /// Seconds.
    package let ttl: UInt32
    /// Record data in wire form, names uncompressed.
    package let data: [UInt8]
    /// Record data as text, one blank between fields; empty when there are none.
    package let dataText: String

    @unsafe
    static func list(_ records: UnsafePointer<ldns_rr_list>?) -> [DecodedRecord] {
        var all: [DecodedRecord] = []
        for index in unsafe 0..<ldns_rr_list_rr_count(records) {
            guard let record = unsafe ldns_rr_list_rr(records, index) else { break }
            unsafe all.append(DecodedRecord(record))
        }
        return all
    }

    private init(_ record: UnsafePointer<ldns_rr>) {
        owner = unsafe takeText(ldns_rdf2str(ldns_rr_owner(record)))
        type = unsafe RecordType(UInt16(truncatingIfNeeded: ldns_rr_get_type(record).rawValue))
        recordClass = unsafe UInt16(truncatingIfNeeded: ldns_rr_get_class(record).rawValue)
        ttl = unsafe ldns_rr_ttl(record)
        data = unsafe recordData(record)
        var fields: [String] = []
        for index in unsafe 0..<ldns_rr_rd_count(record) {
            guard let field = unsafe ldns_rr_rdf(record, index) else { break }
            fields.append(unsafe takeText(ldns_rdf2str(field)))
        }
        dataText = fields.joined(separator: " ")
    }
}
