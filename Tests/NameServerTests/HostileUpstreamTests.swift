import Base
import Glibc
import LDNS
import LinuxSystem
import NameServer
import Synchronization
import Testing

/// Upstreams that lie, stall, truncate, flap or send too much: a client always hears in time, and
/// never what somebody else said.
@Suite("Upstreams that mean no good", .timeLimit(.minutes(5)))
struct HostileUpstreamTests {
    private func asked(_ fixture: Fixture, _ query: Query) throws -> DecodedMessage {
        let octets = try fixture.datagram(query.octets, milliseconds: 4500)
        return try DecodedMessage(try #require(octets, "an answer before 4.5 s"))
    }

    @Test("F3: what comes from elsewhere is not heard", arguments: ["address", "port"])
    func elsewhere(difference: String) throws {
        let liar = try Impersonated(difference)
        let fixture = try Fixture(upstreams: [liar.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.answer.map { $0.dataText } == ["192.0.2.1"])
        // The kernel has kept it away: nobody here had to judge it.
        #expect(fixture.count(.upstreamMismatch) == 0)
    }

    @Test(
        "an upstream whose TCP fails after its truncation leaves what it said, in time",
        arguments: StreamPeer.Manner.allCases
    )
    func brokenStream(manner: StreamPeer.Manner) throws {
        let peer = try StreamPeer(manner)
        let fixture = try Fixture(upstreams: [peer.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.isTruncated && reply.rcode == 0)
        // It has cost nobody else anything.
        #expect(try asked(fixture, Query("web", .a)).answer.count == 3)
    }

    @Test(
        "where another upstream is there, a broken TCP costs time and not the answer",
        arguments: [StreamPeer.Manner.silent, .half, .garbage]
    )
    func brokenBesideGood(manner: StreamPeer.Manner) throws {
        let peer = try StreamPeer(manner)
        let good = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(4)])]
        }
        let fixture = try Fixture(upstreams: [peer.endpoint, good.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        let isGood = reply.answer.map { $0.dataText } == ["192.0.2.4"]
        #expect(isGood || (reply.isTruncated && reply.rcode == 0))
    }

    @Test("64 KB of records reach a TCP client whole, and a UDP client as far as they fit")
    func longest() throws {
        // 12 for the header, 21 for the question, 16 for each record.
        let count = (65_535 - 12 - 21) / 16
        let upstream = try ScriptedUpstream(
            stream: { query in
                let answers = (0..<count).map { index in
                    Reply.record(.a, [10, 1, UInt8(index >> 8), UInt8(index & 255)])
                }
                return Reply.to(query, answers: answers)
            },
            { query, _ in [Reply.to(query, flags: 0x8380)] }
        )
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let question = Query("www.example.net", .a)
        let replies = try fixture.stream(framed(question.octets), messages: 1)
        let whole = try DecodedMessage(try #require(replies.first))
        // What an upstream says is kept up to half of what a message holds.
        #expect(whole.answer.count == count || whole.isTruncated)
        #expect(whole.answer.count >= count / 2 - 1)
        let cut = try asked(fixture, question)
        #expect(cut.isTruncated && cut.answer.count == 29)
    }

    @Test("a datagram of 64 KB is as good as any other")
    func longDatagram() throws {
        let upstream = try ScriptedUpstream { query, _ in
            let answers = (0..<4000).map { index in
                Reply.record(.a, [10, 1, UInt8(index >> 8), UInt8(index & 255)])
            }
            return [Reply.to(query, answers: answers)]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.isTruncated && reply.answer.count == 29)
        #expect(fixture.count(.upstreamMalformed) == 0)
    }

    @Test("an upstream that comes and goes costs no answer while another one is there")
    func flapping() throws {
        // In turn: an answer, silence, an error, nonsense.
        let flapping = try ScriptedUpstream { query, number in
            switch number % 4 {
            case 0: [Reply.to(query, answers: [Reply.address(1)])]
            case 1: []
            case 2: [Reply.to(query, flags: 0x8182)]
            default: [[UInt8](repeating: 0xff, count: 600)]
            }
        }
        let steady = try ScriptedUpstream { query, _ in
            [Reply.to(query, answers: [Reply.address(2)])]
        }
        let fixture = try Fixture(upstreams: [flapping.endpoint, steady.endpoint])
        for index in 0..<40 {
            let reply = try asked(fixture, Query("h\(index).example.net", .a))
            #expect(reply.rcode == 0 && reply.answer.count == 1, "question \(index)")
        }
        #expect(!flapping.queries.isEmpty && !steady.queries.isEmpty)
    }

    @Test("aliases in a circle are passed on as they are, and followed no further")
    func circle() throws {
        let upstream = try ScriptedUpstream { query, _ in
            let name = Array(Reply.question(query).dropLast(4))
            let other = Query.labels("other.example.net") + [0]
            let back = other + [0, 5, 0, 1, 0, 0, 1, 44] + Query.word(UInt16(name.count)) + name
            return [Reply.to(query, answers: [Reply.record(.cname, other), back])]
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let reply = try asked(fixture, Query("www.example.net", .a))
        #expect(reply.answer.count <= 2)
        #expect(upstream.queries.count <= 2)
    }

    @Test("a flood of replies to one question keeps nobody else waiting")
    func floodOfReplies() throws {
        let upstream = try ScriptedUpstream { query, _ in
            var wrong = Reply.to(query, answers: [Reply.address(66)])
            wrong[0] ^= 0xff
            return [[UInt8]](repeating: wrong, count: 500)
        }
        let fixture = try Fixture(upstreams: [upstream.endpoint])
        let client = try Sockets.datagram(connectedTo: fixture.endpoint)
        _ = try Sockets.send(client.raw, Query("www.example.net", .a).octets)
        for _ in 0..<20 { #expect(try asked(fixture, Query("web", .a)).answer.count == 3) }
    }
}

/// An upstream on whose behalf somebody else answers first.
private final class Impersonated: Sendable {
    let endpoint: SocketEndpoint
    private let stopping = Atomic<Bool>(false)

    /// `difference`: whether the other one has another address or another port.
    init(_ difference: String) throws {
        let any = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let own = try Sockets.datagram(boundTo: any, shared: false)
        endpoint = try Sockets.localEndpoint(of: own.raw)
        let other = SocketEndpoint(
            address: .v4(IPv4Address(127, 0, 0, difference == "address" ? 2 : 1)),
            port: difference == "address" ? endpoint.port : 0
        )
        let sockets = Box(own, try Sockets.datagram(boundTo: other, shared: false))
        _ = try PinnedThread(name: "impersonated") { [weak self] in
            do {
                var batch = try DatagramBatch(capacity: 1, receiveOctets: 4096, sendOctets: 512)
                let poller = try Poller()
                try poller.add(sockets.own.raw, token: 0, for: .read)
                var events: [Poller.Event] = []
                while let self, !self.stopping.load(ordering: .relaxed) {
                    try poller.wait(milliseconds: 20, into: &events)
                    if try batch.receive(from: sockets.own.raw, limit: 1) == 0 { continue }
                    var query: [UInt8] = []
                    batch.reply(to: 0) { datagram, _ in
                        for index in datagram.octets.indices {
                            query.append(datagram.octets[index])
                        }
                    }
                    guard let client = batch.source(of: 0) else { continue }
                    let lie = Reply.to(query, answers: [Reply.address(66)])
                    let truth = Reply.to(query, answers: [Reply.address(1)])
                    try? Sockets.send(sockets.other.raw, lie, to: client, control: [])
                    try poller.wait(milliseconds: 20, into: &events)
                    try Sockets.send(sockets.own.raw, truth, to: client, control: [])
                }
            } catch {
                return
            }
        }
    }

    deinit { stopping.store(true, ordering: .relaxed) }

    private final class Box: Sendable {
        let own: Descriptor
        let other: Descriptor
        init(_ own: consuming Descriptor, _ other: consuming Descriptor) {
            self.own = own
            self.other = other
        }
    }
}

/// An upstream that truncates over UDP and misbehaves over TCP.
final class StreamPeer: Sendable {
    enum Manner: String, CaseIterable, Sendable, CustomTestStringConvertible {
        /// Nobody listens.
        case closed
        /// Takes the connection and says nothing.
        case silent
        /// The first octets of a long reply, and no more.
        case half
        /// The same, and then the end.
        case cut
        /// A length that no message has.
        case empty
        /// 64 KB that are no message.
        case garbage
        /// An octet now and then.
        case drip

        var testDescription: String { rawValue }
    }

    private let datagrams: ScriptedUpstream
    private let stopping = Atomic<Bool>(false)

    var endpoint: SocketEndpoint { datagrams.endpoint }

    init(_ manner: Manner) throws {
        let (datagrams, listener) = try Self.upstream(withListener: manner != .closed)
        self.datagrams = datagrams
        guard let listener else { return }
        _ = try PinnedThread(name: "stream-peer") { [weak self] in
            var kept: [Box] = []
            while let self, !self.stopping.load(ordering: .relaxed) {
                if let connection = try? Self.accept(listener.socket.raw) {
                    let box = Box(connection)
                    Self.answer(box.socket.raw, manner)
                    if manner != .cut, manner != .empty { kept.append(box) }
                }
                if manner == .drip {
                    for box in kept { _ = try? Sockets.send(box.socket.raw, [0]) }
                }
            }
        }
    }

    deinit { stopping.store(true, ordering: .relaxed) }

    /// An upstream that truncates, and a listener at its port, which another test may just have
    /// taken.
    private static func upstream(withListener: Bool) throws -> (ScriptedUpstream, Box?) {
        for _ in 0..<20 {
            let datagrams = try ScriptedUpstream { query, _ in
                [Reply.to(query, flags: 0x8380, answers: [Reply.address(3)])]
            }
            if !withListener { return (datagrams, nil) }
            let place = datagrams.endpoint
            if let listener = try? Sockets.listener(boundTo: place, shared: false) {
                return (datagrams, Box(listener))
            }
        }
        throw SystemError("bind", code: EADDRINUSE)
    }

    private static func accept(_ listener: Int32) throws -> Descriptor? {
        let poller = try Poller()
        var events: [Poller.Event] = []
        try poller.add(listener, token: 0, for: .read)
        try poller.wait(milliseconds: 20, into: &events)
        return try Sockets.accept(listener)?.takeDescriptor()
    }

    private static func answer(_ connection: Int32, _ manner: Manner) {
        switch manner {
        case .closed, .silent: return
        case .half, .cut:
            _ = try? Sockets.send(connection, [4, 0] + [UInt8](repeating: 0, count: 99))
        case .empty: _ = try? Sockets.send(connection, [0, 0])
        case .garbage:
            _ = try? Sockets.send(
                connection,
                [0xff, 0xff] + [UInt8](repeating: 0xc0, count: 65_535)
            )
        case .drip: _ = try? Sockets.send(connection, [2])
        }
    }

    private final class Box: Sendable {
        let socket: Descriptor
        init(_ socket: consuming Descriptor) { self.socket = socket }
    }
}
