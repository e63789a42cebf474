import Base
import HTTPAPI
import LinuxSystem
import Names

/// Requests, as the API and the configuration file describe them, made into the core's values.
enum RequestMapping {
    /// Throws: `SystemError` when a process that is named cannot be looked at.
    static func sandbox(
        _ request: SandboxRequest,
        origin: Origin
    ) throws(SystemError) -> Sandbox {
        let place: Sandbox.Place
        switch request.place {
        case .netns(let path):
            // A number of /proc is soon another process's, so it is held to what it is now.
            place =
                if let pid = process(ofNamespace: path) { try process(pid) } else {
                    .namespace(path: path)
                }
        case .pid(let number):
            place = try process(Int32(number))
        case .listen(let endpoint):
            place = .address(endpoint)
        }
        return sandbox(request, at: place, origin: origin)
    }

    static func choice(_ spec: UpstreamSpec) -> UpstreamChoice {
        UpstreamChoice(spec.server, fromSandbox: spec.fromSandbox)
    }

    static func spec(_ choice: UpstreamChoice) -> UpstreamSpec {
        UpstreamSpec(server: choice.address, fromSandbox: choice.fromSandbox)
    }

    private static func process(_ pid: Int32) throws(SystemError) -> Sandbox.Place {
        .process(
            pid: pid,
            startTime: try ProcessWatch.startTime(pid: pid),
            inode: try FileIdentity(path: "/proc/\(pid)/ns/net").inode
        )
    }

    /// The process of a path like `/proc/42/ns/net`.
    private static func process(ofNamespace path: String) -> Int32? {
        let parts = path.split(separator: "/")
        guard parts.count == 4, parts[0] == "proc", parts[2...] == ["ns", "net"] else { return nil }
        return Int32(parts[1])
    }

    static func sandbox(
        _ request: SandboxRequest,
        at place: Sandbox.Place,
        origin: Origin
    ) -> Sandbox {
        var sandbox = Sandbox(
            name: request.name,
            place: place,
            networks: request.networks.map(name)
        )
        sandbox.upstreams = request.upstreams.map(choice)
        sandbox.allow = request.allow
        sandbox.isInternal = request.isInternal
        sandbox.redirect = request.redirect
        sandbox.files = files(request.files)
        sandbox.origin = origin
        return sandbox
    }

    /// `id`: used when the request names none.
    static func endpoint(
        _ request: EndpointRequest,
        id: String,
        origin: Origin,
        startTime: UInt64?,
        at now: Moment
    ) throws(SystemError) -> Endpoint {
        var endpoint = Endpoint(
            id: request.id ?? id,
            network: name(request.network),
            name: name(request.name)
        )
        endpoint.ipv4 = request.ip
        endpoint.ipv6 = request.ip6
        endpoint.service = request.service.map {
            ServiceMembership(
                name: name($0),
                id: request.serviceID,
                vip4: request.vip,
                vip6: request.vip6
            )
        }
        endpoint.aliases = request.aliases.map(name)
        endpoint.taskAliases = request.taskAliases.map(name)
        endpoint.containerID = request.containerID
        endpoint.ports = request.ports.compactMap { port in
            ServicePort.Transport(rawValue: port.transport).map {
                ServicePort(transport: $0, name: port.name, port: port.port)
            }
        }
        endpoint.origin = origin
        endpoint.addedAt = now
        switch request.tie {
        case .none: endpoint.tie = .static
        case .sandbox(let sandbox): endpoint.tie = .sandbox(sandbox)
        case .pid(let number):
            let pid = Int32(number)
            let started =
                if let startTime { startTime } else {
                    try ProcessWatch.startTime(pid: pid)
                }
            endpoint.tie = .process(pid: pid, startTime: started)
        case .ttl(let seconds):
            endpoint.tie = .timeToLive(
                seconds: UInt32(seconds),
                until: now.advanced(milliseconds: UInt64(seconds) * 1000)
            )
        }
        return endpoint
    }

    /// A name that the request's reader has checked.
    static func name(_ text: String) -> DomainName {
        guard let name = try? DomainName(text) else {
            preconditionFailure("the request's reader lets only domain names through: \(text)")
        }
        return name
    }

    private static func files(_ request: FilesRequest) -> Sandbox.ContainerFiles {
        var files = Sandbox.ContainerFiles()
        files.resolvConf = request.resolvConf
        files.hosts = request.hosts
        files.hostnameFile = request.hostnameFile
        files.root = request.root
        files.hostname = request.hostname
        files.addresses = request.addresses
        return files
    }

    private static func files(_ files: Sandbox.ContainerFiles) -> FilesRequest {
        var request = FilesRequest()
        request.resolvConf = files.resolvConf
        request.hosts = files.hosts
        request.hostnameFile = files.hostnameFile
        request.root = files.root
        request.hostname = files.hostname
        request.addresses = files.addresses
        return request
    }

    static func request(_ sandbox: Sandbox) -> SandboxRequest {
        let place: SandboxRequest.Place
        switch sandbox.place {
        case .namespace(let path): place = .netns(path)
        case .process(let pid, _, _): place = .pid(Int(pid))
        case .address(let endpoint): place = .listen(endpoint)
        }
        var request = SandboxRequest(
            name: sandbox.name,
            place: place,
            networks: sandbox.networks.map { "\($0)" }
        )
        request.upstreams = sandbox.upstreams.map(spec)
        request.allow = sandbox.allow
        request.isInternal = sandbox.isInternal
        request.redirect = sandbox.redirect
        request.files = files(sandbox.files)
        return request
    }

    static func request(_ endpoint: Endpoint) -> EndpointRequest {
        var request = EndpointRequest(
            network: "\(endpoint.network)",
            name: "\(endpoint.name)"
        )
        request.id = endpoint.id
        request.ip = endpoint.ipv4
        request.ip6 = endpoint.ipv6
        request.service = endpoint.service.map { "\($0.name)" }
        request.serviceID = endpoint.service?.id
        request.vip = endpoint.service?.vip4
        request.vip6 = endpoint.service?.vip6
        request.aliases = endpoint.aliases.map { "\($0)" }
        request.taskAliases = endpoint.taskAliases.map { "\($0)" }
        request.containerID = endpoint.containerID
        request.ports = endpoint.ports.compactMap {
            PortSpec("\($0.transport.rawValue):\($0.name):\($0.port)")
        }
        switch endpoint.tie {
        case .static: request.tie = .none
        case .sandbox(let name): request.tie = .sandbox(name)
        case .process(let pid, _): request.tie = .pid(Int(pid))
        case .timeToLive(let seconds, _): request.tie = .ttl(Int(seconds))
        }
        return request
    }
}
