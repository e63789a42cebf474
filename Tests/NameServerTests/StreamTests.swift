import Base
import Glibc
import LDNS
import NameServer
import Testing

@Suite("TCP clients")
struct StreamTests {
    @Test("TC2: a hundred questions in one write get a hundred answers")
    func pipelined() throws {
        let fixture = try Fixture()
        var octets: [UInt8] = []
        for id in 0..<100 { octets += framed(Query("web", .a, id: UInt16(id)).octets) }
        let replies = try fixture.stream(octets, messages: 100)
        #expect(Set(replies.map { Int($0[0]) << 8 | Int($0[1]) }) == Set(0..<100))
    }

    @Test("TC3: one octet at a time")
    func split() throws {
        let fixture = try Fixture()
        let client = try StreamClient(fixture.endpoint)
        for octet in framed(Query("web", .a).octets) { try client.send([octet]) }
        #expect(try client.messages(1).count == 1)
    }

    @Test("TC4: a length that no message has closes the connection", arguments: [0, 1, 11])
    func framing(length: UInt8) throws {
        let fixture = try Fixture()
        let client = try StreamClient(fixture.endpoint)
        try client.send([0, length] + [UInt8](repeating: 0, count: Int(length)))
        #expect(try client.isClosed(milliseconds: 2000))
        #expect(fixture.count(.streamFaults) == 1)
    }

    @Test("TC5: a message that never ends is given two seconds")
    func stalled() throws {
        let fixture = try Fixture()
        let client = try StreamClient(fixture.endpoint)
        try client.send([0xff, 0xff, 1, 2, 3])
        #expect(try client.isClosed(milliseconds: 4000))
        #expect(fixture.count(.streamsTimedOut) == 1)
    }

    @Test("TC7: the idle time is told to who asks")
    func keepalive() throws {
        let fixture = try Fixture()
        let query = Query("web", .a).edns(options: [0, 11, 0, 0])
        let replies = try fixture.stream(framed(query.octets), messages: 1)
        let reply = try DecodedMessage(try #require(replies.first))
        #expect(reply.edns?.options.first { $0.code == 11 }?.data == [0, 100])
        let datagram = try #require(try fixture.datagram(query.octets))
        #expect(try DecodedMessage(datagram).edns?.options.isEmpty == true)
    }

    @Test("TC9: at its limit a client's newest connection takes the place of its idlest")
    func limit() throws {
        let fixture = try Fixture()
        var clients: [StreamClient] = []
        for _ in 0..<64 {
            let client = try StreamClient(fixture.endpoint)
            try client.send(framed(Query("web", .a).octets))
            #expect(try client.messages(1).count == 1)
            clients.append(client)
        }
        // The first one speaks again, so the second one is the idlest.
        try clients[0].send(framed(Query("web", .a).octets))
        #expect(try clients[0].messages(1).count == 1)
        let late = try StreamClient(fixture.endpoint)
        try late.send(framed(Query("web", .a).octets))
        #expect(try late.messages(1).count == 1)
        #expect(try clients[1].isClosed(milliseconds: 2000))
        #expect(fixture.count(.streamsEvicted) == 1 && fixture.count(.streamsRefused) == 0)
        for client in clients[2...] + [clients[0]] {
            try client.send(framed(Query("web", .a).octets))
            #expect(try client.messages(1).count == 1)
        }
    }

    @Test("TC9: a connection that waits for an upstream is closed for none of the same client")
    func waiting() throws {
        let dead = try ScriptedUpstream { _, _ in [] }
        let fixture = try Fixture(upstreams: [dead.endpoint])
        var clients: [StreamClient] = []
        for index in 0..<64 {
            let client = try StreamClient(fixture.endpoint)
            try client.send(framed(Query("h\(index).example.net", .a).octets))
            clients.append(client)
        }
        for _ in 0..<5000 where fixture.count(.forwarded) < 64 { usleep(1000) }
        try #require(fixture.count(.forwarded) == 64)
        let late = try StreamClient(fixture.endpoint)
        #expect(try late.isClosed(milliseconds: 2000))
        #expect(fixture.count(.streamsRefused) == 1 && fixture.count(.streamsEvicted) == 0)
        for client in clients { #expect(try client.messages(1, milliseconds: 6000).count == 1) }
    }

    @Test("a client of a thousand questions has its turn beside others, not before them")
    func greedy() throws {
        let fixture = try Fixture()
        let greedy = try StreamClient(fixture.endpoint)
        var questions: [UInt8] = []
        for id in 0..<1000 { questions += framed(Query("web", .a, id: UInt16(id)).octets) }
        try greedy.send(questions)
        let replies = try greedy.messages(1000)
        #expect(replies.map { Int($0[0]) << 8 | Int($0[1]) } == Array(0..<1000))
        // Sixteen a turn, each with a wait of its own.
        #expect(fixture.count(.waits) >= 1000 / 16)
    }

    @Test("what was asked before a fault in the framing is answered")
    func lastWords() throws {
        let fixture = try Fixture()
        let octets = framed(Query("web", .a).octets) + [0, 3, 1, 2, 3]
        #expect(try fixture.stream(octets, messages: 1).count == 1)
    }

    @Test("TC11: two hundred records are one message; H17: a reply is skipped, not answered")
    func big() throws {
        let fixture = try Fixture()
        let reply = framed(Query("web", .a, id: 1).with(flags: 0x8100).octets)
        let big = framed(Query("big", .a, id: 2).octets)
        let replies = try fixture.stream(reply + big, messages: 1)
        let decoded = try DecodedMessage(try #require(replies.first))
        #expect(decoded.id == 2)
        #expect(decoded.answer.count == 200)
        #expect(!decoded.isTruncated)
    }

    @Test("TC1: a client that has closed its side still gets its answer, then the end")
    func halfClosed() throws {
        let fixture = try Fixture()
        let client = try StreamClient(fixture.endpoint)
        try client.send(framed(Query("web", .a).octets))
        client.finish()
        #expect(try client.messages(1).count == 1)
        #expect(try client.isClosed(milliseconds: 1000))
    }

    @Test("TC6: a connection without a question is closed after ten seconds, not before")
    func idle() throws {
        let fixture = try Fixture()
        let client = try StreamClient(fixture.endpoint)
        try client.send(framed(Query("web", .a).octets))
        #expect(try client.messages(1).count == 1)
        #expect(try !client.isClosed(milliseconds: 8000))
        #expect(try client.isClosed(milliseconds: 6000))
    }

    @Test("TC8: one stalled client costs the others nothing")
    func stalledNeighbour() throws {
        let fixture = try Fixture()
        let stalled = try StreamClient(fixture.endpoint)
        try stalled.send([0, 40, 1])
        for _ in 0..<20 {
            let replies = try fixture.stream(framed(Query("web", .a).octets), messages: 1)
            #expect(replies.count == 1)
        }
        #expect(fixture.count(.streamFaults) == 0)
    }

    @Test(
        "TC10: a client that does not read is closed, and what waits for it is bounded",
        .timeLimit(.minutes(1))
    )
    func deaf() throws {
        let fixture = try Fixture()
        let client = try StreamClient(fixture.endpoint)
        // 200 records are 3.2 KB: far more replies than the socket and our queue take together.
        client.shrink()
        let question = framed(Query("big", .a).octets)
        var questions: [UInt8] = []
        for _ in 0..<4000 { questions += question }
        #expect(try client.offer(questions))
        while fixture.count(.streamsTimedOut) + fixture.count(.streamFaults) == 0 {
            _ = try client.offer(question)
        }
        #expect(fixture.count(.streamsTimedOut) + fixture.count(.streamFaults) == 1)
        #expect(try fixture.stream(framed(Query("web", .a).octets), messages: 1).count == 1)
    }

    @Test("M15: the longest message, all zeros, is answered with an error and nothing else")
    func zeros() throws {
        let fixture = try Fixture()
        let zeros = framed([UInt8](repeating: 0, count: 65_535))
        let replies = try fixture.stream(zeros, messages: 1)
        #expect(try DecodedMessage(try #require(replies.first)).rcode == 1)
        #expect(try fixture.stream(framed(Query("web", .a).octets), messages: 1).count == 1)
    }
}
