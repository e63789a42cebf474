import Base
import Testing

@testable import Gossip

@Suite("Membership: a node's part in its ring")
struct MembershipTests {
    @Test("Nodes that know one seed find each other")
    func join() {
        let ring = VirtualRing(6)
        for observer in 0..<6 {
            #expect(ring.nodes[observer].table.count(of: .alive) == 6)
        }
    }

    @Test(
        "A crashed node is suspected, then dead within memberlist's times",
        arguments: [MembershipRules.lan, MembershipRules.lan.asMemberlist]
    )
    func crash(rules: MembershipRules) throws {
        var ring = VirtualRing(12, rules: rules)
        let start = ring.now
        ring.crash(3)
        ring.run(milliseconds: 20_000)
        let died = MembershipEvent.died(VirtualRing.name(3))
        for observer in 0..<12 where observer != 3 {
            let at = try #require(ring.moment(of: died, at: observer, after: start))
            // At least one failed probe and the shortest suspicion (gossip-wire.md §11: n = 12).
            #expect((5000...16_000).contains(at.milliseconds(since: start)))
        }
        for observer in 0..<12 where observer != 3 {
            for subject in 0..<12 where subject != 3 {
                let died = MembershipEvent.died(VirtualRing.name(subject))
                #expect(ring.moment(of: died, at: observer) == nil)
            }
        }
    }

    @Test("Of two nodes the other is given up after the shortest time")
    func pair() throws {
        var ring = VirtualRing(2)
        let start = ring.now
        ring.crash(1)
        ring.run(milliseconds: 10_000)
        let at = try #require(ring.moment(of: .died(VirtualRing.name(1)), at: 0))
        // One failed probe and 4.00 s (gossip-wire.md §11, seen of two real ones).
        #expect((5000...6100).contains(at.milliseconds(since: start)))
    }

    @Test("A node that leaves is left everywhere, and may come back")
    func leave() {
        var ring = VirtualRing(5)
        ring.handle(2, .leave)
        ring.run(milliseconds: 5000)
        for observer in [0, 1, 3, 4] { #expect(ring.state(of: 2, at: observer) == .left) }
        ring.handle(2, .join([VirtualRing.address(0)]))
        ring.run(milliseconds: 5000)
        for observer in 0..<5 { #expect(ring.state(of: 2, at: observer) == .alive) }
    }

    @Test("A node restarted under its name is alive again at once, with an incarnation of its own")
    func restart() {
        var ring = VirtualRing(5)
        ring.crash(2)
        ring.run(milliseconds: 15_000)
        #expect(ring.state(of: 2, at: 0) == .dead)
        ring.nodes[2] = VirtualRing.Node(
            VirtualRing.engine(2, rules: .lan, incarnation: 1, at: ring.now)
        )
        ring.handle(2, .join([VirtualRing.address(0)]))
        ring.run(milliseconds: 3000)
        for observer in 0..<5 {
            #expect(ring.nodes[observer].table.count(of: .alive) == 5)
        }
    }

    @Test("Accused of nothing true, a node speaks up and stays")
    func refute() {
        var ring = VirtualRing(4)
        let accusation = Suspect(
            node: VirtualRing.name(1),
            incarnation: Incarnation(1),
            accuser: VirtualRing.name(3)
        )
        ring.handle(0, .message(.suspect(accusation), from: VirtualRing.address(3)))
        #expect(ring.state(of: 1, at: 0) == .suspect)
        ring.run(milliseconds: 2000)
        for observer in 0..<4 { #expect(ring.state(of: 1, at: observer) == .alive) }
        #expect(ring.nodes[1].table.ownWord.incarnation > Incarnation(1))
    }

    @Test(
        "What clears a member is told at once, once between two beats, and no sooner without drains"
    )
    func hurry() throws {
        var plain = MembershipRules.lan
        plain.habits.remove(.drain)
        for rules in [MembershipRules.lan, plain] {
            let start = Moment.zero.advanced(milliseconds: 1000)
            var engine = VirtualRing.engine(0, rules: rules, at: start)
            var incarnation: UInt32 = 1
            func say(_ message: GossipMessage, at now: Moment) {
                engine.handle(.message(message, from: VirtualRing.address(3)), at: now)
            }
            for index in 1..<4 { say(.alive(VirtualRing.word(index)), at: start) }
            /// Node 1 is accused and speaks up; when that is told.
            func toldAt(_ now: Moment) -> Moment? {
                let accusation = Suspect(
                    node: VirtualRing.name(1),
                    incarnation: Incarnation(incarnation),
                    accuser: VirtualRing.name(3)
                )
                say(.suspect(accusation), at: now)
                incarnation += 1
                say(.alive(VirtualRing.word(1, incarnation: incarnation)), at: now)
                return engine.gossipAt
            }
            let first = engine.gossipAt
            let beat = try #require(first)
            #expect(beat > start)
            let isHurried = rules.habits.contains(.drain)
            let hurried = toldAt(start)
            #expect(hurried == (isHurried ? start : beat))
            engine.gossip(at: start)
            let second = toldAt(start)
            #expect(second == beat)
            engine.gossip(at: beat)
            let third = toldAt(beat)
            let next = beat.advanced(milliseconds: rules.gossipInterval)
            #expect(third == (isHurried ? beat : next))
        }
    }

    @Test("Without datagrams, a stream's answer keeps a member alive, and it is said")
    func streamsOnly() {
        var ring = VirtualRing(3)
        ring.passes = { from, to, isStream in isStream || (from != 1 && to != 1) }
        let start = ring.now
        ring.run(milliseconds: 20_000)
        #expect(ring.state(of: 1, at: 0) == .alive)
        #expect(ring.moment(of: .datagramsLost(VirtualRing.name(1)), at: 0, after: start) != nil)
    }

    @Test("A node whose direct way is cut is reached through others")
    func indirect() {
        var ring = VirtualRing(5)
        ring.passes = { from, to, _ in !(from == 0 && to == 1) && !(from == 1 && to == 0) }
        ring.run(milliseconds: 30_000)
        #expect(ring.state(of: 1, at: 0) == .alive)
        #expect(ring.nodes[0].counts.probesIndirect > 0)
    }

    @Test("Two halves that lost each other find each other again")
    func heal() {
        var ring = VirtualRing(8)
        ring.passes = { from, to, _ in (from < 4) == (to < 4) }
        ring.run(milliseconds: 120_000)
        #expect(ring.state(of: 5, at: 0) == nil || ring.state(of: 5, at: 0) == .dead)
        ring.passes = { _, _, _ in true }
        ring.run(milliseconds: 30_000)
        for observer in 0..<8 {
            #expect(ring.nodes[observer].table.count(of: .alive) == 8)
        }
    }

    @Test("Halves that were apart for less than their dead are remembered are one again in seconds")
    func healSoon() {
        var ring = VirtualRing(24)
        ring.passes = { from, to, _ in (from < 12) == (to < 12) }
        ring.run(milliseconds: 28_000)
        #expect(ring.state(of: 20, at: 0) == .dead)
        ring.passes = { _, _, _ in true }
        ring.run(milliseconds: 8000)
        for observer in 0..<24 {
            #expect(ring.nodes[observer].table.count(of: .alive) == 24)
        }
    }

    @Test("Seeds that are silent are asked again for ever, ever more rarely")
    func silentSeed() {
        var ring = VirtualRing(2, isJoined: false)
        ring.crash(0)
        ring.handle(1, .join([VirtualRing.address(0)]))
        ring.run(milliseconds: 600_000)
        let tries = ring.nodes[1].events.filter { pair in
            if case .joinFailed = pair.event { true } else { false }
        }
        #expect((8...16).contains(tries.count))
        ring.nodes[0].isUp = true
        ring.run(milliseconds: 90_000)
        #expect(ring.state(of: 0, at: 1) == .alive)
    }

    @Test("Of seeds that are too many the last are refused, counted and named")
    func manySeeds() {
        var ring = VirtualRing(2, isJoined: false)
        let seeds = (10..<(12 + Membership.seedsMax)).map { VirtualRing.address($0) }
        ring.handle(1, .join(seeds))
        ring.run(milliseconds: 10)
        let refused = ring.nodes[1].events.compactMap { pair in
            if case .joinRefused(let address) = pair.event { address } else { nil }
        }
        #expect(refused == Array(seeds.suffix(2)))
        #expect(ring.nodes[1].counts.seedsRefused == 2)
        // One that is held already is no new one.
        ring.handle(1, .join([seeds[0]]))
        #expect(ring.nodes[1].counts.seedsRefused == 2)
    }

    @Test("A node cut off drains and kills nobody in its first half minute, and says so")
    func isolated() {
        var ring = VirtualRing(6)
        ring.passes = { from, to, _ in from != 0 && to != 0 }
        ring.run(milliseconds: 25_000)
        #expect(ring.nodes[0].table.count(of: .dead) == 0)
        #expect(ring.nodes[0].isIsolated)
        #expect(ring.nodes[0].counts.drains <= 3)
        ring.passes = { _, _, _ in true }
        ring.run(milliseconds: 30_000)
        for observer in 0..<6 {
            #expect(ring.nodes[observer].table.count(of: .alive) == 6)
            #expect(ring.nodes[observer].table.drainedCount == 0)
        }
    }

    @Test("A crashed node is drained before it is dead, and nobody else ever is")
    func drain() throws {
        var ring = VirtualRing(10)
        let start = ring.now
        ring.crash(4)
        ring.run(milliseconds: 12_000)
        for observer in 0..<10 where observer != 4 {
            let drained = MembershipEvent.drained(VirtualRing.name(4))
            let at = try #require(ring.moment(of: drained, at: observer, after: start))
            #expect(at.milliseconds(since: start) <= 6000)
            #expect(ring.nodes[observer].counts.drains == 1)
        }
    }

    @Test("All that is heard after one stall is late for one stall")
    func lateInputs() {
        let ring = VirtualRing(3)
        let node = ring.nodes[0]
        let before = node.counts.stalls
        for later: UInt64 in 5000...5020 {
            let question = Ping(sequence: SequenceNumber(1), node: .anyone, source: .none)
            node.engine.handle(
                .message(.ping(question), from: VirtualRing.address(1)),
                at: ring.now.advanced(milliseconds: later)
            )
        }
        #expect(node.counts.stalls == before + 1)
    }

    @Test("A node that slept accuses nobody when it wakes")
    func stall() {
        var ring = VirtualRing(8)
        ring.crash(2)
        ring.run(milliseconds: 3000)
        ring.nodes[2].isUp = true
        let before = ring.nodes[2].counts.suspicions
        ring.run(milliseconds: 5000)
        #expect(ring.nodes[2].counts.stalls >= 1)
        #expect(ring.nodes[2].counts.suspicions == before)
        for observer in 0..<8 {
            #expect(ring.nodes[observer].table.count(of: .alive) == 8)
        }
    }

    @Test("A death that comes out of nothing is looked into, and not believed of one that is there")
    func doubt() {
        var ring = VirtualRing(6)
        let slander = Dead(
            node: VirtualRing.name(1),
            incarnation: Incarnation(1),
            accuser: VirtualRing.name(5)
        )
        ring.handle(0, .message(.dead(slander), from: VirtualRing.address(5)))
        #expect(ring.state(of: 1, at: 0) == .alive)
        #expect(ring.nodes[0].counts.deathsDoubted == 1)
        ring.run(milliseconds: 3000)
        for observer in 0..<6 {
            #expect(ring.state(of: 1, at: observer) == .alive)
            #expect(ring.moment(of: .died(VirtualRing.name(1)), at: observer) == nil)
        }
    }

    @Test("A death that comes out of nothing is believed once the member is silent too")
    func confirmedDoubt() {
        var ring = VirtualRing(6)
        ring.crash(1)
        let death = Dead(
            node: VirtualRing.name(1),
            incarnation: Incarnation(1),
            accuser: VirtualRing.name(5)
        )
        ring.handle(0, .message(.dead(death), from: VirtualRing.address(5)))
        ring.run(milliseconds: 700)
        #expect(ring.state(of: 1, at: 0) == .dead)
    }

    @Test("Tables whose versions do not meet are not merged")
    func versions() {
        let ours = MemberEntry(
            node: NodeName("a"),
            incarnation: Incarnation(1),
            state: .alive,
            address: AddressOctets(.v4(IPv4Address(10, 0, 0, 1))),
            port: 7946,
            meta: [],
            versions: .serf
        )
        var theirs = ours
        theirs.versions = .networkDB
        #expect(VersionVector.agree([ours], [ours]))
        #expect(!VersionVector.agree([theirs], [ours]))
        theirs.versions = VersionVector(ShortOctets([1, 5]))
        #expect(VersionVector.agree([theirs], [ours]))
    }

    @Test("Stranger's pings are answered where they came from, whatever they say")
    func reflection() throws {
        var ring = VirtualRing(2)
        let before = ring.nodes[0].datagrams.count
        let victim = ProbeSource(
            address: AddressOctets(.v4(IPv4Address(192, 0, 2, 9))),
            port: 53,
            node: NodeName("stranger")
        )
        let ping = Ping(sequence: SequenceNumber(7), node: .anyone, source: victim)
        let from = PeerAddress(.v4(IPv4Address(198, 51, 100, 1)), port: 999)
        ring.handle(0, .message(.ping(ping), from: from))
        let sent = ring.nodes[0].datagrams.dropFirst(before)
        #expect(sent.map(\.to) == [from])
        #expect(sent.first?.candidates.isEmpty == true)
    }

    @Test(
        "Each exchange is rarer in larger rings",
        arguments: [(32, 1), (33, 2), (65, 3), (100, 3), (1000, 6), (10_000, 10)]
    )
    func pushPullScale(members: Int, scale: UInt64) {
        #expect(Membership.pushPullScale(members: members) == scale)
    }

    @Test("Our exchanges are a sixteenth rarer than memberlist's, where they are rare")
    func exchangeInterval() {
        #expect(MembershipRules.lan.exchangeInterval(members: 32) == 30_000)
        #expect(MembershipRules.lan.exchangeInterval(members: 1000) == 191_250)
        #expect(MembershipRules.lan.asMemberlist.exchangeInterval(members: 1000) == 180_000)
    }
}
