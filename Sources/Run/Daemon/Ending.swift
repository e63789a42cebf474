import Base
package import LinuxSystem
import Logging
import Synchronization

/// Sees that a daemon that was told to end does so in time, whatever keeps it.
///
/// A thread of its own waits for the end, since what keeps the daemon may be what tasks run on. When the
/// time is over it says which step was under way, and the process ends without the rest. That loses
/// nothing: a change is on the disk before it is answered, and sockets close with the process.
package final class Ending: Sendable {
    /// What a daemon does before it ends, in this order.
    package enum Step: String, Sendable {
        case requests = "answering the last requests"
        case farewell = "telling the ring"
        case closing = "closing the sockets of sandboxes"
    }

    /// From the signal to the end: more than the steps may take together (`APILimits.drainMilliseconds`,
    /// `RingPlane.farewellSeconds`, a quarter of a second for the resolver), and less than the ten
    /// seconds that container engines give a process.
    package static let milliseconds: UInt64 = 9000

    private struct State {
        var step = Step.requests
        var isOver = false
    }

    private let state = Mutex(State())
    private let signal: WakeSignal
    private let milliseconds: UInt64
    private let giveUp: @Sendable (Step) -> Void

    /// `giveUp`: ends the process; called at most once, with the step that was under way.
    package init(
        milliseconds: UInt64 = Ending.milliseconds,
        giveUp: @escaping @Sendable (Step) -> Void
    ) throws(SystemError) {
        signal = try WakeSignal()
        self.milliseconds = milliseconds
        self.giveUp = giveUp
    }

    /// The daemon was told to end: from now on its time runs.
    package func begin() throws(SystemError) {
        let poller = try Poller()
        try poller.add(signal.raw, token: 0, for: .read)
        let deadline = Clock.now().advanced(milliseconds: milliseconds)
        _ = try PinnedThread(name: "waggle-ending") { self.watch(poller, until: deadline) }
    }

    package func enter(_ step: Step) { state.withLock { $0.step = step } }

    /// All is done.
    package func finish() {
        state.withLock { $0.isOver = true }
        signal.raise()
    }

    private func watch(_ poller: borrowing Poller, until deadline: Moment) {
        var events: [Poller.Event] = []
        while true {
            let now = Clock.now()
            let (step, isOver) = state.withLock { ($0.step, $0.isOver) }
            if isOver { return }
            if now >= deadline {
                giveUp(step)
                return
            }
            let left = Int32(clamping: deadline.milliseconds(since: now) + 1)
            // epoll_wait fails only for a bad descriptor, which ours is not.
            guard (try? poller.wait(milliseconds: left, into: &events)) != nil else { return }
        }
    }
}
