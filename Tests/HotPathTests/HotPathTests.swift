import Base
import Testing

/// Counts, not clocks, guard the cost of a question: they are the same on every machine.
@Suite(
    "The main path of a question",
    .enabled(if: Probe.program != nil, "WAGGLE_BIN names no release executable; use make test"),
    .serialized
)
struct HotPathTests {
    private static let asked: [(name: String, type: UInt16, edns: Bool)] = [
        ("web.hot", 1, false), ("web", 1, true), ("WEB.hot", 28, true), ("tasks.web", 1, false),
        ("web.2.hot", 1, false), ("_http._tcp.web.hot", 33, true),
        ("2.0.8.10.in-addr.arpa", 12, false), ("web.hot", 15, true), ("nope.hot", 1, true),
    ]

    @Test(
        "allocates nothing, whatever local name is asked for, looked at closely or not",
        arguments: [false, true]
    )
    func allocations(watched: Bool) throws {
        let probe = try Probe(watchesEveryQuestion: watched)
        // What is allocated once, on first use, is not what a question costs.
        for asked in Self.asked { try probe.ask(message(asked), times: 200) }
        for asked in Self.asked {
            let before = try probe.allocations()
            try probe.ask(message(asked), times: 500)
            let after = try probe.allocations()
            #expect(after - before == 0, "500 questions for \(asked.name) of type \(asked.type)")
        }
    }

    @Test("an allocation on the path would be seen: an alias makes one for each question")
    func planted() throws {
        let probe = try Probe()
        let alias = message(("near.hot", 1, false))
        try probe.ask(alias, times: 200)
        let before = try probe.allocations()
        try probe.ask(alias, times: 500)
        #expect(try probe.allocations() - before >= 500)
    }

    @Test("allocates nothing for what an upstream has said before")
    func kept() throws {
        let upstream = try Upstream()
        let probe = try Probe(upstream: upstream.port)
        for edns in [false, true] {
            let question = message(("kept.up", 1, edns))
            try probe.ask(question, times: 200)
            let before = try probe.allocations()
            try probe.ask(question, times: 500)
            #expect(try probe.allocations() - before == 0, "500 questions, EDNS: \(edns)")
        }
        #expect(upstream.replyCount < 10, "nearly all are answered from what is kept")
    }

    @Test("allocates so much for a question that an upstream has to be asked, and no more")
    func forwarded() throws {
        let upstream = try Upstream()
        let probe = try Probe(upstream: upstream.port)
        for number in 0..<500 { try probe.ask(message(("a\(number).up", 1, true)), times: 1) }
        let before = try probe.allocations()
        for number in 0..<500 { try probe.ask(message(("b\(number).up", 1, true)), times: 1) }
        let each = Double(try probe.allocations() - before) / 500
        #expect(upstream.replyCount >= 1000)
        #expect(each <= Self.forwardedAllocationsMax, "allocations for each question")
    }

    /// Its socket, the message, who waits, what came back, and the growth of tables.
    private static let forwardedAllocationsMax = 16.0

    @Test("takes 64 questions with one system call and answers them with one")
    func systemCalls() throws {
        let probe = try Probe()
        let question = message(("web.hot", 1, false))
        try probe.ask(question, times: 10)
        let before = try probe.systemCalls()
        try probe.askAtOnce(question, times: 64)
        let after = try probe.systemCalls()
        for (call, limit) in [("recvmmsg", 1), ("sendmmsg", 1), ("epoll_wait", 2)] {
            let made = (after[call] ?? 0) - (before[call] ?? 0)
            #expect((1...limit).contains(made), "\(made) \(call) for 64 questions")
        }
    }

    private func message(_ asked: (name: String, type: UInt16, edns: Bool)) -> [UInt8] {
        var octets: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, asked.edns ? 1 : 0]
        for label in asked.name.split(separator: ".") {
            octets.append(UInt8(label.utf8.count))
            octets += Array(label.utf8)
        }
        octets += [0, 0, UInt8(asked.type), 0, 1]
        if asked.edns { octets += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] }
        return octets
    }
}
