import CLinux
import Glibc
import Synchronization

/// One operating-system thread that runs one body from beginning to end.
///
/// A namespace belongs to a thread, and a task changes threads at every suspension; so what enters
/// namespaces or owns a data plane runs here.
package final class PinnedThread: Sendable {
    /// The thread until somebody has waited for it.
    private let thread: Mutex<Handle?>

    private struct Handle: @unchecked Sendable {
        // Proof: a pthread_t is a number that any thread may pass to pthread_join or
        // pthread_detach once; whoever does takes it out of the mutex first.
        let raw: pthread_t
    }

    /// Starts a thread.
    ///
    /// `name` shows in process listings, cut to 15 octets.
    package init(name: String, body: @escaping @Sendable () -> Void) throws(SystemError) {
        let work = Work(name: name, body: body)
        let context = unsafe Unmanaged.passRetained(work)
        var raw = pthread_t()
        let code = unsafe pthread_create(
            &raw,
            nil,
            { context in
                // `context` is the retained `Work` handed over below, taken exactly once.
                if let context = unsafe context {
                    let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                    unsafe waggle_thread_name(String(work.name.prefix(15)))
                    work.body()
                }
                return nil
            },
            unsafe context.toOpaque()
        )
        guard code == 0 else {
            unsafe context.release()
            throw SystemError("pthread_create", code: code)
        }
        thread = Mutex(Handle(raw: raw))
    }

    /// Nobody can wait for it any more: what the system keeps of it goes when it ends.
    deinit {
        if let handle = thread.withLock({ $0.take() }) { pthread_detach(handle.raw) }
    }

    /// Waits until the body has returned; the second caller does not wait.
    package func join() {
        if let handle = thread.withLock({ $0.take() }) { pthread_join(handle.raw, nil) }
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
