import Base
import Testing

@testable import Gossip

/// Source: gossip-scale.md §3.5.
@Suite("Membership: many that join at a time")
struct MembershipStormTests {
    private let now = Moment(nanoseconds: 1_000_000_000)

    private func word(_ index: Int, _ versions: VersionVector = .agreeing) -> Alive {
        var word = VirtualRing.word(index)
        word.versions = versions
        return word
    }

    private func engine(_ index: Int, habits: MembershipRules.Habits = .waggle) -> Membership {
        var rules = MembershipRules.lan
        rules.habits = habits
        return Membership(
            own: word(index),
            rules: rules,
            seed: UInt64(index) + 1,
            encode: { _ in [UInt8](repeating: 0, count: 60) },
            at: now
        )
    }

    private func entry(_ word: Alive) -> MemberEntry {
        MemberEntry(
            node: word.node,
            incarnation: word.incarnation,
            state: .alive,
            address: word.address,
            port: word.port,
            meta: word.meta,
            versions: word.versions
        )
    }

    /// Has a node join; returns how many members it was told of, and whether the answer was brief.
    private func join(
        _ seed: inout Membership,
        _ index: Int,
        versions: VersionVector = .agreeing,
        at now: Moment
    ) -> (members: Int, isBrief: Bool)? {
        let exchange = StateExchange(isJoin: true, members: [entry(word(index, versions))])
        seed.handle(.exchangeAsked(StreamID(UInt64(index)), exchange), at: now)
        var answer: (Int, Bool)?
        while let output = seed.next() {
            switch output {
            case .answerExchange(_, let state, let isBrief):
                #expect(state.members.first?.node == VirtualRing.name(0))
                answer = (state.members.count, isBrief)
            case .datagram(let datagram) where !datagram.candidates.isEmpty:
                seed.handle(.packed(datagram.candidates.count), at: now)
            default: break
            }
        }
        return answer
    }

    @Test("of many that join a node at a time the first get its table and the others some of it")
    func refers() throws {
        var seed = engine(0)
        for index in 1...32 {
            let answer = try #require(join(&seed, index, at: now))
            #expect(answer.members == index && !answer.isBrief)
        }
        for index in 33...60 {
            let answer = try #require(join(&seed, index, at: now))
            #expect(answer.members == 9 && answer.isBrief)
        }
        #expect(seed.counts.referrals == 28)
        // One that would ask nobody else has all of it, and so have those who come later.
        let legacy = try #require(join(&seed, 61, versions: .networkDB, at: now))
        #expect(legacy.members == 61 && !legacy.isBrief)
        let later = now.advanced(milliseconds: 1000)
        let next = try #require(join(&seed, 62, at: later))
        #expect(next.members == 62 && !next.isBrief)
        // What they said of themselves is kept all the same.
        #expect(seed.table.count(of: .alive) == 63)
    }

    @Test("without the habit everybody who joins gets the whole table")
    func refersNobody() throws {
        var seed = engine(0, habits: MembershipRules.Habits.waggle.subtracting(.referral))
        for index in 1...60 {
            let answer = try #require(join(&seed, index, at: now))
            #expect(answer.members == index && !answer.isBrief)
        }
    }

    @Test(
        "who is told of several members asks some of them at once, or one of them after a while",
        arguments: [true, false]
    )
    func asksSeveral(_ isParallel: Bool) {
        var node = engine(1, habits: isParallel ? .waggle : .waggle.subtracting(.parallelSync))
        node.handle(.join([VirtualRing.address(0)]), at: now)
        node.wake(at: now)
        var asked: [StreamID] = []
        func take(_ node: inout Membership, at now: Moment) {
            while let output = node.next() {
                switch output {
                case .openStream(let stream, _, .exchange, _): asked.append(stream)
                case .datagram(let datagram) where !datagram.candidates.isEmpty:
                    node.handle(.packed(datagram.candidates.count), at: now)
                default: break
                }
            }
        }
        take(&node, at: now)
        #expect(asked.count == 1)
        let members = ([0] + Array(2..<10)).map { entry(word($0)) }
        node.handle(
            .exchangeAnswered(asked[0], StateExchange(isJoin: true, members: members)),
            at: now
        )
        take(&node, at: now)
        #expect(asked.count == 1)
        var later = now
        for _ in 0..<200 {
            later = later.advanced(milliseconds: 1)
            if let due = node.nextWake?.moment, due <= later { node.wake(at: later) }
            take(&node, at: later)
        }
        #expect(asked.count == (isParallel ? 4 : 1))
    }

    @Test(
        "a hundred nodes that start at once through one know each other within a second and a half"
    )
    func boots() {
        var ring = VirtualRing(100, isJoined: false)
        for index in 1..<100 { ring.handle(index, .join([VirtualRing.address(0)])) }
        ring.run(milliseconds: 1500)
        for node in ring.nodes { #expect(node.table.count(of: .alive) == 100) }
    }

    @Test("a node that has left forgets who was there, and finds them again when it joins")
    func forgets() {
        var ring = VirtualRing(4)
        ring.handle(2, .leave)
        ring.run(milliseconds: 5000)
        ring.crash(3)
        let start = ring.now
        ring.handle(2, .join([VirtualRing.address(0)]))
        #expect(ring.nodes[2].table.count == 1)
        ring.run(milliseconds: 1000)
        for other in [0, 1] {
            let joined = MembershipEvent.joined(VirtualRing.name(other))
            #expect(ring.moment(of: joined, at: 2, after: start) != nil)
            #expect(ring.state(of: 2, at: other) == .alive)
        }
    }
}
