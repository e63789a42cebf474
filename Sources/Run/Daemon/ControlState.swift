import Base
import HTTPAPI
import LinuxSystem
import Logging
import NameServer
import Names

/// What this node knows and what is open because of it.
///
/// Lives on the control thread.
///
/// Every change goes the same way: checked, sockets opened where it needs any, made durable,
/// applied, published. What fails leaves everything as it was.
struct ControlState: ~Copyable {
    /// What a change can fail with, as the API tells it.
    enum Failure: Error {
        case refused(RegistryError)
        /// The request names something of the system that cannot be had.
        case system(SystemError, doing: String, advice: String)
        /// The state directory cannot take the change.
        case notDurable(SystemError)
        /// A file of its container cannot be made to fit a sandbox.
        case files(FilesFailure)

        var status: Int {
            switch self {
            case .refused(let error):
                switch error.kind {
                case .invalid: 400
                case .conflict: 409
                case .notFound: 404
                }
            case .system: 409
            case .notDurable: 503
            case .files: 409
            }
        }

        var message: String {
            switch self {
            case .refused(let error): "\(error)"
            case .files(let failure): "\(failure)"
            case .system(let error, let doing, let advice): "\(doing): \(error); \(advice)"
            case .notDurable(let error) where error.isDiskFull:
                "state directory: \(error); free space there and try again; nothing was changed"
            case .notDurable(let error):
                "state directory: \(error); see the daemon's log; nothing was changed"
            }
        }
    }

    let poller: Poller
    let logger: Logger
    let startedAt: Moment
    /// How many descriptors sandboxes and watches may have together.
    let descriptorsMax: Int
    var configuration: Configuration
    var registry: Registry
    var saved: StateLog
    var server: NameServer
    /// Of the server that runs, which a reload leaves alone.
    let runningNameSample: Int
    /// Nil when no question is logged.
    let queryLog: QueryLogWriter?
    /// The file that says whom the machine asks.
    let hostFile: String
    /// Files of containers that say what their sandboxes need.
    var files: RewrittenFiles
    /// Those that could not be put back, and why.
    var stuckFiles: [String: String] = [:]
    var publication: Publication
    var store: SocketStore
    var sandboxStates: [String: SandboxState] = [:]
    var watches = Watches()
    var routes: UpstreamRoutes
    /// Groups of upstreams that sandboxes have in common.
    var directory = UpstreamDirectory()
    /// Whether there is a ring, and what is wrong with it.
    var ring = RingState()
    /// nil where no tables are exchanged.
    var desk: TableDesk?
    /// Rises with every change that somebody could see.
    var index: UInt64 = 1
    var waiters: [Waiter] = []
    var cancelledWaiters: Set<UInt64> = []
    var isStopping = false

    struct Waiter {
        let number: UInt64
        let index: UInt64
        let until: Moment
        let resume: () -> Void
    }

    /// How a sandbox is doing.
    struct SandboxState: Sendable {
        let slot: Int
        let place: Sandbox.Place
        var opened: NameServer.Opened?
        /// Why it is not served now; tried again until it is.
        var error: String?
        /// The namespace that was at its place when it was opened.
        var identity: FileIdentity?
        /// What its sockets are kept under, and how many they are.
        var stored: (name: String, count: Int)?
        /// Whether its container's files still have to be made to fit it.
        var awaitsFiles = true
        /// Why they do not fit; tried again until they do.
        var filesError: String?
        /// The servers that its resolv.conf named.
        var foundUpstreams: [UpstreamChoice] = []
    }

    // MARK: Changes

    /// Makes a change of what is known: durable, applied, published.
    mutating func commit(_ change: Change) throws(Failure) {
        do throws(RegistryError) {
            try registry.check(change)
        } catch {
            throw .refused(error)
        }
        do throws(SystemError) {
            try saved.append([change])
        } catch {
            logger.error("the state directory refused a change", metadata: ["error": "\(error)"])
            throw .notDurable(error)
        }
        apply(change)
        rewriteIfDue()
    }

    /// Begins to write the log anew when that is due; `wake` goes on with it, a step at a time.
    mutating func rewriteIfDue() {
        guard saved.needsRewrite else { return }
        do throws(SystemError) {
            try saved.beginRewrite(registry)
        } catch {
            tellNotRewritten(error)
        }
    }

    private mutating func continueRewrite() {
        do throws(SystemError) {
            try saved.continueRewrite(registry)
        } catch {
            tellNotRewritten(error)
        }
    }

    /// The log only stays longer than it needs to be.
    private func tellNotRewritten(_ error: SystemError) {
        logger.warning("the log was not rewritten", metadata: ["error": "\(error)"])
    }

    /// Applies a change that has been checked, and publishes what follows.
    mutating func apply(_ change: Change) {
        apply(together: [change])
    }

    /// Applies changes as one: nobody sees the names between two of them.
    mutating func apply(together changes: [Change]) {
        if changes.isEmpty { return }
        do throws(RegistryError) {
            follow(try registry.apply(together: changes, at: Clock.now()))
        } catch {
            preconditionFailure("a checked change was refused: \(error)")
        }
    }

    mutating func follow(_ effect: Effect) {
        for name in effect.closedSandboxes { closeSockets(of: name) }
        if !effect.closedSandboxes.isEmpty { settleFiles() }
        if !effect.closedSandboxes.isEmpty || !effect.releasedProcesses.isEmpty { unwatchUnused() }
        for pid in effect.watchedProcesses { watch(pid: pid) }
        publish(effect)
        announce(effect)
        tellWaiters()
    }

    /// Something that somebody can look at is another than it was.
    mutating func tellWaiters() {
        index += 1
        let due = waiters.filter { $0.index < index }
        waiters.removeAll { $0.index < index }
        for waiter in due { waiter.resume() }
    }

    /// Adds a sandbox that a command asks for: its sockets are open when this returns.
    mutating func add(_ request: SandboxRequest) throws(Failure) {
        let sandbox: Sandbox
        do throws(SystemError) {
            sandbox = try RequestMapping.sandbox(request, origin: .command)
        } catch {
            throw .system(
                error,
                doing: "sandbox \(request.name)",
                advice: "give the id of a running process"
            )
        }
        do throws(RegistryError) {
            try registry.check(.addSandbox(sandbox))
        } catch {
            throw .refused(error)
        }
        let slot = publication.takeSlot()
        do throws(SystemError) {
            sandboxStates[sandbox.name] = try open(sandbox, slot: slot)
        } catch {
            publication.giveBack(slot)
            throw .system(error, doing: "sandbox \(request.name)", advice: Self.advice(error))
        }
        do throws(Failure) {
            do throws(SystemError) {
                try tryToWatch(place: sandbox.place)
            } catch {
                throw .system(error, doing: "sandbox \(request.name)", advice: Self.advice(error))
            }
            do throws(FilesFailure) {
                try fitFiles(of: sandbox)
            } catch {
                throw .files(error)
            }
            try commit(.addSandbox(sandbox))
        } catch {
            closeSockets(of: sandbox.name)
            settleFiles()
            unwatchUnused()
            throw error
        }
    }

    /// Adds endpoints that a command asks for, all or none; returns their ids.
    mutating func add(_ requests: [EndpointRequest]) throws(Failure) -> [String] {
        do throws(Failure) {
            let endpoints = try endpoints(of: requests)
            try commit(.addEndpoints(endpoints))
            return endpoints.map { $0.id }
        } catch {
            unwatchUnused()
            throw error
        }
    }

    /// The endpoints that requests describe; their processes are watched from here on.
    private mutating func endpoints(
        of requests: [EndpointRequest]
    ) throws(Failure) -> [Endpoint] {
        let now = Clock.now()
        var endpoints: [Endpoint] = []
        endpoints.reserveCapacity(requests.count)
        for request in requests {
            do throws(SystemError) {
                endpoints.append(
                    try RequestMapping.endpoint(
                        request,
                        id: Self.freshID(),
                        origin: .command,
                        startTime: nil,
                        at: now
                    )
                )
                if case .pid(let pid) = request.tie { try tryToWatch(pid: Int32(pid)) }
            } catch {
                throw .system(
                    error,
                    doing: "endpoint \(request.name)",
                    advice: error.isOutOfDescriptors
                        ? Self.advice(error) : "give the id of a running process"
                )
            }
        }
        return endpoints
    }

    mutating func renew(_ id: String) throws(Failure) {
        guard let endpoint = registry.endpoints[id] else { throw .refused(.noEndpoint(id)) }
        guard case .timeToLive(let seconds, _) = endpoint.tie else {
            throw .refused(.notRenewable(id))
        }
        let until = Clock.now().advanced(milliseconds: UInt64(seconds) * 1000)
        try commit(.renewEndpoint(id, until: until))
    }

    private static func freshID() -> String {
        let digits = String(KernelRandom.uint64() >> 16, radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    static func advice(_ error: SystemError) -> String {
        if error.isAddressInUse { return "stop what listens there or choose another address" }
        if error.isOutOfDescriptors {
            return "raise the limit of open files (LimitNOFILE) and try again"
        }
        if error.isNoProcess { return "give the id of a running process" }
        if error.isNotPermitted, error.call == "setns" {
            return "run the daemon as root (it needs CAP_SYS_ADMIN)"
        }
        if error.isNoSuchFile || error.call == "setns" {
            return "give the path of a network namespace that exists"
        }
        return "see the daemon's log"
    }

    // MARK: Time

    mutating func nextWake(at now: Moment) -> Moment? {
        var earliest = registry.nextWake()
        func take(_ moment: Moment?) {
            if let moment { earliest = min(earliest ?? moment, moment) }
        }
        take(waiters.map { $0.until }.min())
        take(watches.retryAt)
        take(watches.hostFileDue)
        if saved.isBeingRewritten { take(now) }
        if desk?.backlog.isEmpty == false { take(now) }
        take(desk?.auditAt)
        return earliest
    }

    mutating func wake(at now: Moment) {
        if saved.isBeingRewritten { continueRewrite() }
        let expired = registry.expiredEndpoints(at: now)
        drop(expired.map { .removeEndpoint($0) }, because: "its time to live has run out")
        let forgotten = registry.forgetEmptyServices(at: now)
        if !forgotten.networks.isEmpty { follow(forgotten) }
        let late = waiters.filter { $0.until <= now }
        waiters.removeAll { $0.until <= now }
        for waiter in late { waiter.resume() }
        if let retry = watches.retryAt, retry <= now { openUnserved(at: now) }
        if let due = watches.hostFileDue, due <= now { rereadHostFile() }
        if ring.gossip?.isOverdue == true { followRing() }
        if desk?.backlog.isEmpty == false { continueNews() }
        if let due = desk?.auditAt, due <= now { beginAudit() }
    }

    /// Removes what has ended by itself, in one step.
    ///
    /// When the disk refuses, it goes all the same: what is dead must not be answered, and the next
    /// start finds it dead again.
    mutating func drop(_ changes: [Change], because reason: String) {
        if changes.isEmpty { return }
        for change in changes {
            logger.info("removed", metadata: ["what": "\(change.subject)", "why": "\(reason)"])
        }
        do throws(SystemError) {
            try saved.append(changes)
        } catch {
            logger.error("the state directory refused a change", metadata: ["error": "\(error)"])
        }
        apply(together: changes)
        rewriteIfDue()
    }

    mutating func wait(
        _ number: UInt64,
        after index: UInt64,
        seconds: UInt64,
        resume: @escaping () -> Void
    ) {
        // An index of the future is one from before a restart.
        if self.index != index || waiters.count >= Self.waitersMax
            || cancelledWaiters.remove(number) != nil
        {
            resume()
            return
        }
        let until = Clock.now().advanced(milliseconds: seconds * 1000)
        waiters.append(Waiter(number: number, index: index, until: until, resume: resume))
    }

    /// The request's client has gone, perhaps before its wait began.
    mutating func stopWaiting(_ number: UInt64) {
        guard let place = waiters.firstIndex(where: { $0.number == number }) else {
            if cancelledWaiters.count < Self.waitersMax { cancelledWaiters.insert(number) }
            return
        }
        waiters.remove(at: place).resume()
    }

    /// Requests that wait for a change at once; more are answered at once.
    private static let waitersMax = 1024

    /// Closes everything; sandboxes that were redirected keep their rules for the next start.
    mutating func close() {
        for waiter in waiters { waiter.resume() }
        waiters = []
        for waiter in desk?.audit?.waiters ?? [] { waiter(nil) }
        desk = nil
        server.stop(keepsReading: !store.isCertain)
        queryLog?.stop()
    }
}

extension Change {
    /// What the change is about, for the log.
    var subject: String {
        switch self {
        case .addSandbox(let sandbox), .replaceSandbox(let sandbox): "sandbox \(sandbox.name)"
        case .removeSandbox(let name): "sandbox \(name)"
        case .addEndpoints(let list): "\(list.count) endpoints"
        case .removeEndpoint(let id), .drainEndpoint(let id), .renewEndpoint(let id, _):
            "endpoint \(id)"
        case .attach(let name, _, _), .detach(let name): "network \(name)"
        }
    }
}
