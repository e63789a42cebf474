import Base
import Gossip
import GossipWire
import Testing

/// gossip-wire.md §18.4, §18.5.
@Suite("Members of a serf ring")
struct SerfMembersTests {
    private static let a = NodeName("a")

    private static func told(_ message: SerfMessage) -> SerfRing.Output {
        .broadcast(message.octets)
    }

    /// This node `me`, with `a` and `b`; the clock has heard of time 9.
    private static func ring() -> Serf {
        var serf = Serf()
        serf.join("a", host: 2)
        serf.join("b", host: 3)
        serf.hear(.joins("b", 9))
        return serf
    }

    @Test("what membership says and what was intended make the status")
    func statuses() {
        struct Step {
            let input: SerfRing.Input
            let status: SerfMember.Status
        }
        func heard(_ message: SerfMessage) -> SerfRing.Input {
            .heard(message, octets: message.octets)
        }
        let died = SerfRing.Input.membership(.died(Self.a), word: nil)
        let left = SerfRing.Input.membership(.left(Self.a), word: nil)
        let back = SerfRing.Input.membership(.joined(Self.a), word: Serf.word("a", host: 2))
        let rows: [[Step]] = [
            [Step(input: died, status: .failed), Step(input: back, status: .alive)],
            [
                Step(input: heard(.leaves("a", 10)), status: .leaving),
                Step(input: left, status: .left), Step(input: back, status: .alive),
            ],
            [
                Step(input: heard(.leaves("a", 10)), status: .leaving),
                Step(input: died, status: .left), Step(input: died, status: .left),
            ],
            [
                Step(input: heard(.leaves("a", 10)), status: .leaving),
                Step(input: heard(.joins("a", 10)), status: .leaving),
                Step(input: heard(.joins("a", 11)), status: .alive),
                Step(input: heard(.leaves("a", 11)), status: .alive),
            ],
            [
                Step(input: died, status: .failed),
                Step(input: heard(.joins("a", 12)), status: .failed),
                Step(input: heard(.leaves("a", 12)), status: .failed),
                Step(input: heard(.leaves("a", 13)), status: .left),
                Step(input: heard(.leaves("a", 14)), status: .left),
            ],
            // Its intent was lost; nobody else could have said its death in its name.
            [Step(input: left, status: .left)],
        ]
        for (index, steps) in rows.enumerated() {
            var serf = Self.ring()
            for (place, step) in steps.enumerated() {
                serf.take(step.input)
                #expect(serf.status("a") == step.status, "row \(index), step \(place)")
            }
        }
    }

    @Test("an intent goes on as it came, once, and raises the clock")
    func intents() {
        var serf = Self.ring()
        let leave = SerfMessage.leaves("a", 20)
        #expect(serf.hear(leave) == [.status(Self.a, .leaving), Self.told(leave)])
        #expect(serf.ring.times.members == LamportTime(21))
        #expect(serf.hear(leave).isEmpty && serf.hear(.joins("a", 19)).isEmpty)
        #expect(serf.ring.counts.oldIntents == 2 && serf.ring.counts.intents == 4)
        // Unknown fields and other spellings are not this node's to lose.
        let odd: [UInt8] = SerfMessage.joins("a", 30).octets + [1, 2, 3]
        let outputs = serf.take(.heard(.joins("a", 30), octets: odd))
        #expect(outputs == [.status(Self.a, .alive), .broadcast(odd)])
    }

    @Test("the newest intent about a stranger is remembered for five minutes")
    func strangers() {
        var serf = Self.ring()
        #expect(serf.hear(.leaves("c", 12)) == [Self.told(.leaves("c", 12))])
        #expect(serf.hear(.joins("c", 11)).isEmpty && serf.hear(.leaves("c", 12)).isEmpty)
        #expect(serf.join("c", host: 4) == [.status(NodeName("c"), .leaving)])
        #expect(serf.ring[NodeName("c")]?.statusTime == LamportTime(12))

        serf.hear(.leaves("d", 40))
        #expect(serf.hear(.joins("d", 41)) == [Self.told(.joins("d", 41))])
        serf.join("d", host: 5)
        #expect(serf.status("d") == .alive)

        serf.hear(.leaves("e", 50))
        #expect(serf.pass(milliseconds: 400_000).isEmpty && serf.ring.nextWake == nil)
        serf.join("e", host: 6)
        #expect(serf.status("e") == .alive)
    }

    @Test("of intents about strangers so many are kept, the newest")
    func boundedStrangers() {
        var serf = Serf { $0.intentsMax = 3 }
        for index in 1...5 { serf.hear(.leaves("n\(index)", UInt64(index))) }
        #expect(serf.ring.counts.droppedIntents == 2 && serf.ring.counts.rememberedIntents == 5)
        for index in 1...5 { serf.join("n\(index)", host: UInt8(10 + index)) }
        #expect(serf.status("n2") == .alive && serf.status("n3") == .leaving)
        let long = String(repeating: "x", count: 256)
        #expect(serf.hear(.joins(long, 9)).isEmpty && serf.hear(.joins("", 10)).isEmpty)
    }

    @Test("a node that others say leaves contradicts, with a later time")
    func refuting() throws {
        var serf = Self.ring()
        let outputs = serf.hear(.leaves("me", 70))
        #expect(outputs == [Self.told(.joins("me", 71))])
        #expect(serf.status("me") == .alive && serf.ring.counts.refuted == 1)
        #expect(serf.hear(.leaves("me", 71)).isEmpty)
        #expect(serf.hear(.leaves("me", 72)) == [Self.told(.joins("me", 73))])
    }

    @Test("who has joined says so")
    func announcing() {
        var serf = Self.ring()
        let joined = SerfRing.Input.membership(.joinSucceeded(Serf.peer(2)), word: nil)
        #expect(serf.take(joined) == [Self.told(.joins("me", 10))])
        #expect(serf.ring.times.members == LamportTime(11))
    }

    @Test("times at the end of their numbers are refused, and stop nothing")
    func hostileTimes() {
        var serf = Self.ring()
        let before = serf.ring.times.members
        for time: UInt64 in [1 << 63, .max] {
            #expect(serf.hear(.leaves("a", time)).isEmpty && serf.hear(.joins("x", time)).isEmpty)
            #expect(serf.hear(.event("e", time)).isEmpty)
            let end = LamportTime(time)
            let state = SerfState(
                time: end,
                eventTime: end,
                queryTime: end,
                statuses: [SerfState.Status(node: Self.a, time: end)],
                left: [Self.a]
            )
            #expect(serf.take(.merged(state, isJoin: false)).isEmpty)
        }
        #expect(serf.ring.times.members == before && serf.status("a") == .alive)
        #expect(serf.ring.counts.hostileTimes == 13)
    }

    // MARK: States

    @Test("a state brings the clocks, those that left, and the others' times")
    func merging() {
        var serf = Self.ring()
        let state = SerfState(
            time: LamportTime(50),
            eventTime: LamportTime(7),
            queryTime: LamportTime(5),
            statuses: [
                SerfState.Status(node: Self.a, time: LamportTime(30)),
                SerfState.Status(node: NodeName("b"), time: LamportTime(31)),
                SerfState.Status(node: NodeName("me"), time: LamportTime(3)),
                SerfState.Status(node: NodeName("z"), time: LamportTime(4)),
            ],
            left: [Self.a]
        )
        // Nothing of it goes on: whoever misses it will exchange tables too.
        #expect(serf.take(.merged(state, isJoin: false)) == [.status(Self.a, .leaving)])
        #expect(serf.ring[Self.a]?.statusTime == LamportTime(31))
        #expect(serf.ring[NodeName("b")]?.statusTime == LamportTime(31))
        let times = serf.ring.times
        #expect(times.members == LamportTime(50) && times.events == LamportTime(7))
        #expect(times.queries == LamportTime(5))
    }

    @Test("two nodes that agree on who left do not count each other up")
    func settled() {
        var one = Self.ring()
        one.hear(.leaves("a", 20))
        one.die("a")
        var other = Self.ring()
        other.die("a")
        for _ in 0..<5 {
            other.take(.merged(one.ring.state, isJoin: false))
            one.take(.merged(other.ring.state, isJoin: false))
        }
        #expect(one.status("a") == .left && other.status("a") == .left)
        #expect(one.ring[Self.a]?.statusTime == LamportTime(20))
        #expect(other.ring[Self.a]?.statusTime == LamportTime(21))
        #expect(one.ring.state.left == [Self.a])
        let times = (one.ring.times.members, other.ring.times.members)
        #expect(times == (LamportTime(22), LamportTime(22)))
    }

    @Test("a node that comes back under its name is told that it left, and contradicts")
    func comingBack() {
        var old = Self.ring()
        old.hear(.leaves("c", 60))
        old.join("c", host: 4)
        old.take(.membership(.left(NodeName("c")), word: nil))
        #expect(old.ring.state.left == [NodeName("c")])

        var back = Serf("c")
        let outputs = back.take(.merged(old.ring.state, isJoin: true))
        #expect(outputs == [Self.told(.joins("c", 62))])
        old.join("c", host: 4)
        for output in outputs { output.message.map { _ = old.hear($0) } }
        #expect(old.status("c") == .alive && old.ring.state.left == [])
    }

    // MARK: Going

    @Test("a leave is told, then membership leaves")
    func leaving() {
        var serf = Self.ring()
        let leave = SerfMessage.leaves("me", 10)
        let me = NodeName("me")
        #expect(serf.take(.leave) == [.status(me, .leaving), Self.told(leave)])
        #expect(serf.take(.leave).isEmpty && serf.hear(leave).isEmpty)
        // Nobody contradicts for a node that goes.
        #expect(serf.hear(.leaves("me", 80)).isEmpty)
        // Three members: four tellings, two at a time, and a tick to begin with.
        #expect(serf.pass(milliseconds: 599).isEmpty)
        #expect(serf.pass(milliseconds: 1) == [.leaveMembership])
        #expect(serf.take(.membershipLeft) == [.status(me, .left)])
        #expect(serf.ring.nextWake == nil && serf.take(.membershipLeft).isEmpty)
        let back = serf.take(.membership(.joinSucceeded(Serf.peer(2)), word: nil))
        #expect(back == [.status(me, .alive), Self.told(.joins("me", 81))])
    }

    @Test("alone there is nobody to tell")
    func leavingAlone() {
        var serf = Serf()
        let me = NodeName("me")
        #expect(serf.take(.leave) == [.status(me, .leaving), .leaveMembership])
        #expect(serf.take(.membershipLeft) == [.status(me, .left)])
    }

    @Test("a member that failed is let go of everywhere; one that is there is not")
    func forgetting() {
        var serf = Self.ring()
        #expect(serf.take(.forget(Self.a, isPrune: false)).isEmpty)
        serf.die("a")
        let outputs = serf.take(.forget(Self.a, isPrune: false))
        #expect(outputs == [.status(Self.a, .left), Self.told(.leaves("a", 10))])
        let pruned = serf.take(.forget(Self.a, isPrune: true))
        #expect(pruned == [.forgotten(Self.a), Self.told(.leaves("a", 11, isPrune: true))])
        #expect(serf.ring.names == [NodeName("me"), NodeName("b")])
        #expect(serf.take(.forget(NodeName("x"), isPrune: true)).isEmpty)
        #expect(serf.take(.forget(NodeName("me"), isPrune: true)).isEmpty)
    }

    @Test("a member that is there is forgotten when the word has gone round, unless it comes back")
    func pruning() {
        var serf = Self.ring()
        serf.hear(.leaves("a", 20, isPrune: true))
        serf.hear(.leaves("b", 21, isPrune: true))
        serf.die("a")
        serf.die("b")
        serf.join("b", host: 3)
        #expect(serf.pass(milliseconds: 5999).isEmpty)
        #expect(serf.pass(milliseconds: 1) == [.forgotten(Self.a)])
        #expect(serf.ring.names == [NodeName("me"), NodeName("b")] && serf.status("a") == nil)
    }

    @Test("who failed is known for a day, and of too many the last")
    func reaping() {
        var serf = Serf { $0.goneMax = 2 }
        for index in 1...4 {
            serf.join("n\(index)", host: UInt8(index))
            serf.die("n\(index)")
        }
        #expect(serf.ring.counts.reaped == 2)
        #expect(serf.ring.names == [NodeName("me"), NodeName("n3"), NodeName("n4")])
        serf.join("n3", host: 3)
        #expect(serf.pass(milliseconds: 86_000_000).isEmpty)
        #expect(serf.pass(milliseconds: 500_000) == [.forgotten(NodeName("n4"))])
        #expect(serf.status("n3") == .alive && serf.ring.nextWake == nil)
    }
}
