import SwarmCore

/// Something on its way to a node: from another one, or from its own disk or state machine.
enum TraceMessage {
    case raft(RaftMessage)
    /// The disk has what a batch held.
    case stored(PersistBatch, at: RaftID)
    /// The state machine has applied these.
    case applied([LogEntry], at: RaftID)

    var recipient: RaftID {
        switch self {
        case .raft(let message): message.to
        case .stored(_, let id), .applied(_, let id): id
        }
    }

    /// Whether it never leaves its node.
    var isLocal: Bool {
        if case .raft(let message) = self { return message.from == message.to }
        return true
    }

    /// The name of its kind.
    var kind: String {
        switch self {
        case .raft(let message): Self.kind(of: message.body)
        case .stored: "MsgStorageAppendResp"
        case .applied: "MsgStorageApplyResp"
        }
    }

    private static func kind(of body: RaftMessage.Body) -> String {
        switch body {
        case .preVote: "MsgPreVote"
        case .preVoteReply: "MsgPreVoteResp"
        case .vote: "MsgVote"
        case .voteReply: "MsgVoteResp"
        case .append: "MsgApp"
        case .appendReply: "MsgAppResp"
        case .heartbeat: "MsgHeartbeat"
        case .heartbeatReply: "MsgHeartbeatResp"
        case .timeoutNow: "MsgTimeoutNow"
        case .snapshot: "MsgSnap"
        case .read: "MsgReadIndex"
        case .readReply: "MsgReadIndexResp"
        case .propose: "MsgProp"
        case .proposalReply: "MsgPropResp"
        case .transferLeadership: "MsgTransferLeader"
        }
    }

    func text(indent: String = "") -> String {
        switch self {
        case .raft(let message): return Self.text(message, indent)
        case .stored(let batch, let id):
            let covers = batch.covers ?? .zero
            var text = "\(indent)AppendThread->\(Self.name(id)) \(kind) Term:\(batch.term.raw)"
            text += " Log:\(covers.term.raw)/\(covers.index.raw)"
            if let mark = batch.snapshot {
                text += "\n\(indent)  Snapshot: \(TraceText.describe(mark))"
            }
            return text
        case .applied(let entries, let id):
            return "\(indent)ApplyThread->\(Self.name(id)) \(kind) Term:0 Log:0/0"
                + TraceText.bracket(entries, indent: indent)
        }
    }

    private static func name(_ id: RaftID) -> String { String(id.raw, radix: 16) }

    private static func text(_ message: RaftMessage, _ indent: String) -> String {
        var term = message.term.raw
        var log = "0/0"
        var tail = ""
        switch message.body {
        case .preVote(let request), .vote(let request):
            log = "\(request.last.term.raw)/\(request.last.index.raw)"
        case .preVoteReply(let isGranted), .voteReply(let isGranted):
            if !isGranted { tail = " Rejected (Hint: 0)" }
        case .append(let append):
            log = "\(append.previous.term.raw)/\(append.previous.index.raw)"
            if append.commit > .zero { tail = " Commit:\(append.commit.raw)" }
            tail += TraceText.bracket(append.entries, indent: indent)
        case .appendReply(.matched(let index, _)): log = "0/\(index.raw)"
        case .appendReply(.rejected(let index, let hint)):
            log = "\(hint.term.raw)/\(index.raw)"
            tail = " Rejected (Hint: \(hint.index.raw))"
        case .heartbeat(let commit, _):
            if commit > .zero { tail = " Commit:\(commit.raw)" }
        case .snapshot(let mark):
            tail = "\n\(indent)  Snapshot: \(TraceText.describe(mark))"
        case .propose(let proposal):
            term = 0
            tail = " Entries:[0/0 \(TraceText.describe(proposal.content))]"
        case .transferLeadership, .read, .readReply, .proposalReply: term = 0
        case .heartbeatReply, .timeoutNow: break
        }
        return "\(indent)\(name(message.from))->\(name(message.to)) \(kind(of: message.body))"
            + " Term:\(term) Log:\(log)" + tail
    }
}

extension PersistBatch {
    /// What goes back to the node or to others once it is durable.
    func responses(at id: RaftID) -> [TraceMessage] {
        var responses = after.filter(\.isRecorded).map { TraceMessage.raft($0) }
        if covers != nil || snapshot != nil { responses.append(.stored(self, at: id)) }
        return responses
    }

    /// As a message to the disk.
    func text(at id: RaftID, indent: String, withResponses: Bool) -> String {
        let state = hardState ?? HardState()
        var text = "\(indent)\(String(id.raw, radix: 16))->AppendThread MsgStorageAppend"
        text += " Term:\(state.term.raw) Log:0/0"
        if state.commit > .zero { text += " Commit:\(state.commit.raw)" }
        if let vote = state.vote { text += " Vote:\(vote.raw)" }
        text += TraceText.bracket(entries, indent: indent)
        if let snapshot { text += "\n\(indent)  Snapshot: \(TraceText.describe(snapshot))" }
        let responses = responses(at: id)
        if withResponses, !responses.isEmpty {
            text += " Responses:["
            for response in responses { text += "\n" + response.text(indent: indent + "  ") }
            text += "\n\(indent)]"
        }
        return text
    }
}

extension RaftMessage {
    /// Answers to passed-on proposals are this engine's own and are in no record.
    var isRecorded: Bool {
        if case .proposalReply = body { return false }
        return true
    }
}
