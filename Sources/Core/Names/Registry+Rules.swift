import Base

/// What may be changed, and what not.
extension Registry {
    func check(_ sandbox: Sandbox) throws(RegistryError) {
        if sandboxes[sandbox.name] != nil { throw .sandboxExists(sandbox.name) }
        if sandboxes.count >= Self.sandboxesMax {
            throw .tooManySandboxes(limit: Self.sandboxesMax)
        }
        try check(networks: sandbox)
        if let other = occupants[sandbox.place] { throw .placeTaken(by: other) }
    }

    func check(replacement sandbox: Sandbox) throws(RegistryError) {
        let old = try self.sandbox(sandbox.name)
        if old.place != sandbox.place || old.redirect != sandbox.redirect {
            throw .placeChanged(sandbox.name)
        }
        try check(networks: sandbox)
    }

    func check(networks sandbox: Sandbox) throws(RegistryError) {
        if sandbox.networks.isEmpty { throw .noNetworks(sandbox.name) }
        if Set(sandbox.networks).count != sandbox.networks.count {
            throw .repeatedNetwork(sandbox.name)
        }
    }

    func check(_ list: [Endpoint]) throws(RegistryError) {
        if endpoints.count + list.count > Self.endpointsMax {
            throw .tooManyEndpoints(limit: Self.endpointsMax)
        }
        var fresh: Set<String> = []
        var modes: [ServiceKey: [IPAddress]] = [:]
        for endpoint in list {
            if endpoints[endpoint.id] != nil || !fresh.insert(endpoint.id).inserted {
                throw .endpointExists(endpoint.id)
            }
            if endpoint.addresses.isEmpty { throw .noAddress(endpoint.id) }
            if case .sandbox(let name) = endpoint.tie { _ = try sandbox(name) }
            guard let service = endpoint.service else { continue }
            let key = ServiceKey(network: endpoint.network, name: service.name)
            let known = modes[key] ?? virtualAddresses(of: key)
            if let known, known != service.virtualAddresses {
                throw .serviceClash(
                    service: service.name,
                    network: endpoint.network,
                    has: known,
                    wants: service.virtualAddresses
                )
            }
            modes[key] = service.virtualAddresses
        }
    }

    func checkDetach(_ network: DomainName) throws(RegistryError) {
        guard let state = networks[network] else { throw .noNetwork(network) }
        if state.sandboxCount > 0 || state.endpointCount > 0 {
            throw .networkInUse(
                network,
                sandboxes: state.sandboxCount,
                endpoints: state.endpointCount
            )
        }
    }

    /// The VIPs a service already has on a network: [] for DNSRR, nil when it has no task here.
    ///
    /// What other nodes say of it is settled and not refused.
    private func virtualAddresses(of key: ServiceKey) -> [IPAddress]? {
        guard let state = networks[key.network]?.served[key.name], state.ownCount > 0 else {
            return nil
        }
        return state.virtualAddresses
    }
}
