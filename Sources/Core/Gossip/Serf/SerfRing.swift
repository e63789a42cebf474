package import Base

/// Serf's layer over membership: what members intend, what they tell each other, what they ask.
///
/// Serf keeps a status of its own for each member, so that one that says it is about to leave is not
/// taken for one that failed:
///
///                 ┌──────────── joined ──────────────┬────────────┐
///                 ▼                                  │            │
///     joined ─▶ alive ──leave intent──▶ leaving ─gone─▶ left      │
///                 │ ▲ ◀─join intent───────┘             ▲         │
///                 └────────gone──────────▶ failed ──leave intent  ┘
///
/// Three Lamport clocks count what is said of members, events and queries. Intents, events and queries
/// go on as they came, the first time they are heard; whole tables bring what was missed. A node that is
/// asked who has a name, or about its keys, answers: without votes a serf agent whose name is claimed
/// twice shuts itself down. Lost members are looked for by membership, so there is no reconnecting here.
///
/// Never sends, never waits: outputs say what is to be done. Deviates from serf in that a member that
/// said its own death counts as left though its intent was lost; that what one state says of those that
/// left raises no clock when it is known; and that all that is kept has a bound. No coordinates.
/// Source: gossip-wire.md §18.
package struct SerfRing: ~Copyable, Engine {
    let rules: Rules
    let codec: SerfCodec
    package let own: NodeName
    var dice: SeededGenerator
    var outputs: [Output] = []
    private var taken = 0

    // Members
    var clock = LamportClock()
    var members: [NodeName: Member] = [:]
    /// In the order in which they came.
    package internal(set) var names: [NodeName] = []
    /// Members that failed or left, the first gone first; some of it may be over.
    var gone: [(node: NodeName, since: Moment)] = []
    var intents = SerfIntents()
    var prunes: [(node: NodeName, at: Moment)] = []
    var nextReap: Moment?

    // Events and queries
    var eventClock = LamportClock()
    var events: SerfWindow<SerfState.Event>
    var eventOctets = 0
    var queryClock = LamportClock()
    var queries: SerfWindow<UInt32>
    var keyQuestions: [(question: KeyQuestion, query: SerfQuery)] = []
    var nextKeyQuestion: UInt64 = 0
    var answersLeft: Int
    var answersSince: Moment

    // Leaving
    var leave = Leave.no
    package internal(set) var counts = Counts()

    enum Leave: Hashable {
        case no
        case telling(until: Moment)
        /// Membership was asked to leave.
        case asked
        case done
    }

    /// A ring of this node alone.
    ///
    /// `word` is what membership says of it; `seed` chooses who relays.
    package init(own word: Alive, rules: Rules, codec: SerfCodec, seed: UInt64, at now: Moment) {
        own = word.node
        self.rules = rules
        self.codec = codec
        dice = SeededGenerator(seed: seed)
        events = SerfWindow(itemsMax: rules.itemsPerTimeMax)
        queries = SerfWindow(itemsMax: rules.itemsPerTimeMax)
        answersLeft = rules.answersMax
        answersSince = now
        members[own] = Member(word: word, status: .alive)
        names = [own]
    }

    // MARK: Engine

    package mutating func handle(_ input: consuming Input, at now: Moment) {
        switch input {
        case .membership(let event, let word): hear(event, word, at: now)
        case .heard(let message, let octets): hear(message, octets, at: now)
        case .merged(let state, let isJoin): merge(state, isJoin: isJoin, at: now)
        case .event(let name, let payload, let coalesces):
            say(name: name, payload: payload, coalesces: coalesces)
        case .tags(let tags): say(tags)
        case .forget(let node, let isPrune): forget(node, isPrune: isPrune, at: now)
        case .keysAnswered(let question, let outcome): answer(question, outcome, at: now)
        case .leave: beginLeave(at: now)
        case .membershipLeft: hasLeft()
        }
    }

    package mutating func wake(at now: Moment) {
        if case .telling(let until) = leave, until <= now {
            leave = .asked
            outputs.append(.leaveMembership)
        }
        let due = prunes.filter { $0.at <= now }.map(\.node)
        prunes.removeAll { $0.at <= now }
        for node in due { erase(node) }
        if let reap = nextReap, reap <= now { lookThrough(at: now) }
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        var earliest: (moment: Moment, reason: WakeReason)?
        func consider(_ moment: Moment?, _ reason: WakeReason) {
            guard let moment, earliest.map({ moment < $0.moment }) ?? true else { return }
            earliest = (moment, reason)
        }
        if case .telling(let until) = leave { consider(until, .leaveTold) }
        consider(prunes.map(\.at).min(), .prune)
        consider(nextReap, .reap)
        return earliest
    }

    package mutating func next() -> Output? {
        guard taken < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        taken += 1
        return outputs[taken - 1]
    }

    // MARK: Looking

    package subscript(node: NodeName) -> Member? { members[node] }

    /// The times of the three clocks.
    package var times: (members: LamportTime, events: LamportTime, queries: LamportTime) {
        (clock.time, eventClock.time, queryClock.time)
    }

    /// What this node adds to a table that goes over a stream.
    package var state: SerfState {
        var state = SerfState(
            time: clock.time,
            eventTime: eventClock.time,
            queryTime: queryClock.time
        )
        for name in names {
            guard let member = members[name] else { continue }
            state.statuses.append(SerfState.Status(node: name, time: member.statusTime))
            if member.status == .left { state.left.append(name) }
        }
        // A ring that heard nothing says so in one octet instead of 512.
        if events.slots.contains(where: { $0 != nil }) {
            state.events = events.slots.map { slot in
                slot.map { SerfState.Events(time: $0.time, events: $0.items) }
            }
        }
        return state
    }

    /// Members that membership has, this node not among them.
    var peerCount: Int {
        names.count { name in
            guard name != own, let status = members[name]?.status else { return false }
            return status == .alive || status == .leaving
        }
    }

    // MARK: What is heard

    private mutating func hear(_ message: SerfMessage, _ octets: [UInt8], at now: Moment) {
        switch message {
        case .join(let join):
            counts.intents += 1
            if hear(join, at: now) { passOn(octets) }
        case .leave(let leave):
            counts.intents += 1
            if hear(leave, at: now) { passOn(octets) }
        case .userEvent(let event):
            counts.events += 1
            if hear(event) { passOn(octets) }
        case .query(let query):
            counts.queries += 1
            if hear(query, at: now) { passOn(octets) }
        case .queryResponse: counts.strayAnswers += 1
        case .relay(let relay): pass(relay, at: now)
        }
    }

    /// Octets of an intent, event or query, on to everybody.
    mutating func passOn(_ octets: [UInt8]) {
        if octets.count <= rules.broadcastOctetsMax {
            outputs.append(.broadcast(octets))
        } else {
            counts.tooLong += 1
        }
    }
}
