import Base
import Glibc
import SwarmCore

/// What a proposal costs from its leader to the state machines of three managers, without disk and network.
///
/// One thread drives all three engines; a batch is durable as soon as it is handed out. The time is that of
/// the processor, and the octets of commands are not looked at.
final class Bench {
    private var members: [Member] = []
    private var mail: [RaftMessage] = []
    private(set) var applied = 0

    private final class Member {
        var raft: Raft
        init(_ raft: consuming Raft) { self.raft = raft }
    }

    init(nodes: Int) {
        let ids = (1...nodes).map { RaftID(UInt64($0)) }
        let mark = SnapshotMark(position: .zero, membership: RaftMembership(voters: ids))
        for id in ids {
            members.append(
                Member(
                    Raft(
                        id: id,
                        cluster: ClusterIdentity(high: 1, low: 1, epoch: 1),
                        rules: RaftRules(),
                        boot: Raft.Boot(snapshot: mark),
                        seed: id.raw,
                        at: .zero
                    )
                )
            )
        }
        members[0].raft.handle(.campaign, at: .zero)
        settle()
        precondition(members[0].raft.role == .leader, "nobody leads")
    }

    func propose(_ proposals: [RaftProposal]) {
        members[0].raft.handle(.propose(proposals), at: .zero)
        settle()
    }

    /// Forgets what all have applied.
    func compact() {
        for member in members {
            let index = member.raft.log.applied
            member.raft.handle(.compact(before: index), at: .zero)
        }
    }

    private func settle() {
        for place in members.indices { obey(members[place]) }
        while !mail.isEmpty {
            let messages = mail
            mail.removeAll(keepingCapacity: true)
            for message in messages {
                members[Int(message.to.raw) - 1].raft.handle(.received(message), at: .zero)
            }
            for member in members { obey(member) }
        }
    }

    private func obey(_ member: Member) {
        while let output = member.raft.next() {
            switch output {
            case .send(let message): mail.append(message)
            case .persist(let batch):
                for message in batch.after where message.to != member.raft.id {
                    mail.append(message)
                }
                for message in batch.after where message.to == member.raft.id {
                    member.raft.handle(.received(message), at: .zero)
                }
                member.raft.handle(.persisted(batch.token), at: .zero)
            case .apply(let entries):
                applied += entries.count
                if let last = entries.last {
                    member.raft.handle(.applied(through: last.index), at: .zero)
                }
            default: break
            }
        }
    }
}

@main
enum RaftBenchmarks {
    static func main() {
        print("proposals of 64 octets through three engines on one thread")
        for batch in [1, 8, 64, 256] { run(batch: batch) }
    }

    private static func run(batch: Int) {
        let bench = Bench(nodes: 3)
        let payload = Array(repeating: UInt8(7), count: 64)
        let proposals = (0..<batch).map { number in
            RaftProposal(tag: ProposalTag(UInt64(number)), content: .command(payload))
        }
        let count = 1_000_000 / batch
        let start = processorTime()
        for turn in 0..<count {
            bench.propose(proposals)
            if turn % 64 == 63 { bench.compact() }
        }
        let spent = processorTime() - start
        let total = count * batch
        precondition(bench.applied >= 3 * total - 2 * batch, "not all were applied")
        print(
            "batch \(batch): \(spent / UInt64(total)) ns of the processor each,",
            "\(UInt64(total) * 1_000_000_000 / spent) proposals/s"
        )
    }

    /// Nanoseconds that this process has used of the processor.
    private static func processorTime() -> UInt64 {
        UInt64(clock()) * 1_000_000_000 / UInt64(CLOCKS_PER_SEC)
    }
}
