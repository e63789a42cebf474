import SwarmCore

extension TraceCluster {
    /// Lets nodes work until nothing is left to do.
    func stabilize(_ chosen: [TraceNode]) throws(TraceError) -> [String] {
        var lines: [String] = []
        var isDone = false
        while !isDone {
            isDone = true
            for node in chosen where node.hasReady {
                isDone = false
                lines += Self.section("> \(node.id.raw) handling Ready", processReady(node))
            }
            for node in chosen where messages.contains(where: { $0.recipient == node.id }) {
                isDone = false
                let delivered = try deliver(to: node.id, kind: nil, isDropped: false)
                lines += Self.section("> \(node.id.raw) receiving messages", delivered)
            }
            for node in chosen where !node.appendWork.isEmpty {
                isDone = false
                var done: [String] = []
                while !node.appendWork.isEmpty { done += processAppend(node) }
                lines += Self.section("> \(node.id.raw) processing append thread", done)
            }
            for node in chosen where !node.applyWork.isEmpty {
                isDone = false
                var done: [String] = []
                while !node.applyWork.isEmpty { done += processApply(node) }
                lines += Self.section("> \(node.id.raw) processing apply thread", done)
            }
            if lines.count > 100_000 { throw TraceError("the nodes never come to rest") }
        }
        return lines
    }

    func processReady(_ node: TraceNode) -> [String] {
        let ready = node.takeReady()
        if ready.isEmpty { return ["<empty Ready>"] }
        let lines = describe(ready, at: node)
        if node.isAsynchronous {
            for message in ready.messages { messages.append(.raft(message)) }
            if let batch = ready.batch { node.appendWork.append(batch) }
            if !ready.committed.isEmpty { node.applyWork.append(ready.committed) }
            return lines
        }
        if let batch = ready.batch { node.store(batch) }
        node.apply(ready.committed)
        let after = ready.batch?.after.filter(\.isRecorded) ?? []
        for message in ready.messages + after where message.to != node.id {
            messages.append(.raft(message))
        }
        for message in after where message.to == node.id { node.handle(.received(message)) }
        if let batch = ready.batch { node.handle(.persisted(batch.token)) }
        if let last = ready.committed.last { node.handle(.applied(through: last.index)) }
        return lines
    }

    private func describe(_ ready: TraceNode.Ready, at node: TraceNode) -> [String] {
        var lines = ["Ready MustSync=\(ready.mustSync):"]
        if let role = ready.role {
            lines.append("Lead:\(ready.leader?.raw ?? 0) State:\(TraceText.describe(role))")
        }
        if let state = ready.batch?.hardState { lines.append(TraceText.describe(state)) }
        if let entries = ready.batch?.entries, !entries.isEmpty {
            lines += ["Entries:"] + entries.map { TraceText.describe($0) }
        }
        if let mark = ready.batch?.snapshot { lines.append("Snapshot \(TraceText.describe(mark))") }
        if !ready.committed.isEmpty {
            lines += ["CommittedEntries:"] + ready.committed.map { TraceText.describe($0) }
        }
        let sent = describeMessages(ready, at: node)
        if !sent.isEmpty { lines += ["Messages:"] + sent }
        return lines
    }

    private func describeMessages(_ ready: TraceNode.Ready, at node: TraceNode) -> [String] {
        var lines = ready.messages.map { TraceMessage.raft($0).text() }
        if node.isAsynchronous {
            if let batch = ready.batch {
                lines.append(batch.text(at: node.id, indent: "", withResponses: true))
            }
            if !ready.committed.isEmpty {
                let response = TraceMessage.applied(ready.committed, at: node.id)
                lines.append(
                    order(ready.committed, at: node) + " Responses:[\n"
                        + response.text(indent: "  ") + "\n]"
                )
            }
        } else {
            let after = ready.batch?.after.filter(\.isRecorded) ?? []
            lines += after.filter { $0.to != node.id }.map { TraceMessage.raft($0).text() }
        }
        return lines
    }

    private func order(_ entries: [LogEntry], at node: TraceNode) -> String {
        "\(String(node.id.raw, radix: 16))->ApplyThread MsgStorageApply Term:0 Log:0/0"
            + TraceText.bracket(entries, indent: "")
    }

    func processAppend(_ node: TraceNode) -> [String] {
        if node.appendWork.isEmpty { return ["no append work to perform"] }
        let batch = node.appendWork.removeFirst()
        node.store(batch)
        let responses = batch.responses(at: node.id)
        messages += responses
        return ["Processing:", batch.text(at: node.id, indent: "", withResponses: false)]
            + ["Responses:"] + responses.map { $0.text() }
    }

    func processApply(_ node: TraceNode) -> [String] {
        if node.applyWork.isEmpty { return ["no apply work to perform"] }
        let entries = node.applyWork.removeFirst()
        node.apply(entries)
        let response = TraceMessage.applied(entries, at: node.id)
        messages.append(response)
        return ["Processing:", order(entries, at: node), "Responses:", response.text()]
    }

    // MARK: - Delivery

    func deliver(_ directive: TraceFile.Directive) throws(TraceError) -> [String] {
        var lines: [String] = []
        var count = 0
        let kind = directive.value("type")
        for argument in directive.arguments where argument.key != "type" {
            let isDropped = argument.key == "drop"
            for word in isDropped ? argument.values : [argument.key] {
                let id = RaftID(try number(word))
                let before = messages.count
                let delivered = try deliver(to: id, kind: kind, isDropped: isDropped)
                count += delivered.isEmpty ? before - messages.count : delivered.count
                lines += delivered
            }
        }
        return count == 0 ? ["no messages"] : lines
    }

    private func deliver(
        to id: RaftID,
        kind: String?,
        isDropped: Bool
    ) throws(TraceError) -> [String] {
        let isMeant = { (message: TraceMessage) in
            message.recipient == id && !(isDropped && message.isLocal)
                && (kind == nil || kind == message.kind)
        }
        let taken = messages.filter(isMeant)
        messages.removeAll(where: isMeant)
        var lines: [String] = []
        for message in taken {
            lines.append((isDropped ? "dropped: " : "") + message.text())
            if !isDropped { lines += try step(message) }
        }
        return lines
    }

    private func step(_ message: TraceMessage) throws(TraceError) -> [String] {
        let id = message.recipient
        guard id.raw > 0, id.raw <= nodes.count else {
            throw TraceError("a message goes to node \(id.raw), which there is not")
        }
        let node = nodes[Int(id.raw) - 1]
        switch message {
        case .raft(let message):
            let isKnown = node.raft.peers.contains { $0.id == message.from }
            if message.body.isReply, !isKnown {
                return ["raft: cannot step as peer not found"]
            }
            let refused = node.raft.counts.refusedProposals
            node.handle(.received(message))
            if case .propose(let proposal) = message.body,
                node.raft.counts.refusedProposals > refused
            {
                // etcd appends an empty entry in the place of a change that it refuses.
                return proposal.content.isMembership
                    ? propose(.command([]), at: node) : ["raft proposal dropped"]
            }
        case .stored(let batch, _): node.handle(.persisted(batch.token))
        case .applied(let entries, _):
            if let last = entries.last { node.handle(.applied(through: last.index)) }
        }
        return []
    }
}
