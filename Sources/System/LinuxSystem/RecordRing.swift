import Synchronization

/// Records of octets from one thread to one other, in memory that is taken once.
///
/// Neither side ever waits: a record that finds no room is refused, and the writer counts it.
@safe package final class RecordRing: @unchecked Sendable {
    // Proof: a record is written by the one writer before `written` is released beyond it, read by
    // the one reader after it has acquired that, and not written again before `taken` is released
    // beyond it; the pointers never change.
    private let octets: UnsafeMutableBufferPointer<UInt8>
    private let lengths: UnsafeMutableBufferPointer<Int>
    private let capacity: Int
    private let recordOctets: Int
    private let written = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)

    /// Room for `capacity` records of at most `recordOctets` octets each.
    package init(capacity: Int, recordOctets: Int) {
        precondition(capacity > 0 && recordOctets > 0, "a ring has room")
        self.capacity = capacity
        self.recordOctets = recordOctets
        unsafe octets = .allocate(capacity: capacity * recordOctets)
        unsafe octets.initialize(repeating: 0)
        unsafe lengths = .allocate(capacity: capacity)
        unsafe lengths.initialize(repeating: 0)
    }

    deinit {
        unsafe octets.deallocate()
        unsafe lengths.deallocate()
    }

    /// Lets `body` write one record; false, and nothing written, when there is no room.
    ///
    /// The writer's thread only.
    package func write(_ body: (inout OutputSpan<UInt8>) -> Void) -> Bool {
        let place = written.load(ordering: .relaxed)
        if place - taken.load(ordering: .acquiring) == capacity { return false }
        let room = unsafe record(place)
        // The room is the writer's until `written` is released beyond it.
        var output = unsafe OutputSpan(buffer: room, initializedCount: 0)
        body(&output)
        unsafe lengths[place % capacity] = output.finalize(for: room)
        written.store(place + 1, ordering: .releasing)
        return true
    }

    /// Lets `body` read the oldest record and lets go of it; false when there is none.
    ///
    /// The reader's thread only.
    package func read(_ body: (Span<UInt8>) -> Void) -> Bool {
        let place = taken.load(ordering: .relaxed)
        if place == written.load(ordering: .acquiring) { return false }
        let length = unsafe lengths[place % capacity]
        // The record is the reader's until `taken` is released beyond it.
        let record = unsafe UnsafeBufferPointer(rebasing: record(place)[..<length])
        body(unsafe record.span)
        taken.store(place + 1, ordering: .releasing)
        return true
    }

    private func record(_ place: Int) -> UnsafeMutableBufferPointer<UInt8> {
        let start = place % capacity * recordOctets
        return unsafe UnsafeMutableBufferPointer(
            rebasing: octets[start..<start + recordOctets]
        )
    }
}
