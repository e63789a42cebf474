import Base
import Journal
import LinuxSystem
import SwarmCore
import Synchronization

package typealias RaftReply<Value> = @Sendable (Result<Value, RaftNodeError>) -> Void

/// What a node's thread is asked, and told.
enum RaftPost<Machine: StateMachine>: Sendable {
    case propose([UInt8], RaftReply<[UInt8]>)
    case change(MembershipChange, insists: Bool, RaftReply<Void>)
    case read(RaftReply<Machine>)
    case transfer(RaftID?)
    case address(RaftID, SocketEndpoint)
    case journal(JournalNews<Machine>)
    case stop

    /// Tells whoever waits for an answer that there will be none.
    func refuse(_ error: RaftNodeError) {
        switch self {
        case .propose(_, let reply): reply(.failure(error))
        case .change(_, _, let reply): reply(.failure(error))
        case .read(let reply): reply(.failure(error))
        case .transfer, .address, .journal, .stop: break
        }
    }

    /// Whether it comes from a client, who can be told to wait.
    var isDemand: Bool {
        switch self {
        case .propose, .change, .read, .transfer: true
        case .address, .journal, .stop: false
        }
    }
}

/// What others leave for a node's thread.
///
/// Bounded: what clients ask when so much waits is refused at once. What the journal says is never refused; there
/// is no more of it than it was asked.
final class RaftInbox<Machine: StateMachine>: Sendable {
    private struct State {
        var posts: [RaftPost<Machine>] = []
        var demands = 0
        var isClosed = false
    }

    let signal: WakeSignal
    private let demandsMax: Int
    private let state = Mutex(State())
    private let status = Mutex(RaftNodeStatus())

    init(demandsMax: Int) throws(SystemError) {
        signal = try WakeSignal()
        self.demandsMax = demandsMax
    }

    func post(_ post: RaftPost<Machine>) {
        let refusal = state.withLock { state -> RaftNodeError? in
            if state.isClosed { return .stopped }
            if post.isDemand {
                if state.demands >= demandsMax { return .busy(limit: demandsMax) }
                state.demands += 1
            }
            state.posts.append(post)
            return nil
        }
        if let refusal { post.refuse(refusal) } else { signal.raise() }
    }

    func take() -> [RaftPost<Machine>] {
        signal.clear()
        return state.withLock { state in
            defer {
                state.posts = []
                state.demands = 0
            }
            return state.posts
        }
    }

    func close(_ error: RaftNodeError) {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.posts = [] }
            return state.posts
        }
        for post in left { post.refuse(error) }
    }

    func publish(_ news: RaftNodeStatus) { status.withLock { $0 = news } }

    var published: RaftNodeStatus { status.withLock { $0 } }
}
