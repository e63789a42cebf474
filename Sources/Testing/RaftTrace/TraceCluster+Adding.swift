import SwarmCore

extension TraceCluster {
    func addNodes(_ directive: TraceFile.Directive) throws(TraceError) {
        let count = Int(try number(directive.words.first ?? ""))
        let voters = try ids(directive.values("voters"))
        let learners = try ids(directive.values("learners"))
        let index = try number(directive.value("index") ?? "0")
        let content = directive.value("content") ?? ""
        let isEmpty = voters.isEmpty && learners.isEmpty && index == 0 && content.isEmpty
        let mark = SnapshotMark(
            position: isEmpty
                ? .zero : LogPosition(term: Term(1), index: LogIndex(index)),
            membership: RaftMembership(voters: voters, learners: learners)
        )
        let isAsynchronous = directive.value("async-storage-writes") == "true"
        let rules = try rules(directive, isAsynchronous: isAsynchronous)
        for _ in 0..<count {
            nodes.append(
                TraceNode(
                    id: RaftID(UInt64(nodes.count + 1)),
                    rules: rules,
                    state: TraceNode.State(mark: mark, data: Array(content.utf8)),
                    isAsynchronous: isAsynchronous
                )
            )
        }
    }

    private func ids(_ words: [String]?) throws(TraceError) -> [RaftID] {
        var ids: [RaftID] = []
        for word in words ?? [] { ids.append(RaftID(try number(word))) }
        return ids
    }

    /// etcd's ways, each with what this engine does otherwise: `RaftRules.Compatibility` says why.
    private func rules(
        _ directive: TraceFile.Directive,
        isAsynchronous: Bool
    ) throws(TraceError) -> RaftRules {
        var rules = RaftRules()
        rules.electionTicks = 3
        rules.heartbeatTicks = 1
        rules.appendOctetsMax = .max
        rules.inflightMessagesMax = Int(Int32.max)
        rules.inflightOctetsMax = 0
        rules.uncommittedOctetsMax = 0
        rules.entryOctetsMax = .max
        rules.applyOctetsMax = .max
        rules.compatibility = [
            .plain, .noPreVote, .noCheckQuorum, .asksEarly, .leadsWhenRemoved,
        ]
        if !isAsynchronous { rules.compatibility.insert(.appliesEarly) }
        for argument in directive.arguments {
            let value = argument.values.first ?? ""
            switch argument.key {
            case "inflight": rules.inflightMessagesMax = Int(try number(value))
            case "max-committed-size-per-ready": rules.applyOctetsMax = Int(try number(value))
            case "prevote": if value == "true" { rules.compatibility.remove(.noPreVote) }
            case "checkquorum":
                if value == "true" { rules.compatibility.remove(.noCheckQuorum) }
            case "disable-conf-change-validation":
                if value == "true" { rules.compatibility.insert(.noMembershipChecks) }
            case "read-only":
                if value == "lease-based" { rules.compatibility.insert(.neverForgets) }
            case "step-down-on-removal":
                if value == "true" { rules.compatibility.remove(.leadsWhenRemoved) }
            case "voters", "learners", "index", "content", "async-storage-writes": break
            default:
                if !argument.values.isEmpty {
                    throw TraceError("add-nodes has no '\(argument.key)'")
                }
            }
        }
        return rules
    }
}
