import Base
import Testing

@testable import Gossip

@Suite("Membership under faults: the ring heals, nothing grows, nobody is believed too much")
struct MembershipFaultTests {
    private static func isWhole(_ ring: borrowing VirtualRing, _ count: Int) -> Bool {
        (0..<count).allSatisfy { ring.nodes[$0].table.count(of: .alive) == count }
    }

    @Test(
        "With 30 % of the datagrams lost, others twice, late and out of order, nobody dies for long"
    )
    func weather() {
        var ring = VirtualRing(12)
        ring.delays = { dice in
            if dice.below(10) < 3 { return [] }
            let first = UInt64(1 + dice.below(40))
            return dice.below(10) < 2 ? [first, UInt64(1 + dice.below(200))] : [first]
        }
        ring.run(milliseconds: 120_000)
        ring.delays = { _ in [1] }
        ring.run(milliseconds: 20_000)
        #expect(Self.isWhole(ring, 12))
        for node in ring.nodes {
            #expect(node.engine.queueDepth == 0)
            #expect(node.engine.waiting.isEmpty && node.engine.exchanges.count <= 1)
        }
    }

    @Test("All nodes restarted at once, under their names, are one ring again")
    func allRestarted() {
        var ring = VirtualRing(8)
        for index in 0..<8 {
            ring.nodes[index] = VirtualRing.Node(
                VirtualRing.engine(index, rules: .lan, incarnation: 2, at: ring.now)
            )
        }
        for index in 1..<8 { ring.handle(index, .join([VirtualRing.address(0)])) }
        ring.run(milliseconds: 5000)
        #expect(Self.isWhole(ring, 8))
    }

    @Test("A node that was paused for half a minute is back at once, and accused nobody")
    func paused() {
        var ring = VirtualRing(10)
        ring.crash(4)
        ring.run(milliseconds: 30_000)
        #expect(ring.state(of: 4, at: 0) == .dead)
        ring.nodes[4].isUp = true
        let start = ring.now
        ring.run(milliseconds: 5000)
        #expect(Self.isWhole(ring, 10))
        for subject in 0..<10 where subject != 4 {
            let died = MembershipEvent.died(VirtualRing.name(subject))
            #expect(ring.moment(of: died, at: 4) == nil)
            #expect(
                ring.moment(of: .suspected(VirtualRing.name(subject)), at: 4, after: start) == nil
            )
        }
    }

    @Test("An hour that passes at once kills nobody")
    func clockJump() {
        var ring = VirtualRing(6)
        ring.now = ring.now.advanced(milliseconds: 3_600_000)
        ring.run(milliseconds: 10_000)
        #expect(Self.isWhole(ring, 6))
        for node in ring.nodes { #expect(node.counts.deaths == 0) }
    }

    @Test("Of two machines with one name the first one stays, and both are told of")
    func cloned() {
        var ring = VirtualRing(5)
        // The fifth node restarts with the name of the second.
        let word = Alive(
            node: VirtualRing.name(1),
            incarnation: Incarnation(9),
            address: AddressOctets(VirtualRing.address(4).address),
            port: 7946,
            meta: [],
            versions: .networkDB
        )
        ring.nodes[4] = VirtualRing.Node(
            Membership(
                own: word,
                rules: .lan,
                seed: 4,
                encode: { _ in [UInt8](repeating: 0, count: 60) },
                at: ring.now
            )
        )
        ring.handle(4, .join([VirtualRing.address(0)]))
        ring.run(milliseconds: 60_000)
        for observer in [0, 2, 3] {
            let table = ring.nodes[observer].table
            #expect(table[VirtualRing.name(1)]?.peer == VirtualRing.address(1))
            #expect(table[VirtualRing.name(1)]?.state == .alive)
            let isTold = ring.nodes[observer].events.contains { pair in
                if case .conflict(VirtualRing.name(1), at: VirtualRing.address(4)) = pair.event {
                    true
                } else {
                    false
                }
            }
            #expect(isTold || observer != 0)
            #expect(ring.nodes[observer].counts.deaths <= 1)
        }
    }

    @Test(
        "A word with a poisoned version vector is neither kept nor passed on",
        arguments: [
            [], [1], [1, 5], [1, 5, 2], [1, 5, 2, 0, 0], [0, 5, 2, 0, 0, 0], [6, 5, 2, 0, 0, 0],
        ]
    )
    func poisoned(octets: [UInt8]) {
        var ring = VirtualRing(3)
        var word = VirtualRing.word(7)
        word.versions = VersionVector(ShortOctets(octets))
        ring.handle(0, .message(.alive(word), from: VirtualRing.address(7)))
        ring.run(milliseconds: 3000)
        for node in ring.nodes { #expect(node.table[VirtualRing.name(7)] == nil) }
        #expect(ring.nodes[0].counts.refusedWords == 1)
        // The table goes on being exchanged.
        #expect(ring.nodes.allSatisfy { $0.counts.exchangesIncompatible == 0 })
    }

    @Test("A member whose address flips in foreign words stays where it is")
    func addressFlips() {
        var ring = VirtualRing(4)
        for turn in 0..<200 {
            var word = VirtualRing.word(1, incarnation: 50 + UInt32(turn))
            word.address = AddressOctets(.v4(IPv4Address(192, 0, 2, UInt8(turn))))
            ring.handle(0, .message(.alive(word), from: VirtualRing.address(9)))
        }
        ring.run(milliseconds: 10_000)
        #expect(ring.nodes[0].table[VirtualRing.name(1)]?.peer == VirtualRing.address(1))
        #expect(ring.nodes[0].counts.conflicts == 200)
        #expect(Self.isWhole(ring, 4))
    }

    @Test("Old datagrams that are played again change nothing")
    func replays() {
        var ring = VirtualRing(5)
        ring.crash(3)
        ring.run(milliseconds: 12_000)
        ring.nodes[3] = VirtualRing.Node(
            VirtualRing.engine(3, rules: .lan, incarnation: 20, at: ring.now)
        )
        ring.handle(3, .join([VirtualRing.address(0)]))
        ring.run(milliseconds: 3000)
        #expect(Self.isWhole(ring, 5))
        let old =
            ring.nodes[1].datagrams.flatMap(\.messages)
            + ring.nodes[1].datagrams.flatMap(\.candidates).compactMap(\.message)
        for message in old {
            ring.handle(0, .message(message, from: VirtualRing.address(1)))
        }
        ring.run(milliseconds: 5000)
        #expect(Self.isWhole(ring, 5))
    }

    @Test("Strangers' questions take no more room than there is")
    func relayFlood() {
        var ring = VirtualRing(2)
        for turn in 0..<5000 {
            let question = IndirectPing(
                sequence: SequenceNumber(UInt32(turn)),
                node: NodeName("nobody"),
                target: AddressOctets(.v4(IPv4Address(192, 0, 2, 1))),
                port: 7946,
                wantsNack: true,
                source: .none
            )
            ring.handle(0, .message(.indirectPing(question), from: VirtualRing.address(9)))
        }
        #expect(ring.nodes[0].engine.waiting.count <= MembershipRules.lan.relaysMax)
        #expect(ring.nodes[0].counts.relaysRefused > 3000)
        ring.run(milliseconds: 2000)
        #expect(ring.nodes[0].engine.waiting.isEmpty)
    }

    @Test("A ring of a million names that somebody claims is held to its limit")
    func crowd() {
        var rules = MembershipRules.lan
        rules.membersMax = 50
        var ring = VirtualRing(2, rules: rules)
        for index in 10..<210 {
            ring.handle(0, .message(.alive(VirtualRing.word(index)), from: VirtualRing.address(1)))
        }
        #expect(ring.nodes[0].table.count == 50)
        #expect(ring.nodes[0].counts.refusedWords > 100)
    }

    @Test("An accusation of the highest incarnation is not answered into the end of numbers")
    func highestIncarnation() {
        var ring = VirtualRing(3)
        let accusation = Suspect(
            node: VirtualRing.name(0),
            incarnation: Incarnation(.max),
            accuser: VirtualRing.name(2)
        )
        ring.handle(0, .message(.suspect(accusation), from: VirtualRing.address(2)))
        #expect(ring.nodes[0].table.ownWord.incarnation < Incarnation(100))
        #expect(ring.nodes[0].counts.refusedWords == 1)
    }
}
