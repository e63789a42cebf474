import Base
import Gossip
import GossipWire
import Testing

private let front = NetworkID("front")
private let back = NetworkID("back")

/// Source: gossip-scale.md §3.7; docs/decisions/0010.
@Suite("Tables of nodes that leave, and that start again")
struct TableLeaveTests {
    /// Three nodes on one network, and an entry of the first.
    private func formed() -> VirtualTables {
        var ring = VirtualTables(3)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        ring.set(0, front, "ep1", "one")
        ring.set(1, front, "ep2", "two")
        ring.run(milliseconds: 100)
        return ring
    }

    /// The others take the first node for dead.
    private func giveUp(_ word: Alive, in ring: inout VirtualTables) {
        for other in 1..<3 { ring.tell(other, .membership(.died(word.node), word: word)) }
    }

    // MARK: Leaving

    @Test("a node that has left the ring has nothing of others any more, and what is its own")
    func dropsOnLeave() {
        var ring = formed()
        #expect(ring.value(0, front, "ep2") == "two")
        ring.tell(0, .leave)
        ring.run(milliseconds: 1000)
        #expect(ring.nodes[0].hasLeft)
        ring.tell(0, .membershipLeft)
        #expect(ring.value(0, front, "ep2") == nil)
        #expect(ring.nodes[0].entry(VirtualTables.key("ep2"), front) == nil)
        #expect(ring.nodes[0].entry(VirtualTables.key("ep1"), front)?.isVisible == true)
        let others = ring.nodes[0].engine.participants(of: front)
        #expect(others.isEmpty)
        // What somebody who has not heard of it still tells it is not taken.
        ring.set(1, front, "ep3", "three")
        ring.run(milliseconds: 500)
        #expect(ring.value(0, front, "ep3") == nil)
    }

    @Test("a node that has left and joins again has what others have, and they what it has")
    func joinsAgain() {
        var ring = formed()
        ring.tell(0, .leave)
        ring.run(milliseconds: 1000)
        ring.tell(0, .membershipLeft)
        for other in 1..<3 {
            ring.tell(other, .membership(.left(ring.nodes[0].word.node), word: ring.nodes[0].word))
        }
        ring.run(milliseconds: 3000)
        #expect(ring.value(1, front, "ep1") == nil)
        for other in 1..<3 {
            ring.introduce(other, to: 0)
            ring.introduce(0, to: other)
            ring.exchangeStates(0, other, isJoin: true)
        }
        ring.tell(0, .membership(.joinSucceeded(VirtualTables.address(1)), word: nil))
        // Its table comes at once and not when a digest shows that it lacks one.
        ring.run(milliseconds: 50)
        #expect(ring.value(0, front, "ep2") == "two")
        for other in 1..<3 { #expect(ring.value(other, front, "ep1") == "one") }
    }

    @Test("a node that was on a network before it found the ring takes the table when it has")
    func asksOnceItHasJoined() {
        var ring = VirtualTables(0)
        for node in 0..<3 { ring.add(node) }
        ring.attach(2, front)
        #expect(ring.nodes[2].isSynced(front))
        for one in 0..<2 { ring.introduce(1 - one, to: one) }
        for node in 0..<2 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        for number in 0..<200 { ring.set(0, front, "ep\(number)", "one") }
        ring.run(milliseconds: 500)
        for other in 0..<2 {
            ring.introduce(other, to: 2)
            ring.introduce(2, to: other)
            ring.exchangeStates(2, other, isJoin: true)
        }
        let before = (0..<2).map { ring.nodes[$0].streamed }
        ring.tell(2, .membership(.joinSucceeded(VirtualTables.address(0)), word: nil))
        #expect(!ring.nodes[2].isSynced(front))
        ring.run(milliseconds: 50)
        #expect(ring.nodes[2].isSynced(front))
        #expect(ring.nodes[2].root(front) == ring.nodes[0].root(front))
        // One of them gave it, the other nothing.
        let given = (0..<2).map { ring.nodes[$0].streamed - before[$0] }
        #expect(given.contains(0) && given.contains { $0 > 0 }, "\(given)")
    }

    // MARK: Bounds

    @Test("an attachment beyond what is kept is refused and counted, and passed on by nobody")
    func refusesAttachments() {
        var ring = VirtualTables(3) { $0.attachmentsMax = 2 }
        ring.passes = { from, to, _ in from != 0 || to == 1 }
        ring.tell(0, .membership(.joinSucceeded(VirtualTables.address(1)), word: nil))
        let owner = ring.nodes[0].word.node
        for number in 0..<4 {
            let event = NetworkEvent(
                .join,
                owner,
                NetworkID("net\(number)"),
                at: LamportTime(UInt64(10 + number))
            )
            let octets = TableCodec.wire.rumour(.network(event)).octets
            ring.tell(1, .heard(octets, from: VirtualTables.address(0), isStream: false))
        }
        #expect(ring.nodes[1].counts.refusedBound == 2)
        ring.run(milliseconds: 500)
        // The third node has heard of two, and refused none: no more was passed on.
        #expect(ring.nodes[2].counts.refusedBound == 0)
        #expect(ring.nodes[2].counts.rumours >= 2)
    }

    // MARK: Starting again

    @Test("what a node has that says it starts again is shown until its next run has spoken")
    func restarts() {
        var ring = formed()
        let old = ring.nodes[0].word
        ring.tell(0, .restart)
        ring.run(milliseconds: 300)
        #expect(!ring.nodes[0].isUp)
        for other in 1..<3 {
            #expect(ring.nodes[other].restarts == [old.node])
            ring.tell(other, .membership(.died(old.node), word: old))
        }
        ring.run(milliseconds: 20_000)
        let changes = ring.nodes[1].changes.count
        #expect(ring.value(1, front, "ep1") == "one")
        ring.add(0, boot: 2)
        for other in 1..<3 {
            ring.introduce(0, to: other)
            ring.introduce(other, to: 0)
            ring.exchangeStates(0, other, isJoin: true)
        }
        ring.attach(0, front)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 40_000)
        #expect(ring.value(1, front, "ep1") == "one")
        let gone = ring.nodes[1].changes[changes...].filter { $0.value == nil }
        #expect(gone.isEmpty)
        let owner = ring.nodes[1].entry(VirtualTables.key("ep1"), front)?.owner
        #expect(owner == ring.nodes[0].word.node)
    }

    @Test("a node that comes while another starts again shows what that one has")
    func comesMeanwhile() {
        var ring = formed()
        let old = ring.nodes[0].word
        ring.tell(0, .restart)
        ring.run(milliseconds: 300)
        giveUp(old, in: &ring)
        ring.add(3)
        for other in 1..<3 {
            ring.introduce(3, to: other)
            ring.introduce(other, to: 3)
            ring.exchangeStates(3, other, isJoin: true)
        }
        ring.attach(3, front)
        ring.run(milliseconds: 200)
        #expect(ring.value(3, front, "ep2") == "two")
        #expect(ring.value(3, front, "ep1") == "one")
        #expect(ring.nodes[3].restarts == [old.node])
        ring.run(milliseconds: 31_000)
        #expect(ring.value(3, front, "ep1") == nil)
    }

    @Test("what a node has that said it starts again and does not is hidden after half a minute")
    func doesNotComeBack() {
        var ring = formed()
        let old = ring.nodes[0].word
        ring.tell(0, .restart)
        ring.run(milliseconds: 300)
        giveUp(old, in: &ring)
        ring.run(milliseconds: 29_000)
        #expect(ring.value(1, front, "ep1") == "one")
        ring.run(milliseconds: 1500)
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.value(2, front, "ep1") == nil)
        #expect(ring.nodes[1].entry(VirtualTables.key("ep1"), front)?.isHidden == true)
    }

    @Test("a node says for how long it will be gone, and is believed for half a minute at most")
    func boundsWord() {
        var ring = formed()
        let old = ring.nodes[0].word
        let event = NodeEvent(.join, old.node, at: LamportTime(500), backSeconds: .max)
        let octets = TableCodec.wire.rumour(.node(event)).octets
        ring.tell(1, .heard(octets, from: nil, isStream: false))
        ring.nodes[0].isUp = false
        ring.tell(1, .membership(.died(old.node), word: old))
        ring.run(milliseconds: 29_500)
        #expect(ring.value(1, front, "ep1") == "one")
        ring.run(milliseconds: 1000)
        #expect(ring.value(1, front, "ep1") == nil)
        // It has passed the word on.
        #expect(ring.nodes[2].restarts == [old.node])
    }

    @Test("a node that has been gone for long is not shown again for a word that comes late")
    func comesTooLate() {
        var ring = formed()
        let old = ring.nodes[0].word
        ring.nodes[0].isUp = false
        ring.tell(1, .membership(.died(old.node), word: old))
        func word(_ time: UInt64) -> TableRing.Input {
            let event = NodeEvent(.join, old.node, at: LamportTime(time), backSeconds: 30)
            return .heard(TableCodec.wire.rumour(.node(event)).octets, from: nil, isStream: false)
        }
        ring.tell(1, word(500))
        #expect(ring.value(1, front, "ep1") == "one")
        ring.run(milliseconds: 30_500)
        #expect(ring.value(1, front, "ep1") == nil)
        ring.skip(seconds: 31)
        ring.tell(1, word(501))
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.nodes[1].counts.restarts == 1)
    }

    @Test("a node that dies without a word is hidden at once, as ever")
    func crashes() {
        var ring = formed()
        ring.nodes[0].isUp = false
        ring.tell(1, .membership(.died(ring.nodes[0].word.node), word: ring.nodes[0].word))
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.nodes[1].counts.restarts == 0)
    }
}
