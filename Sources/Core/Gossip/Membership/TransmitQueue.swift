/// Rumours that are still to be told, each so many times and no more.
///
/// Those told least come first, of these the longest, of these the newest. A newer rumour about a node
/// takes the place of an older one. What is offered is charged only once it was packed, since only the
/// packer knows how much compression let in. Source: gossip-wire.md §12; Das, Gupta, Motivala, "SWIM",
/// 2002, §4.1.
package struct TransmitQueue: Sendable {
    /// Tells rumours apart; never used twice, however often the queue runs empty.
    package struct ID: Hashable, Comparable, Sendable {
        fileprivate let value: UInt64

        package static func < (left: ID, right: ID) -> Bool { left.value < right.value }
    }

    /// One rumour, encoded; its octets mean nothing here.
    package struct Item: Hashable, Sendable {
        package let id: ID
        /// Whom it is about; nil for what replaces nothing.
        package let subject: NodeName?
        package let octets: [UInt8]
        /// What the octets say, for a driver that has no use for octets.
        package let message: GossipMessage?
        /// How often it has been told.
        package fileprivate(set) var transmits = 0

        /// Whether it is told before `other`.
        fileprivate func precedes(_ other: Item) -> Bool {
            if transmits != other.transmits { return transmits < other.transmits }
            if octets.count != other.octets.count { return octets.count > other.octets.count }
            return id > other.id
        }
    }

    /// In the order in which they are told.
    private var items: [Item] = []
    /// The one rumour about each node.
    private var bySubject: [NodeName: Item] = [:]
    private var nextID: UInt64 = 0

    package init() {}

    package var count: Int { items.count }
    package var isEmpty: Bool { items.isEmpty }

    /// How often a rumour is told in a ring of `members`: `multiplier` for each digit of their number.
    ///
    /// That is `multiplier * ceil(log10(members + 1))`.
    package static func transmitsMax(multiplier: Int, members: Int) -> Int {
        var digits = 0
        var left = members
        while left > 0 {
            left /= 10
            digits += 1
        }
        return multiplier * digits
    }

    /// Takes a rumour; returns the one about the same node that it replaces.
    @discardableResult
    package mutating func enqueue(
        _ octets: [UInt8],
        saying message: GossipMessage? = nil,
        about subject: NodeName? = nil
    ) -> Item? {
        var replaced: Item?
        if let subject, let old = bySubject[subject] {
            remove(old)
            replaced = old
        }
        insert(Item(id: ID(value: nextID), subject: subject, octets: octets, message: message))
        nextID += 1
        return replaced
    }

    /// Forgets what is to be told about `subject`; returns it.
    package mutating func withdraw(about subject: NodeName) -> Item? {
        guard let old = bySubject[subject] else { return nil }
        remove(old)
        return old
    }

    /// What fits into `octetsMax` octets at `overhead` octets each, in the order of telling.
    ///
    /// One that does not fit is passed over, and shorter ones behind it are taken.
    package func offer(octetsMax: Int, overhead: Int) -> [Item] {
        var left = octetsMax
        var offered: [Item] = []
        for item in items {
            if left <= overhead { break }
            guard item.octets.count + overhead <= left else { continue }
            left -= item.octets.count + overhead
            offered.append(item)
        }
        return offered
    }

    /// Charges a telling to each of `told`; returns those that have been told often enough and are gone.
    ///
    /// What was replaced meanwhile is charged to nobody.
    package mutating func charge(_ told: some Sequence<Item>, transmitsMax: Int) -> [Item] {
        var finished: [Item] = []
        for var item in told where remove(item) {
            item.transmits += 1
            if item.transmits >= transmitsMax {
                finished.append(item)
            } else {
                insert(item)
            }
        }
        return finished
    }

    /// Drops those told most until `countMax` are left; returns how many went.
    package mutating func prune(countMax: Int) -> Int {
        let surplus = max(0, items.count - countMax)
        for item in items.suffix(surplus) {
            if let subject = item.subject { bySubject[subject] = nil }
        }
        items.removeLast(surplus)
        return surplus
    }

    private mutating func insert(_ item: Item) {
        items.insert(item, at: place(of: item))
        if let subject = item.subject { bySubject[subject] = item }
    }

    /// False when it is not there as it is described.
    @discardableResult
    private mutating func remove(_ item: Item) -> Bool {
        let place = place(of: item)
        guard place < items.count, items[place].id == item.id else { return false }
        items.remove(at: place)
        if let subject = item.subject { bySubject[subject] = nil }
        return true
    }

    /// Where `item` stands, or belongs.
    private func place(of item: Item) -> Int {
        var (low, high) = (0, items.count)
        while low < high {
            let middle = (low + high) / 2
            if items[middle].precedes(item) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
