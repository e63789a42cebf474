import Gossip

// The bodies of rumours, and a table's lines: gossip-wire.md §4.

extension Alive {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(
            node: .anyone,
            incarnation: Incarnation(0),
            address: .none,
            port: 0,
            meta: [],
            versions: .none
        )
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .node: node = NodeName(octets: try reader.octets())
            case .incarnation: incarnation = Incarnation(try reader.integer())
            case .address: address = AddressOctets(try reader.shortOctets())
            case .port: port = try reader.integer()
            case .meta: meta = try reader.octets()
            case .versions: versions = VersionVector(try reader.shortOctets())
            default: try reader.skip()
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.reserveCapacity(out.count + 64 + node.octets.count + meta.count)
        out.append(map: 6)
        out.append(.address)
        out.append(raw: address.octets)
        out.append(.incarnation)
        out.append(integer: incarnation.value)
        out.append(.meta)
        out.append(raw: meta)
        out.append(.node)
        out.append(raw: node.octets)
        out.append(.port)
        out.append(integer: port)
        out.append(.versions)
        out.append(raw: versions.octets)
    }
}

/// Suspicions and deaths have one body.
func write(
    _ out: inout [UInt8],
    _ node: NodeName,
    _ incarnation: Incarnation,
    accuser: NodeName
) {
    out.append(map: 3)
    out.append(.from)
    out.append(raw: accuser.octets)
    out.append(.incarnation)
    out.append(integer: incarnation.value)
    out.append(.node)
    out.append(raw: node.octets)
}

extension Suspect {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(node: .anyone, incarnation: Incarnation(0), accuser: .anyone)
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .node: node = NodeName(octets: try reader.octets())
            case .incarnation: incarnation = Incarnation(try reader.integer())
            case .from: accuser = NodeName(octets: try reader.octets())
            default: try reader.skip()
            }
        }
    }
}

extension Dead {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        let same = try Suspect(&reader)
        self.init(node: same.node, incarnation: same.incarnation, accuser: same.accuser)
    }
}

extension MemberEntry {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(
            node: .anyone,
            incarnation: Incarnation(0),
            state: .alive,
            address: .none,
            port: 0,
            meta: [],
            versions: .none
        )
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .name: node = NodeName(octets: try reader.octets())
            case .incarnation: incarnation = Incarnation(try reader.integer())
            case .state: state = Self.state(try reader.integer())
            case .address: address = AddressOctets(try reader.shortOctets())
            case .port: port = try reader.integer()
            case .meta: meta = try reader.octets()
            case .versions: versions = VersionVector(try reader.shortOctets())
            default: try reader.skip()
            }
        }
    }

    private static func state(_ number: Int64) -> MemberState? {
        UInt8(exactly: number).flatMap { MemberState(rawValue: $0) }
    }

    /// Numbers that are no state are written as the one that stands for none of them, 255.
    func write(_ out: inout [UInt8]) {
        out.append(map: 7)
        out.append(.address)
        out.append(raw: address.octets)
        out.append(.incarnation)
        out.append(integer: incarnation.value)
        out.append(.meta)
        out.append(raw: meta)
        out.append(.name)
        out.append(raw: node.octets)
        out.append(.port)
        out.append(integer: port)
        out.append(.state)
        out.append(integer: state?.rawValue ?? .max)
        out.append(.versions)
        out.append(raw: versions.octets)
    }
}
