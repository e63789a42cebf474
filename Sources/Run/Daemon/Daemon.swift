import Base
import HTTPAPI
import LinuxSystem
import Logging
import Names
import ServiceLifecycle
import Synchronization
import UnixSignals

/// The daemon from start to stop: configuration in, planes up, `ready`, and down again in order.
package struct Daemon: Sendable {
    private let configuration: Configuration
    /// Reads the configuration anew, for SIGHUP.
    private let reread: @Sendable () throws -> Configuration

    /// `reread`: what gave `configuration`, to be called again on SIGHUP.
    package init(
        _ configuration: Configuration,
        reread: @escaping @Sendable () throws -> Configuration
    ) {
        self.configuration = configuration
        self.reread = reread
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// Throws: `StartupError` or an `APIServerError` when it cannot start; nothing stays behind.
    package func run() async throws {
        let inherited = InheritedSockets.take()
        let logger = Self.logger(configuration.log)
        Host.raiseDescriptorLimit()
        for warning in configuration.warnings { logger.warning("\(warning)") }
        let configuration = self.configuration
        let loop = try await ControlLoop.start {
            try ControlState.start(configuration, inherited: inherited, logger: logger)
        }
        let ring: RingPlane?
        do {
            ring = try await Self.gossip(configuration, loop, logger)
        } catch {
            loop.stop()
            throw error
        }
        let api: APIServer
        do {
            api = try await bind(loop, ring, logger)
        } catch {
            await ring?.end(isLeaving: false)
            loop.stop()
            throw error
        }
        // Whoever reads the ready line may send a signal at once, and it must not kill the process.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let ends = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let reload = ReloadService(
            hangups: hangups,
            loop: loop,
            ring: ring,
            reread: reread,
            logger: logger
        )
        let ending = try Ending { step in
            logger.error(
                "the daemon did not end in time, and ends without the rest",
                metadata: ["while": "\(step.rawValue)"]
            )
            // It was told to end: a failure would have it started again.
            Host.exit()
        }
        let end = EndService(ends: ends, ending: ending)
        let services = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: ControlService(loop: loop)),
                    .init(service: reload),
                    .init(service: APIService(server: api)),
                    .init(
                        service: end,
                        successTerminationBehavior: .gracefullyShutdownGroup
                    ),
                ],
                logger: logger
            )
        )
        let problems = try await loop.perform { state in state.problems }
        for problem in problems { logger.warning("\(problem)") }
        StandardStream.output.write(
            "ready node=\(configuration.nodeName) socket=\(configuration.api.socket)"
                + " version=\(WaggleVersion.text)\n"
        )
        ServiceNotification.send(.ready)
        try await services.run()
        ServiceNotification.send(.stopping)
        // SIGTERM is a restart, and the ring hears that this node will be back; SIGINT is a farewell.
        ending.enter(.farewell)
        await ring?.end(isLeaving: end.isFarewell)
        ending.enter(.closing)
        loop.stop()
        ending.finish()
    }

    /// Starts the gossip plane, if there is to be one.
    private static func gossip(
        _ configuration: Configuration,
        _ loop: ControlLoop,
        _ logger: Logger
    ) async throws -> RingPlane? {
        guard let gossip = configuration.gossip else { return nil }
        let plan = try RingPlan(configuration, gossip)
        let late = LateRing()
        do {
            let ring = try RingPlane(
                plan,
                stateDirectory: configuration.stateDirectory,
                logger: logger
            ) { late.follow(on: loop) }
            late.set(ring, on: loop)
            for warning in plan.warnings { logger.warning("\(warning)") }
            try await loop.perform { state in state.begin(ring) }
            return ring
        } catch let error as SystemError {
            let advice =
                error.isAddressInUse
                ? "stop what listens there or choose another gossip.bind"
                : "choose an address of this machine, or gossip: null"
            if gossip.isExplicit {
                throw StartupError("gossip.bind: \(gossip.bind): \(error); \(advice)")
            }
            // Nobody asked for gossip at the default address, so its lack stops nothing.
            let problem = "gossip is off: \(gossip.bind): \(error); \(advice)"
            logger.warning("\(problem)")
            try await loop.perform { state in
                state.ring.plane = .failed
                state.ring.problems = [problem]
            }
            return nil
        }
    }

    private func bind(
        _ loop: ControlLoop,
        _ ring: RingPlane?,
        _ logger: Logger
    ) async throws -> APIServer {
        let local = LocalAPI(loop: loop, ring: ring)
        let socket = APIListener(
            .unix(path: configuration.api.socket, group: configuration.api.group)
        ) { request in await local.answer(request) }
        var limits = APILimits()
        limits.connectionCountMax = min(
            limits.connectionCountMax,
            DescriptorShares(limit: Host.descriptorsMax).commandCount
        )
        let metrics = configuration.metrics
        let server = try await Self.bind(socket, metrics, limits, loop, ring, logger)
        for notice in server.notices {
            switch notice {
            case .groupUnknown(let group) where configuration.api.isGroupExplicit:
                logger.warning(
                    "api.group does not exist; the socket is the daemon's own group's",
                    metadata: ["group": "\(group)"]
                )
            case .groupRefused(let group):
                logger.warning(
                    "the socket could not be given to api.group",
                    metadata: ["group": "\(group)"]
                )
            case .groupUnknown:
                break
            }
        }
        return server
    }

    /// The API's socket, and the metrics' where that can be had.
    private static func bind(
        _ socket: APIListener,
        _ metrics: Configuration.Metrics,
        _ limits: APILimits,
        _ loop: ControlLoop,
        _ ring: RingPlane?,
        _ logger: Logger
    ) async throws -> APIServer {
        guard let listen = metrics.listen else {
            return try await APIServer.bind([socket], limits: limits)
        }
        let observer = APIListener(.tcp(listen)) { await Self.observe($0, loop, ring) }
        if metrics.isExplicit {
            return try await APIServer.bind([socket, observer], limits: limits)
        }
        if let server = try? await APIServer.bind([socket, observer], limits: limits) {
            return server
        }
        // Nobody asked for metrics at the default address, so their lack stops nothing.
        let server = try await APIServer.bind([socket], limits: limits)
        logger.warning(
            "no metrics: the default address is taken; set metrics.listen",
            metadata: ["address": "\(listen)"]
        )
        return server
    }

    /// `/metrics` and `/healthz`.
    private static func observe(
        _ request: APIRequest,
        _ loop: ControlLoop,
        _ ring: RingPlane?
    ) async -> APIResponse {
        guard request.method == "GET" else { return .failure(405, "only GET is answered here") }
        switch request.path {
        case ["metrics"]:
            let reading = await ring?.reading()
            let text = try? await loop.perform { state in MetricsText.text(state, reading) }
            return text.map { .text($0) } ?? .failure(503, "the daemon is stopping")
        case ["healthz"]:
            // The control thread answers, so it is alive and not stuck behind a disk.
            let alive = try? await loop.perform { state in state.registry.sandboxes.count }
            return alive == nil ? .failure(503, "the daemon is stopping") : .text("ok\n")
        default:
            return .failure(404, "here are /metrics and /healthz")
        }
    }

    private static func logger(_ log: Configuration.Log) -> Logger {
        Logger(label: "waggle") { _ in
            LineLogHandler(format: log.format, logLevel: log.level.level)
        }
    }
}

extension Configuration.Log.Level {
    fileprivate var level: Logger.Level {
        Logger.Level(rawValue: rawValue) ?? .info
    }
}

/// Holds the group open for the control thread, which is stopped last and by `Daemon.run`.
private struct ControlService: Service {
    let loop: ControlLoop

    func run() async throws {
        try? await gracefulShutdown()
    }
}

private struct APIService: Service {
    let server: APIServer

    func run() async throws {
        await withGracefulShutdownHandler {
            await server.run()
        } onGracefulShutdown: {
            server.stop()
        }
    }
}

/// Ends, and the group with it, on SIGTERM or SIGINT.
private final class EndService: Service {
    let ends: UnixSignalsSequence
    private let ending: Ending
    private let farewell = Atomic(false)

    init(ends: UnixSignalsSequence, ending: Ending) {
        self.ends = ends
        self.ending = ending
    }

    /// Whether it was SIGINT.
    var isFarewell: Bool { farewell.load(ordering: .relaxed) }

    func run() async throws {
        for await signal in ends.cancelOnGracefulShutdown() {
            farewell.store(signal == .sigint, ordering: .relaxed)
            // Without it the daemon ends all the same, in what time it takes.
            try? ending.begin()
            return
        }
    }
}

/// The plane for its own events, which may come before it is made.
private final class LateRing: Sendable {
    private let ring = Mutex<RingPlane?>(nil)

    func set(_ plane: RingPlane, on loop: ControlLoop) {
        ring.withLock { $0 = plane }
        follow(on: loop)
    }

    /// Has the events taken on the control thread, at once or when it is through with what it has.
    func follow(on loop: ControlLoop) {
        guard let plane = ring.withLock({ $0 }) else { return }
        do throws(ControlLoop.Refusal) {
            try loop.later { state in state.followRing() }
        } catch {
            plane.putOff()
        }
    }
}

/// Takes up a changed configuration on SIGHUP.
private struct ReloadService: Service {
    let hangups: UnixSignalsSequence
    let loop: ControlLoop
    let ring: RingPlane?
    let reread: @Sendable () throws -> Configuration
    let logger: Logger

    func run() async throws {
        for await _ in hangups.cancelOnGracefulShutdown() {
            ServiceNotification.send(.reloading)
            await reload()
            ServiceNotification.send(.ready)
        }
    }

    private func reload() async {
        do {
            let fresh = try reread()
            let failure = try await loop.perform { state -> StartupError? in
                do throws(StartupError) {
                    try state.reload(fresh)
                    return nil
                } catch {
                    return error
                }
            }
            if let failure { throw failure }
            if let gossip = fresh.gossip { ring?.seek(gossip.join) }
            logger.info("configuration reloaded")
        } catch {
            logger.error(
                "the configuration was not taken up; the old one goes on",
                metadata: ["why": "\(error)"]
            )
        }
    }
}
