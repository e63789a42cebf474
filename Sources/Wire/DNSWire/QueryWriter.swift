package import Base

/// Writes questions to other servers: the forwarder's and `waggle query`'s.
package enum QueryWriter {
    /// One question with RD=1, and with `hasEDNS` an OPT record that announces 1232 octets.
    ///
    /// `labels`: the name in wire form without its root octet, letters as they shall be sent.
    /// - checkingDisabled, dnssecOK: passed on from the client (RFC 4035 §3.2.2, RFC 3225).
    package static func query(
        id: UInt16,
        labels: [UInt8],
        type: RecordType,
        checkingDisabled: Bool = false,
        dnssecOK: Bool = false,
        hasEDNS: Bool = true
    ) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(MessageSize.header + labels.count + 5 + MessageSize.opt)
        octets.append(uint16: id)
        var flags = HeaderFlags.recursionDesired
        if checkingDisabled { flags.insert(.checkingDisabled) }
        octets.append(uint16: flags.rawValue)
        for count: UInt16 in [1, 0, 0, hasEDNS ? 1 : 0] { octets.append(uint16: count) }
        octets += labels
        octets.append(0)
        octets.append(uint16: type.code)
        octets.append(uint16: 1)
        if !hasEDNS { return octets }
        octets.append(0)
        octets.append(uint16: RecordType.opt.code)
        octets.append(uint16: UInt16(MessageSize.datagramMax))
        octets.append(uint16: 0)
        octets.append(uint16: dnssecOK ? 0x8000 : 0)
        octets.append(uint16: 0)
        return octets
    }
}
