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
    package internal(set) var session: UInt32
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

    /// The start of its process that answers in this session; nil before the first answer.
    var start: UInt64?
    /// Whether it started again and has not yet shown that it has all up to `match`.
    package internal(set) var isUnproven = false
    /// It lost what it acknowledged, and counts for nothing before it has all up to here.
    package internal(set) var countsFrom: LogIndex?
    /// Whether this process said that it repairs its log.
    var wasRepaired = false
    /// Whether it repairs its log and has not all yet.
    package internal(set) var isRepairing = false
    /// What it has to reach before it is promoted.
    var round: PromotionRound?
    /// The tick at which it was last heard.
    var heardAt: UInt64 = 0
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

    /// What it counts for where a majority is sought.
    package var counted: LogIndex { countsFrom == nil ? match : .zero }

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
        if let bound = countsFrom, match >= bound {
            countsFrom = nil
            isRepairing = false
        }
        next = max(next, index.next)
        isWaiting = false
        return true
    }

    /// Its process is another one: what it says from now on is told apart by its session.
    mutating func startAgain(session: UInt32) {
        self.session = session
        start = nil
        wasRepaired = false
        isRepairing = false
        isUnproven = match > .zero
        become(.probe, next: match.next)
        toldCommit = min(toldCommit, match)
    }

    /// It has at most what `hint` says of what it acknowledged.
    mutating func loseData(hint: LogIndex, last: LogIndex) {
        isUnproven = false
        countsFrom = last
        match = .zero
        become(.probe, next: min(hint, last).next)
        toldCommit = .zero
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

/// How long a learner takes for what was committed when the round began; source: Raft thesis §4.2.1.
struct PromotionRound: Sendable {
    var target: LogIndex
    /// The tick at which it began.
    var since: UInt64
    var number: Int
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
