import Base
import Gossip
import GossipWire
import Testing

/// Octets about tables that were meant to do harm, or came to grief: none may end the process, and what
/// is read of them is bounded by what they have.
@Suite("Hostile NetworkDB")
struct TableAttackTests {
    private static let masks: [UInt8] = (0..<8).map { 1 << $0 } + [0xff]

    private static let messages: [[UInt8]] = {
        var dice = TableDice(seed: 31)
        var all = TableGoldenTests.examples.map(\.0)
        all += [
            TableGoldenTests.compound, TableGoldenTests.sync, TableGoldenTests.emptyAnswer,
            TableGoldenTests.attachmentFirst,
        ]
        all += (0..<12).map { _ in dice.message().octets }.filter { $0.count < 2500 }
        return all
    }()

    /// Whatever came in, what comes out is written and read the same, and is not more than came.
    private static func judge(_ octets: [UInt8]) {
        guard let reading = try? TableReading(octets.span) else { return }
        let written = reading.message.octets
        let again = try? TableReading(written.span)
        #expect(again?.message == reading.message && again?.malformed == 0)
        #expect(reading.malformed <= octets.count)
        switch reading.message {
        case .rumours(let rumours): judge(rumours, octets)
        case .bulkSync(let sync):
            judge(sync.rumours, octets)
            #expect(sync.networks.count <= TableLimits.networksMax)
        case .digest: #expect(written.count <= octets.count)
        }
    }

    private static func judge(_ rumours: [TableRumour], _ octets: [UInt8]) {
        #expect(rumours.reduce(0) { $0 + $1.octets.count } <= octets.count)
        for rumour in rumours {
            #expect(TableCodec.wire.read(rumour.octets)?.message == .rumours([rumour]))
            guard case .table(let event) = rumour.content else { continue }
            #expect(event.value.count <= TableLimits.valueOctetsMax)
        }
    }

    private static func judge(state octets: [UInt8]) {
        guard let state = try? TableState(octets.span) else { return }
        let again = try? TableState(state.octets.span)
        #expect(again == state && state.attachments.count <= octets.count)
    }

    private static func judge(records octets: [UInt8]) {
        if let record = try? EndpointRecord(octets.span) {
            let again = try? EndpointRecord(record.octets.span)
            #expect(again == record)
        }
        if let record = try? PeerRecord(octets.span) {
            let again = try? PeerRecord(record.octets.span)
            #expect(again == record)
        }
    }

    @Test("every prefix of every message is a value or a fault")
    func prefixes() {
        for message in Self.messages {
            let whole = try? TableReading(message.span)
            #expect(whole != nil)
            for count in message.indices {
                let part = Array(message[..<count])
                Self.judge(part)
                let reading = try? TableReading(part.span)
                #expect(reading != whole)
            }
        }
    }

    @Test("every octet of every message flipped is a value or a fault")
    func flips() {
        for message in Self.messages {
            for index in message.indices {
                for mask in Self.masks {
                    var octets = message
                    octets[index] ^= mask
                    Self.judge(octets)
                }
            }
        }
    }

    @Test("every prefix and every flipped octet of states, records and acks is a value or a fault")
    func others() {
        var dice = TableDice(seed: 32)
        let seeds =
            [TableGoldenTests.state, TableGoldenTests.peer, TableGoldenTests.disabledEndpoint]
            + (0..<4).flatMap { _ in
                [
                    dice.state().octets, dice.endpoint().octets, dice.peer().octets,
                    dice.ack().octets,
                ]
            }
        for seed in seeds where seed.count < 4000 {
            for index in seed.indices {
                Self.judge(state: Array(seed[..<index]))
                Self.judge(records: Array(seed[..<index]))
                var octets = seed
                octets[index] ^= Self.masks[index % Self.masks.count]
                Self.judge(state: octets)
                Self.judge(records: octets)
                if let ack = AckDigest(octets.span) { #expect(ack.octets == octets) }
            }
        }
    }

    @Test("random fields behind every type are values or faults")
    func noise() {
        var dice = TableDice(seed: 33)
        for _ in 0..<20_000 {
            var octets: [UInt8] = []
            for _ in 0..<dice.below(12) {
                octets.append(UInt8(dice.below(8) << 3 | [0, 2, 2, 2, 1, 5, 3, 7][dice.below(8)]))
                octets.append(UInt8(dice.below(dice.below(3) == 0 ? 256 : 16)))
                for _ in 0..<dice.below(10) { octets.append(UInt8(dice.below(256))) }
            }
            Self.judge(octets)
            Self.judge(hex("080512") + [UInt8(octets.count & 127)] + octets)
            Self.judge(hex("080412") + [UInt8(octets.count & 127)] + octets)
            Self.judge(state: hex("080312") + [UInt8(octets.count & 127)] + octets)
            Self.judge(records: hex("0a0161") + octets)
        }
    }

    @Test("a megabyte of empty parts, or of parts within parts, is read in time and gives nothing")
    func bulk() throws {
        let parts = [UInt8](repeating: 0, count: 1 << 20).enumerated().map { index, _ in
            index % 2 == 0 ? UInt8(0x0a) : UInt8(0)
        }
        let empty = try TableReading((hex("080512808040") + parts).span)
        #expect(empty.message == .rumours([]) && empty.malformed == 1 << 19)
        // 1 MiB of SimpleMessages, each with an empty compound.
        let nested = (0..<(1 << 17)).flatMap { _ in hex("0a060a04080512") + [UInt8(0)] }
        let many = try TableReading((hex("080512808040") + nested).span)
        #expect(many.message == .rumours([]) && many.malformed == 0)
    }
}
