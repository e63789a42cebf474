import Base
import SwarmCore
import Testing

/// Two managers, a line between them, and a disk at the far end that holds what it was given.
private final class TransferPair {
    static let cluster = ClusterIdentity(high: 1, low: 2, epoch: 1)
    static let sender = RaftID(1)
    static let receiver = RaftID(2)

    final class Node {
        var engine: SnapshotTransfers
        /// What the disk has of a snapshot that comes.
        var file: [UInt8] = []
        var coming: SnapshotMark?
        var delivered: [RaftMessage] = []
        var moves = 0
        var ended: [Bool] = []

        init(_ engine: consuming SnapshotTransfers) { self.engine = engine }
    }

    var rules = RaftRules()
    let nodes: [Node]
    let content: [UInt8]
    var mark: SnapshotMark
    private var now = Moment.zero
    private var line: [(at: Moment, message: SnapshotMessage)] = []
    private var generator = SeededGenerator(seed: 3)
    /// One message of so many is lost; 0 is none.
    var lossOneIn: UInt32 = 0
    /// Octets that the line takes in a second.
    var rate: UInt64 = 1 << 40
    private var freeAt = Moment.zero
    /// The most that was on the line at once.
    private(set) var queuedMax = 0
    var isDamaging = false
    var chunks = 0

    init(octets: Int, chunk: Int = 64) {
        rules.snapshotChunkOctets = chunk
        content = (0..<octets).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        mark = SnapshotMark(
            position: LogPosition(term: Term(1), index: LogIndex(9)),
            membership: RaftMembership(voters: [Self.sender, Self.receiver]),
            id: 77,
            octets: UInt64(octets)
        )
        nodes = [Self.sender, Self.receiver].map { id in
            Node(SnapshotTransfers(id: id, cluster: Self.cluster, rules: RaftRules()))
        }
        for (node, id) in zip(nodes, [Self.sender, Self.receiver]) {
            node.engine = SnapshotTransfers(id: id, cluster: Self.cluster, rules: rules)
        }
    }

    func message(term: UInt64 = 1) -> RaftMessage {
        RaftMessage(
            cluster: Self.cluster,
            from: Self.sender,
            to: Self.receiver,
            term: Term(term),
            body: .snapshot(mark)
        )
    }

    func begin(term: UInt64 = 1) { tell(0, .send(message(term: term))) }

    /// The receiver's process ends, and begins again with what its disk has.
    func restart(losing count: Int = 0) {
        let node = nodes[1]
        node.file.removeLast(min(count, node.file.count))
        let found = node.coming.map { ($0, UInt64(node.file.count)) }
        node.engine = SnapshotTransfers(
            id: Self.receiver,
            cluster: Self.cluster,
            rules: rules,
            found: found
        )
        obey(1)
    }

    func tell(_ place: Int, _ input: SnapshotTransfers.Input) {
        nodes[place].engine.handle(input, at: now)
        obey(place)
    }

    /// Runs until nothing is under way, or `seconds` have passed.
    func run(seconds: UInt64 = 3600, until: () -> Bool = { false }) {
        let end = now.advanced(milliseconds: seconds * 1000)
        while !until() {
            let wakes = nodes.compactMap { $0.engine.nextWake?.moment }
            let due = ([line.first?.at].compactMap { $0 } + wakes).min()
            guard let due, due <= end else { return }
            now = max(now, due)
            if let first = line.first, first.at <= now {
                line.removeFirst()
                tell(first.message.to == Self.sender ? 0 : 1, .received(first.message))
            } else {
                for place in nodes.indices {
                    nodes[place].engine.wake(at: now)
                    obey(place)
                }
            }
        }
    }

    private func obey(_ place: Int) {
        let node = nodes[place]
        while let output = node.engine.next() {
            switch output {
            case .send(let message): send(message)
            case .read(let peer, let mark, let offset, let count):
                let octets = Array(content[Int(offset)..<Int(offset) + count])
                let chunk = SnapshotChunk(id: mark.id, offset: offset, octets: octets)
                node.engine.handle(.read(to: peer, chunk), at: now)
            case .create(let mark):
                node.file = []
                node.coming = mark
            case .write(let chunk):
                node.file += chunk.octets
                let next = UInt64(node.file.count)
                node.engine.handle(.written(id: chunk.id, next: next), at: now)
            case .verify(let mark):
                let isWhole = node.file == content
                node.engine.handle(.verified(id: mark.id, isWhole: isWhole), at: now)
            case .discard:
                node.file = []
                node.coming = nil
            case .deliver(let message): node.delivered.append(message)
            case .moves: node.moves += 1
            case .ended(_, let isThere): node.ended.append(isThere)
            }
        }
    }

    private func send(_ message: SnapshotMessage) {
        var message = message
        var wait: UInt64 = 0
        if case .chunk(var chunk) = message.body {
            chunks += 1
            wait = UInt64(chunk.octets.count) * 1_000_000_000 / rate
            if isDamaging, chunk.offset == 64 { chunk.octets[0] ^= 1 }
            message.body = .chunk(chunk)
        }
        freeAt = Moment(nanoseconds: max(freeAt, now).nanoseconds + wait)
        if lossOneIn > 0, generator.below(lossOneIn) == 0 { return }
        line.append((freeAt.advanced(milliseconds: 1), message))
        queuedMax = max(queuedMax, line.count)
    }
}

/// Snapshots in chunks; source: raft.md §1.11.
@Suite("Snapshots on their way")
struct SnapshotTransferTests {
    @Test(
        "a snapshot of any size arrives whole, and Raft hears of it once",
        arguments: [0, 1, 63, 64, 65, 1000]
    )
    func arrives(octets: Int) {
        let pair = TransferPair(octets: octets)
        pair.begin()
        pair.run()
        #expect(pair.nodes[1].file == pair.content)
        #expect(pair.nodes[1].delivered == [pair.message()])
        #expect(pair.nodes[0].ended == [true])
        #expect(pair.chunks == (octets + 63) / 64)
    }

    @Test("what is lost is sent again, and nothing twice without need", arguments: [3, 10, 100])
    func losses(oneIn: UInt32) {
        let pair = TransferPair(octets: 20_000)
        pair.lossOneIn = oneIn
        pair.begin()
        pair.run()
        #expect(pair.nodes[1].file == pair.content)
        #expect(pair.nodes[1].delivered.first == pair.message())
        #expect(pair.nodes[0].ended == [true])
        #expect(pair.chunks < 313 * 4)
    }

    @Test(
        "it goes on from where it stopped: after a lost line, a restart, and with another sender's word"
    )
    func resumes() {
        let pair = TransferPair(octets: 6400)
        pair.begin()
        pair.run { pair.nodes[1].file.count >= 3200 }
        pair.lossOneIn = 1
        pair.run(seconds: 30)
        let before = pair.nodes[1].file.count
        pair.lossOneIn = 0
        pair.restart()
        #expect(pair.nodes[1].engine.incoming?.written == UInt64(before))
        // The next leader has the same snapshot.
        pair.begin(term: 2)
        pair.run()
        #expect(pair.nodes[1].file == pair.content)
        #expect(pair.nodes[1].delivered.last == pair.message(term: 2))
        #expect(pair.chunks <= 100 + 3 * pair.rules.snapshotWindow)
    }

    @Test("a receiver that lost part of what it acknowledged is sent that again")
    func lostPart() {
        let pair = TransferPair(octets: 6400)
        pair.begin()
        pair.run { pair.nodes[1].file.count >= 3200 }
        pair.restart(losing: 1007)
        pair.run()
        #expect(pair.nodes[1].file == pair.content)
        #expect(pair.nodes[1].delivered == [pair.message()])
        #expect(pair.nodes[0].ended == [true])
    }

    @Test("a snapshot that is not what its name says is thrown away, and the sender told")
    func damaged() {
        let pair = TransferPair(octets: 640)
        pair.isDamaging = true
        pair.begin()
        pair.run()
        #expect(pair.nodes[0].ended == [false])
        #expect(pair.nodes[1].delivered.isEmpty)
        #expect(pair.nodes[1].engine.counts.damaged == 1)
        #expect(pair.nodes[1].engine.incoming == nil)
        pair.isDamaging = false
        pair.begin()
        pair.run()
        #expect(pair.nodes[1].delivered.count == 1)
    }

    @Test("a newer snapshot takes the place of an older one, and an older one is refused")
    func newer() {
        let pair = TransferPair(octets: 6400)
        let old = pair.message()
        pair.begin()
        pair.run { pair.nodes[1].file.count >= 3200 }
        pair.mark.position.index = LogIndex(20)
        pair.mark.id = 78
        pair.begin()
        pair.tell(
            1,
            .received(
                SnapshotMessage(
                    cluster: TransferPair.cluster,
                    from: TransferPair.sender,
                    to: TransferPair.receiver,
                    body: .offer(old)
                )
            )
        )
        pair.run()
        #expect(pair.nodes[1].delivered == [pair.message()])
        #expect(pair.nodes[1].file == pair.content)
    }

    @Test("what Raft installs is not replaced before it has passed")
    func installing() {
        let pair = TransferPair(octets: 640)
        pair.begin()
        pair.run()
        pair.tell(1, .installing(id: 77))
        pair.mark.position.index = LogIndex(20)
        pair.mark.id = 78
        pair.begin()
        pair.run(seconds: 5)
        #expect(pair.nodes[1].engine.incoming?.mark.id == 77)
        #expect(pair.nodes[1].file == pair.content)
        pair.tell(1, .passed(LogIndex(9)))
        pair.run()
        #expect(pair.nodes[0].ended == [true, true])
        #expect(pair.nodes[1].delivered.last == pair.message())
    }

    @Test("what no member could send is counted, and changes nothing")
    func impossible() {
        let pair = TransferPair(octets: 640)
        pair.rules.snapshotOctetsMax = 1000
        pair.restart()
        pair.begin()
        pair.run { pair.nodes[1].file.count >= 128 }
        let written = pair.nodes[1].file.count
        let bodies: [SnapshotMessage.Body] = [
            .chunk(SnapshotChunk(id: 77, offset: UInt64(written), octets: [])),
            .chunk(SnapshotChunk(id: 77, offset: .max, octets: [1])),
            .chunk(SnapshotChunk(id: 77, offset: 639, octets: [1, 2])),
            .chunk(SnapshotChunk(id: 77, offset: 0, octets: Array(repeating: 0, count: 65))),
            .chunk(SnapshotChunk(id: 5, offset: 0, octets: [1])),
            .acknowledged(id: 77, next: 3), .refused(id: 77, .damaged),
        ]
        for body in bodies {
            pair.tell(
                1,
                .received(
                    SnapshotMessage(
                        cluster: TransferPair.cluster,
                        from: RaftID(9),
                        to: TransferPair.receiver,
                        body: body
                    )
                )
            )
        }
        #expect(pair.nodes[1].engine.counts.malformed == 4)
        #expect(pair.nodes[1].file.count == written)
        pair.run()
        #expect(pair.nodes[1].file == pair.content)
        pair.mark.octets = 1001
        pair.begin()
        pair.run(seconds: 60)
        #expect(pair.nodes[0].ended == [true, false])
        #expect(pair.nodes[1].engine.counts.offersRefused == 1)
    }

    @Test(
        "B-40: two thousand chunks go over a line that takes ten a second and loses one in a hundred"
    )
    func large() {
        let pair = TransferPair(octets: 2 << 20, chunk: 1 << 10)
        pair.rate = 10 << 10
        pair.lossOneIn = 100
        pair.begin()
        pair.run(seconds: 400)
        #expect(pair.nodes[0].ended == [true])
        // What waits on the line delays a heartbeat by less than half a timeout.
        #expect(pair.queuedMax <= 2 * pair.rules.snapshotWindow)
        #expect(pair.chunks < 2048 * 110 / 100)
    }
}
