import SwarmCore

/// Carries out `committed` and `vote`: what majorities of one or two halves say.
struct QuorumTrace {
    func run(_ directive: TraceFile.Directive) throws(TraceError) -> String {
        let voters = try ids(directive.values("cfg") ?? [])
        var other: [RaftID] = []
        let isJoint = directive.values("cfgj") != nil
        if let list = directive.values("cfgj"), list != ["zero"] { other = try ids(list) }
        let membership = RaftMembership(
            incoming: voters,
            outgoing: other,
            learners: [],
            learnersNext: [],
            leavesByItself: false
        )
        let key = directive.command == "vote" ? "votes" : "idx"
        let words = directive.values(key) ?? []
        if words.count != membership.voters.count {
            return
                "error: mismatched input (explicit or _) for voters \(membership.voters): \(words)"
        }
        let said = assign(words, to: voters + other)
        if directive.command == "vote" {
            return describe(
                Quorum.verdict(of: membership) { id in
                    said.first { $0.id == id }.map { $0.word == "y" }
                }
            )
        }
        var indexes: [(id: RaftID, index: UInt64)] = []
        for (id, word) in said { indexes.append((id, try number(word))) }
        let all = isJoint ? membership.voters : membership.incoming
        let reached = Quorum.reached(by: membership) { id in
            indexes.first { $0.id == id }?.index ?? 0
        }
        return picture(all, indexes) + (reached.map { "\($0)" } ?? "∞")
    }

    private func ids(_ words: [String]) throws(TraceError) -> [RaftID] {
        var ids: [RaftID] = []
        for word in words { ids.append(RaftID(try number(word))) }
        return ids
    }

    /// Words are in the order in which voters are named first; `_` is none.
    private func assign(_ words: [String], to voters: [RaftID]) -> [(id: RaftID, word: String)] {
        var names: [RaftID] = []
        for id in voters where !names.contains(id) { names.append(id) }
        return zip(names, words).filter { $0.1 != "_" }.map { ($0.0, $0.1) }
    }

    private func describe(_ verdict: Quorum.Verdict) -> String {
        switch verdict {
        case .pending: "VotePending"
        case .lost: "VoteLost"
        case .won: "VoteWon"
        }
    }

    /// A bar for each voter, the longer the more voters are behind it.
    private func picture(_ ids: [RaftID], _ indexes: [(id: RaftID, index: UInt64)]) -> String {
        if ids.isEmpty { return "<empty majority quorum>" }
        let rows = ids.map { id in (id, indexes.first { $0.id == id }?.index) }
        let order = rows.map { $0.1 ?? 0 }.sorted()
        var text = String(repeating: " ", count: ids.count) + "    idx\n"
        for (id, index) in rows {
            let value = index ?? 0
            let behind = order.count { $0 < value }
            if index == nil {
                text += "?" + String(repeating: " ", count: ids.count)
            } else {
                text += String(repeating: "x", count: behind) + ">"
                text += String(repeating: " ", count: ids.count - behind)
            }
            let digits = "\(value)"
            text += " " + String(repeating: " ", count: max(0, 5 - digits.count)) + digits
            text += "    (id=\(id.raw))\n"
        }
        return text
    }
}
