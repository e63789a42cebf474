import Base
package import Gossip

// Values of `endpoint_table`: networkdb-dns.md B1, F10.

extension EndpointRecord {
    /// What Docker's nodes write where there is no address.
    private static let noAddress = "<nil>"

    /// Reads the value of an entry.
    ///
    /// Unknown fields are stepped over. Aliases and addresses that are none, and those beyond the limits,
    /// are let go: the others still lead somewhere. An address of the other family in field 4 or 5 is taken as
    /// one of 104 or 100. Throws: `TableFault`; `name` without a name, `address` without any address.
    package init(_ octets: Span<UInt8>) throws(TableFault) {
        guard octets.count <= TableLimits.recordOctetsMax else {
            throw .length(claimed: octets.count, limit: TableLimits.recordOctetsMax)
        }
        self.init(name: [])
        var first: IPAddress?
        var firstVirtual: IPAddress?
        var fields = ProtobufReader(octets, in: 0..<octets.count)
        while let field = try fields.next() {
            switch field.number {
            case 4: firstVirtual = octets.address(try field.range())
            case 5: first = octets.address(try field.range())
            case 1, 2, 3, 103, 105: try read(name: field, octets)
            case 6, 102: try read(port: field, octets)
            case 7, 8: try read(alias: field, octets)
            case 100, 104: try read(address: field, octets)
            case 9: isDisabled = try field.flag()
            case 101: weight = UInt32(clamping: try field.integer())
            default: continue
            }
        }
        address = Self.v4(first, orInto: &moreAddresses)
        virtualAddress = Self.v4(firstVirtual, orInto: &moreVirtualAddresses)
        if name.isEmpty { throw .name(field: 1, octets: 0) }
        if address == nil, moreAddresses.isEmpty { throw .address(field: 5) }
    }

    private static func v4(
        _ address: IPAddress?,
        orInto others: inout [IPAddress]
    ) -> IPv4Address? {
        guard let address else { return nil }
        if case .v4(let v4) = address { return v4 }
        others.insert(address, at: 0)
        if others.count > TableLimits.recordNamesMax { others.removeLast() }
        return nil
    }

    private mutating func read(
        name field: ProtobufField,
        _ octets: Span<UInt8>
    ) throws(TableFault) {
        let range = try field.range()
        guard range.count <= TableLimits.recordNameOctetsMax else {
            throw .name(field: field.number, octets: range.count)
        }
        let text = octets.array(range)
        switch field.number {
        case 1: name = text
        case 2: serviceName = text
        case 3: serviceID = text
        case 103: zone = text
        default: containerID = text
        }
    }

    private mutating func read(
        alias field: ProtobufField,
        _ octets: Span<UInt8>
    ) throws(TableFault) {
        let range = try field.range()
        let known = field.number == 7 ? aliases.count : taskAliases.count
        guard !range.isEmpty, range.count <= TableLimits.recordNameOctetsMax,
            known < TableLimits.recordNamesMax
        else { return }
        if field.number == 7 {
            aliases.append(octets.array(range))
        } else {
            taskAliases.append(octets.array(range))
        }
    }

    private mutating func read(
        port field: ProtobufField,
        _ octets: Span<UInt8>
    ) throws(TableFault) {
        let range = try field.range()
        let known = field.number == 6 ? ingressPorts.count : ports.count
        guard known < TableLimits.recordPortsMax else { return }
        let port = try Port(ProtobufReader(octets, in: range))
        if field.number == 6 { ingressPorts.append(port) } else { ports.append(port) }
    }

    private mutating func read(
        address field: ProtobufField,
        _ octets: Span<UInt8>
    ) throws(TableFault) {
        let range = try field.range()
        let known = field.number == 100 ? moreAddresses.count : moreVirtualAddresses.count
        guard known < TableLimits.recordNamesMax, let address = octets.address(range) else {
            return
        }
        if field.number == 100 {
            moreAddresses.append(address)
        } else {
            moreVirtualAddresses.append(address)
        }
    }

    /// The value of an entry.
    package var octets: [UInt8] {
        var out: [UInt8] = []
        out.append(field: 1, octets: name)
        out.append(field: 2, octets: serviceName)
        out.append(field: 3, octets: serviceID)
        out.append(field: 4, text: virtualAddress?.description ?? Self.noAddress)
        if let address { out.append(field: 5, text: address.description) }
        for port in ingressPorts { out.append(item: 6, octets: port.octets) }
        for alias in aliases { out.append(item: 7, octets: alias) }
        for alias in taskAliases { out.append(item: 8, octets: alias) }
        out.append(field: 9, flag: isDisabled)
        for address in moreAddresses { out.append(field: 100, text: address.description) }
        out.append(field: 101, integer: UInt64(weight))
        for port in ports { out.append(item: 102, octets: port.octets) }
        out.append(field: 103, octets: zone)
        for address in moreVirtualAddresses { out.append(field: 104, text: address.description) }
        out.append(field: 105, octets: containerID)
        return out
    }
}

extension EndpointRecord.Port {
    /// Any number that is no transport; what is written so is read as none.
    private static let noTransport: UInt64 = 255

    init(_ fields: consuming ProtobufReader) throws(TableFault) {
        // What is not written is zero, and TCP is.
        self.init(.tcp, target: 0)
        while let field = try fields.next() {
            switch field.number {
            case 1:
                let range = try field.range()
                guard range.count <= TableLimits.recordNameOctetsMax else {
                    throw .name(field: 1, octets: range.count)
                }
                name = fields.bytes.array(range)
            case 2:
                transport = UInt8(exactly: try field.integer()).flatMap { Transport(rawValue: $0) }
            case 3: target = try field.integer32()
            case 4: published = try field.integer32()
            default: continue
            }
        }
    }

    var octets: [UInt8] {
        var out: [UInt8] = []
        out.append(field: 1, octets: name)
        out.append(field: 2, integer: transport.map { UInt64($0.rawValue) } ?? Self.noTransport)
        out.append(field: 3, integer: UInt64(target))
        out.append(field: 4, integer: UInt64(published))
        return out
    }
}

extension Span where Element == UInt8 {
    /// The longest text of an address: IPv6 with a dotted quad (RFC 4291 §2.2).
    private static var addressOctetsMax: Int { 45 }

    func address(_ range: Range<Int>) -> IPAddress? {
        guard range.count <= Self.addressOctetsMax else { return nil }
        return IPAddress(String(decoding: array(range), as: UTF8.self))
    }
}
