package import Base

/// One entry, as this node has it.
package struct TableEntry: Hashable, Sendable {
    package let entry: EntryKey
    package let owner: NodeName
    package let time: LamportTime
    package let value: [UInt8]
    package let isDeleted: Bool
    /// When it is forgotten, where its time is counted: of a deletion, or of what a failed node has.
    package internal(set) var until: Moment?
    /// Its owner failed, and may come back.
    package internal(set) var isHidden = false
    package let path: TableRing.Path
    /// When this node heard it.
    package let since: Moment

    package var isVisible: Bool { !isDeleted && !isHidden }

    init(
        _ event: TableEvent,
        until: Moment?,
        path: TableRing.Path,
        at now: Moment
    ) {
        entry = event.entry
        owner = event.owner
        time = event.time
        value = event.value
        isDeleted = event.kind == .delete
        self.until = until
        self.path = path
        since = now
    }

    /// The same for the same entry in every view, whatever is left of its time.
    fileprivate var hash: UInt64 {
        // The key is no secret: only who has the ring's key can choose entries.
        let hash = SipHash(key: 0x7761_6767_6c65, 0x7461_626c_6573)
        let table = hash.value(entry.table.octets, 0..<entry.table.octets.count, and: time.value)
        let named = hash.value(entry.key, 0..<entry.key.count, and: table)
        return hash.value(owner.octets, 0..<owner.octets.count, and: named)
    }
}

/// The entries of one network, by key and by owner, with sums that are equal for equal entries.
///
/// Sums are over entries that are not deleted, hidden ones among them: deletions are forgotten at
/// different moments in different places.
struct EntryTable: Sendable {
    /// The entries of one owner.
    private struct Shelf: Sendable {
        var slots: [Int] = []
        var live = 0
        var lastStored = Moment.zero
    }

    private struct Slot: Sendable {
        var entry: TableEntry
        let hash: UInt64
        /// Where it stands on its owner's shelf.
        var place: Int
    }

    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var byKey: [EntryKey: Int] = [:]
    private var shelves: [NodeName: Shelf] = [:]
    /// Entries whose time is counted, and more that were.
    private var counted: [Int] = []
    private(set) var root: UInt64 = 0
    private(set) var liveCount = 0

    /// Deletions among them.
    var count: Int { byKey.count }

    subscript(key: EntryKey) -> TableEntry? {
        byKey[key].flatMap { slots[$0]?.entry }
    }

    func count(of owner: NodeName) -> Int { shelves[owner]?.slots.count ?? 0 }

    /// How many entries `owner` has that are not deleted.
    func liveCount(of owner: NodeName) -> Int { shelves[owner]?.live ?? 0 }

    /// Whether one more entry of `owner` is within what is kept of one.
    func hasRoom(for owner: NodeName, _ rules: TableRing.Rules) -> Bool {
        liveCount(of: owner) < rules.ownerEntriesMax && count(of: owner) < rules.ownerKeptMax
    }

    /// When an entry of `owner` was last stored; zero where it has none.
    func lastStored(of owner: NodeName) -> Moment { shelves[owner]?.lastStored ?? .zero }

    func hasDeletions(of owner: NodeName) -> Bool {
        shelves[owner].map { $0.slots.count > $0.live } ?? false
    }

    mutating func store(_ entry: TableEntry) {
        remove(entry.entry)
        let hash = entry.hash
        let index = free.popLast() ?? slots.count
        let place = shelves[entry.owner, default: Shelf()].slots.count
        let slot = Slot(entry: entry, hash: hash, place: place)
        if index == slots.count { slots.append(slot) } else { slots[index] = slot }
        byKey[entry.entry] = index
        shelves[entry.owner, default: Shelf()].slots.append(index)
        shelves[entry.owner]?.lastStored = entry.since
        if !entry.isDeleted { add(hash, of: entry.owner, sign: 1) }
        if entry.until != nil { counted.append(index) }
    }

    @discardableResult
    mutating func remove(_ key: EntryKey) -> TableEntry? {
        guard let index = byKey.removeValue(forKey: key), let slot = slots[index].take() else {
            return nil
        }
        free.append(index)
        let owner = slot.entry.owner
        if !slot.entry.isDeleted { add(slot.hash, of: owner, sign: -1) }
        guard var shelf = shelves.removeValue(forKey: owner) else { return slot.entry }
        let last = shelf.slots.removeLast()
        if last != index {
            shelf.slots[slot.place] = last
            slots[last]?.place = slot.place
        }
        if !shelf.slots.isEmpty { shelves[owner] = shelf }
        return slot.entry
    }

    private mutating func add(_ hash: UInt64, of owner: NodeName, sign: Int) {
        liveCount += sign
        root = sign > 0 ? root &+ hash : root &- hash
        if sign > 0 { shelves[owner]?.live += 1 } else { shelves[owner]?.live -= 1 }
    }

    /// Hides what `owner` has until a moment, or shows it again; returns what changed.
    mutating func hide(_ owner: NodeName, until: Moment?) -> [TableEntry] {
        var changed: [TableEntry] = []
        for index in shelves[owner]?.slots ?? [] {
            guard let entry = slots[index]?.entry, !entry.isDeleted else { continue }
            changed.append(entry)
            slots[index]?.entry.isHidden = until != nil
            slots[index]?.entry.until = until
            if until != nil { counted.append(index) }
        }
        return changed
    }

    /// All that `owner` has, in an order that follows from what happened.
    func entries(of owner: NodeName) -> [TableEntry] {
        (shelves[owner]?.slots ?? []).compactMap { slots[$0]?.entry }
    }

    /// All, in an order that follows from what happened.
    var all: some Sequence<TableEntry> { slots.lazy.compactMap { $0?.entry } }

    /// Those who own anything that is not deleted, ascending.
    var owners: [NodeName] { shelves.filter { $0.value.live > 0 }.keys.sorted() }

    /// What is forgotten now.
    mutating func reap(at now: Moment) -> [TableEntry] {
        if counted.isEmpty { return [] }
        var kept: [Int] = []
        var reaped: [TableEntry] = []
        var seen: Set<Int> = []
        for index in counted where seen.insert(index).inserted {
            guard let entry = slots[index]?.entry, let until = entry.until else { continue }
            if until <= now {
                reaped.append(entry)
                remove(entry.entry)
            } else {
                kept.append(index)
            }
        }
        counted = kept
        return reaped
    }

    var hasCounted: Bool { !counted.isEmpty }

    // MARK: Sums

    /// What there is of `owner`, up to `latest` where that is said.
    func sum(of owner: NodeName, upTo latest: LamportTime = LamportTime(.max)) -> EntrySum {
        guard let shelf = shelves[owner] else { return EntrySum() }
        var sum = EntrySum()
        for index in shelf.slots {
            guard let slot = slots[index], !slot.entry.isDeleted, slot.entry.time <= latest else {
                continue
            }
            sum.count += 1
            sum.sum &+= slot.hash
            sum.latest = max(sum.latest, slot.entry.time)
        }
        return sum
    }

    /// The sums of sixteen ranges of what `owner` has.
    func ranges(of owner: NodeName) -> [UInt64] {
        var sums = [UInt64](repeating: 0, count: TableDigest.Ranges.count)
        for index in shelves[owner]?.slots ?? [] {
            guard let slot = slots[index], !slot.entry.isDeleted else { continue }
            sums[Self.range(of: slot.entry.entry)] &+= slot.hash
        }
        return sums
    }

    /// In which of sixteen ranges an entry is, by its key alone.
    static func range(of entry: EntryKey) -> Int {
        let hash = SipHash(key: 0x7261_6e67_65, 0x6b65_79)
        let table = hash.value(entry.table.octets, 0..<entry.table.octets.count, and: 0)
        return Int(hash.value(entry.key, 0..<entry.key.count, and: table) & 15)
    }
}
