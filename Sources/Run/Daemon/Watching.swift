import Base
import LinuxSystem
import Logging
import NameServer
import Names

/// What keeps an eye on the things that sandboxes and endpoints live as long as.
struct Watches: ~Copyable {
    /// A sandbox that could not be opened is tried again after so long.
    static let retryMilliseconds: UInt64 = 2000
    static let mountsToken: UInt64 = 1 << 40
    static let hostFileToken: UInt64 = 1 << 41

    var processes: [Int32: ProcessWatchBox] = [:]
    /// Processes that no descriptor was left for; tried again.
    var unwatched: Set<Int32> = []
    /// Readable by priority when something was mounted or unmounted.
    var mounts: Descriptor?
    var retryAt: Moment?
    /// The machine's own resolv.conf, when it is to be read again, and how late that may be.
    var hostFile: FileWatch?
    var hostFileDue: Moment?
    var hostFileLatest: Moment?

    final class ProcessWatchBox {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }
}

extension ControlState {
    // MARK: Beginning and ending to watch

    mutating func watch(place: Sandbox.Place) {
        if let pid = Self.process(of: place) { watch(pid: pid) }
        if case .namespace = place { watchMounts() }
    }

    /// Throws: when the process of the place cannot be watched, or has ended.
    mutating func tryToWatch(place: Sandbox.Place) throws(SystemError) {
        if let pid = Self.process(of: place) { try tryToWatch(pid: pid) }
        if case .namespace = place { watchMounts() }
    }

    /// Watches a process that something known lives as long as; one that cannot be watched now is
    /// tried again, and one that has ended takes what is tied to it along.
    mutating func watch(pid: Int32) {
        do throws(SystemError) {
            try tryToWatch(pid: pid)
        } catch {
            if error.isNoProcess {
                ended([pid])
                return
            }
            if watches.unwatched.insert(pid).inserted {
                logger.warning(
                    "a process cannot be watched yet",
                    metadata: ["pid": "\(pid)", "error": "\(error)"]
                )
            }
            watches.retryAt = Clock.now().advanced(milliseconds: Watches.retryMilliseconds)
        }
    }

    /// Throws: what the system says, or that no descriptor is left for it.
    mutating func tryToWatch(pid: Int32) throws(SystemError) {
        guard watches.processes[pid] == nil else { return }
        if descriptorCount >= descriptorsMax { throw SystemError.outOfDescriptors("pidfd_open") }
        let descriptor = try ProcessWatch.open(pid: pid)
        try poller.add(descriptor.raw, token: UInt64(UInt32(pid)), for: .read)
        watches.processes[pid] = Watches.ProcessWatchBox(descriptor)
        watches.unwatched.remove(pid)
    }

    mutating func watchUnwatched() {
        for pid in watches.unwatched.sorted() { watch(pid: pid) }
    }

    /// Lets go of processes that nothing is tied to any more.
    mutating func unwatchUnused() {
        if watches.processes.isEmpty, watches.unwatched.isEmpty { return }
        var used: Set<Int32> = []
        for pid in Set(watches.processes.keys).union(watches.unwatched)
        where !registry.endpoints(ofProcess: pid).isEmpty { used.insert(pid) }
        for sandbox in registry.sandboxes.values {
            if let pid = Self.process(of: sandbox.place) { used.insert(pid) }
        }
        watches.unwatched.formIntersection(used)
        for pid in watches.processes.keys where !used.contains(pid) { unwatch(pid: pid) }
    }

    private mutating func unwatch(pid: Int32) {
        watches.unwatched.remove(pid)
        guard let watch = watches.processes.removeValue(forKey: pid) else { return }
        poller.remove(watch.descriptor.raw)
    }

    private mutating func watchMounts() {
        guard watches.mounts == nil else { return }
        do throws(SystemError) {
            let descriptor = try Descriptor.open(path: "/proc/self/mountinfo")
            try poller.add(descriptor.raw, token: Watches.mountsToken, for: .priority)
            watches.mounts = consume descriptor
        } catch {
            logger.warning("mounts cannot be watched", metadata: ["error": "\(error)"])
        }
    }

    // MARK: What has ended

    /// Things that are watched have happened.
    mutating func watched(_ tokens: [UInt64]) {
        let pids = tokens.filter { $0 < Watches.mountsToken }
        if !pids.isEmpty { ended(Set(pids.map { Int32(truncatingIfNeeded: $0) })) }
        if tokens.contains(Watches.mountsToken) { checkNamespaces() }
        if tokens.contains(Watches.hostFileToken) { hostFileTouched() }
    }

    private mutating func ended(_ pids: Set<Int32>) {
        for pid in pids { unwatch(pid: pid) }
        let sandboxes = registry.sandboxes.values.filter { sandbox in
            Self.process(of: sandbox.place).map { pids.contains($0) } ?? false
        }
        let endpoints = pids.flatMap { registry.endpoints(ofProcess: $0) }
        vanished(
            sandboxes,
            endpoints: endpoints.map { $0.id }.sorted(),
            because: pids.count == 1
                ? "process \(pids.min() ?? 0) has ended" : "\(pids.count) processes have ended"
        )
    }

    /// Closes the sandboxes whose namespace is no longer at its path.
    private mutating func checkNamespaces() {
        var gone: [Sandbox] = []
        for sandbox in registry.sandboxes.values {
            guard case .namespace(let path) = sandbox.place,
                let state = sandboxStates[sandbox.name]
            else { continue }
            let identity = try? FileIdentity(path: path)
            if state.opened != nil, identity != state.identity {
                gone.append(sandbox)
            } else if state.opened == nil, identity != nil {
                watches.retryAt = Clock.now()
            }
        }
        vanished(gone, because: "its namespace is gone")
    }

    /// Sandboxes whose places are gone: those that a command added go with them, those of the
    /// configuration file wait for them to come back.
    ///
    /// All sockets are closed before anything else is done: an open one keeps a dead namespace and
    /// its interfaces alive.
    private mutating func vanished(
        _ sandboxes: [Sandbox],
        endpoints: [String] = [],
        because reason: String
    ) {
        if sandboxes.isEmpty, endpoints.isEmpty { return }
        let sandboxes = sandboxes.sorted { $0.name < $1.name }
        var slots: Set<Int> = []
        var closed: [SandboxState] = []
        for sandbox in sandboxes {
            guard let state = sandboxStates[sandbox.name], state.opened != nil else { continue }
            slots.insert(state.slot)
            closed.append(state)
            sandboxStates[sandbox.name] = SandboxState(
                slot: state.slot,
                place: state.place,
                error: reason
            )
            if sandbox.origin == .file {
                logger.warning(
                    "a sandbox is gone",
                    metadata: ["sandbox": "\(sandbox.name)", "why": "\(reason)"]
                )
                watches.retryAt = Clock.now().advanced(milliseconds: Watches.retryMilliseconds)
                index += 1
            }
        }
        server.close(slots: slots)
        for state in closed { unstore(state) }
        let dropped = sandboxes.filter { $0.origin == .command }
        drop(
            endpoints.map { .removeEndpoint($0) } + dropped.map { .removeSandbox($0.name) },
            because: reason
        )
    }

    /// The process that a place lives as long as.
    private static func process(of place: Sandbox.Place) -> Int32? {
        switch place {
        case .process(let pid, _, _): pid
        case .namespace(let path): processOf(path: path)
        case .address: nil
        }
    }

    /// The process under whose folder of `/proc` a path is, as `/proc/42/task/43/ns/net`: it goes
    /// without an unmount.
    private static func processOf(path: String) -> Int32? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "proc" ? Int32(parts[1]) : nil
    }
}
