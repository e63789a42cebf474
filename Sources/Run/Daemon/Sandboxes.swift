import Base
import LinuxSystem
import Logging
import NameServer
import Names

/// The sockets of sandboxes: opened, closed, tried again.
extension ControlState {
    /// Opens a sandbox's sockets at a slot.
    ///
    /// On failure nothing stays open.
    mutating func open(_ sandbox: Sandbox, slot: Int) throws(SystemError) -> SandboxState {
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
        if descriptorCount + server.socketsPerSandbox > descriptorsMax {
            throw SystemError.outOfDescriptors("socket")
        }
        let name = SocketStore.name(of: sandbox, in: state.identity)
        let inherited = store.take(name)
        var sockets: [Int32] = []
        let opened: NameServer.Opened
        do throws(SystemError) {
            opened = try server.open(
                sandbox.place,
                slot: slot,
                redirect: sandbox.redirect,
                inherited: inherited
            ) { sockets.append($0) }
        } catch {
            if !inherited.isEmpty { store.remove(name, count: inherited.count) }
            throw error
        }
        var isKept = opened.isAdopted
        if !isKept {
            // Before the new ones come under the same name.
            if !inherited.isEmpty { store.remove(name, count: inherited.count) }
            isKept = store.keep(sockets, name)
        }
        state.opened = opened
        if isKept { state.stored = (name, sockets.count) }
        return state
    }

    /// Descriptors that sandboxes and watches have now.
    var descriptorCount: Int {
        sandboxStates.values.count { $0.opened != nil } * server.socketsPerSandbox
            + watches.processes.count
    }

    /// Has the service manager let go of a sandbox's sockets, which are closed here.
    mutating func unstore(_ state: SandboxState) {
        guard let stored = state.stored else { return }
        store.remove(stored.name, count: stored.count)
        if store.isBehind {
            watches.retryAt = Clock.now().advanced(milliseconds: Watches.retryMilliseconds)
        }
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
            server.close(slots: [state.slot])
            unstore(state)
            if opened.isRedirected, isThere { server.removeRedirect(at: state.place) }
        }
        publication.giveBack(state.slot)
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
        watchUnwatched()
        store.retry()
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
        fitAwaitedFiles(at: now)
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
            drop([.removeSandbox(sandbox.name)], because: "its namespace is gone")
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
}
