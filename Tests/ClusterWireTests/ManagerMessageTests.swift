import ClusterWire
import SwarmCore
import Testing

/// Messages between managers as octets.
@Suite("Messages between managers")
struct ManagerMessageTests {
    private static let cluster = ClusterIdentity(
        high: 0x0102_0304_0506_0708,
        low: 0x1112_1314_1516_1718,
        epoch: 3
    )

    private static func position(_ term: UInt64, _ index: UInt64) -> LogPosition {
        LogPosition(term: Term(term), index: LogIndex(index))
    }

    private static let membership = RaftMembership(
        incoming: [RaftID(1), RaftID(2)],
        outgoing: [RaftID(1), RaftID(3)],
        learners: [RaftID(4), RaftID(5)],
        learnersNext: [RaftID(3)],
        joining: [RaftID(5)],
        leavesByItself: true
    )

    private static let mark = SnapshotMark(
        position: position(7, 300),
        membership: membership,
        id: 0xfedc_ba98_7654_3210,
        octets: 1 << 33
    )

    private static let change = MembershipChange(
        [
            .addVoter(RaftID(2)), .addLearner(RaftID(3)), .remove(RaftID(4)), .update(RaftID(5)),
            .join(RaftID(600)),
        ],
        transition: .explicit,
        context: [9, 8, 7]
    )

    private static func entry(_ index: UInt64, _ content: LogEntry.Content) -> LogEntry {
        LogEntry(position: position(7, index), content: content)
    }

    private static let bodies: [RaftMessage.Body] = {
        let request = RaftMessage.VoteRequest(last: position(6, 299), isTransfer: true)
        let append = RaftMessage.Append(
            previous: position(6, 299),
            entries: [
                entry(300, .empty), entry(301, .command([])),
                entry(302, .command(Array(0..<200))), entry(303, .membership(change)),
            ],
            commit: LogIndex(298)
        )
        let proposal = RaftProposal(
            tag: ProposalTag(77),
            content: .command([1, 2, 3]),
            fence: Term(0),
            insists: true
        )
        var bodies: [RaftMessage.Body] = [
            .preVote(request), .preVoteReply(isGranted: true), .vote(request),
            .voteReply(isGranted: false), .append(append),
            .append(RaftMessage.Append(previous: .zero, entries: [], commit: .zero)),
            .appendReply(.matched(LogIndex(.max), isStalled: true)),
            .appendReply(.rejected(LogIndex(5), hint: position(2, 4))),
            .heartbeat(commit: LogIndex(128), reads: 9),
            .heartbeatReply(reads: 9, isStalled: false), .timeoutNow, .snapshot(mark),
            .read(ReadTag(1)), .propose(proposal),
            .propose(RaftProposal(tag: ProposalTag(1), content: .membership(change))),
            .transferLeadership(to: nil), .transferLeadership(to: RaftID(2)),
        ]
        for verdict in [
            ReadVerdict.ready(LogIndex(4)), .noLeader, .leadershipLost, .tooMany,
        ] {
            bodies.append(.readReply(ReadTag(2), verdict))
        }
        let refusals: [ProposalRefusal] = [
            .noLeader, .notLeader(RaftID(3)), .notMember, .transferring(to: RaftID(2)),
            .tooMuchUncommitted(octets: 300, limit: 200), .tooLarge(octets: 9, limit: 8),
            .fenced(term: Term(9)), .noStorage,
        ]
        let errors: [MembershipError] = [
            .pending(LogIndex(9), applied: LogIndex(8)), .joint, .notJoint, .noVoters,
            .tooManyVoters, .emptyJoint, .tooEarly, .noActiveQuorum,
        ]
        bodies.append(.proposalReply(ProposalTag(3), .accepted(position(1, 2))))
        for refusal in refusals + errors.map({ .membership($0) }) {
            bodies.append(.proposalReply(ProposalTag(3), .refused(refusal)))
        }
        return bodies
    }()

    private static func raft(_ body: RaftMessage.Body) -> RaftMessage {
        var message = RaftMessage(
            cluster: cluster,
            from: RaftID(1),
            to: RaftID(200),
            term: Term(7),
            boot: 2,
            session: 5,
            start: 0x99,
            body: body
        )
        message.isRepairing = body == .timeoutNow
        message.cleared = body == .read(ReadTag(1)) ? 77 : nil
        return message
    }

    static let messages: [ManagerMessage] = {
        let offer = raft(.snapshot(mark))
        let snapshots: [SnapshotMessage.Body] = [
            .offer(offer),
            .chunk(SnapshotChunk(id: 5, offset: 1 << 20, octets: Array(0..<100))),
            .acknowledged(id: 5, next: 1 << 21), .refused(id: 5, .outdated),
            .refused(id: 5, .unknown), .refused(id: 5, .damaged), .refused(id: 5, .noRoom),
        ]
        return bodies.map { .raft(raft($0)) }
            + snapshots.map { body in
                .snapshot(
                    SnapshotMessage(cluster: cluster, from: RaftID(1), to: RaftID(200), body: body)
                )
            }
    }()

    private static func read(_ octets: [UInt8]) throws(WireFault) -> ManagerMessage {
        try ManagerMessage(octets.span)
    }

    @Test("each message comes back as it was, in the same octets", arguments: messages)
    func roundTrip(_ message: ManagerMessage) throws {
        let octets = message.octets
        let read = try Self.read(octets)
        #expect(read == message)
        #expect(read.octets == octets)
    }

    @Test("a heartbeat's octets")
    func golden() {
        let octets = ManagerMessage.raft(
            Self.raft(.heartbeat(commit: LogIndex(128), reads: 9))
        ).octets
        let head: [UInt8] = [
            1, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 3, 1,
            0xc8, 1,
        ]
        let raft: [UInt8] = [7, 2, 5, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0x80, 1, 9]
        #expect(octets == head + raft)
    }

    @Test("a message that is cut anywhere, or goes on, is refused", arguments: messages)
    func cut(_ message: ManagerMessage) {
        let octets = message.octets
        for count in 0..<octets.count {
            #expect(throws: WireFault.self) { try Self.read(Array(octets[..<count])) }
        }
        #expect(throws: WireFault.trailing(offset: octets.count)) {
            try Self.read(octets + [0])
        }
    }

    @Test("whatever is flipped: what is read has one form, which it came in", arguments: messages)
    func flips(_ message: ManagerMessage) {
        let octets = message.octets
        for place in octets.indices {
            for value in [octets[place] ^ 1, octets[place] ^ 0x80, 0, 0xff] {
                var changed = octets
                changed[place] = value
                guard let read = try? Self.read(changed) else { continue }
                #expect(read.octets == changed)
            }
        }
    }

    @Test("counts that the octets cannot hold are refused before anything is made of them")
    func bounds() {
        let head = ManagerMessage.raft(Self.raft(.timeoutNow)).octets.dropLast()
        let endless: [UInt8] = Array(repeating: 0xff, count: 9) + [1]
        for body: [UInt8] in [
            [5, 0, 0, 0] + endless, [5, 0, 0, 0, 1, 1, 1] + endless, [11, 0, 0] + endless,
            [14, 1, 0, 0, 1] + endless, [14, 1, 0, 0, 2] + endless,
            [1] + Array(repeating: 0xff, count: 10), [1, 0x80, 0, 0, 0],
        ] {
            #expect(throws: WireFault.self) { try Self.read(head + body) }
        }
        #expect(throws: WireFault.kind(99, offset: head.count)) {
            try Self.read(head + [99])
        }
        var other = Array(head + [10])
        other[0] = 2
        #expect(throws: WireFault.version(2)) { try Self.read(other) }
    }

    @Test("what a journal keeps comes back as it was")
    func journal() throws {
        for content in [
            LogEntry.Content.empty, .command([]), .command([1, 2]), .membership(Self.change),
        ] {
            let read = try LogEntry.Content(wireKind: content.wireKind, octets: content.wireOctets)
            #expect(read == content)
        }
        let mark = try SnapshotMark(wireOctets: Self.mark.wireOctets.span)
        #expect(mark == Self.mark)
        let membership = try RaftMembership(wireOctets: Self.membership.wireOctets.span)
        #expect(membership == Self.membership)
        #expect(throws: WireFault.kind(9, offset: 0)) {
            try LogEntry.Content(wireKind: 9, octets: [])
        }
    }
}
