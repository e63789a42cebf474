import Base
import Names
import Testing

@Suite("Forwarding decisions")
struct ForwarderTests {
    private let first = SocketEndpoint(address: .v4(IPv4Address(192, 0, 2, 1)), port: 53)
    private let second = SocketEndpoint(address: .v4(IPv4Address(192, 0, 2, 2)), port: 53)
    private let id = Forwarder.ExchangeID(number: 1)

    private func moment(_ milliseconds: UInt64) -> Moment {
        Moment.zero.advanced(milliseconds: milliseconds)
    }

    private func outputs(_ forwarder: inout Forwarder) -> [Forwarder.Output] {
        var list: [Forwarder.Output] = []
        while let output = forwarder.next() { list.append(output) }
        return list
    }

    private func attempt(_ index: Int, _ upstream: SocketEndpoint) -> Forwarder.Attempt {
        Forwarder.Attempt(exchange: id, index: index, upstream: upstream)
    }

    @Test("an unreachable upstream hands over at once (F10)")
    func unreachable() {
        var forwarder = Forwarder(limit: 4)
        forwarder.handle(.question(id, upstreams: [first, second]), at: moment(0))
        #expect(outputs(&forwarder) == [.send(attempt(0, first))])
        forwarder.handle(.unreachable(attempt(0, first)), at: moment(1))
        #expect(outputs(&forwarder) == [.send(attempt(1, second))])
        forwarder.handle(.unreachable(attempt(1, second)), at: moment(2))
        #expect(outputs(&forwarder) == [.fail(id, .noReply)])
        #expect(forwarder.inFlight == 0)
    }

    @Test("silence asks the next one, and the end comes before the client's patience does (F9)")
    func silence() {
        var forwarder = Forwarder(limit: 4)
        forwarder.handle(.question(id, upstreams: [first, second]), at: moment(0))
        _ = outputs(&forwarder)
        var sent: [SocketEndpoint] = []
        var end: UInt64?
        for millisecond in stride(from: UInt64(100), through: 5000, by: 100) {
            forwarder.wake(at: moment(millisecond))
            for output in outputs(&forwarder) {
                switch output {
                case .send(let attempt): sent.append(attempt.upstream)
                case .fail(_, let why):
                    #expect(why == .noReply)
                    end = millisecond
                case .answer: Issue.record("nobody replied")
                }
            }
        }
        #expect(sent == [second, first, second])
        #expect(end.map { $0 < 4500 } == true)
    }

    @Test("a late reply to an earlier attempt still counts, an unusable one asks the next (F11)")
    func replies() {
        var forwarder = Forwarder(limit: 4)
        forwarder.handle(.question(id, upstreams: [first, second]), at: moment(0))
        forwarder.wake(at: moment(1000))
        #expect(outputs(&forwarder).count == 2)
        forwarder.handle(.reply(attempt(1, second), isUsable: false), at: moment(1010))
        #expect(outputs(&forwarder).isEmpty)
        forwarder.handle(.reply(attempt(0, first), isUsable: true), at: moment(1200))
        #expect(outputs(&forwarder) == [.answer(id)])
        forwarder.handle(.reply(attempt(1, second), isUsable: true), at: moment(1300))
        forwarder.wake(at: moment(9000))
        #expect(outputs(&forwarder).isEmpty)
    }

    @Test("when all replies are unusable the failure says so")
    func unusable() {
        var forwarder = Forwarder(limit: 4)
        forwarder.handle(.question(id, upstreams: [first]), at: moment(0))
        _ = outputs(&forwarder)
        forwarder.handle(.reply(attempt(0, first), isUsable: false), at: moment(5))
        #expect(outputs(&forwarder) == [.fail(id, .noUsableReply)])
    }

    @Test("beyond its limit it refuses, without upstreams it fails at once")
    func limits() {
        var forwarder = Forwarder(limit: 1)
        forwarder.handle(.question(id, upstreams: [first]), at: moment(0))
        let other = Forwarder.ExchangeID(number: 2)
        forwarder.handle(.question(other, upstreams: [first]), at: moment(0))
        #expect(outputs(&forwarder).last == .fail(other, .limit))
        let third = Forwarder.ExchangeID(number: 3)
        forwarder.handle(.question(third, upstreams: []), at: moment(0))
        #expect(outputs(&forwarder) == [.fail(third, .noUpstream)])
    }
}
