package import Gossip
import LinuxSystem
import Synchronization

/// Why a node did not do what it was asked.
package enum GossipNodeError: Error, Hashable, Sendable {
    /// So many commands wait already.
    case busy(limit: Int)
    /// It has been stopped.
    case stopped
    case keys(KeyRingFault)
    case unknownMember(NodeName)
}

/// How an answer comes back: on the node's thread, which it may not keep waiting.
package typealias GossipReply<Value> = @Sendable (Result<Value, GossipNodeError>) -> Void

/// What a node is asked to do.
enum NodeCommand: Sendable {
    case members(GossipReply<[MemberReport]>)
    case counts(GossipReply<NodeCounts>)
    case join([PeerAddress])
    case update(meta: [UInt8])
    case leave(GossipReply<Void>)
    case restart(GossipReply<Void>)
    case forget(NodeName, isPrune: Bool, GossipReply<Void>)
    case tell(UserEvent)
    case tags(SerfTags)
    case keys(KeyChange?, GossipReply<[KeyReport]>)
    /// What came of a delegate's question.
    case keysAnswered(SerfRing.KeyQuestion, SerfKeyOutcome)
    case tables([TableRing.Input])
    /// All that is kept of each network is to be among the news.
    case snapshot
    case stop

    /// Tells whoever waits for an answer that there will be none.
    func refuse(_ error: GossipNodeError) {
        switch self {
        case .members(let reply): reply(.failure(error))
        case .counts(let reply): reply(.failure(error))
        case .leave(let reply), .restart(let reply), .forget(_, _, let reply):
            reply(.failure(error))
        case .keys(_, let reply): reply(.failure(error))
        case .join, .update, .tell, .tags, .keysAnswered, .tables, .snapshot, .stop: break
        }
    }
}

/// What others leave for a node's thread, and it for them.
///
/// Bounded: a command that comes when `commandsMax` wait is refused, but for the one to stop; of events
/// the oldest are dropped.
final class NodeInbox: Sendable {
    private struct State {
        var commands: [NodeCommand] = []
        var isClosed = false
        var events: [RingEvent] = []
        var eventsDropped: UInt64 = 0
        var userEvents: [SerfEvent] = []
        var tableNews: [TableNews] = []
        var hasLostNews = false
    }

    let signal: WakeSignal
    let counters = GossipCounters()
    private let limits: GossipLimits
    private let state = Mutex(State())
    private let onEvents: @Sendable () -> Void

    init(limits: GossipLimits, onEvents: @escaping @Sendable () -> Void) throws(SystemError) {
        signal = try WakeSignal()
        self.limits = limits
        self.onEvents = onEvents
    }

    /// Leaves a command; answers at once when it cannot be taken.
    func post(_ command: NodeCommand) {
        let refusal = state.withLock { state -> GossipNodeError? in
            if state.isClosed { return .stopped }
            if state.commands.count >= limits.commandsMax {
                guard case .stop = command else { return .busy(limit: limits.commandsMax) }
            }
            state.commands.append(command)
            return nil
        }
        if let refusal {
            counters.addShared(.commandsRefused)
            command.refuse(refusal)
        } else {
            signal.raise()
        }
    }

    func take() -> [NodeCommand] {
        signal.clear()
        return state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }

    /// Takes no more commands, and refuses those that wait.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.commands = [] }
            return state.commands
        }
        for command in left { command.refuse(.stopped) }
    }

    /// Keeps an event until somebody takes it; says so once for all that wait.
    func note(_ event: RingEvent) {
        let (isFirst, isDropped) = state.withLock { state -> (Bool, Bool) in
            state.events.append(event)
            // In halves, so that a full list is not moved for each event.
            guard state.events.count > 2 * limits.eventsMax else {
                return (state.events.count == 1, state.events.count > limits.eventsMax)
            }
            let surplus = state.events.count - limits.eventsMax
            state.events.removeFirst(surplus)
            state.eventsDropped += UInt64(surplus)
            return (false, true)
        }
        if isDropped { counters.add(.eventsDropped) }
        if isFirst { onEvents() }
    }

    /// Keeps what a member said to all; of too many the oldest are dropped.
    func note(_ event: SerfEvent) {
        let (isFirst, isDropped) = state.withLock { state in
            state.userEvents.append(event)
            let surplus = state.userEvents.count - limits.userEventsMax
            if surplus > 0 { state.userEvents.removeFirst(surplus) }
            state.eventsDropped += UInt64(max(0, surplus))
            return (state.events.isEmpty && state.userEvents.count == 1, surplus > 0)
        }
        if isDropped { counters.add(.eventsDropped) }
        if isFirst { onEvents() }
    }

    /// Keeps what is new in tables; of too much nothing, since what is left would say the wrong thing.
    func note(_ news: TableNews) {
        let (isFirst, isLost) = state.withLock { state in
            let isFirst = state.tableNews.isEmpty && !state.hasLostNews
            if state.tableNews.count >= limits.tableNewsMax {
                state.tableNews = []
                state.hasLostNews = true
                return (false, true)
            }
            // Until a snapshot comes all that is told has a hole before it.
            if state.hasLostNews, case .change = news { return (false, false) }
            state.tableNews.append(news)
            return (isFirst, false)
        }
        if isLost { counters.add(.eventsDropped) }
        if isFirst { onEvents() }
    }

    /// The news since the last time, oldest first; whether some were lost, so that a snapshot is needed.
    func takeTableNews() -> (news: [TableNews], isLost: Bool) {
        state.withLock { state in
            defer {
                state.tableNews = []
                state.hasLostNews = false
            }
            return (state.tableNews, state.hasLostNews)
        }
    }

    /// The events since the last time, oldest first.
    func takeEvents() -> RingEvents {
        state.withLock { state in
            defer {
                state.events = []
                state.userEvents = []
                state.eventsDropped = 0
            }
            let surplus = max(0, state.events.count - limits.eventsMax)
            return RingEvents(
                dropped: state.eventsDropped + UInt64(surplus),
                events: Array(state.events.dropFirst(surplus)),
                userEvents: state.userEvents
            )
        }
    }
}
