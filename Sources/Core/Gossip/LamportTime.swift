/// A reading of a logical clock: of serf's members, events or queries, or of NetworkDB's networks or
/// tables.
///
/// Source: gossip-wire.md §18.4; networkdb-dns.md A3.
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
