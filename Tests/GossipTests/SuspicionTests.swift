import Base
import Gossip
import Testing

/// The numbers of gossip-wire.md §11.
@Suite("Suspicion")
struct SuspicionTests {
    private static let start = Moment(nanoseconds: 5_000_000_000)

    private static func suspicion(_ members: Int) -> Suspicion {
        Suspicion(rules: .lan, members: members, accuser: NodeName("a"), at: start)
    }

    private static func milliseconds(_ suspicion: Suspicion) -> UInt64 {
        suspicion.deadline.milliseconds(since: start)
    }

    @Test(
        "times follow from the number of members",
        arguments: [
            (1, 4000, 24_000, 0), (2, 4000, 24_000, 0), (3, 4000, 24_000, 0), (4, 4000, 24_000, 2),
            (9, 4000, 24_000, 2), (10, 4000, 24_000, 2), (33, 6072, 36_432, 2),
            (65, 7248, 43_488, 2), (100, 8000, 48_000, 2), (1000, 12_000, 72_000, 2),
            (10_000, 16_000, 96_000, 2),
        ] as [(Int, UInt64, UInt64, Int)]
    )
    func times(members: Int, min: UInt64, max: UInt64, confirmations: Int) {
        let suspicion = Self.suspicion(members)
        #expect(suspicion.min == min && suspicion.max == max)
        #expect(suspicion.confirmationsMax == confirmations)
        #expect(Self.milliseconds(suspicion) == (confirmations == 0 ? min : max))
    }

    @Test("each new accuser shortens the time: 24.000, 11.381, 4.000 s in a ring of ten")
    func confirmations() {
        var suspicion = Self.suspicion(10)
        #expect(Self.milliseconds(suspicion) == 24_000)
        #expect(suspicion.confirm(by: NodeName("b")) == true)
        #expect(Self.milliseconds(suspicion) == 11_381)
        #expect(suspicion.confirm(by: NodeName("Z")) == true)
        #expect(Self.milliseconds(suspicion) == 4000 && suspicion.confirmations == 2)
    }

    @Test("who has accused already is no news, nor is anybody once there are enough")
    func known() {
        var suspicion = Self.suspicion(10)
        #expect(suspicion.confirm(by: NodeName("a")) == false)
        #expect(suspicion.confirm(by: NodeName("b")) == true)
        #expect(suspicion.confirm(by: NodeName("b")) == false)
        #expect(suspicion.confirm(by: NodeName("a")) == false)
        #expect(suspicion.confirm(by: NodeName("c")) == true)
        #expect(suspicion.confirm(by: NodeName("d")) == false)
        #expect(suspicion.confirmations == 2 && Self.milliseconds(suspicion) == 4000)
    }

    @Test("in a ring too small for confirmations there are none")
    func small() {
        var suspicion = Self.suspicion(3)
        #expect(suspicion.confirm(by: NodeName("b")) == false)
        #expect(Self.milliseconds(suspicion) == 4000)
    }
}
