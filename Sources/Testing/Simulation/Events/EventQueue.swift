/// What is still to happen, in the order of time, then of scheduling.
///
/// A timing wheel in three rings: the slot of this moment is a heap, the slots of the next seconds and
/// of the next hours are lists that are ordered when their turn comes. Scheduling and taking cost the
/// same however much lies ahead. Deterministic: the order depends on nothing but times and the order of
/// calls.
package struct EventQueue: Sendable {
    /// A near slot is 2^20 ns, about a millisecond.
    private static let nearBits: UInt64 = 20
    /// Slots of each ring.
    private static let slotBits: UInt64 = 12
    private static let slots = 1 << Int(slotBits)
    private static let farBits = nearBits + slotBits

    /// The slot that `heap` holds, counted from time 0.
    private var slot: UInt64
    private var heap: [Event] = []
    private var near: [[Event]]
    private var far: [[Event]]
    private var nearCount = 0
    private var farCount = 0
    private var scheduled: UInt64 = 0

    /// A queue in which nothing happens before `start`, in nanoseconds.
    package init(start: UInt64) {
        slot = start >> Self.nearBits
        near = Array(repeating: [], count: Self.slots)
        far = Array(repeating: [], count: Self.slots)
    }

    package var count: Int { heap.count + nearCount + farCount }

    /// Schedules an event; times that have passed are taken for now.
    ///
    /// `time`: at most four hours ahead.
    package mutating func schedule(
        _ kind: UInt8,
        at time: UInt64,
        node: UInt32,
        payload: UInt32 = 0
    ) {
        let event = Event(
            time: time,
            sequence: scheduled,
            node: node,
            payload: payload,
            kind: kind
        )
        scheduled += 1
        place(event)
    }

    /// The next event, unless it is later than `limit`.
    package mutating func next(until limit: UInt64) -> Event? {
        while heap.isEmpty {
            guard nearCount + farCount > 0, (slot + 1) << Self.nearBits <= limit else { return nil }
            advance()
        }
        guard heap[0].time <= limit else { return nil }
        return removeFirst()
    }

    private mutating func place(_ event: Event) {
        let own = event.time >> Self.nearBits
        if own <= slot {
            insert(event)
            return
        }
        let lap = own >> Self.slotBits
        let ahead = lap - (slot >> Self.slotBits)
        if ahead == 0 {
            near[Int(own) & (Self.slots - 1)].append(event)
            nearCount += 1
            return
        }
        precondition(ahead < UInt64(Self.slots), "an event \(ahead) laps ahead")
        far[Int(lap) & (Self.slots - 1)].append(event)
        farCount += 1
    }

    /// Goes to the next slot, or over laps in which nothing happens.
    private mutating func advance() {
        if nearCount == 0 { slot |= UInt64(Self.slots - 1) }
        slot += 1
        if slot & UInt64(Self.slots - 1) == 0 {
            let lap = Int(slot >> Self.slotBits) & (Self.slots - 1)
            let events = far[lap]
            far[lap] = []
            farCount -= events.count
            for event in events { place(event) }
        }
        let index = Int(slot) & (Self.slots - 1)
        guard !near[index].isEmpty else { return }
        nearCount -= near[index].count
        if heap.isEmpty {
            swap(&heap, &near[index])
            if heap.count > 1 {
                for parent in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(parent) }
            }
        } else {
            let events = near[index]
            near[index].removeAll(keepingCapacity: true)
            for event in events { insert(event) }
        }
    }

    private mutating func insert(_ event: Event) {
        heap.append(event)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard event.precedes(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = event
    }

    private mutating func removeFirst() -> Event {
        let first = heap[0]
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink(0)
        }
        return first
    }

    private mutating func sink(_ start: Int) {
        let event = heap[start]
        var parent = start
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(event) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = event
    }
}
