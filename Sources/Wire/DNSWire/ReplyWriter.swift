package import Base

/// Writes the parts of a reply that are the same for every verdict.
package enum ReplyWriter {
    /// The 12 octets of a header.
    package static func header(
        _ out: inout OutputSpan<UInt8>,
        id: UInt16,
        flags: UInt16,
        questions: UInt16,
        answers: UInt16,
        authorities: UInt16,
        additionals: UInt16
    ) {
        out.append(uint16: id)
        out.append(uint16: flags)
        out.append(uint16: questions)
        out.append(uint16: answers)
        out.append(uint16: authorities)
        out.append(uint16: additionals)
    }

    /// An OPT record, with the upper bits of the response code and at most one extended error.
    ///
    /// `keepalive`: tenths of a second a connection may idle, over TCP when asked.
    package static func opt(
        _ out: inout OutputSpan<UInt8>,
        code: ResponseCode,
        dnssecOK: Bool,
        error: ExtendedError? = nil,
        keepalive: UInt16? = nil
    ) {
        out.append(0)
        out.append(uint16: RecordType.opt.code)
        out.append(uint16: UInt16(MessageSize.datagramMax))
        out.append(code.rawValue >> 4)
        out.append(0)
        out.append(uint16: dnssecOK ? 0x8000 : 0)
        out.append(
            uint16: UInt16(optionOctets(error: error, keepalive: keepalive))
        )
        if let error {
            out.append(uint16: 15)
            out.append(uint16: 2)
            out.append(uint16: error.infoCode)
        }
        if let keepalive {
            out.append(uint16: 11)
            out.append(uint16: 2)
            out.append(uint16: keepalive)
        }
    }

    /// Octets of the whole OPT record that `opt` writes.
    package static func optOctets(error: ExtendedError?, keepalive: UInt16?) -> Int {
        MessageSize.opt + optionOctets(error: error, keepalive: keepalive)
    }

    private static func optionOctets(error: ExtendedError?, keepalive: UInt16?) -> Int {
        (error == nil ? 0 : MessageSize.extendedError) + (keepalive == nil ? 0 : 6)
    }
}

/// Encodes records ahead of time, when a name table is published.
package enum RecordEncoder {
    /// The owner of an encoded record.
    package enum Owner {
        /// The question's name, as a pointer to offset 12: exact for every question.
        case question
        case name(DomainName)
    }

    /// Appends one record of class IN.
    ///
    /// `ttl`: seconds; the sign bit is never set (RFC 2181 §8).
    package static func append(
        _ owner: Owner,
        type: RecordType,
        ttl: UInt32,
        data: [UInt8],
        to octets: inout [UInt8]
    ) {
        precondition(data.count <= Int(UInt16.max), "record data is at most 65535 octets")
        switch owner {
        case .question: octets.append(uint16: 0xc00c)
        case .name(let name): octets += wire(name)
        }
        octets.append(uint16: type.code)
        octets.append(uint16: 1)
        octets.append(uint32: min(ttl, UInt32(Int32.max)))
        octets.append(uint16: UInt16(data.count))
        octets += data
    }

    /// A name with its root octet.
    package static func wire(_ name: DomainName) -> [UInt8] {
        name.octets + [0]
    }

    /// RFC 2782; the target is never compressed.
    package static func srv(
        priority: UInt16,
        weight: UInt16,
        port: UInt16,
        target: DomainName
    ) -> [UInt8] {
        var data: [UInt8] = []
        data.append(uint16: priority)
        data.append(uint16: weight)
        data.append(uint16: port)
        return data + wire(target)
    }

    /// The data of a SOA record whose primary is `ns.ZONE` (RFC 1035 §3.3.13).
    ///
    /// `minimum`: seconds a denial may be kept (RFC 2308 §4).
    package static func soa(zone: DomainName, minimum: UInt32) -> [UInt8] {
        var data: [UInt8] = []
        for label in ["ns", "hostmaster"] {
            let first = [UInt8(label.utf8.count)] + Array(label.utf8)
            let name = (try? DomainName(wire: first + zone.octets)) ?? zone
            data += wire(name)
        }
        // Serial, refresh, retry and expire mean nothing where no zone is transferred.
        for value in [1, 60, 30, 3600, minimum] { data.append(uint32: value) }
        return data
    }
}
