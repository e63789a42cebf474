package import Base
import Journal
import JournalWire
import LinuxSystem
package import SwarmCore
import Synchronization

/// A manager's part in the consensus of its cluster: a journal, ways to the others, and a state machine.
///
/// Two threads: one for the engines and sockets, one for the disk. Replies come on the first of them, which
/// they may not keep waiting. Source: raft.md §3.10.
package final class RaftNode<Machine: StateMachine>: Sendable {
    private let inbox: RaftInbox<Machine>
    private let loop: PinnedThread
    private let clerk: PinnedThread
    /// Where others reach this node.
    package let endpoint: SocketEndpoint

    /// Opens the journal, and begins to take part.
    package init(_ settings: RaftNodeSettings) throws(RaftNodeError) {
        var start = try RaftStart<Machine>(settings)
        do throws(SystemError) {
            let listener = try Sockets.listener(boundTo: settings.listen, shared: false)
            endpoint = try Sockets.localEndpoint(of: listener.raw)
            let inbox = try RaftInbox<Machine>(demandsMax: settings.commandsMax)
            let desk = try JournalDesk<Machine>()
            self.inbox = inbox
            let poller = try Poller()
            try poller.add(desk.signal.raw, token: 1, for: .read)
            let clerkBody = Handed(JournalClerk(start.takeJournal(), desk, inbox, poller))
            let loopBody = Handed(
                try RaftLoop(
                    settings,
                    inbox,
                    desk,
                    start.takeRaft(),
                    start.machine,
                    listener: listener
                )
            )
            clerk = try PinnedThread(name: "waggle-journal") { clerkBody.take()?.run() }
            loop = try PinnedThread(name: "waggle-raft") { loopBody.take()?.run() }
        } catch {
            throw .system(error)
        }
    }

    deinit { inbox.post(.stop) }

    /// Leaves the cluster's work to others, writes down what it has, and returns when that is done.
    package func stop() {
        inbox.post(.stop)
        loop.join()
        clerk.join()
    }

    package var status: RaftNodeStatus { inbox.published }

    /// Has a command decided by the cluster and applied here; its result comes back.
    package func propose(_ command: [UInt8], _ reply: @escaping RaftReply<[UInt8]>) {
        inbox.post(.propose(command, reply))
    }

    package func change(
        _ change: MembershipChange,
        insists: Bool = false,
        _ reply: @escaping RaftReply<Void>
    ) {
        inbox.post(.change(change, insists: insists, reply))
    }

    /// The state with all that was committed before this was asked.
    package func read(_ reply: @escaping RaftReply<Machine>) { inbox.post(.read(reply)) }

    /// Hands the leadership over, to the most advanced voter where nobody is named.
    package func transferLeadership(to target: RaftID? = nil) { inbox.post(.transfer(target)) }

    /// Where a member is reached from now on.
    package func reach(_ id: RaftID, at endpoint: SocketEndpoint) {
        inbox.post(.address(id, endpoint))
    }
}

/// A value that one thread leaves for another, which takes it once.
final class Handed<Value: ~Copyable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: consuming sending Value) { self.value = Mutex(value) }

    func take() -> Value? { value.withLock { $0.take() } }
}
