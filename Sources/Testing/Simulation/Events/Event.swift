/// Something that happens at a moment of virtual time.
///
/// Small and without references: what belongs to it lies in a `Pool` under `payload`.
package struct Event: Hashable, Sendable {
    /// Nanoseconds of virtual time.
    package var time: UInt64
    /// Events of one moment happen in the order in which they were scheduled.
    package var sequence: UInt64
    package var node: UInt32
    package var payload: UInt32
    /// What it is; the simulated world has the meanings.
    package var kind: UInt8

    /// Whether it happens before `other`.
    @inline(__always)
    func precedes(_ other: Event) -> Bool {
        time != other.time ? time < other.time : sequence < other.sequence
    }
}
