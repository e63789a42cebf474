/// What a follower does with what its leader says.
extension Raft {
    /// What a leader sends to follow what is here.
    ///
    /// Source: Raft paper Fig. 2, AppendEntries.
    mutating func take(_ append: RaftMessage.Append, _ message: RaftMessage) {
        if append.previous.index < log.committed {
            // Whatever it holds of what is committed is here.
            matched(log.committed, message)
            return
        }
        switch log.accept(append) {
        case .matched(let end):
            commit(through: min(append.commit, end))
            matched(end, message)
        case .mismatch:
            let start = min(append.previous.index, log.lastIndex)
            let hint = log.conflict(before: start, term: append.previous.term)
            reply(.appendReply(.rejected(append.previous.index, hint: hint)), to: message)
        case .contradiction(let index):
            fail(.contradiction(index, from: message.from, term: message.term))
        }
    }

    private mutating func matched(_ index: LogIndex, _ message: RaftMessage) {
        reply(.appendReply(.matched(index, isStalled: isStalled)), to: message)
    }

    /// A commit index beyond the log is said to the wrong node, or by a leader that believes this
    /// one to have what it lost; it is not taken.
    ///
    /// Source: raft.md §1.15.
    mutating func commit(through index: LogIndex) {
        let before = log.committed
        switch log.commit(through: index) {
        case true?: counts.committed += log.committed.distance(from: before)
        case false?: break
        case nil: counts.commitsBeyond += 1
        }
    }

    /// The whole state, because the entries are gone.
    ///
    /// Source: Raft paper §7; raft.md §1.11.
    mutating func take(_ mark: SnapshotMark, _ message: RaftMessage) {
        matched(install(mark) ? log.lastIndex : log.committed, message)
    }

    /// Whether the snapshot takes the place of the log.
    private mutating func install(_ mark: SnapshotMark) -> Bool {
        if mark.position.index <= log.committed { return false }
        // One that does not know this node would make it a stranger to its own cluster.
        if !mark.membership.contains(id) { return false }
        if log.matches(mark.position) {
            commit(through: mark.position.index)
            return false
        }
        counts.snapshotsInstalled += 1
        log.restore(mark)
        abandonWaiters(through: mark.position.index)
        let members = mark.membership
        track(members, fresh: members.members)
        if let place = place(of: id) { _ = peers[place].hasUp(to: peers[place].next.previous) }
        return true
    }
}
