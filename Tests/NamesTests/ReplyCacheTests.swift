import Base
import Names
import Testing

/// A cache that expectations can ask.
private final class Shelf {
    private var cache: ReplyCache

    init(entries: Int) {
        cache = ReplyCache(limits: .init(entries: entries), hash: SipHash(key: 3, 4))
    }

    var isEmpty: Bool { cache.isEmpty }
    var count: Int { cache.count }
    var octetCount: Int { cache.octetCount }

    subscript(place: Int) -> UpstreamReply { cache[place] }

    func insert(
        _ name: DomainName,
        _ selector: ReplyCache.Selector,
        _ reply: UpstreamReply,
        at now: Moment
    ) {
        cache.insert(Self.key(name), selector, reply, at: now)
    }

    func find(
        _ name: DomainName,
        _ selector: ReplyCache.Selector,
        at now: Moment
    ) -> ReplyCache.Found? {
        cache.find(Self.key(name), selector, at: now)
    }

    private static func key(_ name: DomainName) -> NameKey {
        var key = NameKey(seed: 0)
        key.load(name)
        return key
    }
}

@Suite("Replies kept")
struct ReplyCacheTests {
    private let cache = Shelf(entries: 50)
    private static let start = Moment(nanoseconds: 1_000_000_000)

    private static func selector(_ type: RecordType = .a, group: UInt64 = 1) -> ReplyCache.Selector
    {
        .init(type: type, dnssecOK: false, checkingDisabled: false, group: group)
    }

    private static func after(_ seconds: UInt64) -> Moment {
        start.advanced(milliseconds: seconds * 1000)
    }

    private static func answer(ttl: UInt32, body: Int = 10) -> UpstreamReply {
        UpstreamReply(
            body: [UInt8](repeating: 7, count: body),
            answerCount: 1,
            answerTTL: ttl
        )
    }

    private static func denial(_ code: UInt16, ttl: UInt32?) -> UpstreamReply {
        UpstreamReply(code: code, denialTTL: ttl)
    }

    @Test("K1: an answer is fresh for its TTL and grows old by the second; TTL 0 is not kept")
    func positive() throws {
        let key = try DomainName("a.example")
        cache.insert(key, Self.selector(), Self.answer(ttl: 60), at: Self.start)
        let found = try #require(cache.find(key, Self.selector(), at: Self.after(59)))
        #expect(found.age == 59 && !found.isStale)
        #expect(cache.find(key, Self.selector(), at: Self.after(60))?.isStale == true)
        #expect(cache.find(key, Self.selector(), at: Self.after(86_461)) == nil)
        #expect(cache.find(key, Self.selector(.aaaa), at: Self.start) == nil)
        #expect(cache.find(key, Self.selector(group: 2), at: Self.start) == nil)
        let other = try DomainName("b.example")
        cache.insert(other, Self.selector(), Self.answer(ttl: 0), at: Self.start)
        #expect(cache.find(other, Self.selector(), at: Self.start) == nil)
    }

    @Test("K1, K3: an hour and five minutes are the most that anything is fresh for")
    func caps() throws {
        let key = try DomainName("a.example")
        cache.insert(key, Self.selector(), Self.answer(ttl: 86_400), at: Self.start)
        #expect(cache.find(key, Self.selector(), at: Self.after(3599))?.isStale == false)
        #expect(cache.find(key, Self.selector(), at: Self.after(3600))?.isStale == true)
        cache.insert(key, Self.selector(.mx), Self.denial(0, ttl: 86_400), at: Self.start)
        #expect(cache.find(key, Self.selector(.mx), at: Self.after(299))?.isStale == false)
        #expect(cache.find(key, Self.selector(.mx), at: Self.after(300))?.isStale == true)
    }

    @Test("K4: a denial without a SOA record is not kept", arguments: [0, 3] as [UInt16])
    func withoutSOA(code: UInt16) throws {
        let key = try DomainName("a.example")
        cache.insert(key, Self.selector(), Self.denial(code, ttl: nil), at: Self.start)
        #expect(cache.isEmpty)
    }

    @Test("K5: NXDOMAIN denies every type and the names below, NODATA only its type")
    func cut() throws {
        let above = try DomainName("a.example")
        let below = try DomainName("x.y.a.example")
        cache.insert(above, Self.selector(), Self.denial(0, ttl: 60), at: Self.start)
        #expect(cache.find(below, Self.selector(), at: Self.start) == nil)
        cache.insert(above, Self.selector(), Self.denial(3, ttl: 60), at: Self.start)
        for type in [RecordType.a, .aaaa, .txt] {
            #expect(cache.find(above, Self.selector(type), at: Self.start) != nil)
            let found = try #require(cache.find(below, Self.selector(type), at: Self.start))
            #expect(cache[found.place].code == 3)
        }
        #expect(cache.find(below, Self.selector(), at: Self.after(61)) == nil)
        let beside = try DomainName("xa.example")
        #expect(cache.find(beside, Self.selector(), at: Self.start) == nil)
    }

    @Test("K5: a name below that is known better is not denied")
    func descendant() throws {
        let above = try DomainName("a.example")
        let below = try DomainName("b.a.example")
        cache.insert(below, Self.selector(), Self.answer(ttl: 60), at: Self.start)
        cache.insert(above, Self.selector(), Self.denial(3, ttl: 60), at: Self.start)
        let found = try #require(cache.find(below, Self.selector(), at: Self.start))
        #expect(cache[found.place].code == 0)
    }

    @Test("K8: a denial that comes later replaces a stale answer")
    func zombie() throws {
        let key = try DomainName("a.example")
        cache.insert(key, Self.selector(), Self.answer(ttl: 10), at: Self.start)
        cache.insert(key, Self.selector(), Self.denial(3, ttl: 10), at: Self.after(20))
        for second in [21, 40] as [UInt64] {
            let found = try #require(cache.find(key, Self.selector(), at: Self.after(second)))
            #expect(cache[found.place].code == 3)
        }
    }

    @Test("K9: a flood of names that nobody asks for twice costs those that are asked for nothing")
    func flood() throws {
        for number in 0..<30 {
            let key = try DomainName("hot\(number).example")
            cache.insert(key, Self.selector(), Self.answer(ttl: 3600), at: Self.start)
            _ = cache.find(key, Self.selector(), at: Self.start)
        }
        for number in 0..<5000 {
            let key = try DomainName("r\(number).flood.example")
            cache.insert(key, Self.selector(), Self.answer(ttl: 3600), at: Self.start)
        }
        #expect(cache.count == 50)
        for number in 0..<30 {
            let key = try DomainName("hot\(number).example")
            #expect(cache.find(key, Self.selector(), at: Self.start) != nil)
        }
    }

    @Test("octets are bounded as entries are, and one reply that is too large is not kept")
    func octets() throws {
        for number in 0..<40 {
            let key = try DomainName("big\(number).example")
            cache.insert(key, Self.selector(), Self.answer(ttl: 60, body: 4000), at: Self.start)
            #expect(cache.octetCount <= 50 * 1024)
        }
        #expect(cache.count > 5)
        let key = try DomainName("huge.example")
        cache.insert(key, Self.selector(), Self.answer(ttl: 60, body: 60_000), at: Self.start)
        #expect(cache.find(key, Self.selector(), at: Self.start) == nil)
    }

    @Test("K11: what is asked for often is refreshed once, shortly before its time is over")
    func refresh() throws {
        let key = try DomainName("a.example")
        cache.insert(key, Self.selector(), Self.answer(ttl: 100), at: Self.start)
        for second in [1, 50, 89] as [UInt64] {
            let found = cache.find(key, Self.selector(), at: Self.after(second))
            #expect(found?.wantsRefresh == false)
        }
        #expect(cache.find(key, Self.selector(), at: Self.after(91))?.wantsRefresh == true)
        #expect(cache.find(key, Self.selector(), at: Self.after(92))?.wantsRefresh == false)
    }

    @Test("a cache of no entries keeps nothing")
    func off() throws {
        let none = Shelf(entries: 0)
        let key = try DomainName("a.example")
        none.insert(key, Self.selector(), Self.answer(ttl: 60), at: Self.start)
        #expect(none.isEmpty && none.find(key, Self.selector(), at: Self.start) == nil)
    }

    @Test("what is found is what a plain dictionary would have", arguments: UInt64(1)...20)
    func model(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let cache = Shelf(entries: 4000)
        var model: [String: (until: UInt64, marker: UInt8)] = [:]
        var second: UInt64 = 0
        for step in 0..<2000 {
            second += UInt64(dice.below(3))
            let name = "n\(dice.below(300)).example"
            let key = try DomainName(name)
            if dice.below(2) == 0 {
                let ttl = 1 + dice.below(60)
                let marker = UInt8(truncatingIfNeeded: step)
                let reply = UpstreamReply(body: [marker], answerCount: 1, answerTTL: ttl)
                cache.insert(key, Self.selector(), reply, at: Self.after(second))
                model[name] = (second + UInt64(ttl), marker)
            } else {
                let found = cache.find(key, Self.selector(), at: Self.after(second))
                let expected = model[name]
                #expect((found == nil) == (expected == nil))
                if let found, let expected {
                    #expect(cache[found.place].body == [expected.marker])
                    #expect(found.isStale == (expected.until <= second))
                }
            }
        }
    }
}
