import CLinux
import Glibc

/// One operating-system thread that runs one body from beginning to end.
///
/// A namespace belongs to a thread, and a task changes threads at every suspension; so what enters
/// namespaces or owns a data plane runs here.
package enum PinnedThread {
    /// A thread to be waited for exactly once.
    package struct Handle: ~Copyable, @unchecked Sendable {
        // Proof: a pthread_t is a number that any thread may pass to pthread_join once, which
        // `~Copyable` and the consuming `join` guarantee.
        private let thread: pthread_t

        fileprivate init(_ thread: pthread_t) {
            self.thread = thread
        }

        /// Waits until the body has returned.
        package consuming func join() {
            pthread_join(thread, nil)
        }
    }

    /// Starts a thread. `name` shows in process listings, cut to 15 octets.
    package static func start(
        name: String, body: @escaping @Sendable () -> Void
    ) throws(SystemError) -> Handle {
        let work = Work(name: name, body: body)
        let context = unsafe Unmanaged.passRetained(work)
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                // Proof: `context` is the retained `Work` handed over below, taken exactly once.
                if let context = unsafe context {
                    let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                    unsafe waggle_thread_name(String(work.name.prefix(15)))
                    work.body()
                }
                return nil
            }, unsafe context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SystemError("pthread_create", code: code)
        }
        return Handle(thread)
    }

    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
