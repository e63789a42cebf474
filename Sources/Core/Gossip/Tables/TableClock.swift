/// One of NetworkDB's two logical clocks: of networks and nodes, or of tables.
///
/// Unlike serf's it starts at 0 and counts before it is read. Source: networkdb-dns.md A3.
package struct TableClock: Hashable, Sendable {
    /// From here on a time is an attack: after it nobody could say anything newer for long.
    package static let hostile = LamportTime(1 << 62)

    package private(set) var time: LamportTime

    package init(_ time: LamportTime = LamportTime(0)) {
        self.time = time
    }

    /// The time of an own message, later than all before.
    package mutating func tick() -> LamportTime {
        time = LamportTime(time.value + 1)
        return time
    }

    /// Goes past what another has said; false for a time that is an attack.
    package mutating func witness(_ heard: LamportTime) -> Bool {
        guard heard < Self.hostile else { return false }
        if heard >= time { time = LamportTime(heard.value + 1) }
        return true
    }
}
