import Base
import Gossip
import Testing

/// The rules of gossip-wire.md §9, one by one.
@Suite("Who is in the ring")
struct MemberTableTests {
    private static func moment(_ seconds: UInt64) -> Moment {
        Moment(nanoseconds: (1000 + seconds) * 1_000_000_000)
    }

    static func word(
        _ name: String,
        _ incarnation: UInt32,
        host: UInt8 = 1,
        meta: [UInt8] = [],
        versions: VersionVector = .networkDB
    ) -> Alive {
        Alive(
            node: NodeName(name),
            incarnation: Incarnation(incarnation),
            address: AddressOctets(.v4(IPv4Address(10, 0, 0, host))),
            port: 7946,
            meta: meta,
            versions: versions
        )
    }

    private static func suspect(_ name: String, _ incarnation: UInt32, by: String) -> Suspect {
        Suspect(
            node: NodeName(name),
            incarnation: Incarnation(incarnation),
            accuser: NodeName(by)
        )
    }

    private static func dead(_ name: String, _ incarnation: UInt32, by: String) -> Dead {
        Dead(node: NodeName(name), incarnation: Incarnation(incarnation), accuser: NodeName(by))
    }

    /// This node `me` at incarnation 5, `a` at 3 and `b` at 1.
    private static func table() -> MemberTable {
        var table = MemberTable(own: word("me", 5), at: moment(0))
        _ = table.hear(word("a", 3, host: 2), at: moment(0))
        _ = table.hear(word("b", 1, host: 3), at: moment(0))
        return table
    }

    private static let a = NodeName("a")

    @Test("9.1 an unknown node joins, and the ring is told")
    func joining() {
        var table = Self.table()
        let word = Self.word("c", 7, host: 9)
        #expect(
            table.hear(word, at: Self.moment(1)) == [.tell(.alive(word)), .joined(NodeName("c"))]
        )
        #expect(table.names == [NodeName("me"), Self.a, NodeName("b"), NodeName("c")])
        #expect(table[NodeName("c")]?.state == .alive && table.entries.count == 4)
    }

    @Test("9.1 only what is newer counts: the same again, or older, says nothing")
    func newer() {
        var table = Self.table()
        for incarnation: UInt32 in [1, 2, 3] {
            #expect(
                table.hear(Self.word("a", incarnation, host: 2, meta: [1]), at: Self.moment(1))
                    == []
            )
        }
        let newer = Self.word("a", 4, host: 2, meta: [1])
        #expect(table.hear(newer, at: Self.moment(1)) == [.tell(.alive(newer)), .updated(Self.a)])
        #expect(table[Self.a]?.since == Self.moment(0))
        let same = Self.word("a", 9, host: 2, meta: [1])
        #expect(table.hear(same, at: Self.moment(1)) == [.tell(.alive(same))])
    }

    @Test(
        "9.1 a name at another address is a conflict, unless its node left or died long enough ago"
    )
    func moving() {
        var table = Self.table()
        let moved = Self.word("a", 9, host: 77)
        let conflict = [MemberEffect.conflict(Self.a, address: moved.address, port: 7946)]
        #expect(table.hear(moved, at: Self.moment(1)) == conflict)
        _ = table.hear(Self.dead("a", 3, by: "b"), at: Self.moment(1))
        #expect(table.hear(moved, at: Self.moment(900)) == conflict)
        // The other spelling of the same address is another address to every peer.
        var left = Self.table()
        _ = left.hear(Self.dead("a", 3, by: "a"), at: Self.moment(1))
        #expect(left[Self.a]?.state == .left)
        let lower = Self.word("a", 2, host: 77)
        #expect(left.hear(lower, at: Self.moment(2)) == [.tell(.alive(lower)), .joined(Self.a)])
        var reclaimed = MemberTable(
            own: Self.word("me", 5),
            rules: MemberTable.Rules(reclaimMilliseconds: 30_000),
            at: Self.moment(0)
        )
        _ = reclaimed.hear(Self.word("a", 3, host: 2), at: Self.moment(0))
        _ = reclaimed.hear(Self.dead("a", 3, by: "b"), at: Self.moment(1))
        #expect(reclaimed.hear(moved, at: Self.moment(31)) == conflict)
        #expect(reclaimed.hear(moved, at: Self.moment(32)).contains(.joined(Self.a)))
    }

    @Test("9.2 an accusation is told, runs, and becomes a death when its time is over")
    func suspicion() {
        var table = Self.table()
        let accusation = Self.suspect("a", 3, by: "b")
        #expect(
            table.hear(accusation, at: Self.moment(1)) == [
                .tell(.suspect(accusation)), .suspected(Self.a),
            ]
        )
        // Three nodes: nobody is left to confirm, so four seconds it is.
        #expect(table.nextDeadline == Self.moment(5))
        #expect(table.wake(at: Moment(nanoseconds: Self.moment(5).nanoseconds - 1)) == [])
        let death = Self.dead("a", 3, by: "me")
        #expect(table.wake(at: Self.moment(5)) == [.tell(.dead(death)), .gone(Self.a)])
        #expect(table[Self.a]?.state == .dead && table.nextDeadline == nil)
        #expect(table.wake(at: Self.moment(99)) == [])
    }

    @Test("9.2 what is older, about strangers, or about the dead, says nothing")
    func pointlessSuspicions() {
        var table = Self.table()
        #expect(table.hear(Self.suspect("a", 2, by: "b"), at: Self.moment(1)) == [])
        #expect(table.hear(Self.suspect("x", 2, by: "b"), at: Self.moment(1)) == [])
        _ = table.hear(Self.dead("a", 3, by: "b"), at: Self.moment(1))
        #expect(table.hear(Self.suspect("a", 9, by: "b"), at: Self.moment(1)) == [])
    }

    @Test("9.2 a further accuser is told of, and shortens the time; the same one is not")
    func confirmations() {
        var table = Self.table()
        for host: UInt8 in 10..<17 {
            _ = table.hear(Self.word("n\(host)", 1, host: host), at: Self.moment(0))
        }
        #expect(table.count == 10)
        _ = table.hear(Self.suspect("a", 3, by: "b"), at: Self.moment(0))
        #expect(table.nextDeadline == Self.moment(24))
        let second = Self.suspect("a", 3, by: "n10")
        let news = table.hear(second, at: Self.moment(1))
        #expect(news == [.tell(.suspect(second)), .confirmed(Self.a)])
        #expect(table.hear(second, at: Self.moment(2)) == [])
        #expect(table.nextDeadline == Self.moment(0).advanced(milliseconds: 11_381))
        _ = table.hear(Self.suspect("a", 3, by: "n11"), at: Self.moment(3))
        #expect(table.nextDeadline == Self.moment(4))
    }

    @Test("9.1 who speaks in a newer incarnation is cleared; in the same one it is not")
    func clearing() {
        var table = Self.table()
        _ = table.hear(Self.suspect("a", 6, by: "b"), at: Self.moment(1))
        #expect(table[Self.a]?.incarnation == Incarnation(6))
        #expect(table.hear(Self.word("a", 6, host: 2), at: Self.moment(2)) == [])
        let word = Self.word("a", 7, host: 2)
        #expect(table.hear(word, at: Self.moment(2)) == [.tell(.alive(word)), .cleared(Self.a)])
        #expect(table.nextDeadline == nil && table[Self.a]?.since == Self.moment(2))
    }

    @Test("9.3 a death is told once; one's own word is a leave; an older one says nothing")
    func deaths() {
        var table = Self.table()
        #expect(table.hear(Self.dead("a", 2, by: "b"), at: Self.moment(1)) == [])
        let death = Self.dead("a", 3, by: "b")
        #expect(table.hear(death, at: Self.moment(1)) == [.tell(.dead(death)), .gone(Self.a)])
        #expect(table.hear(death, at: Self.moment(1)) == [])
        // Back in the same incarnation is not back.
        #expect(table.hear(Self.word("a", 3, host: 2), at: Self.moment(2)) == [])
        let back = Self.word("a", 4, host: 2)
        #expect(table.hear(back, at: Self.moment(2)) == [.tell(.alive(back)), .joined(Self.a)])
        _ = table.hear(Self.suspect("b", 1, by: "a"), at: Self.moment(2))
        _ = table.hear(Self.dead("b", 1, by: "b"), at: Self.moment(3))
        #expect(table[NodeName("b")]?.state == .left && table.nextDeadline == nil)
    }

    @Test("9.4 ill that is said of this node is refuted in an incarnation that beats it")
    func refuting() {
        for (accused, expected): (UInt32, UInt32) in [(5, 6), (6, 7), (900, 901)] {
            var table = Self.table()
            var word = Self.word("me", expected)
            let effects: [MemberEffect] = [.tell(.alive(word)), .refuted]
            #expect(table.hear(Self.suspect("me", accused, by: "a"), at: Self.moment(1)) == effects)
            #expect(table.ownWord == word)
            word.incarnation = Incarnation(expected + 1)
            let death = Self.dead("me", expected, by: "a")
            #expect(table.hear(death, at: Self.moment(1)) == [.tell(.alive(word)), .refuted])
            #expect(table[NodeName("me")]?.state == .alive)
        }
        var table = Self.table()
        #expect(table.hear(Self.suspect("me", 4, by: "a"), at: Self.moment(1)) == [])
        // Our own word comes back to us: nothing. Another's words in our name: refuted.
        #expect(table.hear(Self.word("me", 5), at: Self.moment(1)) == [])
        #expect(table.hear(Self.word("me", 4, meta: [9]), at: Self.moment(1)) == [])
        #expect(table.hear(Self.word("me", 5, meta: [9]), at: Self.moment(1)).contains(.refuted))
        #expect(table.ownWord.incarnation == Incarnation(6) && table.ownWord.meta == [])
    }

    @Test(
        "9.5 a table is merged: its dead are suspected, its left have left, its unknown are passed over"
    )
    func merging() {
        var table = Self.table()
        func entry(_ word: Alive, _ state: MemberState?) -> MemberEntry {
            MemberEntry(
                node: word.node,
                incarnation: word.incarnation,
                state: state,
                address: word.address,
                port: word.port,
                meta: word.meta,
                versions: word.versions
            )
        }
        let joined = Self.word("c", 1, host: 9)
        let effects = table.merge(
            [
                entry(Self.word("a", 3, host: 2), .dead), entry(Self.word("b", 1, host: 3), .left),
                entry(joined, .alive), entry(Self.word("d", 1, host: 8), nil),
                entry(Self.word("e", 1, host: 7), .dead), entry(Self.word("me", 8), .dead),
            ],
            at: Self.moment(1)
        )
        #expect(
            effects == [
                .tell(.suspect(Self.suspect("a", 3, by: "me"))), .suspected(Self.a),
                .tell(.dead(Self.dead("b", 1, by: "b"))), .gone(NodeName("b")),
                .tell(.alive(joined)), .joined(NodeName("c")),
                .tell(.alive(Self.word("me", 9))), .refuted,
            ]
        )
        #expect(table.count == 4)
        // One's own table says nothing new.
        var same = Self.table()
        #expect(same.merge(same.entries, at: Self.moment(1)) == [])
    }

    @Test("9.6 the dead are forgotten when they have been dead for long enough, the living never")
    func reaping() {
        var table = Self.table()
        _ = table.hear(Self.dead("a", 3, by: "b"), at: Self.moment(1))
        #expect(table.reap(olderThan: 30_000, at: Self.moment(31)) == [])
        #expect(table.reap(olderThan: 30_000, at: Self.moment(32)) == [Self.a])
        #expect(table.names == [NodeName("me"), NodeName("b")] && table[Self.a] == nil)
        // Nothing remembers the incarnation.
        #expect(
            table.hear(Self.word("a", 1, host: 2), at: Self.moment(33)).contains(.joined(Self.a))
        )
    }

    @Test("13 who leaves tells so, and refutes nothing any more")
    func leaving() {
        var table = Self.table()
        let leave = Self.dead("me", 5, by: "me")
        #expect(table.leave(at: Self.moment(1)) == [.tell(.dead(leave)), .gone(NodeName("me"))])
        #expect(table.isLeaving && table[NodeName("me")]?.state == .left)
        #expect(table.hear(Self.word("me", 9), at: Self.moment(2)) == [])
        #expect(table.hear(Self.dead("me", 9, by: "a"), at: Self.moment(2)) == [])
        #expect(table.hear(Self.suspect("me", 9, by: "a"), at: Self.moment(2)) == [])
        #expect(table.reap(olderThan: 0, at: Self.moment(99)) == [])
    }

    @Test("13 a change of meta is told in a new incarnation")
    func updating() {
        var table = Self.table()
        #expect(table.update(meta: [7]) == [.tell(.alive(Self.word("me", 6, meta: [7])))])
        #expect(table.ownWord.meta == [7])
    }

    @Test("7, 17, 22 what would harm peers is neither kept nor passed on")
    func refusals() {
        let long = String(repeating: "n", count: 256)
        func versions(_ octets: [UInt8]) -> VersionVector { VersionVector(ShortOctets(octets)) }
        for (word, refusal): (Alive, MemberRefusal) in [
            (Self.word("", 1), .name), (Self.word(long, 1), .name),
            (Self.word("c", 1, meta: [UInt8](repeating: 0, count: 513)), .meta),
            (Self.word("c", 0), .incarnation), (Self.word("c", .max - 15), .incarnation),
            (Self.word("c", 1, versions: .none), .versions),
            (Self.word("c", 1, versions: .serf), .versions),
            (Self.word("c", 1, versions: versions([1, 5, 2, 0, 0])), .versions),
            (Self.word("c", 1, versions: versions([1, 5, 2, 0, 0, 0, 0])), .versions),
            (Self.word("c", 1, versions: versions([0, 5, 2, 0, 0, 0])), .versions),
            (Self.word("c", 1, versions: versions([3, 2, 2, 0, 0, 0])), .versions),
        ] {
            var table = Self.table()
            #expect(table.hear(word, at: Self.moment(1)) == [.refused(word.node, refusal)])
            #expect(table.count == 3)
        }
        var table = Self.table()
        var word = Self.word("c", 1)
        word.address = AddressOctets(ShortOctets([1, 2, 3]))
        #expect(table.hear(word, at: Self.moment(1)) == [.refused(word.node, .address)])
        let hostile = Self.suspect("me", .max, by: "a")
        #expect(table.hear(hostile, at: Self.moment(1)) == [.refused(NodeName("me"), .incarnation)])
        #expect(table.ownWord.incarnation == Incarnation(5))
    }

    @Test("whatever is heard, in any order: one record for each name, no death without a reason")
    func properties() {
        var dice = SeededGenerator(seed: 31)
        for _ in 0..<60 {
            var table = Self.table()
            var now: UInt64 = 0
            var highest: [NodeName: Incarnation] = [:]
            for _ in 0..<300 {
                now += UInt64(dice.below(2))
                let index = Int(dice.below(5))
                let name = ["me", "a", "b", "c", "d"][index]
                let incarnation = 1 + dice.below(12)
                let by = ["me", "a", "b", name][Int(dice.below(4))]
                let effects: [MemberEffect] =
                    switch dice.below(5) {
                    case 0, 1:
                        table.hear(
                            Self.word(name, incarnation, host: UInt8(index + 1)),
                            at: Self.moment(now)
                        )
                    case 2:
                        table.hear(Self.suspect(name, incarnation, by: by), at: Self.moment(now))
                    case 3: table.hear(Self.dead(name, incarnation, by: by), at: Self.moment(now))
                    default: table.wake(at: Self.moment(now))
                    }
                // What is told is never older than what was held.
                for case .tell(let rumour) in effects {
                    let incarnation = table[rumour.node]?.incarnation ?? Incarnation(0)
                    #expect(incarnation >= highest[rumour.node] ?? Incarnation(0))
                    highest[rumour.node] = incarnation
                }
                #expect(table[NodeName("me")]?.state == .alive)
                #expect(Set(table.names).count == table.names.count)
                let suspected = table.entries.filter { $0.state == .suspect }
                #expect(suspected.isEmpty == (table.nextDeadline == nil))
            }
        }
    }
}
