import Base
import Gossip
import GossipNode
import GossipWire
import LinuxSystem
import Testing

@Suite("GossipNode: hostile input", .serialized, .timeLimit(.minutes(3)))
struct HostileTests {
    /// Sends in small bursts and waits until each was read, so that none is lost on the way.
    private func send(_ octets: [[UInt8]], to node: TestNode) async throws {
        let stranger = try Stranger(node.address)
        let counters = node.node.counters
        for start in stride(from: 0, to: octets.count, by: 50) {
            let before = counters[.datagramsIn]
            let burst = octets[start..<min(start + 50, octets.count)]
            for datagram in burst { try stranger.send(datagram) }
            try await wait("read") { counters[.datagramsIn] >= before + UInt64(burst.count) }
        }
    }

    /// The ring is what it was, and still works.
    private func expectHealthy(_ nodes: [TestNode]) async throws {
        #expect(try await allSeeAll(nodes))
        let newcomer = try TestNode("newcomer")
        newcomer.node.join([nodes[0].address])
        try await wait("a newcomer joins") { try await allSeeAll(nodes + [newcomer]) }
    }

    @Test("Random octets in datagrams are counted and change nothing", arguments: [false, true])
    func randomDatagrams(isSealed: Bool) async throws {
        let ringKey = try key(1)
        let nodes = try await ring(2) { if isSealed { $0.keys = try! KeyRing([ringKey]) } }
        var dice = Dice(7)
        var datagrams = (0..<1000).map { _ in dice.octets(1 + dice.below(300)) }
        // With first octets that say something, and long ones.
        for type: UInt8 in 0...13 {
            for _ in 0..<30 { datagrams.append([type] + dice.octets(dice.below(200))) }
        }
        datagrams += (0..<4).map { _ in dice.octets(60_000) }
        try await send(datagrams, to: nodes[0])
        let counters = nodes[0].node.counters
        if isSealed {
            try await wait("all refused") {
                counters[.refusedSeal] + counters[.refusedLabel] >= UInt64(datagrams.count)
            }
        } else {
            #expect(counters[.refusedMessage] + counters[.refusedLabel] >= 1000)
        }
        #expect(try await nodes[0].members().count == 2)
        if !isSealed { try await expectHealthy(nodes) }
    }

    @Test("Random octets over streams are counted and close the stream")
    func randomStreams() async throws {
        let nodes = try await ring(2)
        var dice = Dice(8)
        let before = faults(nodes[0])
        for round in 0..<60 {
            let stream = try StrangeStream(nodes[0].address)
            let first = [UInt8]([0, 6, 8, 9, 10, 0xf4, 13, 77][round % 8...round % 8])
            _ = try await stream.send(first + dice.octets(1 + dice.below(3000)))
            Sockets.finishSending(stream.descriptor.raw)
            #expect(try await stream.answer() != nil)
        }
        #expect(faults(nodes[0]) >= before + 60)
        try await expectHealthy(nodes)
        try await wait("no stream is left") { try await nodes[0].counts().acceptedStreams == 0 }
    }

    private func faults(_ node: TestNode) -> UInt64 {
        let counters = node.node.counters
        return [
            GossipCounters.Counter.streamFaultLabel, .streamFaultSeal, .streamFaultPlain,
            .streamFaultMessage, .streamFaultLimit, .streamsCut, .streamsBroken,
            .streamUserMessages, .strangersAsked, .exchangesAsked, .streamPings,
        ].reduce(0) { $0 + counters[$1] }
    }

    @Test("A little that inflates to very much is refused, in a datagram and over a stream")
    func bombs() async throws {
        let nodes = try await ring(2)
        let zeros = [UInt8](repeating: 0, count: 2 << 20)
        var encoder = LZWEncoder()
        let compressed = encoder.encode(zeros.span)
        let packed = try #require(compressed)
        #expect(packed.count < 8000)
        // {Algo: 0, Buf: packed}
        let bomb =
            hex("0982a4416c676f00a3427566da") + [
                UInt8(packed.count >> 8), UInt8(packed.count & 255),
            ]
            + packed
        let counters = nodes[0].node.counters
        let before = residentPages()
        try await send([[UInt8]](repeating: bomb, count: 100), to: nodes[0])
        try await wait("all refused") { counters[.refusedCompression] >= 100 }
        for _ in 0..<20 {
            let stream = try StrangeStream(nodes[0].address)
            _ = try await stream.send(bomb)
            #expect(try await stream.answer() == [])
        }
        #expect(counters[.streamFaultMessage] >= 20)
        // What was refused was not kept: 120 of them would be 240 MiB.
        expectGrowth(since: before, below: 16_384)
        try await expectHealthy(nodes)
    }

    @Test("Streams that say nothing are bounded in number and time, and honest peers get through")
    func halfOpen() async throws {
        let node = try TestNode("n") { $0.limits.acceptedStreamsMax = 16 }
        let counters = node.node.counters
        var streams: [StrangeStream] = []
        for _ in 0..<64 { streams.append(try StrangeStream(node.address)) }
        try await wait("taken or refused") {
            counters[.streamsAccepted] + counters[.streamsRefused] >= 64
        }
        #expect(try await node.counts().acceptedStreams <= 16)
        #expect(counters[.streamsEvicted] >= 48)
        let other = try TestNode("o")
        other.node.join([node.address])
        try await wait("joined") { try await allSeeAll([node, other]) }
        // Slow ones, an octet at a time, have no longer than the others.
        let slow = try StrangeStream(node.address)
        var isClosed = false
        for _ in 0..<40 where !isClosed {
            isClosed = try await !slow.send([6])
            try await Task.sleep(for: .milliseconds(50))
        }
        try await wait("their time is over") {
            try await node.counts().acceptedStreams == 0
        }
        #expect(counters[.streamsTimedOut] >= 1)
        withExtendedLifetime(streams) {}
    }

    @Test("Claims of more than there may be are refused at once, and those of frames with a reason")
    func claims() async throws {
        let ringKey = try key(1)
        let plain = try TestNode("plain")
        let sealed = try TestNode("sealed") { $0.keys = try! KeyRing([ringKey]) }
        // A million members; 2 GiB of user state; -1 members; a user message of 4 GiB.
        for claim in [
            "0683a44a6f696ec3a54e6f646573ce00100001ac5573657253746174654c656e00",
            "0683a44a6f696ec3a54e6f64657300ac5573657253746174654c656ece7fffffff",
            "0683a44a6f696ec3a54e6f646573ffac5573657253746174654c656e00",
            "0881aa557365724d73674c656ecf00000000ffffffff",
        ] {
            let stream = try StrangeStream(plain.address)
            #expect(try await stream.send(hex(claim)))
            let answer = try #require(try await stream.answer())
            if !answer.isEmpty { #expect(try text(of: answer).contains("larger than limit")) }
        }
        #expect(plain.node.counters[.streamFaultLimit] >= 4)
        let stream = try StrangeStream(sealed.address)
        #expect(try await stream.send([0x0a, 0xff, 0xff, 0xff, 0xff, 1]))
        #expect(try await stream.answer() != [])
        #expect(sealed.node.counters[.streamFaultLimit] == 1)
        // A length that is allowed costs what comes, not what is claimed.
        let before = residentPages()
        var open: [StrangeStream] = []
        for _ in 0..<50 {
            let one = try StrangeStream(sealed.address)
            #expect(try await one.send([0x0a, 0x01, 0x00, 0x00, 0x00, 1]))
            open.append(one)
        }
        try await wait("taken") { sealed.node.counters[.streamsAccepted] >= 51 }
        expectGrowth(since: before, below: 8192)
    }

    private func text(of answer: [UInt8]) throws -> String {
        var decoder = StreamDecoder(role: .initiating, rules: RingRules())
        guard case .error(let text)? = try decoder.feed(answer.span) else { return "" }
        return text
    }

    @Test("Octets held for streams that do not end are bounded for all of them together")
    func heldOctets() async throws {
        let ringKey = try key(1)
        let node = try TestNode("n") {
            $0.keys = try! KeyRing([ringKey])
            $0.limits.streamOctetsMax = 4 << 20
        }
        let megabyte = [UInt8](repeating: 1, count: 1 << 20)
        var streams: [StrangeStream] = []
        for _ in 0..<12 {
            let stream = try StrangeStream(node.address)
            _ = try await stream.send([0x0a, 0x01, 0x00, 0x00, 0x00] + megabyte, seconds: 2)
            streams.append(stream)
        }
        try await wait("the heaviest are closed") { node.node.counters[.streamsEvicted] >= 7 }
        let other = try TestNode("o") { $0.keys = try! KeyRing([ringKey]) }
        other.node.join([node.address])
        try await wait("joined") { try await allSeeAll([node, other]) }
    }

    @Test("A stranger over a stream: a ping is answered, a wrong name and unknown types are not")
    func streamPings() async throws {
        let node = try TestNode("n")
        func ask(_ message: StreamMessage) async throws -> [UInt8]? {
            let stream = try StrangeStream(node.address)
            #expect(try await stream.send(StreamFrame(role: .initiating).octets(message)))
            return try await stream.answer()
        }
        for name in ["", "n"] {
            let ping = Ping(sequence: SequenceNumber(99), node: NodeName(name), source: .none)
            // The answer does not wait for us to close.
            #expect(try await ask(.ping(ping)) == hex("0282a75061796c6f6164c0a55365714e6f63"))
        }
        let ping = Ping(sequence: SequenceNumber(99), node: NodeName("m"), source: .none)
        #expect(try await ask(.ping(ping)) == [])
        #expect(node.node.counters[.strangersAsked] == 1)
        #expect(try await ask(.user([1, 2, 3])) == [])
        #expect(node.node.counters[.delegateMessagesIgnored] == 1)
        // An algorithm that nobody knows: the one error that is told of a plain stream.
        let stream = try StrangeStream(node.address)
        #expect(try await stream.send(hex("0982a4416c676f07a3427566a100")))
        let answer = try #require(try await stream.answer())
        #expect(try text(of: answer) == "Cannot decompress unknown algorithm 7")
    }

    @Test("What was recorded and is said again changes nothing")
    func replays() async throws {
        let nodes = try await ring(2)
        // An old alive, a death and a suspicion of an old incarnation, and one from the future.
        let (name, address) = (nodes[1].name, AddressOctets(nodes[1].address.address))
        let incarnation = try #require(
            try await nodes[0].members().first { $0.name == name }?.incarnation
        )
        let old = Alive(
            node: name,
            incarnation: incarnation,
            address: address,
            port: nodes[1].address.port,
            meta: Array("replayed".utf8),
            versions: .networkDB
        )
        let messages: [GossipMessage] = [
            .alive(old),
            .ack(Ack(sequence: SequenceNumber(1))),
            .suspect(Suspect(node: name, incarnation: Incarnation(0), accuser: nodes[0].name)),
            .dead(Dead(node: name, incarnation: Incarnation(0), accuser: name)),
        ]
        try await send((0..<400).map { messages[$0 % messages.count].octets }, to: nodes[0])
        let member = try await nodes[0].members().first { $0.name == name }
        #expect(member?.meta == [])
        #expect(member?.state == .alive)
        try await expectHealthy(nodes)
    }

    @Test("Members that are made up are bounded by the table and queues, and end")
    func flood() async throws {
        var rules = TestNode.rules
        rules.membersMax = 200
        rules.queueMax = 100
        let nodes = try await ring(2) { $0.rules = rules }
        let octets = (0..<1000).map { number in
            GossipMessage.alive(
                Alive(
                    node: NodeName("ghost\(number)"),
                    incarnation: Incarnation(1),
                    address: AddressOctets(.v4(IPv4Address(127, 0, 0, 9))),
                    port: 9,
                    meta: [],
                    versions: .networkDB
                )
            ).octets
        }
        try await send(octets, to: nodes[0])
        let counts = try await nodes[0].counts()
        #expect(try await nodes[0].members().count <= 200)
        #expect(counts.queueDepth <= 100)
        #expect(counts.membership.refusedWords >= 800)
    }

    /// Pages of addresses that the process has, and pages of memory that it holds.
    private func pages() -> (virtual: Int, resident: Int) {
        let octets = (try? TextFile.octets(path: "/proc/self/statm", octetsMax: 4096)) ?? []
        let fields = String(decoding: octets, as: UTF8.self).split(separator: " ")
        guard fields.count > 1 else { return (0, 0) }
        return (Int(fields[0]) ?? 0, Int(fields[1]) ?? 0)
    }

    private func residentPages() -> Int { pages().resident }

    /// A sanitizer keeps for a while what was freed; it is known by the terabytes of its shadow.
    private func expectGrowth(since before: Int, below most: Int) {
        let now = pages()
        #expect(now.resident > 0)
        if now.virtual < 1 << 28 { #expect(now.resident - before < most) }
    }
}
