import Base
import Gossip
import GossipWire
import Testing

private let front = NetworkID("front")
private let back = NetworkID("back")

/// Source: networkdb-dns.md A, H13.
@Suite("Tables of networks")
struct TableRingTests {
    static let bothRules: [TableRing.Habits] = [.networkDB, .waggle]

    /// That the first endpoint was created, by whom and when.
    private func ep1(_ owner: NodeName, at time: LamportTime, _ value: String) -> TableEvent {
        TableEvent(
            .create,
            VirtualTables.key("ep1"),
            in: front,
            owner: owner,
            at: time,
            value: Array(value.utf8)
        )
    }

    @Test(
        "what one node says of an entry all nodes on the network see, and nobody else",
        arguments: bothRules
    )
    func spreads(_ habits: TableRing.Habits) {
        var ring = VirtualTables(4, habits: habits)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 500)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 3000)
        #expect(ring.value(1, front, "ep1") == "one")
        #expect(ring.value(2, front, "ep1") == "one")
        #expect(ring.value(3, front, "ep1") == nil)
        let stranger = ring.nodes[3].engine.entries(of: front)
        #expect(stranger.isEmpty)
        ring.set(0, front, "ep1", "uno")
        ring.run(milliseconds: 3000)
        #expect(ring.value(2, front, "ep1") == "uno")
        ring.set(0, front, "ep1", nil)
        ring.run(milliseconds: 3000)
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.value(2, front, "ep1") == nil)
        let tombstone = ring.nodes[2].entry(VirtualTables.key("ep1"), front)
        #expect(tombstone?.isDeleted == true)
    }

    @Test("an entry is there some milliseconds after it was written, not at the next turn")
    func isEager() {
        var ring = VirtualTables(5)
        for node in 0..<5 { ring.attach(node, front) }
        ring.run(milliseconds: 2000)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 6)
        for node in 1..<5 { #expect(ring.value(node, front, "ep1") == "one") }
    }

    @Test("whoever comes to a network later has its entries", arguments: bothRules)
    func syncsOnAttach(_ habits: TableRing.Habits) {
        var ring = VirtualTables(3, habits: habits)
        ring.attach(0, front)
        ring.run(milliseconds: 300)
        for index in 0..<20 { ring.set(0, front, "ep\(index)", "v\(index)") }
        ring.run(milliseconds: 2000)
        ring.attach(1, front)
        ring.run(milliseconds: 300)
        #expect(ring.value(1, front, "ep19") == "v19")
        #expect(ring.nodes[1].isSynced(front))
        #expect(ring.nodes[0].root(front) == ring.nodes[1].root(front))
    }

    @Test("a node that comes to a network takes the table from one of many")
    func downloadsOnce() {
        var ring = VirtualTables(10)
        for node in 0..<9 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        for index in 0..<200 { ring.set(0, front, "ep\(index)", String(repeating: "v", count: 80)) }
        ring.run(milliseconds: 3000)
        let before = ring.nodes.map(\.streamed)
        ring.attach(9, front)
        ring.run(milliseconds: 5000)
        #expect(ring.nodes[9].seen[front]?.count == 200)
        let senders = ring.nodes.indices.filter { $0 != 9 && ring.nodes[$0].streamed > before[$0] }
        #expect(senders.count == 1)
    }

    @Test(
        "what was written just before a node came reaches it though its writer did not know of it"
    )
    func welcomes() {
        var ring = VirtualTables(3)
        ring.attach(0, front)
        ring.attach(1, front)
        ring.run(milliseconds: 1500)
        // The writer hears of the newcomer later than of its own write.
        ring.attach(2, front)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 20)
        #expect(ring.value(2, front, "ep1") == "one")
    }

    @Test("the later of two words wins, whatever comes first", arguments: bothRules)
    func laterWins(_ habits: TableRing.Habits) throws {
        var ring = VirtualTables(2, habits: habits)
        ring.attach(0, front)
        ring.attach(1, front)
        ring.run(milliseconds: 500)
        ring.passes = { _, _, _ in false }
        ring.set(0, front, "ep1", "one")
        ring.set(0, front, "ep1", "two")
        ring.run(milliseconds: 10)
        func event(_ value: String, _ time: UInt64) -> [UInt8] {
            let event = TableEvent(
                .update,
                VirtualTables.key("ep1"),
                in: front,
                owner: ring.nodes[0].word.node,
                at: LamportTime(time),
                value: Array(value.utf8)
            )
            return TableCodec.wire.rumour(.table(event)).octets
        }
        ring.tell(1, .heard(event("two", 9), from: nil, isStream: false))
        ring.tell(1, .heard(event("one", 8), from: nil, isStream: false))
        #expect(ring.value(1, front, "ep1") == "two")
        #expect(ring.nodes[1].counts.stale == 1)
        ring.tell(1, .heard(event("other", 9), from: nil, isStream: false))
        #expect(ring.value(1, front, "ep1") == "two")
    }

    @Test("what a failed node has is hidden, and is back when the node is", arguments: bothRules)
    func hides(_ habits: TableRing.Habits) {
        var ring = VirtualTables(3, habits: habits)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 500)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 3000)
        let word = ring.nodes[0].word
        for node in 1..<3 { ring.tell(node, .membership(.died(word.node), word: word)) }
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.nodes[1].entry(VirtualTables.key("ep1"), front)?.isHidden == true)
        for node in 1..<3 { ring.tell(node, .membership(.joined(word.node), word: word)) }
        #expect(ring.value(1, front, "ep1") == "one")
    }

    @Test("what a failed node had is forgotten after half an hour")
    func reapsHidden() {
        var ring = VirtualTables(2)
        ring.attach(0, front)
        ring.attach(1, front)
        ring.run(milliseconds: 500)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 50)
        ring.nodes[0].isUp = false
        let word = ring.nodes[0].word
        ring.tell(1, .membership(.died(word.node), word: word))
        ring.skip(seconds: 1790)
        #expect(ring.nodes[1].entry(VirtualTables.key("ep1"), front) != nil)
        ring.skip(seconds: 30)
        #expect(ring.nodes[1].entry(VirtualTables.key("ep1"), front) == nil)
    }

    @Test("a node that leaves takes what it has with it", arguments: bothRules)
    func leaves(_ habits: TableRing.Habits) {
        var ring = VirtualTables(3, habits: habits)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 500)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 3000)
        ring.tell(0, .leave)
        ring.run(milliseconds: 1000)
        #expect(ring.nodes[0].hasLeft)
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.nodes[1].entry(VirtualTables.key("ep1"), front) == nil)
    }

    @Test("what a node's next run says before it is a member hides nothing that its last run said")
    func earlyWord() {
        var ring = VirtualTables(2)
        for node in 0..<2 { ring.attach(node, front) }
        ring.run(milliseconds: 1000)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 200)
        #expect(ring.value(1, front, "ep1") == "one")
        let next = VirtualTables.word(0, boot: 2)
        let codec = TableCodec.wire
        let network = NetworkEvent(.join, next.node, front, at: LamportTime(900))
        let entry = TableEvent(
            .update,
            VirtualTables.key("ep1"),
            in: front,
            owner: next.node,
            at: LamportTime(900),
            value: Array("two".utf8)
        )
        for content in [TableRumour.Content.network(network), .table(entry)] {
            let octets = codec.message(.rumours([codec.rumour(content)]))
            ring.tell(1, .heard(octets, from: nil, isStream: false))
        }
        #expect(ring.value(1, front, "ep1") == "one")
        ring.tell(1, .membership(.joined(next.node), word: next))
        #expect(ring.value(1, front, "ep1") == "two")
    }

    @Test("a node that has left and joined again can leave again")
    func leavesAgain() {
        var ring = VirtualTables(2)
        ring.run(milliseconds: 500)
        for _ in 0..<2 {
            ring.nodes[0].hasLeft = false
            ring.tell(0, .leave)
            ring.run(milliseconds: 1000)
            #expect(ring.nodes[0].hasLeft)
        }
    }

    @Test("a node that goes off a network has nothing of it, and others nothing of it there")
    func detaches() {
        var ring = VirtualTables(3)
        for node in 0..<3 {
            ring.attach(node, front)
            ring.attach(node, back)
        }
        ring.run(milliseconds: 1500)
        ring.set(0, front, "ep1", "one")
        ring.set(0, back, "ep2", "two")
        ring.set(1, front, "ep3", "three")
        ring.run(milliseconds: 100)
        ring.tell(0, .detach(front))
        ring.run(milliseconds: 100)
        #expect(ring.value(0, front, "ep3") == nil)
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.value(1, back, "ep2") == "two")
        #expect(ring.value(2, front, "ep3") == "three")
        // What it said there before does not come back with it.
        ring.attach(0, front)
        ring.run(milliseconds: 3000)
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.value(0, front, "ep3") == "three")
    }

    @Test("an entry of an owner whose attachment was not heard waits for it")
    func parks() {
        var ring = VirtualTables(2)
        ring.attach(1, front)
        ring.run(milliseconds: 50)
        let owner = ring.nodes[0].word.node
        let event = ep1(owner, at: LamportTime(3), "one")
        ring.tell(
            1,
            .heard(TableCodec.wire.rumour(.table(event)).octets, from: nil, isStream: false)
        )
        #expect(ring.value(1, front, "ep1") == nil)
        let join = NetworkEvent(.join, owner, front, at: LamportTime(2))
        ring.tell(
            1,
            .heard(TableCodec.wire.rumour(.network(join)).octets, from: nil, isStream: false)
        )
        #expect(ring.value(1, front, "ep1") == "one")
        #expect(ring.nodes[1].counts.parkedReplayed == 1)
    }

    @Test("nodes that missed something find it by their acks and send no more than that")
    func repairs() {
        var ring = VirtualTables(3)
        for node in 0..<3 { ring.attach(node, front) }
        for index in 0..<300 {
            ring.set(0, front, "ep\(index)", String(repeating: "x", count: 100))
        }
        ring.run(milliseconds: 4000)
        ring.passes = { _, to, _ in to != 2 }
        ring.set(0, front, "late", "one")
        ring.set(1, front, "other", "two")
        ring.set(0, front, "ep7", nil)
        ring.run(milliseconds: 300)
        #expect(ring.value(2, front, "late") == nil)
        let streamed = ring.nodes.reduce(0) { $0 + $1.streamed }
        ring.passes = { _, _, _ in true }
        ring.run(milliseconds: 4000)
        #expect(ring.value(2, front, "late") == "one")
        #expect(ring.value(2, front, "other") == "two")
        #expect(ring.value(2, front, "ep7") == nil)
        #expect(ring.nodes[2].root(front) == ring.nodes[0].root(front))
        // The table has about 60,000 octets, and each of two would have sent it to the third.
        #expect(ring.nodes.reduce(0) { $0 + $1.streamed } - streamed < 40_000)
    }

    @Test("a deletion that all others forgot does not come back for good")
    func corrects() {
        var ring = VirtualTables(3)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 100)
        // One node is cut off for longer than a deletion is remembered.
        ring.passes = { from, to, _ in from != 2 && to != 2 }
        ring.set(0, front, "ep1", nil)
        ring.skip(seconds: 1900)
        #expect(ring.nodes[0].entry(VirtualTables.key("ep1"), front) == nil)
        #expect(ring.value(2, front, "ep1") == "one")
        ring.passes = { _, _, _ in true }
        ring.run(milliseconds: 5000)
        for node in 0..<3 { #expect(ring.value(node, front, "ep1") == nil) }
    }

    @Test("a deletion that one node has and another missed is settled between them")
    func agreesOnDeletions() {
        var ring = VirtualTables(3)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        ring.set(0, front, "ep1", "one")
        ring.set(0, front, "ep2", "two")
        ring.run(milliseconds: 500)
        // The owner's newest entry goes while one node is cut off; then the owner is.
        ring.passes = { from, to, _ in from != 2 && to != 2 }
        ring.set(0, front, "ep2", nil)
        ring.run(milliseconds: 500)
        ring.passes = { from, to, _ in from != 0 && to != 0 }
        #expect(ring.value(1, front, "ep2") == nil)
        #expect(ring.value(2, front, "ep2") == "two")
        ring.run(milliseconds: 10_000)
        #expect(ring.value(2, front, "ep2") == nil)
        #expect(ring.value(1, front, "ep1") == "one" && ring.value(2, front, "ep1") == "one")
        #expect(ring.nodes[1].root(front) == ring.nodes[2].root(front))
    }

    @Test("a new run of a node takes over what the last one said, and nothing blinks")
    func succeeds() {
        var ring = VirtualTables(3)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        ring.set(0, front, "ep1", "one")
        ring.set(0, front, "ep2", "two")
        ring.run(milliseconds: 100)
        let old = ring.nodes[0].word
        ring.nodes[0].isUp = false
        ring.run(milliseconds: 500)
        let changesBefore = ring.nodes[1].changes.count
        ring.add(0, boot: 2)
        for other in 1..<3 {
            ring.introduce(0, to: other)
            ring.introduce(other, to: 0)
            ring.exchangeStates(0, other, isJoin: true)
        }
        // Others still take the last run for alive, and say so.
        ring.tell(0, .membership(.joined(old.node), word: old))
        ring.exchangeStates(0, 1)
        ring.attach(0, front)
        // Only one of the two is still there.
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 100)
        for other in 1..<3 { ring.tell(other, .membership(.died(old.node), word: old)) }
        #expect(ring.value(1, front, "ep1") == "one")
        #expect(ring.value(2, front, "ep1") == "one")
        ring.run(milliseconds: 5000)
        #expect(ring.value(1, front, "ep1") == "one")
        #expect(ring.value(1, front, "ep2") == nil)
        #expect(
            ring.nodes[1].entry(VirtualTables.key("ep1"), front)?.owner == ring.nodes[0].word.node
        )
        let gone = ring.nodes[1].changes[changesBefore...].filter {
            $0.entry == VirtualTables.key("ep1") && $0.value == nil
        }
        #expect(gone.isEmpty)
    }

    @Test("a node with the address of another takes its place", arguments: bothRules)
    func replaces(_ habits: TableRing.Habits) {
        var ring = VirtualTables(2, habits: habits)
        ring.attach(0, front)
        ring.attach(1, front)
        ring.run(milliseconds: 500)
        ring.set(0, front, "ep1", "one")
        ring.run(milliseconds: 3000)
        let stranger = VirtualTables.word(
            7,
            name: "other",
            isCapable: false,
            at: VirtualTables.address(0)
        )
        ring.tell(1, .membership(.joined(stranger.node), word: stranger))
        #expect(ring.value(1, front, "ep1") == nil)
        #expect(ring.nodes[1].engine.participants(of: front).isEmpty)
    }

    @Test("a thousand entries at once go over streams, and everybody has them soon")
    func bursts() {
        var ring = VirtualTables(5)
        for node in 0..<5 { ring.attach(node, front) }
        ring.run(milliseconds: 1500)
        let changes = (0..<1000).map { index in
            TableRing.OwnChange(
                front,
                VirtualTables.key("ep\(index)"),
                [UInt8](repeating: 120, count: 120)
            )
        }
        ring.tell(0, .change(changes))
        ring.run(milliseconds: 20)
        for node in 1..<5 { #expect(ring.nodes[node].seen[front]?.count == 1000) }
        // Those who were told by the writer do not tell each other.
        for node in 1..<5 { #expect(ring.nodes[node].streamed < 20_000) }
    }

    @Test("nodes that know the same members say so, and look into it when they do not")
    func comparesMembers() {
        var ring = VirtualTables(3)
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 6000)
        for node in 0..<3 { #expect(ring.nodes[node].agreements > 0) }
        #expect(ring.nodes.allSatisfy { $0.exchanges.isEmpty })
        ring.passes = { _, to, _ in to != 2 }
        ring.attach(0, back)
        ring.run(milliseconds: 500)
        ring.passes = { _, _, _ in true }
        ring.run(milliseconds: 8000)
        #expect(ring.nodes.contains { !$0.exchanges.isEmpty })
    }

    @Test("what cannot be told is refused, and said so")
    func refuses() {
        var ring = VirtualTables(1)
        ring.set(0, front, "ep1", "one")
        ring.attach(0, front)
        ring.set(0, front, "a/b", "one")
        ring.set(0, front, "ep1", String(repeating: "x", count: 9000))
        #expect(ring.nodes[0].refusals == [.notAttached, .tooLong, .tooLong])
        #expect(ring.nodes[0].counts.ownRefused == 3)
    }

    @Test("times at the end of their numbers are refused and counted")
    func refusesHostileTimes() {
        var ring = VirtualTables(2)
        ring.attach(0, front)
        ring.attach(1, front)
        ring.run(milliseconds: 100)
        let event = ep1(ring.nodes[0].word.node, at: LamportTime(.max), "")
        ring.tell(
            1,
            .heard(TableCodec.wire.rumour(.table(event)).octets, from: nil, isStream: false)
        )
        #expect(ring.nodes[1].counts.hostileTimes == 1)
        ring.set(1, front, "ep2", "two")
        ring.run(milliseconds: 50)
        #expect(ring.value(0, front, "ep2") == "two")
    }

    @Test("a rumour that cannot be read is counted, and those beside it are heard")
    func countsMalformed() {
        var ring = VirtualTables(2)
        ring.attach(0, front)
        ring.attach(1, front)
        ring.run(milliseconds: 100)
        let event = ep1(ring.nodes[0].word.node, at: LamportTime(40), "one")
        let whole = TableCodec.wire.rumour(.table(event))
        let broken = TableRumour(whole.content, octets: Array(whole.octets.dropLast(3)))
        let octets = TableCodec.wire.message(.rumours([broken, whole]))
        ring.tell(1, .heard(octets, from: nil, isStream: false))
        #expect(ring.value(1, front, "ep1") == "one")
        #expect(ring.nodes[1].counts.unreadable == 1)
        ring.tell(1, .heard([0xf7, 9], from: nil, isStream: false))
        #expect(ring.nodes[1].counts.unreadable == 2)
    }

    @Test("what a node deleted takes no room from what it has, until there is far too much of it")
    func deletionsAside() {
        var ring = VirtualTables(2) { rules in
            rules.ownerEntriesMax = 4
            rules.ownerKeptMax = 12
        }
        for node in 0..<2 { ring.attach(node, front) }
        ring.run(milliseconds: 500)
        for number in 0..<8 {
            ring.set(0, front, "gone\(number)", "v")
            ring.set(0, front, "gone\(number)", nil)
        }
        for number in 0..<5 { ring.set(0, front, "here\(number)", "v") }
        ring.run(milliseconds: 1000)
        for number in 0..<4 { #expect(ring.value(1, front, "here\(number)") == "v") }
        #expect(ring.value(1, front, "here4") == nil)
        #expect(ring.nodes[0].counts.ownRefused == 1)
        #expect(ring.nodes[1].counts.refusedBound == 0)
        // All twelve places are taken: what is deleted is to be remembered.
        ring.set(0, front, "here0", nil)
        ring.set(0, front, "here4", "v")
        ring.run(milliseconds: 1000)
        #expect(ring.value(1, front, "here4") == nil)
        #expect(ring.nodes[0].counts.ownRefused == 2)
    }

    @Test("a node that only knows NetworkDB is served by one that knows more, and serves it")
    func mixes() {
        var ring = VirtualTables(0)
        ring.add(0, habits: .waggle)
        ring.add(1, habits: .networkDB)
        ring.add(2, habits: .waggle)
        for one in 0..<3 {
            for other in 0..<3 where other != one { ring.introduce(other, to: one) }
        }
        for node in 0..<3 { ring.attach(node, front) }
        ring.run(milliseconds: 1000)
        ring.set(0, front, "ep0", "zero")
        ring.set(1, front, "ep1", "one")
        ring.run(milliseconds: 4000)
        for node in [1, 2] { #expect(ring.value(node, front, "ep0") == "zero") }
        for node in [0, 2] { #expect(ring.value(node, front, "ep1") == "one") }
        // Whole tables with the one that has no digests.
        ring.run(milliseconds: 31_000)
        #expect(ring.nodes[1].root(front) == ring.nodes[0].root(front))
        #expect(ring.nodes[1].counts.bulkTimeouts == 0)
    }
}
