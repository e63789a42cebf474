import ArgumentParser
import Base
import HTTPAPI
import LinuxSystem

/// `waggle oci-hook`: what a container runtime calls when a container starts and when it has ended.
struct OCIHookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oci-hook",
        abstract: "Serve a container while it runs: its runtime's createRuntime and poststop hook.",
        discussion: """
            Reads the container's state (OCI runtime specification) on stdin. A container with the \
            annotation io.waggle.networks gets a sandbox and an endpoint when it starts, and loses \
            them when it has stopped; any other is left alone. docs/operations has the annotations.
            """
    )

    @Option(help: "Seconds to wait for a daemon that is just being started again.")
    var wait = 5
    @Flag(help: "Let the container start without its names when something fails.")
    var bestEffort = false
    @OptionGroup var socket: SocketOption

    func validate() throws {
        guard (0...300).contains(wait) else {
            throw ValidationError("--wait is a whole number of seconds from 0 to 300")
        }
    }

    func run() async throws {
        do {
            try await obey()
        } catch {
            guard bestEffort else { throw error }
            let failure = CommandFailure(error, in: ["oci-hook"], parserMessage: { "\($0)" })
            Console.complain(failure.line)
        }
    }

    private func obey() async throws {
        let octets = try Self.read { () throws(SystemError) in
            try TextFile.standardInput(octetsMax: OCIState.octetsMax)
        }
        let state = try Self.parsed("the state on stdin") { try OCIState(parsing: octets) }
        let daemon = socket.daemon(for: "oci-hook")
        if state.status == .stopped {
            try await Self.end(of: state, daemon)
            return
        }
        let bundle = try Self.bundle(of: state)
        // Both have them; a runtime may leave them out of the state.
        let annotations = (bundle?.annotations ?? [:]).merging(state.annotations) { $1 }
        let wishes = try Self.parsed("annotations") { try HookWishes(annotations) }
        if wishes.networks.isEmpty { return }
        let start = HookStart(
            daemon: daemon,
            state: state,
            bundle: bundle,
            wishes: wishes,
            name: try Self.sandboxName(state, annotations)
        )
        try await start.run(seconds: wait)
    }

    /// A container that was never served has nothing to lose.
    private static func end(of state: OCIState, _ daemon: LocalAPI) async throws {
        let annotations =
            ((try? bundle(of: state))?.annotations ?? [:]).merging(state.annotations) { $1 }
        guard annotations[HookWishes.prefix + "networks"] != nil else { return }
        let name = try sandboxName(state, annotations)
        do {
            _ = try await daemon.send("DELETE", ["sandboxes", name])
        } catch let failure as CommandFailure where failure.status == .absent {
            // The daemon has noticed the end by itself.
        }
    }

    private static func bundle(of state: OCIState) throws -> OCIBundle? {
        let path = "\(state.bundle)/\(OCIBundle.fileName)"
        guard Console.exists(path) else { return nil }
        let octets = try read { () throws(SystemError) in
            try TextFile.octets(path: path, octetsMax: OCIBundle.octetsMax)
        }
        return try parsed(path) { try OCIBundle(parsing: octets, folder: state.bundle) }
    }

    private static func sandboxName(
        _ state: OCIState,
        _ annotations: [String: String]
    ) throws -> String {
        do throws(HookPlan.Failure) {
            return try HookPlan.sandboxName(state, annotations: annotations)
        } catch {
            throw CommandFailure(.usage, what: "oci-hook", why: error.why, advice: error.advice)
        }
    }

    private static func read(_ octets: () throws(SystemError) -> [UInt8]) throws -> [UInt8] {
        do throws(SystemError) {
            return try octets()
        } catch {
            throw CommandFailure(
                .usage,
                what: "oci-hook",
                why: "\(error)",
                advice: "let a container runtime call this"
            )
        }
    }

    /// Makes what a document is wrong in one failure, with the document's name.
    private static func parsed<Value>(_ what: String, _ parse: () throws -> Value) throws -> Value {
        do {
            return try parse()
        } catch {
            throw CommandFailure(.usage, what: "oci-hook", why: "\(what): \(error)")
        }
    }
}

/// The start of one container: what is asked of the daemon, as often as it takes.
///
/// Each attempt begins with a look at what is there, so that one that was cut off, or a second call
/// of the hook, adds nothing twice.
private struct HookStart {
    let daemon: LocalAPI
    let state: OCIState
    let bundle: OCIBundle?
    let wishes: HookWishes
    /// The sandbox's.
    let name: String

    private static let pauseMilliseconds = 50

    private var namespacePath: String { "/proc/\(state.pid ?? 0)/ns/net" }

    /// Asks until it is done, or for so long while nobody answers.
    func run(seconds: Int) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        while true {
            do {
                try await attempt()
                return
            } catch let error as APIClientError where error.mayPass && clock.now < end {
                try await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
            }
        }
    }

    private func attempt() async throws {
        let identity = try namespace()
        let sandboxes = try await list("sandboxes")
        let known = sandboxes.first { $0["name"]?.stringValue == name }
        var plan = try await self.plan()
        if known?["pid"]?.intValue == state.pid {
            if try await hasEndpoints() { return }
        } else if let other = Self.sandbox(in: identity, among: sandboxes), other != name {
            // The containers of a pod share one namespace, and so one resolver.
            plan = plan.beside(state.pid ?? 0)
        } else {
            _ = try await daemon.send("POST", ["sandboxes"], body: plan.sandbox.json.octets)
        }
        if plan.endpoints.isEmpty { return }
        do {
            let body = JSONValue.array(plan.endpoints.map { $0.json })
            _ = try await daemon.send("POST", ["endpoints"], body: body.octets)
        } catch let failure as CommandFailure {
            // Half of it must not stay: the container will not start.
            if known == nil { _ = try? await daemon.send("DELETE", ["sandboxes", name]) }
            throw failure
        }
    }

    /// The container's network namespace.
    ///
    /// Throws: `CommandFailure` when it is gone, or the host's own.
    private func namespace() throws -> FileIdentity {
        let identity: FileIdentity
        do throws(SystemError) {
            identity = try FileIdentity(path: namespacePath)
        } catch {
            throw CommandFailure(
                .failed,
                what: "oci-hook",
                why: "\(error)",
                advice: "the container's process has ended, or this is not run as root"
            )
        }
        if (try? FileIdentity(path: "/proc/self/ns/net")) == identity {
            throw CommandFailure(
                .failed,
                what: "oci-hook",
                why: "the container shares the network of its host",
                advice: "give it a namespace, or take out the annotation "
                    + "\(HookWishes.prefix)networks"
            )
        }
        return identity
    }

    private func plan() async throws -> HookPlan {
        var circumstances = HookPlan.Circumstances(
            state: state,
            bundle: bundle,
            addresses: try addresses()
        )
        for network in try await list("networks") {
            guard let name = network["name"]?.stringValue else { continue }
            circumstances.blocks[name] = (network["subnets"]?.arrayValue ?? [])
                .compactMap { $0.stringValue.flatMap { CIDR($0) } }
        }
        for path in ["/etc/hosts", "/etc/hostname"] {
            guard let mounted = bundle?.mountedFile(path), let own = try? FileIdentity(path: path),
                (try? FileIdentity(path: mounted)) == own
            else { continue }
            circumstances.hostFiles.insert(mounted)
        }
        do throws(HookPlan.Failure) {
            return try HookPlan(wishes, name: name, circumstances)
        } catch {
            throw CommandFailure(.failed, what: "oci-hook", why: error.why, advice: error.advice)
        }
    }

    private func addresses() throws -> [IPAddress] {
        if !wishes.addresses.isEmpty { return [] }
        do throws(SystemError) {
            return try NetworkNamespace.inside(path: namespacePath) { () throws(SystemError) in
                try NetworkInterfaces.addresses()
            }
        } catch {
            throw CommandFailure(
                .failed,
                what: "oci-hook",
                why: "the container's addresses: \(error)",
                advice: "run as root, or set the annotation \(HookWishes.prefix)ip"
            )
        }
    }

    private func hasEndpoints() async throws -> Bool {
        try await list("endpoints").contains { $0["tie"]?["sandbox"]?.stringValue == name }
    }

    private func list(_ what: String) async throws -> [JSONValue] {
        let response = try await daemon.send("GET", [what])
        let limits = JSONLimits(octetsMax: 1 << 30, depthMax: 32, valueCountMax: .max)
        return try JSONValue(parsing: response.body, limits: limits).arrayValue ?? []
    }

    /// The sandbox that serves a namespace.
    private static func sandbox(
        in namespace: FileIdentity,
        among sandboxes: [JSONValue]
    ) -> String? {
        let other = sandboxes.first { sandbox in
            let path =
                sandbox["netns"]?.stringValue
                ?? sandbox["pid"]?.intValue.map { "/proc/\($0)/ns/net" }
            return path.flatMap { try? FileIdentity(path: $0) } == namespace
        }
        return other?["name"]?.stringValue
    }
}

extension APIClientError {
    /// Whether it is what a daemon that is being started again gives.
    fileprivate var mayPass: Bool {
        switch self {
        case .unreachable(_, .absent), .unreachable(_, .refused), .broken: true
        case .unreachable, .timeout, .tooLarge: false
        }
    }
}
