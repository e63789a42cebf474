/// One of serf's logical clocks: it counts what it has heard.
///
/// Source: gossip-wire.md §18.4.
package struct LamportClock: Hashable, Sendable {
    /// What the next own message says.
    package private(set) var time = LamportTime(1)

    package init() {}

    /// From here on a time is an attack: after it nobody could say anything newer for long.
    package static let hostile = LamportTime(1 << 63)

    /// Goes past what another has said.
    package mutating func witness(_ heard: LamportTime) {
        precondition(heard < Self.hostile, "\(heard) was to be refused")
        if heard >= time { time = LamportTime(heard.value + 1) }
    }

    /// The time of an own message; the next one is later.
    package mutating func tick() -> LamportTime {
        let now = time
        time = LamportTime(now.value + 1)
        return now
    }
}
