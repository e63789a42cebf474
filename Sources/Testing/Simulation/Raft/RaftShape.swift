import Base
import SwarmCore

/// How a simulated cluster begins: who is in it, and by which rules.
struct RaftShape {
    let membership: RaftMembership
    let rules: RaftRules
    let seconds: UInt64

    init(_ plan: RaftCluster.Plan) {
        membership = RaftMembership(voters: (1...max(1, plan.nodes)).map { RaftID(UInt64($0)) })
        rules = Self.inPieces(plan.rules)
        seconds = plan.seconds
    }

    /// The states here are small; they go in pieces all the same.
    private static func inPieces(_ rules: RaftRules) -> RaftRules {
        var rules = rules
        rules.snapshotChunkOctets = 256
        rules.snapshotWindow = 2
        return rules
    }

    /// Any: small limits bring about what otherwise never happens, and many short runs more than few long ones.
    init(_ generator: inout SeededGenerator, _ plan: RaftCluster.Plan) {
        func one<Value>(of choices: [Value]) -> Value {
            choices[Int(generator.below(UInt32(choices.count)))]
        }
        let voters = one(of: [1, 2, 3, 3, 3, 4, 5, 5, 5, 7])
        let learners = one(of: [0, 0, 1, 2])
        membership = RaftMembership(
            voters: (1...voters).map { RaftID(UInt64($0)) },
            learners: (0..<learners).map { RaftID(UInt64(voters + 1 + $0)) }
        )
        var rules = plan.rules
        rules.appendOctetsMax = one(of: [1, 100, rules.appendOctetsMax])
        // Many small messages on a network that lets them overtake each other are refused, and sent again, without end.
        let window = rules.appendOctetsMax > 1000 ? rules.inflightMessagesMax : 8
        rules.inflightMessagesMax = one(of: [1, 3, window])
        rules.inflightOctetsMax = one(of: [0, 100, rules.inflightOctetsMax])
        rules.applyOctetsMax = one(of: [1, 100, rules.applyOctetsMax])
        rules.uncommittedOctetsMax = one(of: [500, rules.uncommittedOctetsMax])
        rules.keptOctetsMax = one(of: [0, 200, rules.keptOctetsMax])
        self.rules = Self.inPieces(rules)
        seconds = one(of: [max(1, plan.seconds / 3), max(1, plan.seconds / 3), plan.seconds])
    }
}
