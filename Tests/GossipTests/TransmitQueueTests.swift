import Base
import Gossip
import Testing

/// gossip-wire.md §12.
@Suite("Rumours to be told")
struct TransmitQueueTests {
    private static func octets(_ count: Int, _ fill: UInt8 = 0) -> [UInt8] {
        [UInt8](repeating: fill, count: count)
    }

    @Test(
        "each digit of the number of members is worth the multiplier",
        arguments: [
            (0, 0), (1, 4), (9, 4), (10, 8), (99, 8), (100, 12), (999, 12), (1000, 16),
            (10_000, 20),
        ]
    )
    func transmits(members: Int, expected: Int) {
        #expect(Transmits.max(multiplier: 4, members: members) == expected)
    }

    @Test("those told least come first, of these the longest, of these the newest")
    func order() {
        var queue = RumourQueue()
        queue.enqueue(Self.octets(5, 1))
        queue.enqueue(Self.octets(9, 2))
        queue.enqueue(Self.octets(5, 3))
        let first = queue.offer(octetsMax: 100, overhead: 2)
        #expect(first.map { $0.octets[0] } == [2, 3, 1])
        #expect(queue.charge(first.prefix(1), transmitsMax: 4) == [])
        #expect(queue.offer(octetsMax: 100, overhead: 2).map { $0.octets[0] } == [3, 1, 2])
        queue.enqueue(Self.octets(1, 4))
        #expect(queue.offer(octetsMax: 100, overhead: 2).map { $0.octets[0] } == [3, 1, 4, 2])
    }

    @Test("what does not fit is passed over, and nothing is offered twice")
    func fitting() {
        var queue = RumourQueue()
        for count in [40, 30, 20, 10] { queue.enqueue(Self.octets(count)) }
        #expect(queue.offer(octetsMax: 56, overhead: 2).map(\.octets.count) == [40, 10])
        #expect(queue.offer(octetsMax: 54, overhead: 2).map(\.octets.count) == [40, 10])
        #expect(queue.offer(octetsMax: 53, overhead: 2).map(\.octets.count) == [40])
        #expect(queue.offer(octetsMax: 41, overhead: 2).map(\.octets.count) == [30])
        #expect(queue.offer(octetsMax: 11, overhead: 2) == [])
        #expect(queue.offer(octetsMax: 0, overhead: 2) == [] && queue.count == 4)
    }

    @Test("a rumour is told so many times, and is gone with the last")
    func finishing() {
        var queue = RumourQueue()
        queue.enqueue(Self.octets(4), about: NodeName("a"))
        for round in 1...4 {
            let offered = queue.offer(octetsMax: 10, overhead: 2)
            #expect(offered.map(\.transmits) == [round - 1])
            let finished = queue.charge(offered, transmitsMax: 4)
            #expect(finished.count == (round == 4 ? 1 : 0) && queue.isEmpty == (round == 4))
        }
        #expect(queue.withdraw(about: NodeName("a")) == nil)
    }

    @Test("a newer rumour about a node takes the older one's place, and begins anew")
    func replacing() {
        var queue = RumourQueue()
        queue.enqueue(Self.octets(4, 1), about: NodeName("a"))
        let told = queue.offer(octetsMax: 10, overhead: 2)
        let replaced = queue.enqueue(Self.octets(4, 2), about: NodeName("a"))
        #expect(replaced == told.first)
        // Charged too late: the older one is nobody's any more.
        #expect(queue.charge(told, transmitsMax: 1) == [] && queue.count == 1)
        #expect(queue.offer(octetsMax: 10, overhead: 2).map(\.transmits) == [0])
        #expect(queue.withdraw(about: NodeName("a"))?.octets == Self.octets(4, 2))
        #expect(queue.isEmpty)
    }

    @Test("ids are never used twice, even when the queue runs empty in between")
    func ids() {
        var queue = RumourQueue()
        var seen: Set<RumourQueue.ID> = []
        for _ in 0..<20 {
            queue.enqueue(Self.octets(4))
            let offered = queue.offer(octetsMax: 10, overhead: 2)
            seen.formUnion(offered.map(\.id))
            #expect(queue.charge(offered, transmitsMax: 1).count == 1 && queue.isEmpty)
        }
        #expect(seen.count == 20)
    }

    @Test("pruning drops those told most")
    func pruning() {
        var queue = RumourQueue()
        for index in 0..<6 { queue.enqueue(Self.octets(4), about: NodeName("\(index)")) }
        let told = queue.offer(octetsMax: 18, overhead: 2)
        #expect(told.count == 3)
        _ = queue.charge(told, transmitsMax: 4)
        #expect(queue.prune(countMax: 3) == 3 && queue.prune(countMax: 3) == 0)
        #expect(queue.offer(octetsMax: 100, overhead: 2).allSatisfy { $0.transmits == 0 })
        for item in told { #expect(queue.withdraw(about: item.subject ?? .anyone) == nil) }
    }

    @Test("whatever happens, every rumour is told exactly as often as it should be")
    func conservation() {
        var dice = SeededGenerator(seed: 21)
        var queue = RumourQueue()
        var tellings: [RumourQueue.ID: Int] = [:]
        var finished = 0
        for _ in 0..<3000 {
            if dice.below(3) == 0 { queue.enqueue(Self.octets(1 + Int(dice.below(60)))) }
            let offered = queue.offer(octetsMax: Int(dice.below(200)), overhead: 2)
            let octets = offered.reduce(0) { $0 + $1.octets.count + 2 }
            #expect(octets <= 200 && Set(offered.map(\.id)).count == offered.count)
            let told = offered.prefix(Int(dice.below(8)))
            for item in told { tellings[item.id, default: 0] += 1 }
            for item in queue.charge(told, transmitsMax: 5) {
                #expect(tellings[item.id] == 5)
                finished += 1
            }
        }
        #expect(finished > 500 && finished + queue.count >= tellings.count)
    }
}
