/// What was heard at the last 512 times of a clock, so that nothing is taken twice.
///
/// A ring of slots, one for a time. What is older than the ring is taken for known. Each slot has a
/// bound, and what would go over it is refused: it is neither taken nor passed on, since what is passed
/// on unremembered goes round for ever. Source: gossip-wire.md §18.6.
package struct SerfWindow<Item: Hashable & Sendable>: Sendable {
    package struct Slot: Sendable {
        package let time: LamportTime
        package fileprivate(set) var items: [Item]
    }

    package enum Admission: Hashable, Sendable {
        case new
        case repeated
        /// Older than the window, or than what is to be heard.
        case old
        /// There is no room for more of that time.
        case full
    }

    /// By time, modulo their number.
    package private(set) var slots: [Slot?]
    /// What is older is not to be heard.
    package private(set) var floor = LamportTime(0)
    /// Items of one time.
    package let itemsMax: Int
    private let span: UInt64

    package init(slotCount: Int = SerfState.slotsMax, itemsMax: Int) {
        slots = Array(repeating: nil, count: slotCount)
        span = UInt64(slotCount)
        self.itemsMax = itemsMax
    }

    /// Takes an item of `time` while the clock says `now`, which is past it.
    package mutating func admit(_ item: Item, at time: LamportTime, now: LamportTime) -> Admission {
        guard time >= floor else { return .old }
        if now.value > span, time.value < now.value - span { return .old }
        let index = Int(time.value % span)
        guard let slot = slots[index], slot.time == time else {
            slots[index] = Slot(time: time, items: [item])
            return .new
        }
        if slot.items.contains(item) { return .repeated }
        guard slot.items.count < itemsMax else { return .full }
        slots[index]?.items.append(item)
        return .new
    }

    /// Takes everything before `time` for known.
    package mutating func raiseFloor(to time: LamportTime) {
        floor = max(floor, time)
    }

    /// Lets go of the oldest slot, and of everything as old; returns it.
    package mutating func dropOldest() -> Slot? {
        var oldest: (index: Int, time: LamportTime)?
        for (index, slot) in slots.enumerated() {
            guard let slot else { continue }
            if oldest.map({ slot.time < $0.time }) ?? true { oldest = (index, slot.time) }
        }
        guard let oldest, let slot = slots[oldest.index] else { return nil }
        slots[oldest.index] = nil
        raiseFloor(to: LamportTime(oldest.time.value + 1))
        return slot
    }
}
