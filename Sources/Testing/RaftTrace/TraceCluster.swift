import SwarmCore

/// Carries out the directives of a recorded run of several nodes, and prints what that run printed.
///
/// Log lines are not printed. Source: raft.md §4.1.
final class TraceCluster {
    var nodes: [TraceNode] = []
    /// What is on its way, in the order in which it was sent.
    var messages: [TraceMessage] = []
    /// Whether nothing is to be printed.
    private(set) var isQuiet = false

    func run(_ directive: TraceFile.Directive) throws(TraceError) -> String {
        let lines = try lines(of: directive)
        return lines.joined(separator: "\n")
    }

    private func lines(of directive: TraceFile.Directive) throws(TraceError) -> [String] {
        switch directive.command {
        case "_breakpoint": return []
        case "log-level":
            isQuiet = directive.words.first?.lowercased() == "none"
            return []
        case "add-nodes": try addNodes(directive)
        case "campaign": try node(directive, 0).handle(.campaign)
        case "forget-leader": try node(directive, 0).handle(.forgetLeader)
        case "tick-heartbeat":
            let node = try node(directive, 0)
            node.tick(node.raft.rules.heartbeatTicks)
        case "tick-election":
            let node = try node(directive, 0)
            node.tick(node.raft.rules.electionTicks)
        case "set-randomized-election-timeout":
            let ticks = Int(try number(directive.value("timeout") ?? ""))
            try node(directive, 0).raft.setElectionTimeout(ticks: ticks)
        case "propose":
            return propose(.command(Array(try word(directive, 1).utf8)), at: try node(directive, 0))
        case "propose-conf-change": return try change(directive)
        case "transfer-leadership":
            let target = RaftID(try number(directive.value("to") ?? ""))
            try node(named: directive.value("from") ?? "").handle(.transfer(to: target))
        case "report-unreachable":
            try node(directive, 0).handle(.unreachable(try node(directive, 1).id))
        case "send-snapshot": return [try sendSnapshot(directive)]
        case "compact":
            let node = try node(directive, 0)
            node.compactDisk(through: LogIndex(try number(try word(directive, 1))))
            return log(of: node)
        case "raft-log": return log(of: try node(directive, 0))
        case "raft-state": return nodes.map(state)
        case "status": return try node(directive, 0).status
        default: return try work(directive)
        }
        return []
    }

    /// Directives that let nodes do what they have to do.
    private func work(_ directive: TraceFile.Directive) throws(TraceError) -> [String] {
        switch directive.command {
        case "stabilize": return try stabilize(try nodes(directive))
        case "deliver-msgs": return try deliver(directive)
        case "process-ready":
            return try each(directive, "handling Ready") { self.processReady($0) }
        case "process-append-thread":
            return try each(directive, "processing append thread") { self.processAppend($0) }
        case "process-apply-thread":
            return try each(directive, "processing apply thread") { self.processApply($0) }
        default: throw TraceError("'\(directive.command)' is not known")
        }
    }

    private func each(
        _ directive: TraceFile.Directive,
        _ title: String,
        _ work: (TraceNode) -> [String]
    ) throws(TraceError) -> [String] {
        let chosen = try nodes(directive)
        if chosen.count == 1 { return work(chosen[0]) }
        var lines: [String] = []
        for node in chosen { lines += Self.section("> \(node.id.raw) \(title)", work(node)) }
        return lines
    }

    static func section(_ title: String, _ lines: [String]) -> [String] {
        [title] + lines.flatMap { $0.split(separator: "\n").map { "  \($0)" } }
    }

    // MARK: - Arguments

    private func word(
        _ directive: TraceFile.Directive,
        _ place: Int
    ) throws(TraceError) -> String {
        let words = directive.words
        guard place < words.count else { throw TraceError("an argument is missing") }
        return words[place]
    }

    private func node(
        _ directive: TraceFile.Directive,
        _ place: Int
    ) throws(TraceError) -> TraceNode {
        try node(named: try word(directive, place))
    }

    private func node(named name: String) throws(TraceError) -> TraceNode {
        let id = try number(name)
        guard id > 0, id <= nodes.count else { throw TraceError("there is no node \(name)") }
        return nodes[Int(id) - 1]
    }

    /// The nodes that are named; all when none is.
    private func nodes(_ directive: TraceFile.Directive) throws(TraceError) -> [TraceNode] {
        var chosen: [TraceNode] = []
        for word in directive.words { chosen.append(try node(named: word)) }
        return chosen.isEmpty ? nodes : chosen
    }

    // MARK: - Proposals

    func propose(_ content: LogEntry.Content, at node: TraceNode) -> [String] {
        node.handle(.propose([RaftProposal(tag: ProposalTag(0), content: content)]))
        for refusal in node.takeRefusals() {
            guard case .membership = refusal else { return ["raft proposal dropped"] }
            // etcd appends an empty entry in the place of a change that it refuses.
            let empty = RaftProposal(tag: ProposalTag(0), content: .command([]))
            node.handle(.propose([empty]))
            if !node.takeRefusals().isEmpty { return ["raft proposal dropped"] }
        }
        return []
    }

    private func change(_ directive: TraceFile.Directive) throws(TraceError) -> [String] {
        let transition: MembershipChange.Transition
        switch directive.value("transition") ?? "auto" {
        case "auto": transition = .automatic
        case "implicit": transition = .implicit
        case "explicit": transition = .explicit
        case let other: throw TraceError("'\(other)' is no transition")
        }
        let change = MembershipChange(
            try MembershipTrace.steps(directive.input.joined(separator: " ")),
            transition: transition,
            context: directive.value("v1") == "true" ? TraceText.firstVersion : []
        )
        return propose(.membership(change), at: try node(directive, 0))
    }

    private func sendSnapshot(_ directive: TraceFile.Directive) throws(TraceError) -> String {
        let from = try node(directive, 0)
        let to = RaftID(try number(try word(directive, 1)))
        let session = from.raft.peers.first { $0.id == to }?.session ?? 0
        let message = TraceMessage.raft(
            RaftMessage(
                cluster: from.raft.cluster,
                from: from.id,
                to: to,
                term: from.raft.term,
                boot: 1,
                session: session,
                body: .snapshot(from.state.mark)
            )
        )
        messages.append(message)
        return message.text()
    }

    // MARK: - Looking

    private func log(of node: TraceNode) -> [String] {
        if node.disk.isEmpty {
            let last = node.diskBase.index.raw
            return ["log is empty: first index=\(last + 1), last index=\(last)"]
        }
        return node.disk.map { TraceText.describe($0) }
    }

    private func state(of node: TraceNode) -> String {
        let voter = node.raft.membership.isVoter(node.id) ? "Voter" : "Non-Voter"
        return "\(node.id.raw): \(TraceText.describe(node.raft.role)) (\(voter))"
            + " Term:\(node.raft.term.raw) Lead:\(node.raft.leader?.raw ?? 0)"
    }
}

extension TraceNode {
    /// What a leader knows of its members.
    var status: [String] {
        raft.role == .leader ? raft.peers.map { TraceText.describe($0) } : []
    }
}
