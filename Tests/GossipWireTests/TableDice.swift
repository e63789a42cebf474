import Base
import Gossip
import GossipWire

/// Any values of NetworkDB: names short and long, any octets, any numbers.
struct TableDice {
    var dice: SeededGenerator

    init(seed: UInt64) {
        dice = SeededGenerator(seed: seed)
    }

    mutating func below(_ bound: Int) -> Int { Int(dice.below(UInt32(bound))) }
    mutating func flag() -> Bool { below(2) == 0 }
    mutating func number() -> UInt64 { dice.next() >> UInt64(below(64)) }
    mutating func number32() -> UInt32 { UInt32(truncatingIfNeeded: number()) }
    mutating func time() -> LamportTime { LamportTime(number()) }

    mutating func octets(_ max: Int) -> [UInt8] {
        let count = below(3) == 0 ? 0 : below(below(6) == 0 ? max + 1 : min(max, 40) + 1)
        return (0..<count).map { _ in UInt8(below(256)) }
    }

    /// At least one octet, none of them a `/`.
    mutating func name(_ max: Int) -> [UInt8] {
        let octets = [UInt8(below(256))] + octets(max - 1)
        return octets.map { $0 == UInt8(ascii: "/") ? 0 : $0 }
    }

    mutating func node() -> NodeName { NodeName(octets: name(NodeName.octetsMax)) }
    mutating func network() -> NetworkID { NetworkID(octets: name(NetworkID.octetsMax)) }

    mutating func content() -> TableRumour.Content {
        switch below(3) {
        case 0:
            let seconds = UInt32([0, 0, 30, 90_000][below(4)])
            return .node(
                NodeEvent([.join, .leave, nil][below(3)], node(), at: time(), backSeconds: seconds)
            )
        case 1:
            let kind: NetworkEvent.Kind? = [.join, .leave, nil][below(3)]
            return .network(NetworkEvent(kind, node(), network(), at: time()))
        default:
            let entry = EntryKey(
                TableName(octets: name(TableName.octetsMax)),
                name(EntryKey.octetsMax)
            )
            return .table(
                TableEvent(
                    [.create, .update, .delete, nil][below(4)],
                    entry,
                    in: network(),
                    owner: node(),
                    at: time(),
                    value: octets(TableLimits.valueOctetsMax),
                    residualSeconds: number32() >> 1
                )
            )
        }
    }

    mutating func rumours(_ max: Int) -> [TableRumour] {
        (0..<below(max + 1)).map { _ in TableRumour(writing: content()) }
    }

    mutating func sync() -> BulkSync {
        BulkSync(
            time: time(),
            isUnsolicited: flag(),
            node: node(),
            networks: (0..<below(6)).map { _ in network() },
            rumours: rumours(12),
            reach: number32()
        )
    }

    mutating func digest() -> TableDigest {
        if flag() {
            let owners = (0..<below(9)).map { _ in
                let sum = EntrySum(count: number32(), latest: time(), sum: dice.next())
                return TableDigest.Owner(node(), sum)
            }
            return TableDigest(
                from: node(),
                of: network(),
                wantsAnswer: flag(),
                .owners(owners, isWhole: flag())
            )
        }
        let owners = (0..<below(5)).map { _ in
            let sums = (0..<TableDigest.Ranges.count).map { _ in dice.next() }
            return TableDigest.Ranges(node(), sums: sums)
        }
        return TableDigest(from: node(), of: network(), wantsAnswer: flag(), .ranges(owners))
    }

    mutating func message() -> TableMessage {
        switch below(3) {
        case 0: .rumours(rumours(8))
        case 1: .bulkSync(sync())
        default: .digest(digest())
        }
    }

    mutating func state() -> TableState {
        TableState(
            time: time(),
            node: node(),
            attachments: (0..<below(30)).map { _ in
                Attachment(node(), network(), at: time(), isLeaving: flag())
            }
        )
    }

    mutating func ack() -> AckDigest {
        AckDigest(
            fill: UInt8(below(256)),
            members: dice.next(),
            roots: (0..<below(AckDigest.rootsMax + 1)).map { _ in
                AckDigest.Root(network: number32(), root: dice.next())
            }
        )
    }

    mutating func v4() -> IPv4Address { IPv4Address(UInt32(truncatingIfNeeded: dice.next())) }

    mutating func address() -> IPAddress {
        flag() ? .v4(v4()) : .v6(IPv6Address(high: number(), low: number()))
    }

    mutating func ports() -> [EndpointRecord.Port] {
        (0..<below(5)).map { _ in
            EndpointRecord.Port(
                name: octets(40),
                [.tcp, .udp, .sctp, nil][below(4)],
                target: number32(),
                published: number32()
            )
        }
    }

    mutating func endpoint() -> EndpointRecord {
        var record = EndpointRecord(name: name(255))
        record.serviceName = octets(255)
        record.serviceID = octets(255)
        record.virtualAddress = flag() ? v4() : nil
        record.address = flag() ? v4() : nil
        record.ingressPorts = ports()
        record.aliases = (0..<below(4)).map { _ in name(255) }
        record.taskAliases = (0..<below(4)).map { _ in name(255) }
        record.isDisabled = flag()
        record.moreAddresses = (0..<below(4)).map { _ in address() }
        record.weight = number32()
        record.ports = ports()
        record.zone = octets(255)
        record.moreVirtualAddresses = (0..<below(4)).map { _ in address() }
        record.containerID = octets(255)
        if record.address == nil, record.moreAddresses.isEmpty { record.address = v4() }
        return record
    }

    mutating func peer() -> PeerRecord {
        PeerRecord(
            address: v4(),
            prefixBits: UInt8(below(33)),
            hardwareAddress: (0..<6).map { _ in UInt8(below(256)) },
            tunnelAddress: address()
        )
    }
}
