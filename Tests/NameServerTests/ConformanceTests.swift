import Base
import LDNS
import NameServer
import Testing

/// The rows of the conformance table, each over UDP and TCP against a real server.
@Suite("Conformance")
struct ConformanceTests {
    /// One server for all rows: they look at what comes back, not at counters.
    private static let shared = Result { try Fixture() }

    private func check(_ row: Row) throws {
        let fixture = try Self.shared.get()
        if row.expect.isDropped {
            #expect(try fixture.isDropped(row.query.octets), "\(row.id) is dropped")
            return
        }
        let datagram = try #require(try fixture.datagram(row.query.octets), "\(row.id) over UDP")
        try row.judge(datagram, over: "UDP")
        let limit = max(row.query.octets.count, 1232)
        #expect(datagram.count <= limit, "\(row.id): no amplification")
        if [1, 4, 5].contains(row.expect.code) {
            #expect(datagram.count <= row.query.octets.count + 11, "\(row.id): small errors")
        }
        // Cutting is UDP's alone.
        if row.expect.isTruncated == true || row.query.octets.count < 12 { return }
        let replies = try fixture.stream(framed(row.query.octets), messages: 1)
        try row.judge(try #require(replies.first, "\(row.id) over TCP"), over: "TCP")
    }

    @Test("header, opcode, class, type (§1.1)", arguments: Rows.headers)
    func headerRows(row: Row) throws { try check(row) }

    @Test("names and malformed wire (§1.2)", arguments: Rows.names)
    func nameRows(row: Row) throws { try check(row) }

    @Test("EDNS (§1.3)", arguments: Rows.edns)
    func ednsRows(row: Row) throws { try check(row) }

    @Test("local data (§1.4)", arguments: Rows.local)
    func localRows(row: Row) throws { try check(row) }

    @Test("special-use names (§1.5)", arguments: Rows.special)
    func specialRows(row: Row) throws { try check(row) }

    @Test(
        "M1, M2: what has no header is dropped, and the next question answered",
        arguments: 0..<12
    )
    func short(length: Int) throws {
        let fixture = try Fixture()
        let octets = Array(Query(Rows.web, .a).octets.prefix(length))
        #expect(try fixture.isDropped(octets))
        #expect(fixture.count(.droppedShort) == 1)
    }

    @Test("T2: ANY of a name that is not ours gets the minimal answer")
    func minimalAny() throws {
        let fixture = try Fixture()
        let query = Query("www.example.net", .any)
        let reply = try #require(try fixture.datagram(query.octets))
        let decoded = try DecodedMessage(reply)
        #expect(decoded.answer.map { $0.type } == [.hinfo])
        #expect(!decoded.isAuthoritative)
    }
}
