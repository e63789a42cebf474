import Base
import HTTPAPI
import LinuxSystem
import Names

/// What has to change so that the objects of the configuration file are those that it names.
struct FilePlan {
    private(set) var removedSandboxes: [String] = []
    private(set) var removedEndpoints: [String] = []
    private(set) var removedNetworks: [DomainName] = []
    private(set) var networks: [NetworkAttach] = []
    private(set) var sandboxes: [Sandbox] = []
    /// Those that stay where they are and see something else.
    private(set) var replacedSandboxes: [Sandbox] = []
    private(set) var endpoints: [Endpoint] = []

    /// Throws: `StartupError` for an object that a command has added under the same name, or that
    /// clashes with another; then nothing shall be done.
    init(
        _ configuration: Configuration,
        registry: borrowing Registry
    ) throws(StartupError) {
        try planSandboxes(configuration, registry)
        try planEndpoints(configuration, registry)
        networks = configuration.networks
        let wanted = Set(networks.map { $0.name })
        for name in registry.networks.keys.sorted()
        where registry.networks[name]?.explicit == .file && !wanted.contains("\(name)") {
            removedNetworks.append(name)
        }
    }

    private mutating func planSandboxes(
        _ configuration: Configuration,
        _ registry: borrowing Registry
    ) throws(StartupError) {
        var wanted: [String: Sandbox] = [:]
        var places: Set<Sandbox.Place> = []
        for (index, request) in configuration.sandboxes.enumerated() {
            let key = "sandboxes[\(index)]"
            let sandbox: Sandbox
            do throws(SystemError) {
                sandbox = try RequestMapping.sandbox(request, origin: .file)
            } catch {
                throw StartupError(
                    "configuration: \(key).pid: \(error); give the id of a running process",
                    isConfiguration: true
                )
            }
            if wanted.updateValue(sandbox, forKey: sandbox.name) != nil {
                throw Self.clash("\(key).name", sandbox.name, "named twice")
            }
            if registry.sandboxes[sandbox.name]?.origin == .command {
                throw Self.clash("\(key).name", sandbox.name, "added by command already")
            }
            let other = registry.occupant(of: sandbox.place).flatMap { registry.sandboxes[$0] }
            let isAnyPort = !sandbox.place.clashes(with: sandbox.place)
            if other?.origin == .command || !isAnyPort && !places.insert(sandbox.place).inserted {
                throw Self.clash(key, sandbox.name, "at a place that another sandbox has")
            }
            let old = registry.sandboxes[sandbox.name]
            if old == sandbox { continue }
            if let old, old.place == sandbox.place, old.redirect == sandbox.redirect {
                replacedSandboxes.append(sandbox)
            } else {
                sandboxes.append(sandbox)
            }
        }
        let kept = Set(wanted.keys).subtracting(sandboxes.map { $0.name })
        for old in registry.sandboxes.values.sorted(by: { $0.name < $1.name })
        where old.origin == .file && !kept.contains(old.name) {
            removedSandboxes.append(old.name)
        }
    }

    /// Whether a sandbox of that name will be there.
    private func hasSandbox(_ name: String, _ registry: borrowing Registry) -> Bool {
        if sandboxes.contains(where: { $0.name == name }) { return true }
        return registry.sandboxes[name] != nil && !removedSandboxes.contains(name)
    }

    private mutating func planEndpoints(
        _ configuration: Configuration,
        _ registry: borrowing Registry
    ) throws(StartupError) {
        var wanted: [String: Endpoint] = [:]
        let now = Clock.now()
        for (index, request) in configuration.endpoints.enumerated() {
            let key = "endpoints[\(index)]"
            var endpoint: Endpoint
            do throws(SystemError) {
                endpoint = try RequestMapping.endpoint(
                    request,
                    id: Self.id(of: request),
                    origin: .file,
                    startTime: nil,
                    at: now
                )
            } catch {
                throw StartupError(
                    "configuration: \(key).pid: \(error); give the id of a running process",
                    isConfiguration: true
                )
            }
            if wanted[endpoint.id] != nil {
                throw Self.clash(key, endpoint.id, "named twice")
            }
            let old = registry.endpoints[endpoint.id]
            if old?.origin == .command {
                throw Self.clash(key, endpoint.id, "added by command already")
            }
            let isTaken = registry.sources(of: endpoint.name, in: endpoint.network).contains {
                $0.origin == .command && $0.name == endpoint.name
            }
            if isTaken {
                throw Self.clash("\(key).name", "\(endpoint.name)", "added by command already")
            }
            if let old {
                // Age and draining are not the file's to say.
                endpoint.addedAt = old.addedAt
                endpoint.drained = old.drained
                if case .timeToLive = old.tie { endpoint.tie = old.tie }
            }
            wanted[endpoint.id] = endpoint
            var isLost = false
            if case .sandbox(let name) = endpoint.tie {
                guard hasSandbox(name, registry) else {
                    throw StartupError(
                        "configuration: \(key).sandbox: there is no sandbox \(name); name one of "
                            + "the file's",
                        isConfiguration: true
                    )
                }
                // The sandbox that it was tied to takes it along, and another one has its name.
                isLost = removedSandboxes.contains(name)
            }
            if old != endpoint || isLost { endpoints.append(endpoint) }
        }
        for id in registry.endpointsOfFile.sorted() where wanted[id] != registry.endpoints[id] {
            removedEndpoints.append(id)
        }
        try checkServices(wanted, registry)
    }

    /// One set of virtual addresses per service, over the file's endpoints and the commands'.
    private func checkServices(
        _ wanted: [String: Endpoint],
        _ registry: borrowing Registry
    ) throws(StartupError) {
        var modes: [Registry.ServiceKey: [IPAddress]] = [:]
        for endpoint in wanted.values.sorted(by: { $0.id < $1.id }) {
            guard let service = endpoint.service else { continue }
            let key = Registry.ServiceKey(network: endpoint.network, name: service.name)
            let ofCommands = registry.sources(of: service.name, in: endpoint.network).first {
                $0.origin == .command && $0.service?.name == service.name
            }
            let known = modes[key] ?? ofCommands?.service?.virtualAddresses
            if let known, known != service.virtualAddresses {
                let clash = RegistryError.serviceClash(
                    service: service.name,
                    network: endpoint.network,
                    has: known,
                    wants: service.virtualAddresses
                )
                throw StartupError("configuration: endpoints: \(clash)", isConfiguration: true)
            }
            modes[key] = service.virtualAddresses
        }
    }

    /// An id that the same entry of the file has at every start.
    private static func id(of request: EndpointRequest) -> String {
        let addresses = [request.ip.map { "\($0)" }, request.ip6.map { "\($0)" }]
        let text = ([request.network, request.name] + addresses.compactMap { $0 })
            .joined(separator: " ")
        let digits = String(NameHash.of(Array(text.utf8), seed: 0) >> 16, radix: 16)
        return "file-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    private static func clash(_ key: String, _ name: String, _ why: String) -> StartupError {
        StartupError(
            "configuration: \(key): \(name) is \(why); rename it or remove the other one",
            isConfiguration: true
        )
    }
}
