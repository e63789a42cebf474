import Gossip

/// Keys and values of simulated records, from their numbers and back.
///
/// Lengths are those of the recorded runs (gossip-scale.md §1.7): 64 digits a key, 160 a value, so that an
/// event is 275 octets and five go into one datagram.
enum RecordName {
    static let network = NetworkID("net1")
    static let valueOctets = 160
    private static let digits = Array("0123456789abcdef".utf8)

    static func network(_ number: Int) -> NetworkID {
        number == 0 ? network : NetworkID("net\(number + 1)")
    }

    static func key(_ record: Int, _ chance: Chance) -> EntryKey {
        EntryKey(.endpoints, octets(record, 0, count: 64, chance))
    }

    static func value(_ record: Int, version: UInt32, _ chance: Chance) -> [UInt8] {
        octets(record, version, count: valueOctets, chance)
    }

    /// Eight digits of the record, eight of the version, and others that nobody can compress.
    private static func octets(
        _ record: Int,
        _ version: UInt32,
        count: Int,
        _ chance: Chance
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count)
        for place in 0..<8 { out.append(digits[record >> (28 - 4 * place) & 15]) }
        for place in 0..<8 { out.append(digits[Int(version >> (28 - 4 * UInt32(place)) & 15)]) }
        var block: UInt64 = 0
        while out.count < count {
            var bits = chance.draw(.subject, UInt64(record), UInt64(version), block)
            for _ in 0..<16 where out.count < count {
                out.append(digits[Int(bits & 15)])
                bits >>= 4
            }
            block += 1
        }
        return out
    }

    /// Which record a key is of.
    static func record(_ entry: EntryKey) -> Int { Int(number(entry.key, 0)) }

    static func version(_ value: [UInt8]) -> UInt32 { number(value, 8) }

    private static func number(_ octets: [UInt8], _ start: Int) -> UInt32 {
        precondition(octets.count >= start + 8, "no simulated record")
        var number: UInt32 = 0
        for index in start..<start + 8 {
            let digit = octets[index]
            number = number << 4 | UInt32(digit >= 97 ? digit - 87 : digit - 48)
        }
        return number
    }
}
