import Base
import Gossip
import GossipWire
import Testing

/// Octets that were meant to do harm, or came to grief: none may end the process, none may cost more
/// than what it is worth.
@Suite("Hostile gossip")
struct AttackTests {
    private static let cipher = Cipher(key: Golden.key)
    private static let masks: [UInt8] = (0..<8).map { 1 << $0 } + [0xff]

    /// Whatever came in, what comes out is within the bounds that hold for every datagram.
    private static func judge(_ datagram: [UInt8], _ reading: Reading) {
        let held = reading.octets.reduce(0) { $0 + $1.count }
        #expect(held <= datagram.count + PacketReader.inflatedOctetsMax)
        #expect(reading.report.messages == reading.messages.count)
        #expect((reading.report.refused == 0) == (reading.report.firstFault == nil))
        for message in reading.messages {
            let octets = message.octets
            // Written short, then: at most every integer and string in its longest form, and nil.
            #expect(octets.count <= datagram.count + PacketReader.inflatedOctetsMax + 64)
            let again = try? GossipMessage(octets.span)
            #expect(again?.octets == octets)
        }
    }

    private static let datagrams =
        Golden.messages.map(\.octets) + Golden.datagrams

    @Test("every prefix of every golden datagram is a value or a fault")
    func prefixes() {
        for datagram in Self.datagrams {
            for count in datagram.indices {
                let part = Array(datagram[..<count])
                let reading = Reading(part)
                Self.judge(part, reading)
                let isUser = datagram[0] == 8 && count > 0
                let isCut = reading.report.refused > 0 || reading.report.truncatedParts > 0
                #expect(isCut || isUser, "\(digits(part))")
            }
        }
    }

    @Test("every octet of every golden datagram flipped is a value or a fault")
    func flips() {
        for datagram in Self.datagrams {
            for index in datagram.indices {
                for mask in Self.masks {
                    var octets = datagram
                    octets[index] ^= mask
                    Self.judge(octets, Reading(octets))
                }
            }
        }
    }

    @Test("no flipped octet of a sealed datagram gets through")
    func sealedFlips() throws {
        for (datagram, ring) in [
            (Golden.sealedBare, RingLabel.none), (Golden.sealedPadded, .none),
            (Golden.sealedLabelled, try label("dc1")),
        ] {
            let rules = RingRules(label: ring, encryption: .required)
            // The version is not authenticated; what it changes is the padding.
            for index in datagram.indices where index != ring.overhead {
                for mask in Self.masks {
                    var octets = datagram
                    octets[index] ^= mask
                    #expect(Reading(octets, rules: rules, cipher: Self.cipher).messages == [])
                }
            }
        }
    }

    @Test("every prefix and every flipped octet of every golden stream is a value or a fault")
    func streams() throws {
        for (streams, role) in [(Golden.asks, StreamRole.accepting), (Golden.answers, .initiating)]
        {
            for stream in streams {
                for count in stream.indices.dropFirst() {
                    #expect(throws: StreamFault.cut) {
                        _ = try streamed(Array(stream[..<count]), as: role)
                    }
                }
                for index in stream.indices {
                    for mask in Self.masks {
                        var octets = stream
                        octets[index] ^= mask
                        let message = try? streamed(octets, as: role, step: 5)
                        let length = message.map { $0.octets.count } ?? 0
                        #expect(length <= octets.count * 16 + 64)
                    }
                }
            }
        }
    }

    @Test("recorded datagrams and streams with one bit flipped are values or faults")
    func recorded() {
        for recording in Recording.all where recording.key == nil {
            for (position, datagram) in recording.datagrams.enumerated() {
                for index in stride(from: position % 3, to: datagram.count, by: 3) {
                    var octets = datagram
                    octets[index] ^= 1 << UInt8((index + position) % 8)
                    Self.judge(octets, Reading(octets))
                }
            }
            for (position, stream) in recording.asks.enumerated() {
                for index in stride(from: position % 5, to: stream.count, by: 5) {
                    var octets = stream
                    octets[index] ^= 1 << UInt8((index + position) % 8)
                    _ = try? streamed(octets, as: .accepting)
                }
            }
        }
    }

    @Test("random octets behind every type are values or faults")
    func noise() {
        var dice = SeededGenerator(seed: 13)
        for _ in 0..<4000 {
            let octets =
                [UInt8(dice.below(16))]
                + (0..<dice.below(80)).map { _ in
                    // Heads of items more often than not.
                    dice.below(2) == 0 ? UInt8(0x80 + dice.below(0x60)) : UInt8(dice.below(256))
                }
            Self.judge(octets, Reading(octets))
            for role in [StreamRole.accepting, .initiating] {
                _ = try? streamed(octets, as: role, step: 9)
            }
            _ = try? SerfMessage(octets.span)
            _ = try? SerfState(octets.span)
            _ = try? SerfTags(meta: octets.span)
            _ = try? SerfCoordinate(ackPayload: octets.span)
            _ = try? SerfMember.read(conflictAnswer: octets.span)
            _ = try? SerfKeyAnswer(octets.span)
            _ = try? SerfFilter(octets)
        }
    }

    /// A compound of so many parts, all alike.
    private static func compound(_ part: [UInt8], _ count: Int) -> [UInt8] {
        var octets: [UInt8] = [7, UInt8(count)]
        for _ in 0..<count { octets += [UInt8(part.count >> 8), UInt8(part.count & 255)] }
        for _ in 0..<count { octets += part }
        return octets
    }

    /// `plain` as a compressed message.
    private static func compressed(_ plain: [UInt8]) throws -> [UInt8] {
        let packed = try #require(packedOctets(plain))
        let count = UInt32(packed.count)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * $0)) }
        return hex("0982a4416c676f00a3427566db") + length + packed
    }

    @Test("a datagram inflates to 64 KiB at most, however often it tries")
    func inflation() throws {
        let bomb = try Self.compressed([8] + [UInt8](repeating: 0, count: 2 << 20))
        #expect(bomb.count < 20_000)
        for _ in 0..<200 {
            let reading = Reading(bomb)
            #expect(reading.messages == [])
            #expect(
                reading.report.firstFault
                    == .message(.lzw(.tooLong(limit: PacketReader.inflatedOctetsMax)))
            )
        }
        // Each part alone would be allowed.
        let part = try Self.compressed([8] + [UInt8](repeating: 0, count: 59_999))
        let count = 65_000 / (part.count + 2)
        let reading = Reading(Self.compound(part, count))
        #expect(count > 50 && reading.report.messages == 1 && reading.report.refused == count - 1)
    }

    @Test("a compound of 255 parts of 65,535 octets that are not there is counted and left")
    func compound() {
        let lie = [7, 255] + [UInt8](repeating: 0xff, count: 510) + [2, 0x80]
        let report = Reading(lie).report
        #expect(report.messages == 0 && report.refused == 0 && report.truncatedParts == 255)
        // Compounds in compounds: the octets do not get more.
        var nested: [UInt8] = Golden.ack.octets
        for _ in 0..<40 {
            nested = [7, 1, UInt8(nested.count >> 8), UInt8(nested.count & 255)] + nested
        }
        #expect(Reading(nested).report.firstFault == .message(.depth(limit: PacketReader.depthMax)))
        // As many of the shortest messages as go into the longest datagram.
        let inner = Self.compound([UInt8](repeating: 8, count: 1), 255)
        let outer = Self.compound(inner, 84)
        #expect(outer.count < 65_536)
        #expect(Reading(outer).report.messages == 84 * 255)
    }

    @Test(
        "an item that claims billions is refused at its head",
        arguments: [
            "dfffffffff", "ddffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff01", "deffff",
            "dcffff",
            "daffff", "82a16180a162ddfffffffe",
        ]
    )
    func claims(item: String) {
        // As an unknown field, as a field's value, as a whole body.
        for octets in [
            hex("0281a2") + hex("7a7a") + hex(item),
            hex("0281a7") + Array("Payload".utf8) + hex(item), [2] + hex(item),
        ] {
            let reading = Reading(octets)
            #expect(reading.messages == [] && reading.report.refused == 1)
        }
        for type: UInt8 in [0, 6, 8, 9] {
            for body in [hex(item), hex("81a27a7a") + hex(item)] {
                #expect(throws: StreamFault.self) {
                    _ = try streamed([type] + body, as: .accepting)
                }
            }
        }
    }

    @Test("items within items are refused from the 17th level on")
    func depth() throws {
        func nested(_ levels: Int, _ opening: String) -> [UInt8] {
            hex("0281a27a7a") + (0..<levels).flatMap { _ in hex(opening) } + [0xc0]
        }
        for opening in ["91", "81a0"] {
            let deep = try GossipMessage(nested(16, opening).span)
            #expect(deep == .ack(Ack(sequence: SequenceNumber(0))))
            for levels in [17, 1000, 60_000] {
                #expect(throws: MessageFault.body(.ack, .depth(limit: 16))) {
                    _ = try GossipMessage(nested(levels, opening).span)
                }
            }
        }
    }

    @Test("a stream inflates in proportion, its lines are counted, and nobody's cost nothing")
    func streamBombs() throws {
        // A megabyte of empty lines, compressed to a few thousand octets.
        let head = hex("0683a44a6f696ec3a54e6f646573ce00020000ac5573657253746174654c656e00")
        let empty = head + [UInt8](repeating: 0x80, count: 131_072)
        let nobody = try streamed(try Self.compressed(empty), as: .accepting)
        #expect(nobody == .exchange(StateExchange(isJoin: true, members: [])))
        // 4 MiB from a few thousand octets.
        let bomb = try Self.compressed(head + [UInt8](repeating: 0x80, count: 4 << 20))
        var limits = StreamLimits()
        limits.inflatedOctetsFree = 65_536
        let limit = 128 * (bomb.count - 1)
        #expect(bomb.count < 8000 && limit > limits.inflatedOctetsFree)
        #expect(throws: StreamFault.message(.lzw(.tooLong(limit: limit)))) {
            _ = try streamed(bomb, as: .accepting, limits: limits)
        }
        #expect(throws: StreamFault.message(.lzw(.tooLong(limit: 1 << 20)))) {
            _ = try streamed(bomb, as: .accepting)
        }
        // A line that never ends.
        #expect(throws: StreamFault.self) {
            let endless = head + hex("df00001000") + [UInt8](repeating: 0xa0, count: 9000)
            _ = try streamed(endless, as: .accepting)
        }
    }
}
