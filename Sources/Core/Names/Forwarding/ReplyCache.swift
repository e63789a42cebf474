package import Base

/// Replies of upstreams, kept for as long as they allow; bounded in entries and octets.
///
/// - A new entry is on probation; one that is asked for again becomes protected. What has to go goes
///   from the end of probation, so a flood of names that nobody asks for twice never costs the names
///   that everybody asks for (a segmented LRU).
/// - NXDOMAIN is kept once for all types of a name, and denies the names below it (RFC 8020), unless
///   one of those is known better.
/// - An entry whose time is over stays for a day as *stale*: to be given when no upstream can be
///   reached (RFC 8767).
/// - A failure is kept for a second, then two, then four (RFC 9520 §3.2).
///
/// Names come from strangers: their hash is keyed.
package struct ReplyCache: ~Copyable {
    package struct Limits: Hashable, Sendable {
        package let entries: Int
        package let octets: Int

        /// `entries` 0 keeps nothing; octets are a kilobyte for each entry.
        package init(entries: Int) {
            self.entries = entries
            octets = entries * 1024
        }
    }

    /// What a question has to have in common with another to share its reply, beside the name.
    package struct Selector: Hashable, Sendable {
        package let type: RecordType
        package let dnssecOK: Bool
        package let checkingDisabled: Bool
        /// The `UpstreamGroup`.
        package let group: UInt64

        package init(type: RecordType, dnssecOK: Bool, checkingDisabled: Bool, group: UInt64) {
            self.type = type
            self.dnssecOK = dnssecOK
            self.checkingDisabled = checkingDisabled
            self.group = group
        }

        /// The same for the denial of the whole name.
        fileprivate var denial: Selector {
            Selector(
                type: RecordType(0),
                dnssecOK: dnssecOK,
                checkingDisabled: checkingDisabled,
                group: group
            )
        }

        fileprivate var word: UInt64 {
            group << 18 | UInt64(type.code) << 2 | (dnssecOK ? 2 : 0) | (checkingDisabled ? 1 : 0)
        }
    }

    package struct Found: Hashable, Sendable {
        /// Where the reply is, until something is inserted.
        package let place: Int
        /// Seconds since it came.
        package let age: UInt32
        /// Its time is over.
        package let isStale: Bool
        /// It is stale, and asking anew has just failed: it may be given at once.
        package let isPostponed: Bool
        /// It is a failure to find an answer, not an answer.
        package let isFailure: Bool
        /// It is asked for often and its time is nearly over: told once.
        package let wantsRefresh: Bool
    }

    private struct Entry {
        let hash: UInt64
        let name: [UInt8]
        let selector: Selector
        var reply: UpstreamReply
        /// Failures in a row; 0 for a reply.
        var failures: Int
        var storedAt: Moment
        var freshUntil: Moment
        /// A stale reply is given at once until then, since asking has just failed.
        var postponedUntil: Moment = .zero
        var octets: Int
        var hits: Int
        var isRefreshed: Bool
        /// The next entry of the same bucket.
        var chained: Int
        var older: Int
        var newer: Int
        var isProtected: Bool
    }

    private struct List {
        var newest = none
        var oldest = none
        var count = 0
    }

    private static let none = -1
    /// How long an entry is kept beyond its time (RFC 8767 §5 suggests one to three days).
    static let staleMilliseconds: UInt64 = 86_400_000
    /// Failures are forgotten after so long; the longest pause between two attempts at one name.
    static let failureSecondsMax: UInt64 = 5
    /// Names above a name that are looked at for a denial.
    static let ancestorsMax = 8
    /// Octets that an entry takes beside its name and reply.
    private static let entryOctets = 200

    private let limits: Limits
    private let hash: SipHash
    private var buckets: [Int]
    private var entries: [Entry] = []
    private var free: [Int] = []
    private var probation = List()
    private var protected = List()
    private var denialCount = 0
    package private(set) var octetCount = 0
    /// Entries that had to go before their time, for want of room.
    package private(set) var evictionCount = 0

    package init(limits: Limits, hash: SipHash) {
        self.limits = limits
        self.hash = hash
        buckets = [Int](repeating: Self.none, count: 64)
    }

    package var count: Int { probation.count + protected.count }

    package var isEmpty: Bool { count == 0 }

    /// The reply at a place: two references and some numbers, where lending it would take an
    /// allocation each time.
    package subscript(place: Int) -> UpstreamReply { entries[place].reply }

    // MARK: Finding

    /// What is known of a question; stale replies and failures are told as such.
    package mutating func find(
        _ key: borrowing NameKey,
        _ selector: Selector,
        at now: Moment
    ) -> Found? {
        if isEmpty { return nil }
        let own = place(key, fromLabel: 0, selector)
        let denial = denialCount > 0 ? place(key, fromLabel: 0, selector.denial) : nil
        if let best = better(own, denial, at: now) {
            if entries[best].freshUntil > now { return hit(best, at: now) }
            if let above = ancestor(key, selector, at: now) { return hit(above, at: now) }
            return hit(best, at: now)
        }
        return ancestor(key, selector, at: now).map { hit($0, at: now) }
    }

    /// Of two entries the fresh one; of equals the one that came later.
    private func better(_ left: Int?, _ right: Int?, at now: Moment) -> Int? {
        guard let left, isKept(left, at: now) else {
            return right.flatMap { isKept($0, at: now) ? $0 : nil }
        }
        guard let right, isKept(right, at: now) else { return left }
        let leftIsFresh = entries[left].freshUntil > now
        let rightIsFresh = entries[right].freshUntil > now
        if leftIsFresh != rightIsFresh { return leftIsFresh ? left : right }
        return entries[left].storedAt < entries[right].storedAt ? right : left
    }

    private func isKept(_ place: Int, at now: Moment) -> Bool {
        let until = entries[place].freshUntil
        if entries[place].failures > 0 { return until > now }
        return until.advanced(milliseconds: Self.staleMilliseconds) > now
    }

    /// A fresh denial of a name above, the nearest first.
    private func ancestor(
        _ key: borrowing NameKey,
        _ selector: Selector,
        at now: Moment
    ) -> Int? {
        if denialCount == 0 { return nil }
        var label = 1
        while label < key.labelCount, label <= Self.ancestorsMax {
            if let place = place(key, fromLabel: label, selector.denial),
                entries[place].freshUntil > now
            {
                return place
            }
            label += 1
        }
        return nil
    }

    private mutating func hit(_ place: Int, at now: Moment) -> Found {
        let entry = entries[place]
        let isStale = entry.freshUntil <= now
        let lifetime = entry.freshUntil.milliseconds(since: entry.storedAt)
        let left = entry.freshUntil.milliseconds(since: now)
        let wantsRefresh =
            !isStale && !entry.isRefreshed && entry.hits >= 2 && left * 10 < lifetime
            && entry.failures == 0
        entries[place].hits += 1
        if wantsRefresh { entries[place].isRefreshed = true }
        promote(place)
        return Found(
            place: place,
            age: UInt32(clamping: now.milliseconds(since: entry.storedAt) / 1000),
            isStale: isStale,
            isPostponed: isStale && entry.postponedUntil > now,
            isFailure: entry.failures > 0,
            wantsRefresh: wantsRefresh
        )
    }

    private func place(
        _ key: borrowing NameKey,
        fromLabel label: Int,
        _ selector: Selector
    ) -> Int? {
        let hash = key.hash(self.hash, fromLabel: label, and: selector.word)
        var place = buckets[Int(truncatingIfNeeded: hash) & (buckets.count - 1)]
        while place != Self.none {
            if entries[place].hash == hash, entries[place].selector == selector,
                key.suffix(fromLabel: label, equals: entries[place].name)
            {
                return place
            }
            place = entries[place].chained
        }
        return nil
    }

    // MARK: Keeping

    /// Keeps a reply for as long as it allows, instead of what was kept for the same question.
    package mutating func insert(
        _ key: borrowing NameKey,
        _ selector: Selector,
        _ reply: UpstreamReply,
        at now: Moment
    ) {
        let seconds = reply.lifetimeSeconds
        // An alias that leads to nothing says so of the type asked for, not of the name.
        let isDenial = reply.code == UpstreamReply.nxDomainCode && reply.answerCount == 0
        let chosen = isDenial ? selector.denial : selector
        if isDenial, let own = place(key, fromLabel: 0, selector) { remove(own) }
        if seconds == 0 { return }
        let until = now.advanced(milliseconds: UInt64(seconds) * 1000)
        put(key, chosen, reply, failures: 0, until: until, at: now)
    }

    /// Remembers that a question could not be answered, unless there is an answer that is stale.
    package mutating func insertFailure(
        _ key: borrowing NameKey,
        _ selector: Selector,
        _ reply: UpstreamReply,
        at now: Moment
    ) {
        var failures = 1
        if let old = place(key, fromLabel: 0, selector) {
            if entries[old].failures == 0, isKept(old, at: now) { return }
            failures = entries[old].failures + 1
        }
        let seconds = min(UInt64(1) << UInt64(min(failures - 1, 8)), Self.failureSecondsMax)
        let until = now.advanced(milliseconds: seconds * 1000)
        put(key, selector, reply, failures: failures, until: until, at: now)
    }

    /// Takes a stale reply for fresh for a while: nobody could be reached to refresh it.
    ///
    /// It is still told as stale.
    package mutating func postpone(_ place: Int, at now: Moment, milliseconds: UInt64) {
        entries[place].postponedUntil = now.advanced(milliseconds: milliseconds)
    }

    private mutating func put(
        _ key: borrowing NameKey,
        _ selector: Selector,
        _ reply: UpstreamReply,
        failures: Int,
        until: Moment,
        at now: Moment
    ) {
        if let old = place(key, fromLabel: 0, selector) { remove(old) }
        let octets =
            Self.entryOctets + key.octetCount + reply.body.count + 4 * reply.marks.count
        guard limits.entries > 0, octets <= limits.octets else { return }
        while count >= limits.entries || octetCount + octets > limits.octets { evict() }
        growBuckets()
        let hash = key.hash(self.hash, fromLabel: 0, and: selector.word)
        let bucket = Int(truncatingIfNeeded: hash) & (buckets.count - 1)
        let entry = Entry(
            hash: hash,
            name: key.name.octets,
            selector: selector,
            reply: reply,
            failures: failures,
            storedAt: now,
            freshUntil: until,
            octets: octets,
            hits: 0,
            isRefreshed: false,
            chained: buckets[bucket],
            older: Self.none,
            newer: Self.none,
            isProtected: false
        )
        let place: Int
        if let reused = free.popLast() {
            place = reused
            entries[place] = entry
        } else {
            place = entries.count
            entries.append(entry)
        }
        buckets[bucket] = place
        octetCount += octets
        if selector.type.code == 0 { denialCount += 1 }
        link(place, isProtected: false)
    }

    private mutating func growBuckets() {
        if count < buckets.count { return }
        buckets = [Int](repeating: Self.none, count: buckets.count * 2)
        for list in [probation, protected] {
            var place = list.oldest
            while place != Self.none {
                let bucket = Int(truncatingIfNeeded: entries[place].hash) & (buckets.count - 1)
                entries[place].chained = buckets[bucket]
                buckets[bucket] = place
                place = entries[place].newer
            }
        }
    }

    // MARK: Letting go

    private mutating func evict() {
        let place = probation.oldest != Self.none ? probation.oldest : protected.oldest
        evictionCount += 1
        remove(place)
    }

    private mutating func remove(_ place: Int) {
        precondition(place != Self.none, "nothing is left to remove")
        let entry = entries[place]
        let bucket = Int(truncatingIfNeeded: entry.hash) & (buckets.count - 1)
        if buckets[bucket] == place {
            buckets[bucket] = entry.chained
        } else {
            var before = buckets[bucket]
            while entries[before].chained != place { before = entries[before].chained }
            entries[before].chained = entry.chained
        }
        unlink(place)
        octetCount -= entry.octets
        if entry.selector.type.code == 0 { denialCount -= 1 }
        entries[place].reply = UpstreamReply()
        free.append(place)
    }

    // MARK: Order

    /// Four of five entries may be protected.
    private var protectedMax: Int { max(1, limits.entries * 4 / 5) }

    private mutating func promote(_ place: Int) {
        if protected.newest == place { return }
        unlink(place)
        link(place, isProtected: true)
        if protected.count > protectedMax {
            let demoted = protected.oldest
            unlink(demoted)
            link(demoted, isProtected: false)
        }
    }

    private mutating func link(_ place: Int, isProtected: Bool) {
        var list = isProtected ? protected : probation
        entries[place].isProtected = isProtected
        entries[place].older = list.newest
        entries[place].newer = Self.none
        if list.newest != Self.none { entries[list.newest].newer = place }
        list.newest = place
        if list.oldest == Self.none { list.oldest = place }
        list.count += 1
        if isProtected { protected = list } else { probation = list }
    }

    private mutating func unlink(_ place: Int) {
        let (older, newer) = (entries[place].older, entries[place].newer)
        var list = entries[place].isProtected ? protected : probation
        if older == Self.none { list.oldest = newer } else { entries[older].newer = newer }
        if newer == Self.none { list.newest = older } else { entries[newer].older = older }
        list.count -= 1
        if entries[place].isProtected { protected = list } else { probation = list }
    }
}
