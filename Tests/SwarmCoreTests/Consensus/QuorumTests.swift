import Base
import SwarmCore
import Testing

@Suite("Majorities")
struct QuorumTests {
    /// Every set of at most five voters and every vector of three values, against counting.
    @Test("what a majority has reached is what counting says", arguments: 1...5)
    func reached(size: Int) {
        let voters = (1...size).map { RaftID(UInt64($0)) }
        var vector = Array(repeating: 0, count: size)
        repeat {
            let reached = Quorum.reached(by: voters) { vector[Int($0.raw) - 1] }
            let counted = (0...2).last { value in
                vector.count { $0 >= value } >= size / 2 + 1
            }
            #expect(reached == counted, "\(vector)")
        } while Self.advance(&vector, below: 3)
    }

    @Test("a vote is what counting says", arguments: 1...5)
    func verdict(size: Int) {
        let voters = (1...size).map { RaftID(UInt64($0)) }
        var vector = Array(repeating: 0, count: size)
        repeat {
            let verdict = Quorum.verdict(of: voters) { id in
                [nil, true, false][vector[Int(id.raw) - 1]]
            }
            let granted = vector.count { $0 == 1 }
            let refused = vector.count { $0 == 2 }
            let needed = size / 2 + 1
            let counted: Quorum.Verdict =
                granted >= needed ? .won : refused > size - needed ? .lost : .pending
            #expect(verdict == counted, "\(vector)")
        } while Self.advance(&vector, below: 3)
    }

    @Test("a joint configuration needs both halves")
    func joint() {
        let membership = RaftMembership(
            incoming: [1, 2, 3].map { RaftID($0) },
            outgoing: [3, 4, 5].map { RaftID($0) },
            learners: [],
            learnersNext: [],
            leavesByItself: false
        )
        for granted in 0..<32 {
            let grants = { (id: RaftID) in granted >> (Int(id.raw) - 1) & 1 == 1 }
            let halves = [[1, 2, 3], [3, 4, 5]].map { half in
                half.count { grants(RaftID($0)) } >= 2
            }
            let verdict = Quorum.verdict(of: membership) { grants($0) }
            #expect((verdict == .won) == (halves == [true, true]))
            let reached = Quorum.reached(by: membership) { grants($0) ? 7 : 0 }
            #expect((reached == 7) == (halves == [true, true]))
        }
    }

    private static func advance(_ vector: inout [Int], below limit: Int) -> Bool {
        for place in vector.indices {
            vector[place] += 1
            if vector[place] < limit { return true }
            vector[place] = 0
        }
        return false
    }
}

@Suite("Memberships")
struct MembershipTests {
    /// Steps that a seed chooses.
    private static func steps(_ generator: inout SeededGenerator) -> [MembershipChange.Step] {
        (0..<(1 + generator.below(3))).map { _ in
            let id = RaftID(UInt64(generator.below(6)))
            return switch generator.below(3) {
            case 0: .addVoter(id)
            case 1: .addLearner(id)
            default: .remove(id)
            }
        }
    }

    @Test(
        "through a joint configuration comes what single steps give",
        arguments: 0..<50 as Range<UInt64>
    )
    func jointAndSingle(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var membership = RaftMembership(voters: [RaftID(1), RaftID(2), RaftID(3)])
        for _ in 0..<40 {
            let steps = Self.steps(&generator)
            guard let joint = try? membership.enteringJoint(steps, leavesByItself: true) else {
                continue
            }
            #expect(joint.membership.outgoing == membership.incoming)
            let left = try joint.membership.leavingJoint().membership
            Self.check(left)
            var single = membership
            var isPossible = true
            for step in steps {
                guard let next = try? single.changing([step]).membership else {
                    isPossible = false
                    break
                }
                single = next
            }
            // A step in between may leave nobody to vote, or be taken back by a later one.
            if isPossible { #expect(single == left, "\(membership) \(steps)") }
            membership = left
        }
    }

    private static func check(_ membership: RaftMembership) {
        #expect(!membership.incoming.isEmpty)
        #expect(membership.outgoing.isEmpty && membership.learnersNext.isEmpty)
        #expect(!membership.incoming.contains { membership.learners.contains($0) })
        #expect(!membership.members.contains(RaftID(0)))
    }

    @Test("what cannot be is refused with its reason")
    func refusals() {
        let one = RaftMembership(voters: [RaftID(1)])
        let joint = try? one.enteringJoint([.addVoter(RaftID(2))], leavesByItself: false).membership
        let cases: [(RaftMembership?, MembershipChange, MembershipError)] = [
            (one, MembershipChange([.remove(RaftID(1))]), .noVoters),
            (one, .leaveJoint, .notJoint),
            (joint, MembershipChange([.addVoter(RaftID(3))]), .joint),
            (joint, MembershipChange([.addVoter(RaftID(3))], transition: .explicit), .joint),
            (RaftMembership(), MembershipChange([], transition: .implicit), .emptyJoint),
        ]
        for (membership, change, error) in cases {
            #expect(throws: error) { try membership?.applying(change) }
        }
    }
}
