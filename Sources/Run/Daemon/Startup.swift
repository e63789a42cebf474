import Base
import HTTPAPI
import LDNS
import LinuxSystem
import Logging
import NameServer
import Names

/// A start or a reload that cannot go on; one line that says what to do.
package struct StartupError: Error, CustomStringConvertible, Sendable {
    package let description: String
    /// Whether the configuration is at fault (exit status 2) or the machine (1).
    package let isConfiguration: Bool

    init(_ description: String, isConfiguration: Bool = false) {
        self.description = description
        self.isConfiguration = isConfiguration
    }
}

extension ControlState {
    /// Brings everything up that a configuration and the state directory ask for.
    ///
    /// `inherited`: sockets that the service manager kept from an earlier process.
    /// `hostFile`: where the machine's own upstreams are said.
    static func start(
        _ configuration: Configuration,
        inherited: [InheritedSocket],
        logger: Logger,
        hostFile: String = ControlState.hostFile
    ) throws -> ControlState {
        let now = Clock.now()
        let directory = configuration.stateDirectory
        var kept = StateLog.Saved()
        let log: StateLog
        do throws(SystemError) {
            log = try StateLog(directory: directory, at: now, into: &kept)
        } catch  where error.isTryAgain {
            throw StartupError(
                "state directory \(directory): another daemon uses it; stop that one or give "
                    + "another --state-dir"
            )
        } catch  where error.call.hasPrefix("read") {
            throw StartupError(
                "state directory \(directory): \(StateLog.fileName) is damaged before its end; "
                    + "restore it or move it away to start empty"
            )
        } catch {
            throw StartupError(
                "state directory \(directory): \(error); give a directory that can be written "
                    + "with --state-dir"
            )
        }
        let files: RewrittenFiles
        do throws(SystemError) {
            files = try RewrittenFiles(directory: "\(directory)/files")
        } catch {
            throw StartupError(
                "state directory \(directory): \(error); what stood in files of containers is "
                    + "kept there, so see that it can be read"
            )
        }
        let seed = KernelRandom.uint64()
        let dns = configuration.dns
        let policy = NamePolicy(dns)
        let shares = DescriptorShares(limit: Host.descriptorsMax)
        let server = try NameServer(
            limits: NameServer.Limits(
                threads: dns.threads,
                forwardLimit: dns.forwardLimit,
                cacheEntries: dns.cacheEntries,
                nameSeed: seed,
                clientDescriptorMax: shares.clientMax,
                watch: WatchLimits(
                    nameSample: configuration.metrics.nameSample,
                    querySample: configuration.log.querySample
                )
            )
        )
        let zone: StaticZone
        let queryLog: QueryLogWriter?
        do {
            zone = try Self.zone(files: dns.zoneFiles)
            queryLog = try QueryLogWriter.start(for: server, logger)
        } catch {
            server.stop()
            throw error
        }
        let poller = try Poller()
        var state = ControlState(
            poller: poller,
            logger: logger,
            startedAt: now,
            descriptorsMax: shares.sandboxCount,
            configuration: configuration,
            registry: Registry(policy: policy, seed: seed, compiler: .images),
            saved: log,
            server: server,
            runningNameSample: configuration.metrics.nameSample,
            queryLog: queryLog,
            hostFile: hostFile,
            files: files,
            publication: Publication(),
            store: SocketStore(inherited, logger: logger),
            routes: UpstreamRoutes(defaults: [])
        )
        // Watched before it is read, so that no change is missed.
        state.watchHostFile()
        state.routes = Self.routes(
            configuration,
            host: Self.hostUpstreams(of: hostFile, logger) ?? []
        )
        if state.saved.tornOctets > 0 {
            logger.warning(
                "an unfinished record was cut off",
                metadata: ["octets": "\(state.saved.tornOctets)"]
            )
        }
        if kept.unreadCount > 0 {
            logger.error(
                "records of the state directory are not understood and were left out",
                metadata: ["count": "\(kept.unreadCount)"]
            )
        }
        for name in state.files.damaged {
            logger.error(
                "what stood in a container's file cannot be read and is left out",
                metadata: ["record": "\(directory)/files/\(name)"]
            )
        }
        state.follow(state.registry.replace(zone: zone))
        let waiting = state.restore(kept)
        do {
            try state.applyFile(configuration)
        } catch {
            server.stop()
            queryLog?.stop()
            throw error
        }
        state.restore(tied: waiting)
        state.follow(state.registry.remember(kept.services, at: now))
        // Last, so that the first question finds every name in its place.
        state.openUnserved(at: now)
        state.store.settle()
        // What the log was read into is no longer needed.
        kept = StateLog.Saved()
        Heap.giveBack()
        return state
    }

    /// Takes up what commands had added before the restart.
    ///
    /// Returns the endpoints that are tied to sandboxes that are not there yet: those of the file.
    private mutating func restore(_ kept: StateLog.Saved) -> [Endpoint] {
        for attach in kept.networks.values.sorted(by: { $0.name < $1.name }) {
            apply(
                .attach(
                    RequestMapping.name(attach.name),
                    subnets: attach.subnets,
                    origin: .command
                )
            )
        }
        for sandbox in kept.sandboxes.values.sorted(by: { $0.name < $1.name })
        where (try? registry.check(.addSandbox(sandbox))) != nil {
            enrol(sandbox)
        }
        var endpoints: [Endpoint] = []
        var waiting: [Endpoint] = []
        for endpoint in kept.endpoints.values.sorted(by: { $0.id < $1.id })
        where Self.isAlive(endpoint) {
            if case .sandbox(let name) = endpoint.tie, registry.sandboxes[name] == nil {
                waiting.append(endpoint)
            } else {
                endpoints.append(endpoint)
            }
        }
        if (try? registry.check(.addEndpoints(endpoints))) != nil {
            apply(.addEndpoints(endpoints))
        } else {
            // One that clashes must not cost the others their names.
            for endpoint in endpoints { restore(endpoint) }
        }
        return waiting
    }

    /// Takes up the endpoints of commands that end with a sandbox of the file.
    private mutating func restore(tied endpoints: [Endpoint]) {
        for endpoint in endpoints {
            // A name that both say is refused while the node runs; at a start the file wins.
            let isTaken = registry.sources(of: endpoint.name, in: endpoint.network).contains {
                $0.origin == .file && $0.name == endpoint.name
            }
            if isTaken { leaveOut(endpoint) } else { restore(endpoint) }
        }
    }

    private mutating func restore(_ endpoint: Endpoint) {
        if (try? registry.check(.addEndpoints([endpoint]))) != nil {
            apply(.addEndpoints([endpoint]))
        } else {
            leaveOut(endpoint)
        }
    }

    private func leaveOut(_ endpoint: Endpoint) {
        logger.error("an endpoint was left out", metadata: ["id": "\(endpoint.id)"])
    }

    private static func isAlive(_ endpoint: Endpoint) -> Bool {
        guard case .process(let pid, let startTime) = endpoint.tie else { return true }
        return (try? ProcessWatch.startTime(pid: pid)) == startTime
    }

    // MARK: The configuration file

    /// Makes sandboxes, endpoints and networks of the file's origin what the file says, without
    /// touching what has not changed.
    ///
    /// Checked as a whole first: on an error nothing has changed.
    mutating func applyFile(_ configuration: Configuration) throws(StartupError) {
        let plan = try FilePlan(configuration, registry: registry)
        for name in plan.removedSandboxes { apply(.removeSandbox(name)) }
        for attach in plan.networks {
            apply(
                .attach(
                    RequestMapping.name(attach.name),
                    subnets: attach.subnets,
                    origin: .file
                )
            )
        }
        for sandbox in plan.sandboxes { enrol(sandbox) }
        for sandbox in plan.replacedSandboxes {
            sandboxStates[sandbox.name]?.awaitsFiles = true
        }
        var changes = plan.replacedSandboxes.map { Change.replaceSandbox($0) }
        // Those tied to a removed sandbox have gone with it.
        changes += plan.removedEndpoints.filter { registry.endpoints[$0] != nil }
            .map { .removeEndpoint($0) }
        if !plan.endpoints.isEmpty { changes.append(.addEndpoints(plan.endpoints)) }
        apply(together: changes)
        for network in plan.removedNetworks where registry.networks[network] != nil {
            // Others may still be on it: it then stays attached by them.
            if (try? registry.check(.detach(network))) != nil { apply(.detach(network)) }
        }
    }

    /// Takes up a new configuration without closing a socket that stays.
    mutating func reload(_ fresh: Configuration) throws(StartupError) {
        let zone = try Self.zone(files: fresh.dns.zoneFiles)
        try applyFile(fresh)
        for key in fresh.keysAwaitingRestart(running: configuration) {
            logger.warning("this key takes effect at the next start", metadata: ["key": "\(key)"])
        }
        configuration = fresh
        // A file that cannot be read now leaves what it said.
        watchHostFile()
        routes = Self.routes(
            fresh,
            host: Self.hostUpstreams(of: hostFile, logger) ?? routes.defaults
        )
        follow(registry.replace(zone: zone, policy: NamePolicy(fresh.dns)))
        openUnserved(at: Clock.now())
    }

    /// Reads static zone files.
    static func zone(files: [String]) throws(StartupError) -> StaticZone {
        var records: [StaticZone.Entry] = []
        for file in files {
            let text: String
            do throws(SystemError) {
                text = try TextFile.read(path: file, octetsMax: zoneOctetsMax)
            } catch {
                throw StartupError(
                    "dns.zoneFiles: \(error); give files that can be read",
                    isConfiguration: true
                )
            }
            do throws(ZoneTextError) {
                let parsed = try ZoneText.records(
                    in: text,
                    origin: .root,
                    defaultTTL: zoneTTL,
                    file: file
                )
                records += parsed.map { record in
                    StaticZone.Entry(
                        owner: record.owner,
                        type: record.type,
                        ttl: record.ttl,
                        data: recordData(record)
                    )
                }
            } catch {
                throw StartupError("dns.zoneFiles: \(error)", isConfiguration: true)
            }
        }
        return StaticZone(records)
    }

    private static let zoneOctetsMax = 8 << 20
    /// Seconds, for a record that gives no TTL.
    private static let zoneTTL: UInt32 = 3600

    /// Record data in the form that the name server can follow or print.
    private static func recordData(_ record: ZoneRecord) -> RecordData {
        let data = record.data
        switch record.type {
        case .a where data.count == 4: return .a(IPv4Address(data[0], data[1], data[2], data[3]))
        case .aaaa: return IPv6Address(octets: data).map { .aaaa($0) } ?? .wire(data)
        case .cname, .ns, .ptr:
            return (try? DomainName(wire: data.dropLast())).map { .name($0) } ?? .wire(data)
        default: return .wire(data)
        }
    }
}

extension NamePolicy {
    fileprivate init(_ dns: Configuration.DNS) {
        self.init(
            profile: dns.profile == .docker ? .docker : .waggle,
            taskTTL: dns.ttl.task,
            vipTTL: dns.ttl.vip,
            negativeTTL: dns.ttl.negative
        )
    }
}
