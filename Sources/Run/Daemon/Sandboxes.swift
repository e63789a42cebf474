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

    var processes: [Int32: ProcessWatchBox] = [:]
    /// Readable by priority when something was mounted or unmounted.
    var mounts: Descriptor?
    var retryAt: Moment?

    final class ProcessWatchBox {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }
}

extension ControlState {
    // MARK: Sockets

    /// Opens a sandbox's sockets at a slot.
    ///
    /// On failure nothing stays open.
    func open(_ sandbox: Sandbox, slot: Int) throws(SystemError) -> SandboxState {
        var state = SandboxState(slot: slot, place: sandbox.place)
        switch sandbox.place {
        case .namespace(let path):
            state.identity = try FileIdentity(path: path)
        case .process(let pid, let startTime, let inode):
            state.identity = try FileIdentity(path: sandbox.place.namespacePath)
            guard try ProcessWatch.startTime(pid: pid) == startTime,
                state.identity?.inode == inode
            else { throw SystemError.noProcess("process \(pid) is another one now") }
        case .address:
            break
        }
        if let other = holder(of: state.identity, besides: sandbox.name) {
            throw SystemError.taken("sandbox \(other) serves this namespace")
        }
        state.opened = try server.open(sandbox.place, slot: slot, redirect: sandbox.redirect)
        return state
    }

    /// The sandbox whose sockets are in this namespace, however it is named: a second one there
    /// would take the first one's questions.
    private func holder(of namespace: FileIdentity?, besides name: String) -> String? {
        guard let namespace else { return nil }
        let holders = sandboxStates.filter { other, state in
            other != name && state.opened != nil && state.identity == namespace
        }
        return holders.keys.min()
    }

    /// Closes a sandbox's sockets and gives its slot back.
    mutating func closeSockets(of name: String) {
        guard let state = sandboxStates.removeValue(forKey: name) else { return }
        if let opened = state.opened {
            // A namespace that is gone took its rules along, and what has its name now is another.
            let isThere = (try? FileIdentity(path: state.place.namespacePath)) == state.identity
            let hasRules = opened.isRedirected && isThere
            server.close(slot: state.slot, redirectedAt: hasRules ? state.place : nil)
        }
        publication.giveBack(state.slot)
        server.publish(publication.views)
    }

    /// Makes a sandbox known whose sockets are opened later, by `openUnserved`.
    mutating func enrol(_ sandbox: Sandbox) {
        let slot = publication.takeSlot()
        sandboxStates[sandbox.name] = SandboxState(slot: slot, place: sandbox.place)
        apply(.addSandbox(sandbox))
    }

    /// Opens every sandbox that has no sockets; those that cannot be opened are tried again.
    mutating func openUnserved(at now: Moment) {
        watches.retryAt = nil
        for sandbox in registry.sandboxes.values.sorted(by: { $0.name < $1.name }) {
            guard let state = sandboxStates[sandbox.name], state.opened == nil else { continue }
            do throws(SystemError) {
                sandboxStates[sandbox.name] = try open(sandbox, slot: state.slot)
                if state.error != nil {
                    logger.info(
                        "a sandbox is served again",
                        metadata: ["sandbox": "\(sandbox.name)"]
                    )
                }
                index += 1
                watch(place: sandbox.place)
            } catch {
                notOpened(sandbox, state, error, at: now)
            }
        }
    }

    /// A sandbox of a command goes when its container has; every other failure may pass.
    private mutating func notOpened(
        _ sandbox: Sandbox,
        _ state: SandboxState,
        _ error: SystemError,
        at now: Moment
    ) {
        let isNoNamespace = error.call == "setns" && error.isInvalid
        let isGone = error.isNoSuchFile || error.isNoProcess || isNoNamespace
        if isGone, sandbox.origin == .command {
            drop(.removeSandbox(sandbox.name), because: "its namespace is gone")
            return
        }
        let why = "\(error); \(Self.advice(error))"
        if state.error == nil {
            logger.error(
                "a sandbox is not served",
                metadata: [
                    "sandbox": "\(sandbox.name)", "error": "\(error)",
                    "advice": "\(Self.advice(error))",
                ]
            )
        }
        sandboxStates[sandbox.name]?.error = why
        watches.retryAt = now.advanced(milliseconds: Watches.retryMilliseconds)
    }

    // MARK: Watching

    mutating func watch(place: Sandbox.Place) {
        switch place {
        case .process(let pid, _, _): watch(pid: pid)
        case .namespace(let path):
            if let pid = Self.processOf(path: path) { watch(pid: pid) }
            watchMounts()
        case .address: break
        }
    }

    mutating func watch(pid: Int32) {
        guard watches.processes[pid] == nil else { return }
        do throws(SystemError) {
            let descriptor = try ProcessWatch.open(pid: pid)
            try poller.add(descriptor.raw, token: UInt64(UInt32(pid)), for: .read)
            watches.processes[pid] = Watches.ProcessWatchBox(descriptor)
        } catch {
            // It has ended between being named and being watched.
            processEnded(pid)
        }
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

    /// Something that is watched has happened.
    mutating func watched(_ token: UInt64) {
        if token == Watches.mountsToken {
            checkNamespaces()
        } else {
            processEnded(Int32(truncatingIfNeeded: token))
        }
    }

    private mutating func processEnded(_ pid: Int32) {
        if let watch = watches.processes.removeValue(forKey: pid) {
            poller.remove(watch.descriptor.raw)
        }
        for endpoint in registry.endpoints() {
            if case .process(pid, _) = endpoint.tie {
                drop(.removeEndpoint(endpoint.id), because: "process \(pid) has ended")
            }
        }
        for sandbox in registry.sandboxes.values.sorted(by: { $0.name < $1.name }) {
            switch sandbox.place {
            case .process(pid, _, _): vanished(sandbox, because: "process \(pid) has ended")
            case .namespace(let path) where Self.processOf(path: path) == pid:
                vanished(sandbox, because: "process \(pid) has ended")
            case .process, .namespace, .address: break
            }
        }
    }

    /// Closes the sandboxes whose namespace is no longer at its path: an open socket would keep a
    /// dead namespace and its interfaces alive.
    private mutating func checkNamespaces() {
        for sandbox in registry.sandboxes.values.sorted(by: { $0.name < $1.name }) {
            guard case .namespace(let path) = sandbox.place,
                let state = sandboxStates[sandbox.name]
            else { continue }
            let identity = try? FileIdentity(path: path)
            if state.opened != nil, identity != state.identity {
                vanished(sandbox, because: "its namespace is gone")
            } else if state.opened == nil, identity != nil {
                watches.retryAt = Clock.now()
            }
        }
    }

    /// A sandbox whose place is gone: one that a command added goes with it, one of the
    /// configuration file waits for it to come back.
    private mutating func vanished(_ sandbox: Sandbox, because reason: String) {
        if sandbox.origin == .command {
            drop(.removeSandbox(sandbox.name), because: reason)
            return
        }
        guard let state = sandboxStates[sandbox.name], state.opened != nil else { return }
        logger.warning(
            "a sandbox is gone",
            metadata: ["sandbox": "\(sandbox.name)", "why": "\(reason)"]
        )
        server.close(slot: state.slot)
        sandboxStates[sandbox.name] = SandboxState(
            slot: state.slot,
            place: state.place,
            error: reason
        )
        watches.retryAt = Clock.now().advanced(milliseconds: Watches.retryMilliseconds)
        index += 1
    }

    /// The process whose namespace a path like `/proc/42/ns/net` shows: it goes without an unmount.
    private static func processOf(path: String) -> Int32? {
        let parts = path.split(separator: "/")
        guard parts.count >= 4, parts[0] == "proc", parts[2] == "ns" else { return nil }
        return Int32(parts[1])
    }
}
