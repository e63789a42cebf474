import Base
import DNSWire
import Testing

@Suite("Queries read in place")
struct QueryViewTests {
    @Test("our own query is read back")
    func roundTrip() throws {
        let name = try DomainName("web.mynet")
        let octets = QueryWriter.query(id: 0x1234, labels: name.octets, type: .srv, dnssecOK: true)
        let query = try QueryView(octets.span)
        #expect(query.id == 0x1234)
        #expect(query.type == .srv)
        #expect(query.questionClass == 1)
        #expect(query.flags == .recursionDesired)
        #expect(query.edns?.datagramMax == 1232)
        #expect(query.edns?.dnssecOK == true)
        var labels: [UInt8] = []
        for index in query.labels.indices { labels.append(query.labels[index]) }
        #expect(labels == name.octets)
    }

    @Test("every prefix of a query is refused without a crash")
    func prefixes() throws {
        let name = try DomainName("web.mynet")
        let octets = QueryWriter.query(id: 1, labels: name.octets, type: .a)
        for length in 0..<octets.count {
            let part = Array(octets[..<length])
            #expect(throws: QueryFault.self) { try Self.read(part) }
        }
    }

    private static func read(_ octets: [UInt8]) throws {
        _ = try QueryView(octets.span)
    }
}
