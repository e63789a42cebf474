import Base
import GossipWire
import Testing

@Suite("LZW")
struct CompressionTests {
    /// Octets that repeat more or less: random, text of few words, runs.
    static func anyOctets(_ dice: inout SeededGenerator, count: Int) -> [UInt8] {
        let kind = dice.below(4)
        let words = (0..<8).map { _ in
            (0..<1 + dice.below(12)).map { _ in UInt8(dice.below(256)) }
        }
        var octets: [UInt8] = []
        while octets.count < count {
            switch kind {
            case 0: octets.append(UInt8(dice.below(256)))
            case 1: octets += words[Int(dice.below(8))]
            case 2: octets += [UInt8](repeating: UInt8(dice.below(3)), count: Int(dice.below(300)))
            default: octets.append(UInt8(dice.below(4)))
            }
        }
        return Array(octets.prefix(count))
    }

    @Test(
        "what is compressed comes back, at every length up to 150 and at some beyond the dictionary"
    )
    func roundTrips() throws {
        var dice = SeededGenerator(seed: 7)
        let lengths =
            Array(0...150) + [
                255, 256, 257, 600, 3837, 3838, 3839, 3840, 4096, 9999, 30_000, 100_000,
            ]
        for count in lengths {
            let plain = Self.anyOctets(&dice, count: count)
            let packed = try #require(packedOctets(plain))
            let back = try plainOctets(packed)
            #expect(back == plain)
            let exact = try plainOctets(packed, octetsMax: count)
            #expect(exact == plain)
            if count > 0 {
                #expect(throws: LZWFault.tooLong(limit: count - 1)) {
                    _ = try plainOctets(packed, octetsMax: count - 1)
                }
            }
            #expect(packedOctets(plain, octetsMax: packed.count) == packed)
            #expect(packedOctets(plain, octetsMax: packed.count - 1) == nil)
        }
    }

    @Test("an encoder or decoder that was used before is as good as new")
    func reuse() throws {
        var dice = SeededGenerator(seed: 8)
        var encoder = LZWEncoder()
        var decoder = LZWDecoder()
        for _ in 0..<200 {
            let plain = Self.anyOctets(&dice, count: Int(dice.below(6000)))
            let first = encoder.encode(plain.span)
            let packed = try #require(first)
            #expect(packed == packedOctets(plain))
            let back = try decoder.decode(packed.span, octetsMax: 6000)
            #expect(back == plain)
        }
    }

    @Test("no prefix comes back, nor does a code that nothing defined")
    func broken() throws {
        let packed = try #require(packedOctets(Array("TOBEORNOTTOBEORTOBEORNOT".utf8)))
        for count in packed.indices {
            #expect(throws: LZWFault.truncated) { _ = try plainOctets(Array(packed[..<count])) }
        }
        // Clear, then code 258 before anything defined it.
        #expect(throws: LZWFault.code(258, max: 257)) { _ = try plainOctets(hex("000502")) }
    }

    @Test("a leading clear code may be missing, and clear codes may come anywhere")
    func clearCodes() throws {
        // 'a' (97), end (257) at nine bits each, least significant first.
        #expect(try plainOctets(hex("610202")) == [97])
        // clear, clear, 'a', clear, 'b', end.
        let codes = [256, 256, 97, 256, 98, 257]
        var bits: UInt64 = 0
        for (index, code) in codes.enumerated() { bits |= UInt64(code) << UInt64(9 * index) }
        let packed = (0..<7).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
        #expect(try plainOctets(packed) == [97, 98])
    }

    @Test("a full dictionary stays as it is until it is cleared")
    func fullDictionary() throws {
        // Literals alone at growing widths: past code 4095 without a clear, as no encoder here does.
        var octets: [UInt8] = []
        var (bits, bitCount, high, width) = (UInt32(0), 0, 257, 9)
        func put(_ code: Int) {
            bits |= UInt32(code) << UInt32(bitCount)
            bitCount += width
            while bitCount >= 8 {
                octets.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                bitCount -= 8
            }
        }
        for index in 0..<5000 {
            put(index % 251)
            high += 1
            if high >= 1 << width {
                if width == 12 { high -= 1 } else { width += 1 }
            }
        }
        put(257)
        octets.append(UInt8(truncatingIfNeeded: bits))
        #expect(try plainOctets(octets) == (0..<5000).map { UInt8($0 % 251) })
    }
}

@Suite("GossipWire: the checksum")
struct ChecksumTests {
    /// Bit by bit, as the standard has it.
    private static func plain(_ octets: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for octet in octets {
            sum ^= UInt32(octet)
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xedb8_8320 }
        }
        return ~sum
    }

    @Test("The check value of CRC-32 comes out")
    func known() {
        let digits = Array("123456789".utf8)
        #expect(Checksum.of(digits.span) == 0xcbf4_3926)
    }

    @Test("Every length up to 100 octets has the sum that its bits have one by one")
    func lengths() {
        let octets = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 151 + 77) }
        for count in 0...octets.count {
            let part = Array(octets.prefix(count))
            #expect(Checksum.of(part.span) == Self.plain(part), "\(count) octets")
        }
    }
}
