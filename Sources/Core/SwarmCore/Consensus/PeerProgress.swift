import DequeModule

/// What a leader knows of one member's log, and how fast it may send.
///
/// Source: raft.md §1.5. `match` < `next` always, and `match` only rises.
package struct PeerProgress: Sendable {
    /// How entries are sent to it.
    package enum Flow: Hashable, Sendable {
        /// Where its log ends is known badly: one message, then wait.
        case probe
        /// Messages follow each other without waiting, as the window allows.
        case replicate
        /// It needs entries that are gone: nothing is sent until it has the snapshot of that index.
        case snapshot(LogIndex)
    }

    package let id: RaftID
    /// Told apart from what the same number was before it was removed and added again: replies of
    /// another session are not heard.
    ///
    /// Source: raft.md §1.10, "rejoin hazard".
    package let session: UInt32
    /// The last entry that it is known to have durably.
    package internal(set) var match = LogIndex.zero
    /// The entry that is sent next.
    package internal(set) var next: LogIndex
    package internal(set) var flow = Flow.probe
    package internal(set) var isLearner: Bool
    /// Whether it was heard since the last check of the quorum.
    package internal(set) var isActive = true
    /// Whether it was heard before that check, since the one before.
    var wasActive = true
    /// Whether its disk stands still, by its own word.
    package internal(set) var isStalled = false
    /// The newest round of reads that it confirmed.
    package internal(set) var confirmedReads: UInt64 = 0
    package internal(set) var window: InflightWindow

    /// The tick at which a snapshot on its way to it was last known to move.
    var movedAt: UInt64 = 0
    var isWaiting = false
    /// The highest commit index that it was sent.
    var toldCommit = LogIndex.zero

    init(
        id: RaftID,
        session: UInt32,
        next: LogIndex,
        isLearner: Bool,
        window: InflightWindow
    ) {
        self.id = id
        self.session = session
        self.next = next
        self.isLearner = isLearner
        self.window = window
    }

    /// Whether nothing may be sent to it now.
    package var isPaused: Bool {
        if case .snapshot = flow { return true }
        return isWaiting
    }

    /// Whether a higher commit index would tell it something about entries it was sent.
    func wantsCommit(_ commit: LogIndex) -> Bool {
        commit > toldCommit && toldCommit < next.previous
    }

    private mutating func become(_ flow: Flow, next: LogIndex) {
        self.flow = flow
        self.next = next
        isWaiting = false
        window.clear()
    }

    mutating func becomeProbe() {
        var start = match.next
        if case .snapshot(let index) = flow { start = max(start, index.next) }
        become(.probe, next: start)
        toldCommit = min(toldCommit, next.previous)
    }

    mutating func becomeReplicate() { become(.replicate, next: match.next) }

    mutating func becomeSnapshot(_ index: LogIndex) {
        become(.snapshot(index), next: index.next)
        toldCommit = index
    }

    /// The snapshot did not arrive: it is asked for its log's end again, not before it was heard.
    mutating func loseSnapshot() {
        become(.probe, next: match.next)
        toldCommit = min(toldCommit, next.previous)
        isWaiting = true
    }

    /// After a message with `count` entries of `octets` altogether.
    mutating func didSend(count: Int, octets: Int) {
        switch flow {
        case .replicate:
            if count > 0 {
                next = next.advanced(by: count)
                window.add(next.previous, octets: octets)
            }
            // A message beyond the window is a probe: one, to find out whether the others were lost.
            isWaiting = window.isFull
        case .probe: if count > 0 { isWaiting = true }
        case .snapshot: break
        }
    }

    /// It has all up to `index`; false when that is no news.
    mutating func hasUp(to index: LogIndex) -> Bool {
        if index <= match { return false }
        match = index
        next = max(next, index.next)
        isWaiting = false
        return true
    }

    /// It refused what was to follow `rejected`; false when that word is older than what is known.
    mutating func refused(_ rejected: LogIndex, hint: LogIndex) -> Bool {
        if case .replicate = flow {
            if rejected <= match { return false }
            next = match.next
        } else {
            if next.previous != rejected { return false }
            next = max(min(rejected, hint.next), match.next)
            isWaiting = false
        }
        toldCommit = min(toldCommit, next.previous)
        return true
    }
}

/// Messages with entries that a member has not yet acknowledged; bounded in number and octets.
package struct InflightWindow: Sendable {
    private struct Message: Sendable {
        let last: LogIndex
        let octets: Int
    }

    private let countMax: Int
    private let octetsMax: Int
    private var messages: Deque<Message> = []
    /// What they carry altogether.
    package private(set) var octets = 0

    /// Limits of 0 octets are none.
    package init(countMax: Int, octetsMax: Int) {
        self.countMax = countMax
        self.octetsMax = octetsMax
    }

    package var count: Int { messages.count }

    package var isFull: Bool {
        messages.count >= countMax || (octetsMax > 0 && octets >= octetsMax)
    }

    /// The last entry of each message rises from message to message.
    mutating func add(_ last: LogIndex, octets size: Int) {
        messages.append(Message(last: last, octets: size))
        octets += size
    }

    /// All up to `index` were acknowledged.
    mutating func free(through index: LogIndex) {
        while let first = messages.first, first.last <= index {
            octets -= first.octets
            messages.removeFirst()
        }
    }

    mutating func clear() {
        messages.removeAll(keepingCapacity: true)
        octets = 0
    }

    /// Whether the sum is the sum of the parts, and the order holds; for checkers.
    package var isConsistent: Bool {
        var sum = 0
        var last = LogIndex.zero
        for message in messages {
            if message.last <= last { return false }
            last = message.last
            sum += message.octets
        }
        return sum == octets
    }
}
