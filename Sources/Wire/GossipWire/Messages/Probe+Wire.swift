import Gossip

// The bodies of probes and their answers: gossip-wire.md §4. An initialiser reads a map in any
// order; `write` has the order of the fields' names.

extension ProbeSource {
    /// Takes `field` if it is one of the source's.
    ///
    /// Returns false when it is not.
    fileprivate mutating func take(
        _ field: FieldName,
        _ reader: inout MsgpackReader
    ) throws(MsgpackFault) -> Bool {
        switch field {
        case .sourceAddress: address = AddressOctets(try reader.shortOctets())
        case .sourcePort: port = try reader.integer()
        case .sourceNode: node = NodeName(octets: try reader.octets())
        default: return false
        }
        return true
    }

    /// An address too long to be one was only counted, and is not there to be written.
    private var hasAddress: Bool { !address.isEmpty && address.octets.isWhole }

    /// Fields that will be written: those that are missing are left out.
    fileprivate var fieldCount: Int {
        (hasAddress ? 1 : 0) + (node.isEmpty ? 0 : 1) + (port == 0 ? 0 : 1)
    }

    fileprivate func write(_ out: inout [UInt8]) {
        if hasAddress {
            out.append(.sourceAddress)
            out.append(raw: address.octets)
        }
        if !node.isEmpty {
            out.append(.sourceNode)
            out.append(raw: node.octets)
        }
        if port != 0 {
            out.append(.sourcePort)
            out.append(integer: port)
        }
    }
}

extension Ping {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(sequence: SequenceNumber(0), node: .anyone, source: .none)
        for _ in 0..<(try reader.map()) {
            let field = try reader.field()
            switch field {
            case .sequence: sequence = SequenceNumber(try reader.integer())
            case .node: node = NodeName(octets: try reader.octets())
            default: if try !source.take(field, &reader) { try reader.skip() }
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 2 + source.fieldCount)
        out.append(.node)
        out.append(raw: node.octets)
        out.append(.sequence)
        out.append(integer: sequence.value)
        source.write(&out)
    }
}

extension IndirectPing {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(
            sequence: SequenceNumber(0),
            node: .anyone,
            target: .none,
            port: 0,
            wantsNack: false,
            source: .none
        )
        for _ in 0..<(try reader.map()) {
            let field = try reader.field()
            switch field {
            case .sequence: sequence = SequenceNumber(try reader.integer())
            case .node: node = NodeName(octets: try reader.octets())
            case .target: target = AddressOctets(try reader.shortOctets())
            case .port: port = try reader.integer()
            case .nack: wantsNack = try reader.flag()
            default: if try !source.take(field, &reader) { try reader.skip() }
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 5 + source.fieldCount)
        out.append(.nack)
        out.append(flag: wantsNack)
        out.append(.node)
        out.append(raw: node.octets)
        out.append(.port)
        out.append(integer: port)
        out.append(.sequence)
        out.append(integer: sequence.value)
        source.write(&out)
        out.append(.target)
        out.append(raw: target.octets)
    }
}

extension Ack {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(sequence: SequenceNumber(0))
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .sequence: sequence = SequenceNumber(try reader.integer())
            case .payload: payload = try reader.octets()
            default: try reader.skip()
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 2)
        out.append(.payload)
        if payload.isEmpty { out.appendNone() } else { out.append(raw: payload) }
        out.append(.sequence)
        out.append(integer: sequence.value)
    }
}

extension Nack {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(sequence: SequenceNumber(0))
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .sequence: sequence = SequenceNumber(try reader.integer())
            default: try reader.skip()
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 1)
        out.append(.sequence)
        out.append(integer: sequence.value)
    }
}
