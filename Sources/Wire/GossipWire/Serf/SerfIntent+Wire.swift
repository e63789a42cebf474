import Gossip

// The bodies of intents and events: gossip-wire.md §18.3.

extension SerfLeave {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(time: LamportTime(0), node: .anyone)
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .time: time = LamportTime(try reader.integer())
            case .node: node = NodeName(octets: try reader.octets())
            case .prune: isPrune = try reader.flag()
            default: try reader.skip()
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 3)
        out.append(.time)
        out.append(integer: time.value)
        out.append(.node)
        out.append(raw: node.octets)
        out.append(.prune)
        out.append(flag: isPrune)
    }
}

extension SerfJoin {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        let same = try SerfLeave(&reader)
        self.init(time: same.time, node: same.node)
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 2)
        out.append(.time)
        out.append(integer: time.value)
        out.append(.node)
        out.append(raw: node.octets)
    }
}

extension SerfEvent {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(time: LamportTime(0), name: [], payload: [], coalesces: false)
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .time: time = LamportTime(try reader.integer())
            case .name: name = try reader.octets()
            case .payload: payload = try reader.octets()
            case .coalesce: coalesces = try reader.flag()
            default: try reader.skip()
            }
        }
        let octets = name.count + payload.count
        guard octets <= Self.octetsMax else {
            throw .length(claimed: octets, limit: Self.octetsMax)
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 4)
        out.append(.coalesce)
        out.append(flag: coalesces)
        out.append(.time)
        out.append(integer: time.value)
        out.append(.name)
        out.append(raw: name)
        out.append(.payload)
        out.append(rawOrNone: payload)
    }
}

extension SerfRelay {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(address: .none, port: 0, node: .anyone, inner: [])
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .destinationAddress: try readAddress(&reader)
            case .destinationName: node = NodeName(octets: try reader.octets())
            default: try reader.skip()
            }
        }
        inner = reader.bytes.array(reader.at..<reader.bytes.count)
    }

    private mutating func readAddress(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .ip: address = AddressOctets(try reader.shortOctets())
            case .port: port = try reader.integer()
            case .zone: zone = try reader.octets()
            default: try reader.skip()
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 2)
        out.append(.destinationAddress)
        out.append(map: 3)
        out.append(.ip)
        out.append(raw: address.octets)
        out.append(.port)
        out.append(integer: port)
        out.append(.zone)
        out.append(raw: zone)
        out.append(.destinationName)
        out.append(raw: node.octets)
        out += inner
    }
}

extension Array where Element == UInt8 {
    /// Octets; nil where there are none.
    mutating func append(rawOrNone octets: [UInt8]) {
        if octets.isEmpty { appendNone() } else { append(raw: octets) }
    }
}
