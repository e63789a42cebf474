/// A reading of one of serf's three logical clocks: of members, of events, of queries.
///
/// Source: gossip-wire.md §18.4.
package struct LamportTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    package static func < (left: LamportTime, right: LamportTime) -> Bool {
        left.value < right.value
    }

    package var description: String { String(value) }
}
