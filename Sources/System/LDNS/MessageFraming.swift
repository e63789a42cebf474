import CLDNS

/// Checks the frame of a message: what `ldns_wire2pkt` lets pass.
///
/// libldns goes on inside a record's data when they are longer than their type needs, ignores
/// octets after the last record, merges several OPT records wherever they stand, and loses all
/// TSIG records but one. A judge of replies must see these.
struct MessageFraming {
    private let octets: [UInt8]
    private var at = 12
    private var optSeen = false
    private var tsigSeen = false

    /// Walks the message.
    ///
    /// Throws: the first fault.
    static func check(_ octets: [UInt8]) throws(MessageError) {
        guard octets.count >= 12 else {
            throw .refused(status: LDNS_STATUS_WIRE_INCOMPLETE_HEADER.rawValue)
        }
        var framing = MessageFraming(octets: octets)
        for _ in 0..<framing.number(at: 4) {
            _ = try framing.skipName()
            try framing.skip(4)
        }
        for section in 1...3 {
            for _ in 0..<framing.number(at: 4 + 2 * section) {
                try framing.takeRecord(isAdditional: section == 3)
            }
        }
        if framing.at < octets.count { throw .trailing(octets: octets.count - framing.at) }
    }

    private init(octets: [UInt8]) {
        self.octets = octets
    }

    private mutating func takeRecord(isAdditional: Bool) throws(MessageError) {
        let start = at
        let isRoot = try skipName()
        try skip(10)
        let type = number(at: at - 10)
        let end = at + number(at: at - 2)
        if end > octets.count { throw .recordLength(offset: start) }
        if type == LDNS_RR_TYPE_OPT.rawValue {
            if optSeen || !isAdditional { throw .optPlace(offset: start) }
            if !isRoot { throw .optOwner(offset: start) }
            optSeen = true
        }
        if type == LDNS_RR_TYPE_TSIG.rawValue {
            if tsigSeen { throw .tsigPlace(offset: start) }
            tsigSeen = true
        }
        try checkData(from: start, to: end)
        at = end
    }

    /// Has libldns read this record alone, and looks where it stopped.
    private func checkData(from start: Int, to end: Int) throws(MessageError) {
        var record: UnsafeMutablePointer<ldns_rr>?
        var stop = start
        let status = unsafe ldns_wire2rr(
            &record,
            octets,
            octets.count,
            &stop,
            LDNS_SECTION_ANSWER
        )
        guard status == LDNS_STATUS_OK else { throw .refused(status: status.rawValue) }
        unsafe ldns_rr_free(record)
        if stop != end { throw .recordLength(offset: start) }
    }

    /// Returns whether the name is the root.
    private mutating func skipName() throws(MessageError) -> Bool {
        var name: UnsafeMutablePointer<ldns_rdf>?
        let status = unsafe ldns_wire2dname(&name, octets, octets.count, &at)
        guard status == LDNS_STATUS_OK, let name = unsafe name else {
            throw .refused(status: status.rawValue)
        }
        defer { unsafe ldns_rdf_deep_free(name) }
        return unsafe ldns_rdf_size(name) == 1
    }

    private mutating func skip(_ count: Int) throws(MessageError) {
        if at + count > octets.count { throw .recordLength(offset: at) }
        at += count
    }

    private func number(at offset: Int) -> Int {
        Int(octets[offset]) << 8 | Int(octets[offset + 1])
    }
}
