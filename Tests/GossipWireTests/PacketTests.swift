import Gossip
import GossipWire
import Testing

@Suite("Datagrams")
struct PacketTests {
    private static func compound(_ parts: [[UInt8]]) -> [UInt8] {
        [7, UInt8(parts.count)]
            + parts.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 255)] } + parts.joined()
    }

    private static func compressed(_ plain: [UInt8], algorithm: UInt8 = 0) -> [UInt8] {
        let packed = packedOctets(plain) ?? []
        let head = hex("0982a4416c676f") + [algorithm] + hex("a3427566da")
        return head + [UInt8(packed.count >> 8), UInt8(packed.count & 255)] + packed
    }

    private static func fault(_ datagram: [UInt8]) -> MessageFault? {
        guard case .message(let fault) = Reading(datagram).report.firstFault else { return nil }
        return fault
    }

    @Test("a bad part of a compound takes no other with it")
    func badParts() {
        let reading = Reading(
            Self.compound([Golden.ack.octets, [], [200], hex("0381"), Golden.nack.octets])
        )
        #expect(reading.messages == [Golden.ack.message, Golden.nack.message])
        #expect(reading.report.refused == 3)
        #expect(reading.report.firstFault == .message(.empty))
    }

    @Test("parts that the datagram ends before are counted, those before them read")
    func truncatedParts() {
        let whole = Self.compound([Golden.ack.octets, Golden.nack.octets, Golden.user.octets])
        for missing in 1..<Golden.user.octets.count {
            let reading = Reading(Array(whole.dropLast(missing)))
            #expect(reading.messages == [Golden.ack.message, Golden.nack.message])
            #expect(reading.report.truncatedParts == 1)
        }
        let headAlone = Reading(Array(whole.prefix(8)))
        #expect(headAlone.messages == [] && headAlone.report.truncatedParts == 3)
        #expect(Self.fault(Array(whole.prefix(7))) == .compound(parts: 3, have: 7))
        #expect(Self.fault([7]) == .truncated(needed: 2, have: 1))
        #expect(Reading([7, 0]).report == PacketReport())
    }

    @Test(
        "what belongs to streams, or to nobody, is refused by its type",
        arguments: [6, 10, 12, 13, 14, 100, 243, 245, 255]
    )
    func types(type: UInt8) {
        let inside = Self.compound([[type, 0x80], Golden.ack.octets])
        let reading = Reading(inside)
        #expect(reading.messages == [Golden.ack.message])
        #expect(reading.report.firstFault == .message(.type(type)))
        if type != 12 { #expect(Self.fault([type, 0x80]) == .type(type)) }
    }

    @Test("a checksum stands outermost, or inside the encryption, and nowhere else")
    func checksums() {
        #expect(Self.fault(Self.compressed(Golden.checksummed)) == .type(12))
        #expect(Self.fault(Self.compound([Golden.checksummed])) == .type(12))
        #expect(Self.fault([12, 0, 0, 0]) == .truncated(needed: 5, have: 4))
        let cipher = Cipher(key: Golden.key)
        let rules = RingRules(encryption: .required)
        let frame = DatagramFrame(seal: .bare)
        let inside = frame.datagram(Golden.checksummed, nonce: Golden.nonce, seal: cipher.seal)
        let reading = Reading(inside, rules: rules, cipher: cipher)
        #expect(reading.messages == [Golden.alive.message])
        // Around the encryption it is no frame.
        let outside = Reading([12, 0, 0, 0, 0] + inside, rules: rules, cipher: cipher)
        #expect(outside.report.firstFault == .seal(.version(12)))
    }

    @Test("compression: another algorithm, nothing inside, too deep")
    func compression() {
        #expect(Self.fault(Self.compressed([1], algorithm: 7)) == .algorithm(7))
        #expect(Self.fault(Self.compressed([])) == .compressedNothing)
        var nested = Golden.ack.octets
        for _ in 0..<PacketReader.depthMax { nested = Self.compressed(nested) }
        #expect(Reading(nested).messages == [Golden.ack.message])
        #expect(Self.fault(Self.compressed(nested)) == .depth(limit: PacketReader.depthMax))
    }

    @Test("a ring with a label hears its own alone")
    func labels() throws {
        let own = RingRules(label: try label("dc1"))
        let labelled = DatagramFrame(label: own.label).datagram(Golden.ack.octets)
        #expect(labelled == hex("f403646331") + Golden.ack.octets)
        #expect(Reading(labelled, rules: own).messages == [Golden.ack.message])
        func fault(_ octets: [UInt8], _ rules: RingRules) -> PacketFault? {
            let reading = Reading(octets, rules: rules)
            #expect(reading.messages == [])
            return reading.report.firstFault
        }
        #expect(fault(Golden.ack.octets, own) == .label(.missing))
        #expect(fault(labelled, RingRules()) == .label(.other))
        #expect(fault(labelled, RingRules(label: try label("dc2"))) == .label(.other))
        #expect(fault(labelled, RingRules(label: try label("dc"))) == .label(.other))
        #expect(fault(hex("f400") + Golden.ack.octets, own) == .label(.length(0)))
        #expect(fault(labelled + [], RingRules(label: try label("dc1x"))) == .label(.other))
        for count in 1..<5 {
            #expect(fault(Array(labelled.prefix(count)), own) == .label(.truncated))
        }
        #expect(fault(Array(labelled.prefix(5)), own) == .message(.empty))
        #expect(throws: LabelFault.length(256)) {
            try RingLabel([UInt8](repeating: 97, count: 256))
        }
    }

    @Test("a frame opens with the right key, label and layout, and with nothing else")
    func sealing() throws {
        let cipher = Cipher(key: Golden.key)
        let rules = RingRules(encryption: .required)
        func fault(_ octets: [UInt8], _ rules: RingRules, _ cipher: Cipher) -> PacketFault? {
            let reading = Reading(octets, rules: rules, cipher: cipher)
            #expect(reading.messages == [])
            return reading.report.firstFault
        }
        let other = Cipher(key: [UInt8](repeating: 1, count: 32))
        #expect(fault(Golden.sealedBare, rules, other) == .seal(.noKey))
        let labelled = RingRules(label: try label("dc2"), encryption: .required)
        let relabelled = hex("f403646332") + Golden.sealedLabelled.dropFirst(5)
        #expect(fault(relabelled, labelled, cipher) == .seal(.noKey))
        #expect(fault([2] + Golden.sealedBare.dropFirst(), rules, cipher) == .seal(.version(2)))
        #expect(fault(Golden.ack.octets, rules, cipher) == .seal(.short(needed: 30, have: 18)))
        for count in 1..<Golden.sealedBare.count {
            #expect(fault(Array(Golden.sealedBare.prefix(count)), rules, cipher) != nil)
        }
        // The version is not authenticated: bare octets taken for padded ones lose their last, which
        // is the nack's number, and with it their sense.
        let asPadded = [0] + Golden.sealedBare.dropFirst()
        #expect(
            fault(asPadded, rules, cipher) == .message(.body(.nack, .truncated(needed: 9, have: 8)))
        )
    }

    @Test("a ring about to get its first key hears what is plain and what is sealed")
    func optionalEncryption() {
        let rules = RingRules(encryption: .optional)
        let cipher = Cipher(key: Golden.key)
        for datagram in [
            Golden.ack.octets, Golden.compound, Golden.sealedBare, Golden.sealedPadded,
        ] {
            let reading = Reading(datagram, rules: rules, cipher: cipher)
            #expect(reading.report.refused == 0 && !reading.messages.isEmpty)
        }
    }

    @Test("padding is 1 to 16 octets, whatever the content's length")
    func padding() {
        let cipher = Cipher(key: Golden.key + Golden.key)
        let rules = RingRules(encryption: .required)
        for count in 0...48 {
            let content = [8] + [UInt8](repeating: 0x10, count: count)
            for version in SealVersion.allCases {
                let frame = DatagramFrame(seal: version)
                let datagram = frame.datagram(content, nonce: Golden.nonce, seal: cipher.seal)
                #expect(datagram.count == frame.datagramOctets(content: content.count))
                let reading = Reading(datagram, rules: rules, cipher: cipher)
                #expect(reading.octets == [content])
            }
        }
        // A forger with the key may pad as it likes: a length beyond a block is refused.
        for last: UInt8 in [0, 17, 255] {
            let request = SealRequest(
                plain: [UInt8](repeating: 8, count: 15) + [last],
                nonce: Golden.nonce,
                additional: []
            )
            let datagram = [0] + Golden.nonce + cipher.seal(request)
            let report = Reading(datagram, rules: rules, cipher: cipher).report
            #expect(report.firstFault == .seal(.padding(last)))
        }
    }
}
