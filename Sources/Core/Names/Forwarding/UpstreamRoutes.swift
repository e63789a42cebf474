package import Base

/// An upstream as the configuration names it.
package struct UpstreamChoice: Hashable, Sendable {
    package let address: SocketEndpoint
    /// Asked from the sandbox's own namespace, not from the daemon's.
    package let fromSandbox: Bool

    package init(_ address: SocketEndpoint, fromSandbox: Bool = false) {
        self.address = address
        self.fromSandbox = fromSandbox
    }
}

/// Who is asked for names that nothing local knows.
package struct UpstreamRoutes: Hashable, Sendable {
    package struct Domain: Hashable, Sendable {
        package let name: DomainName
        package let upstreams: [UpstreamChoice]

        package init(name: DomainName, upstreams: [UpstreamChoice]) {
            self.name = name
            self.upstreams = upstreams
        }
    }

    /// For sandboxes that name none of their own, in order of preference.
    package let defaults: [UpstreamChoice]
    /// Domains with upstreams of their own, for every sandbox; the longest that fits wins.
    package let domains: [Domain]

    package init(defaults: [UpstreamChoice], domains: [Domain] = []) {
        self.defaults = defaults
        self.domains = domains.sorted {
            ($1.name.labelCount, $0.name) < ($0.name.labelCount, $1.name)
        }
    }
}

/// Gives equal lists of upstreams one group, and different ones different groups for ever.
package struct UpstreamDirectory: Sendable {
    private var groups: [[Upstream]: UpstreamGroup] = [:]
    private var lastID: UInt64 = 0
    private var lastSweep = 16

    package init() {}

    package mutating func group(_ upstreams: [Upstream]) -> UpstreamGroup {
        if let known = groups[upstreams] { return known }
        lastID += 1
        let fresh = UpstreamGroup(id: lastID, upstreams: upstreams)
        groups[upstreams] = fresh
        return fresh
    }

    /// Whether so many groups have come that those out of use should be let go.
    package var wantsSweep: Bool { groups.count > 2 * lastSweep }

    /// Forgets the groups that are not in use; a list that comes back gets a new group.
    package mutating func keep(_ used: Set<UInt64>) {
        groups = groups.filter { used.contains($0.value.id) }
        lastSweep = max(16, groups.count)
    }
}
