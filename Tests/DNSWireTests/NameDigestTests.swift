import Base
import DNSWire
import Testing

@Suite("Names of a message held against each other")
struct NameDigestTests {
    /// Names of few different labels, written out or ending in a pointer to an earlier one.
    private static func message(_ dice: inout SeededGenerator) -> (octets: [UInt8], starts: [Int]) {
        var octets = [UInt8](repeating: 0, count: 12)
        var starts: [Int] = []
        for _ in 0..<12 {
            let start = octets.count
            for _ in 0..<dice.below(4) {
                octets += [[1, 97], [1, 65], [1, 98], [2, 97, 97]][Int(dice.below(4))]
            }
            if let earlier = starts.last, dice.below(2) == 0 {
                octets += pointer(dice.below(2) == 0 ? earlier : starts[0])
            } else {
                octets.append(0)
            }
            starts.append(start)
        }
        return (octets, starts)
    }

    @Test("digests agree with the names themselves")
    func agreement() throws {
        var dice = SeededGenerator(seed: 8)
        var same = 0
        var below = 0
        for _ in 0..<300 {
            let (octets, starts) = Self.message(&dice)
            for left in starts {
                let digests = NameDigests(octets.span, left)
                let text = try DomainName(wire: MessageName.expanded(octets.span, left).dropLast())
                for right in starts {
                    let other = MessageName.digest(octets.span, right)
                    let otherText = try DomainName(
                        wire: MessageName.expanded(octets.span, right).dropLast()
                    )
                    let isBelow = text != otherText && text.relative(to: otherText) != nil
                    #expect(digests.isMaybe(other) == (text == otherText))
                    #expect(digests.isMaybeBelow(other) == isBelow)
                    #expect(MessageName.same(octets.span, left, right) == (text == otherText))
                    #expect(MessageName.isBelow(octets.span, left, right) == isBelow)
                    same += text == otherText ? 1 : 0
                    below += isBelow ? 1 : 0
                }
            }
        }
        #expect(same > 1000 && below > 1000)
    }
}
