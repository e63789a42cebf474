package import Gossip

// The bodies of queries, filters and answers: gossip-wire.md §18.3.

/// The query asks for an ack, or an answer is one.
private let ackFlag: UInt32 = 1
/// The query is not to be passed on.
private let quietFlag: UInt32 = 2

extension SerfQuery {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(
            time: LamportTime(0),
            id: 0,
            address: .none,
            port: 0,
            asker: .anyone,
            name: [],
            timeoutNanoseconds: 0
        )
        let start = reader.at
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .time: time = LamportTime(try reader.integer())
            case .id: id = try reader.integer()
            case .address: address = AddressOctets(try reader.shortOctets())
            case .port: port = try reader.integer()
            case .sourceNode: asker = NodeName(octets: try reader.octets())
            case .filters: filters = try reader.list(countMax: Self.filtersMax)
            case .flags: readFlags(try reader.integer())
            case .relayFactor: relayFactor = try reader.integer()
            case .timeout: timeoutNanoseconds = try reader.integer()
            case .name: name = try reader.octets()
            case .payload: payload = try reader.octets()
            default: try reader.skip()
            }
        }
        let octets = reader.at - start
        guard octets <= SerfEvent.octetsMax else {
            throw .length(claimed: octets, limit: SerfEvent.octetsMax)
        }
    }

    private static let filtersMax = 256

    private mutating func readFlags(_ flags: UInt32) {
        wantsAck = flags & ackFlag != 0
        isQuiet = flags & quietFlag != 0
        otherFlags = flags & ~(ackFlag | quietFlag)
    }

    private var flags: UInt32 {
        otherFlags | (wantsAck ? ackFlag : 0) | (isQuiet ? quietFlag : 0)
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 11)
        out.append(.address)
        out.append(raw: address.octets)
        out.append(.filters)
        if filters.isEmpty { out.appendNone() } else { out.append(list: filters) }
        out.append(.flags)
        out.append(integer: flags)
        out.append(.id)
        out.append(integer: id)
        out.append(.time)
        out.append(integer: time.value)
        out.append(.name)
        out.append(raw: name)
        out.append(.payload)
        out.append(rawOrNone: payload)
        out.append(.port)
        out.append(integer: port)
        out.append(.relayFactor)
        out.append(integer: relayFactor)
        out.append(.sourceNode)
        out.append(raw: asker.octets)
        out.append(.timeout)
        out.append(signed: timeoutNanoseconds)
    }
}

extension SerfQueryResponse {
    init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(time: LamportTime(0), id: 0, from: .anyone, isAck: false)
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .time: time = LamportTime(try reader.integer())
            case .id: id = try reader.integer()
            case .from: from = NodeName(octets: try reader.octets())
            case .flags: isAck = try reader.integer(UInt32.self) & ackFlag != 0
            case .payload: payload = try reader.octets()
            default: try reader.skip()
            }
        }
    }

    func write(_ out: inout [UInt8]) {
        out.append(map: 5)
        out.append(.flags)
        out.append(integer: isAck ? ackFlag : 0)
        out.append(.from)
        out.append(raw: from.octets)
        out.append(.id)
        out.append(integer: id)
        out.append(.time)
        out.append(integer: time.value)
        out.append(.payload)
        out.append(rawOrNone: payload)
    }
}

extension SerfFilter {
    /// Reads one of a query's filters.
    ///
    /// Throws: `SerfFault` for kinds other than nodes (0) and tags (1), and for broken octets.
    package init(_ octets: [UInt8]) throws(SerfFault) {
        guard let kind = octets.first else { throw .empty }
        var reader = MsgpackReader(octets.span, at: 1)
        do throws(MsgpackFault) {
            switch kind {
            case 0:
                let names = try reader.list(countMax: SerfEvent.octetsMax)
                self = .nodes(names.map { NodeName(octets: $0) })
            case 1:
                var tag: [UInt8] = []
                var expression: [UInt8] = []
                for _ in 0..<(try reader.map()) {
                    switch try reader.field() {
                    case .tag: tag = try reader.octets()
                    case .expression: expression = try reader.octets()
                    default: try reader.skip()
                    }
                }
                self = .tag(tag, expression: expression)
            default: throw MsgpackFault.kind(octet: kind, offset: 0)
            }
        } catch {
            if case .kind(_, 0) = error { throw .type(kind) }
            throw .body(.query, error)
        }
    }

    /// The filter as a query carries it.
    package var octets: [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .nodes(let names):
            out.append(0)
            out.append(list: names.map(\.octets))
        case .tag(let tag, let expression):
            out.append(1)
            out.append(map: 2)
            out.append(.expression)
            out.append(raw: expression)
            out.append(.tag)
            out.append(raw: tag)
        }
        return out
    }
}

extension MsgpackReader {
    /// An array of strings or octets; empty for nil.
    mutating func list(countMax: Int) throws(MsgpackFault) -> [[UInt8]] {
        let count = try array()
        guard count <= countMax else { throw .count(claimed: count, limit: countMax) }
        var list: [[UInt8]] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try octets()) }
        return list
    }
}

extension Array where Element == UInt8 {
    mutating func append(list: [[UInt8]]) {
        append(array: list.count)
        for octets in list { append(raw: octets) }
    }

    /// Unsigned where it is not negative, as peers do.
    mutating func append(signed value: Int64) {
        if value >= 0 {
            append(integer: UInt64(value))
        } else if value >= -32 {
            append(UInt8(bitPattern: Int8(value)))
        } else {
            append(0xd3)
            append(uint64: UInt64(bitPattern: value))
        }
    }
}
