import SwarmCore

/// Carries out `simple`, `enter-joint` and `leave-joint`: the algebra of memberships.
struct MembershipTrace {
    private var membership = RaftMembership()
    /// For each member the number of the directive by which it came: what is sent to it next.
    private var next: [(id: RaftID, index: UInt64)] = []
    private var count: UInt64 = 0

    mutating func run(_ directive: TraceFile.Directive) throws(TraceError) -> String {
        defer { count += 1 }
        let steps = try Self.steps(directive.input.joined(separator: " "))
        let changed: RaftMembership.Changed
        do {
            switch directive.command {
            case "simple": changed = try membership.changing(steps)
            case "leave-joint": changed = try membership.leavingJoint()
            default:
                changed = try membership.enteringJoint(
                    steps,
                    leavesByItself: directive.value("autoleave") == "true"
                )
            }
        } catch {
            if error == .joint, directive.command == "simple" {
                return "can't apply simple config change in joint config"
            }
            return TraceText.describe(error)
        }
        membership = changed.membership
        let old = next
        next = membership.members.map { id in
            let known = changed.fresh.contains(id) ? nil : old.first { $0.id == id }
            return known ?? (id, max(count, 1))
        }
        var text = TraceText.describe(membership)
        for (id, index) in next {
            text += "\n\(id.raw): StateProbe match=0 next=\(index)"
            if membership.isLearner(id) { text += " learner" }
        }
        return text
    }

    /// `v1 l2 r3 u4`: voter, learner, removed, updated.
    static func steps(_ text: String) throws(TraceError) -> [MembershipChange.Step] {
        var steps: [MembershipChange.Step] = []
        for word in text.split(separator: " ") {
            let id = RaftID(try number(String(word.dropFirst())))
            switch word.first {
            case "v": steps.append(.addVoter(id))
            case "l": steps.append(.addLearner(id))
            case "r": steps.append(.remove(id))
            case "u": steps.append(.update(id))
            default: throw TraceError("'\(word)' is no step")
            }
        }
        return steps
    }
}
