package import Base
package import HTTPAPI

/// What the daemon is asked for when a container starts: a pure function of the container's state,
/// its bundle, its annotations, its addresses and the blocks of the networks.
package struct HookPlan: Hashable, Sendable {
    /// What is known beside the annotations.
    package struct Circumstances: Sendable {
        package var state: OCIState
        /// Nil where the bundle has no `config.json`.
        package var bundle: OCIBundle?
        /// Of the container's interfaces, loopback and link-local ones aside, in order.
        package var addresses: [IPAddress]
        /// The blocks of networks that this node is attached to.
        package var blocks: [String: [CIDR]]
        /// Files that the host uses itself: a container that has one mounted gets no own name
        /// there.
        package var hostFiles: Set<String>

        package init(
            state: OCIState,
            bundle: OCIBundle?,
            addresses: [IPAddress],
            blocks: [String: [CIDR]] = [:],
            hostFiles: Set<String> = []
        ) {
            self.state = state
            self.bundle = bundle
            self.addresses = addresses
            self.blocks = blocks
            self.hostFiles = hostFiles
        }
    }

    /// Why no plan can be made: `why; what to do`.
    package struct Failure: Error, Hashable, Sendable {
        package let why: String
        package let advice: String
    }

    package let sandbox: SandboxRequest
    /// Tied to the sandbox.
    package private(set) var endpoints: [EndpointRequest]

    /// Digits of an engine's id that are enough to tell containers apart, as engines show them.
    private static let shortDigits = 12

    /// The name of a container's sandbox.
    ///
    /// Throws: `Failure` for an id that no sandbox can have as its name.
    package static func sandboxName(
        _ state: OCIState,
        annotations: [String: String]
    ) throws(Failure) -> String {
        if let name = annotations[HookWishes.prefix + "sandbox"], NameRule.isName(name) {
            return name
        }
        // Engines make up 64 digits, which no label of a name can hold.
        if state.id.utf8.count == 64, NameRule.isContainerID(state.id) {
            return String(state.id.prefix(shortDigits))
        }
        guard NameRule.isName(state.id) else {
            throw Failure(
                why: "the container's id is no name (\(NameRule.nameWanted))",
                advice: "give it one with the annotation \(HookWishes.prefix)sandbox"
            )
        }
        return state.id
    }

    /// `name`: the sandbox's.
    package init(
        _ wishes: HookWishes,
        name: String,
        _ circumstances: Circumstances
    ) throws(Failure) {
        let state = circumstances.state
        let hostname = circumstances.bundle?.hostname.flatMap { NameRule.isName($0) ? $0 : nil }
        var endpoints: [EndpointRequest] = []
        let finder = AddressFinder(wishes, circumstances)
        if !wishes.ports.isEmpty, wishes.service == nil {
            throw Failure(
                why: "\(HookWishes.prefix)ports stands without a service",
                advice: "name it with \(HookWishes.prefix)service"
            )
        }
        for network in wishes.networks {
            guard let found = try finder.addresses(in: network) else { continue }
            var endpoint = EndpointRequest(network: network, name: wishes.name ?? name)
            (endpoint.ip, endpoint.ip6) = found
            endpoint.taskAliases = Self.aliases(wishes, of: endpoint.name, hostname)
            if NameRule.isContainerID(state.id) { endpoint.containerID = state.id.lowercased() }
            endpoint.service = wishes.service
            endpoint.serviceID = wishes.serviceID
            endpoint.aliases = wishes.serviceAliases
            endpoint.ports = wishes.ports
            (endpoint.vip, endpoint.vip6) = finder.virtualAddresses(in: network)
            endpoint.tie = .sandbox(name)
            endpoints.append(endpoint)
        }
        var sandbox = SandboxRequest(
            name: name,
            place: .pid(state.pid ?? 0),
            networks: wishes.networks
        )
        sandbox.upstreams = wishes.upstreams
        sandbox.isInternal = wishes.isInternal
        // Ports that are told and do not hold 53 mean that nobody inside wants it.
        sandbox.redirect =
            wishes.redirect ?? (wishes.ports.isEmpty || wishes.ports.contains { $0.port == 53 })
        sandbox.files = try Self.files(wishes, circumstances, hostname, endpoints)
        self.sandbox = sandbox
        self.endpoints = endpoints
    }

    /// The plan of a container whose namespace another one's sandbox serves: its endpoints end with
    /// its process.
    package func beside(_ pid: Int) -> HookPlan {
        var plan = self
        for index in plan.endpoints.indices { plan.endpoints[index].tie = .pid(pid) }
        return plan
    }

    /// The names beside the first one, in the order of networkdb-dns.md B2, each once.
    private static func aliases(
        _ wishes: HookWishes,
        of name: String,
        _ hostname: String?
    ) -> [String] {
        var aliases = wishes.aliases.filter { $0 != name }
        if let hostname, hostname != name, !aliases.contains(hostname) { aliases.append(hostname) }
        return aliases
    }

    private static func files(
        _ wishes: HookWishes,
        _ circumstances: Circumstances,
        _ hostname: String?,
        _ endpoints: [EndpointRequest]
    ) throws(Failure) -> FilesRequest {
        var files = FilesRequest()
        guard let bundle = circumstances.bundle else { return files }
        if !wishes.keepsResolvConf {
            switch bundle.file("/etc/resolv.conf") {
            case .at(let path, let root): (files.resolvConf, files.root) = (path, root)
            case .hidden(let mount):
                throw Failure(
                    why: "its /etc/resolv.conf is behind the mount at \(mount)",
                    advice: "mount a file of its own there, or set the annotation "
                        + "\(HookWishes.prefix)resolv-conf to keep"
                )
            case nil: break
            }
        }
        guard let hostname else { return files }
        func own(_ path: String) -> String? {
            bundle.mountedFile(path).flatMap { circumstances.hostFiles.contains($0) ? nil : $0 }
        }
        files.hosts = own("/etc/hosts")
        files.hostnameFile = own("/etc/hostname")
        files.hostname = hostname
        var addresses: [IPAddress] = []
        for endpoint in endpoints {
            let own = [endpoint.ip.map { IPAddress.v4($0) }, endpoint.ip6.map { .v6($0) }]
            for case let address? in own where !addresses.contains(address) {
                addresses.append(address)
            }
        }
        files.addresses = addresses
        return files
    }
}

/// Which of a container's addresses it has on which network.
private struct AddressFinder {
    private let wishes: HookWishes
    private let circumstances: HookPlan.Circumstances

    init(_ wishes: HookWishes, _ circumstances: HookPlan.Circumstances) {
        self.wishes = wishes
        self.circumstances = circumstances
    }

    /// Those that the annotations give it, else those of the interfaces; nil when there are none
    /// and no name was asked for, as for a container that only wants to resolve others.
    ///
    /// A wrong address is worse than none, so nothing is guessed where there are several.
    func addresses(
        in network: String
    ) throws(HookPlan.Failure) -> (ip: IPv4Address?, ip6: IPv6Address?)? {
        if !wishes.addresses.isEmpty {
            let named = Self.of(wishes.addresses, network, wishes.networks.count)
            if named != (nil, nil) { return named }
            let key = HookWishes.prefix + "ip"
            throw HookPlan.Failure(
                why: "\(key) has no address for network \(network)",
                advice: "add \(network)=ADDR to it"
            )
        }
        let all = circumstances.addresses
        let v4 = try pick(all.filter { if case .v4 = $0 { true } else { false } }, network)
        let v6 = try pick(all.filter { if case .v6 = $0 { true } else { false } }, network)
        if v4 == nil, v6 == nil {
            if !wantsName { return nil }
            throw HookPlan.Failure(
                why: "the container has no address yet",
                advice: "run the hook after its interfaces are made, or set the annotation "
                    + "\(HookWishes.prefix)ip"
            )
        }
        var found: (ip: IPv4Address?, ip6: IPv6Address?) = (nil, nil)
        if case .v4(let address)? = v4 { found.ip = address }
        if case .v6(let address)? = v6 { found.ip6 = address }
        return found
    }

    func virtualAddresses(in network: String) -> (IPv4Address?, IPv6Address?) {
        Self.of(wishes.virtualAddresses, network, wishes.networks.count)
    }

    private var wantsName: Bool {
        wishes.name != nil || wishes.service != nil || !wishes.aliases.isEmpty
    }

    /// The one in the network's blocks, else the only one.
    private func pick(
        _ candidates: [IPAddress],
        _ network: String
    ) throws(HookPlan.Failure) -> IPAddress? {
        let blocks = circumstances.blocks[network] ?? []
        let inside = candidates.filter { address in blocks.contains { $0.contains(address) } }
        if inside.count == 1 { return inside[0] }
        if candidates.count <= 1 { return candidates.first }
        let list = candidates.map { "\($0)" }.joined(separator: ", ")
        throw HookPlan.Failure(
            why: "the container has several addresses (\(list)), and the blocks of network "
                + "\(network) do not tell which is its own there",
            advice: "set the annotation \(HookWishes.prefix)ip to \(network)=ADDR"
        )
    }

    /// Those for this network; one that names no network is for the only one.
    private static func of(
        _ assigned: [HookWishes.Assigned<IPAddress>],
        _ network: String,
        _ networkCount: Int
    ) -> (IPv4Address?, IPv6Address?) {
        var found: (IPv4Address?, IPv6Address?) = (nil, nil)
        for one in assigned
        where one.network == network || one.network == nil && networkCount == 1 {
            switch one.value {
            case .v4(let address): found.0 = found.0 ?? address
            case .v6(let address): found.1 = found.1 ?? address
            }
        }
        return found
    }
}
