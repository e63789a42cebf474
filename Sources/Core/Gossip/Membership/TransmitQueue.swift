/// Rumours that are still to be told, each so many times and no more.
///
/// Those told least come first, of these the longest, of these the newest. A newer rumour about a subject
/// takes the place of an older one. What is offered is charged only once it was packed, since only the
/// packer knows how much compression let in. Source: gossip-wire.md §12; Das, Gupta, Motivala, "SWIM",
/// 2002, §4.1.
package struct TransmitQueue<Subject: Hashable & Sendable, Message: Hashable & Sendable>: Sendable {
    /// Tells rumours apart; never used twice, however often the queue runs empty.
    package struct ID: Hashable, Comparable, Sendable {
        fileprivate let value: UInt64

        package static func < (left: ID, right: ID) -> Bool { left.value < right.value }
    }

    /// One rumour, encoded; its octets mean nothing here.
    package struct Item: Hashable, Sendable {
        package let id: ID
        /// Whom or what it is about; nil for what replaces nothing.
        package let subject: Subject?
        package let octets: [UInt8]
        /// What the octets say, for a driver that has no use for octets.
        package let message: Message?
        /// How often it has been told.
        package fileprivate(set) var transmits = 0
    }

    /// Where an item stands, without the item: what is moved about in a long queue is to be small.
    private struct Place: Hashable, Sendable {
        /// Fewest tellings first, then the longest.
        let rank: UInt64
        let id: UInt64
        let slot: Int

        init(_ item: Item, slot: Int) {
            rank = UInt64(item.transmits) << 32 | UInt64(UInt32.max - UInt32(item.octets.count))
            id = item.id.value
            self.slot = slot
        }

        var octetCount: Int { Int(UInt32.max - UInt32(truncatingIfNeeded: rank)) }

        /// Whether it is told before `other`; of equal rank the newest is.
        @inline(__always)
        func precedes(_ other: Place) -> Bool {
            rank != other.rank ? rank < other.rank : id > other.id
        }
    }

    /// In the order in which they are told.
    private var places: [Place] = []
    /// The items, each in its slot for as long as it waits.
    private var slots: [Item?] = []
    private var freeSlots: [Int] = []
    /// The slot of the one rumour about each subject.
    private var bySubject: [Subject: Int] = [:]
    private var nextID: UInt64 = 0

    package init() {}

    package var count: Int { places.count }
    package var isEmpty: Bool { places.isEmpty }

    /// Takes a rumour; returns the one about the same subject that it replaces.
    @discardableResult
    package mutating func enqueue(
        _ octets: [UInt8],
        saying message: Message? = nil,
        about subject: Subject? = nil
    ) -> Item? {
        let replaced = subject.flatMap { withdraw(about: $0) }
        insert(
            Item(id: ID(value: nextID), subject: subject, octets: octets, message: message)
        )
        nextID += 1
        return replaced
    }

    /// Forgets what is to be told about `subject`; returns it.
    package mutating func withdraw(about subject: Subject) -> Item? {
        guard let slot = bySubject[subject], let old = slots[slot] else { return nil }
        places.remove(at: index(of: Place(old, slot: slot)))
        return takeOut(slot)
    }

    /// What fits into `octetsMax` octets at `overhead` octets each, in the order of telling.
    ///
    /// One that does not fit is passed over, and shorter ones behind it are taken.
    package func offer(octetsMax: Int, overhead: Int) -> [Item] {
        var left = octetsMax
        var offered: [Item] = []
        for place in places {
            if left <= overhead { break }
            guard place.octetCount + overhead <= left, let item = slots[place.slot] else {
                continue
            }
            left -= place.octetCount + overhead
            offered.append(item)
        }
        return offered
    }

    /// Charges a telling to each of `told`; returns those that have been told often enough and are gone.
    ///
    /// What was replaced meanwhile is charged to nobody.
    package mutating func charge(_ told: some Sequence<Item>, transmitsMax: Int) -> [Item] {
        var finished: [Item] = []
        for item in told {
            let index = index(of: Place(item, slot: 0))
            guard index < places.count, places[index].id == item.id.value else { continue }
            let slot = places[index].slot
            places.remove(at: index)
            slots[slot]?.transmits = item.transmits + 1
            if item.transmits + 1 >= transmitsMax {
                if let item = takeOut(slot) { finished.append(item) }
            } else if let item = slots[slot] {
                let place = Place(item, slot: slot)
                places.insert(place, at: self.index(of: place))
            }
        }
        return finished
    }

    /// Drops those told most until `countMax` are left; returns how many went.
    package mutating func prune(countMax: Int) -> Int {
        let surplus = max(0, places.count - countMax)
        for place in places.suffix(surplus) { _ = takeOut(place.slot) }
        places.removeLast(surplus)
        return surplus
    }

    private mutating func insert(_ item: Item) {
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(item) } else { slots[slot] = item }
        let place = Place(item, slot: slot)
        places.insert(place, at: index(of: place))
        if let subject = item.subject { bySubject[subject] = slot }
    }

    /// Empties a slot whose place is gone.
    private mutating func takeOut(_ slot: Int) -> Item? {
        guard let item = slots[slot].take() else { return nil }
        freeSlots.append(slot)
        if let subject = item.subject { bySubject[subject] = nil }
        return item
    }

    /// Where `place` stands, or belongs.
    private func index(of place: Place) -> Int {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].precedes(place) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// What membership tells: of each node the newest.
package typealias RumourQueue = TransmitQueue<NodeName, GossipMessage>

/// How often what is gossiped is told.
package enum Transmits {
    /// In a ring of `members`: `multiplier` for each digit of their number.
    ///
    /// That is `multiplier * ceil(log10(members + 1))`. Source: gossip-wire.md §12.
    package static func max(multiplier: Int, members: Int) -> Int {
        var digits = 0
        var left = members
        while left > 0 {
            left /= 10
            digits += 1
        }
        return multiplier * digits
    }
}
