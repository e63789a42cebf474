import Base
import NameServer
import Names
import Testing

@Suite("What a worker tells of itself")
struct WatchTests {
    @Test("a query log that nobody reads drops and counts, and every question is answered")
    func overflow() throws {
        let fixture = try Fixture(watch: WatchLimits(querySample: 1))
        let log = try #require(fixture.server.queryLogs.first)
        let query = Query("web", .a).octets
        let count = 2048 + 52
        #expect(try fixture.replies(to: query, times: count) == count)
        #expect(fixture.count(.queryLogDropped) == 52)
        #expect(fixture.count(.queriesLogged) == 2048)
        var taken = 0
        var strange = 0
        while let entry = log.next() {
            taken += 1
            let isOurs = entry.sandbox == "probe" && entry.source == .local && entry.code == 0
            if !isOurs || "\(entry.name)" != "web" { strange += 1 }
        }
        #expect(taken == 2048 && strange == 0)
        #expect(try fixture.datagram(Query("nope.svc.internal", .txt).octets) != nil)
        let entry = try #require(log.next())
        #expect("\(entry.name)" == "nope.svc.internal" && entry.type == .txt && entry.code == 3)
        #expect(entry.client.address == .v4(IPv4Address(127, 0, 0, 1)) && entry.client.port > 0)
        #expect(!entry.isStream && entry.microseconds == nil)
    }

    @Test("forwarded and kept answers are logged with where they came from, over TCP too")
    func sources() throws {
        let upstream = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(5)])]
        }
        let fixture = try Fixture(
            upstreams: [upstream.endpoint],
            watch: WatchLimits(querySample: 1)
        )
        let log = try #require(fixture.server.queryLogs.first)
        let query = Query("www.example.net", .a).octets
        #expect(try fixture.datagram(query) != nil)
        #expect(try fixture.datagram(query) != nil)
        let framed = [UInt8(query.count >> 8), UInt8(query.count & 255)] + query
        #expect(try fixture.stream(framed, messages: 1).count == 1)
        let entries = [log.next(), log.next(), log.next()].compactMap { $0 }
        #expect(entries.map { $0.source } == [.upstream, .cache, .cache])
        #expect(entries.map { $0.isStream } == [false, false, true])
        #expect(entries.map { $0.microseconds != nil } == [true, false, false])
        #expect(entries.allSatisfy { "\($0.name)" == "www.example.net" && $0.code == 0 })
    }

    @Test("names are counted one in N, and the first question is one")
    func names() throws {
        let fixture = try Fixture(watch: WatchLimits(nameSample: 4))
        for _ in 0..<8 { #expect(try fixture.datagram(Query("web", .a).octets) != nil) }
        for _ in 0..<4 { #expect(try fixture.datagram(Query("WEB", .a).octets) != nil) }
        let sight = try #require(fixture.server.look().first)
        #expect(sight.names.map { "\($0.name)" } == ["web"])
        #expect(sight.names.map { $0.count } == [3])
        #expect(sight.upstreams.isEmpty && sight.cacheCount == 0)
    }

    @Test("slots beyond the last that is counted alone are counted together")
    func slots() throws {
        let fixture = try Fixture()
        #expect(try fixture.datagram(Query("web", .a).octets) != nil)
        #expect(try fixture.datagram(Query("nope.svc.internal", .a).octets) != nil)
        let tally = try #require(fixture.server.tally(slot: 0))
        #expect(tally[.questions] == 2 && tally[.local] == 2 && tally[.nxDomain] == 1)
        #expect(fixture.server.tally(slot: SandboxCounters.slotsMax) == nil)
        #expect(fixture.server.otherTally == SandboxTally())
        fixture.server.close(slots: [0])
        #expect(fixture.server.tally(slot: 0) == SandboxTally())
    }
}
