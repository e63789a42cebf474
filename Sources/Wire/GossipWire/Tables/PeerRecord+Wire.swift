import Base
package import Gossip

// Values of `overlay_peer_table`: networkdb-dns.md B1.

extension PeerRecord {
    /// Reads the value of an entry.
    ///
    /// Throws: `TableFault`; `address` when one of the three is missing or none.
    package init(_ octets: Span<UInt8>) throws(TableFault) {
        guard octets.count <= TableLimits.recordOctetsMax else {
            throw .length(claimed: octets.count, limit: TableLimits.recordOctetsMax)
        }
        var texts = [0..<0, 0..<0, 0..<0]
        var fields = ProtobufReader(octets, in: 0..<octets.count)
        while let field = try fields.next() {
            switch field.number {
            case 1...3: texts[Int(field.number) - 1] = try field.range()
            default: continue
            }
        }
        guard let (address, prefixBits) = Self.block(octets, texts[0]) else {
            throw .address(field: 1)
        }
        guard let hardware = Self.hardwareAddress(octets, texts[1]) else {
            throw .address(field: 2)
        }
        guard let tunnel = octets.address(texts[2]) else { throw .address(field: 3) }
        self.init(
            address: address,
            prefixBits: prefixBits,
            hardwareAddress: hardware,
            tunnelAddress: tunnel
        )
    }

    /// The value of an entry.
    package var octets: [UInt8] {
        let hardware = hardwareAddress.map { octet in
            let digits = String(octet, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }
        var out: [UInt8] = []
        out.append(field: 1, text: "\(address)/\(prefixBits)")
        out.append(field: 2, text: hardware.joined(separator: ":"))
        out.append(field: 3, text: tunnelAddress.description)
        return out
    }

    /// `10.0.1.3/24`, host bits and all.
    private static func block(
        _ octets: Span<UInt8>,
        _ range: Range<Int>
    ) -> (IPv4Address, UInt8)? {
        guard range.count <= 18,
            let slash = range.first(where: { octets[$0] == UInt8(ascii: "/") }),
            case .v4(let address) = octets.address(range.lowerBound..<slash)
        else { return nil }
        var bits = 0
        let digits = slash + 1..<range.upperBound
        guard (1...2).contains(digits.count) else { return nil }
        for index in digits {
            guard let digit = decimal(octets[index]) else { return nil }
            bits = bits * 10 + digit
        }
        return bits <= 32 ? (address, UInt8(bits)) : nil
    }

    /// `02:42:0a:00:01:03`, in either case.
    private static func hardwareAddress(
        _ octets: Span<UInt8>,
        _ range: Range<Int>
    ) -> [UInt8]? {
        guard range.count == 17 else { return nil }
        var address: [UInt8] = []
        for index in 0..<6 {
            let at = range.lowerBound + 3 * index
            guard index == 0 || octets[at - 1] == UInt8(ascii: ":"),
                let high = hexadecimal(octets[at]), let low = hexadecimal(octets[at + 1])
            else { return nil }
            address.append(high << 4 | low)
        }
        return address
    }

    private static func decimal(_ octet: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) ? Int(octet) - 48 : nil
    }

    private static func hexadecimal(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - 55
        default: nil
        }
    }
}
