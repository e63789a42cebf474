package import Base

/// Which binding of a service stands when nodes disagree about its virtual addresses.
///
/// One total order on every node, so that all answer alike whatever they heard first: a VIP before none,
/// then the lowest service id, then the lowest addresses. Records carry no version of their service; the
/// newest one would come first. Source: docs/ARCHITECTURE.md, settled questions.
package struct ServiceSettlement: Sendable {
    /// Of each service that is bound in more than one way, the binding that stands.
    package private(set) var standing: [DomainName: ServiceMembership] = [:]

    package init(_ endpoints: some Collection<Endpoint>) {
        var first: ServiceMembership?
        var isDisputed = false
        // Nearly always all are of one service and say the same.
        for endpoint in endpoints {
            guard let service = endpoint.service else { continue }
            guard let known = first else {
                first = service
                continue
            }
            if !Self.agree(known, service) || known.name != service.name {
                isDisputed = true
                break
            }
        }
        if isDisputed { settle(endpoints) }
    }

    private mutating func settle(_ endpoints: some Collection<Endpoint>) {
        var best: [DomainName: ServiceMembership] = [:]
        var disputed: [DomainName] = []
        for endpoint in endpoints {
            guard let service = endpoint.service else { continue }
            guard let known = best[service.name] else {
                best[service.name] = service
                continue
            }
            if !Self.agree(known, service) { disputed.append(service.name) }
            if Self.precedes(service, known) { best[service.name] = service }
        }
        for name in disputed { standing[name] = best[name] }
    }

    /// Whether the endpoint's service stands with other addresses than the endpoint says.
    package func overrules(_ endpoint: Endpoint) -> Bool {
        guard !standing.isEmpty, let service = endpoint.service,
            let known = standing[service.name]
        else { return false }
        return !Self.agree(known, service)
    }

    private static func agree(_ left: ServiceMembership, _ right: ServiceMembership) -> Bool {
        left.vip4 == right.vip4 && left.vip6 == right.vip6
    }

    private static func precedes(_ left: ServiceMembership, _ right: ServiceMembership) -> Bool {
        let (mine, others) = (left.virtualAddresses, right.virtualAddresses)
        if mine.isEmpty != others.isEmpty { return others.isEmpty }
        let (id, other) = (left.id ?? "\(left.name)", right.id ?? "\(right.name)")
        if id != other { return id < other }
        return mine.lexicographicallyPrecedes(others)
    }
}
