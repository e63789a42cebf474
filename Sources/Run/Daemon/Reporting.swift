import Base
import Gossip
import HTTPAPI
import LinuxSystem
import NameServer
import Names

/// What the GET routes show, made from the state.
extension ControlState {
    var status: StatusReport {
        var report = StatusReport(version: WaggleVersion.text, nodeName: configuration.nodeName)
        report.sandboxCount = registry.sandboxes.count
        report.endpointCount = registry.endpoints.count
        report.remoteEndpointCount = registry.endpoints.remoteCount
        report.networkCount = registry.networks.count
        report.nameCount = registry.networks.keys.reduce(0) {
            $0 + (registry.table(of: $1)?.nameCount ?? 0)
        }
        report.uptimeSeconds = Int(Clock.now().milliseconds(since: startedAt) / 1000)
        report.stateDirectory = configuration.stateDirectory
        report.socket = configuration.api.socket
        report.profile = registry.policy.profile.rawValue
        report.upstreams = routes.defaults.map { RequestMapping.spec($0).description }
        report.index = index
        report.gossip = ring.plane
        report.problems = problems
        return report
    }

    /// One sentence for each thing that does not work as asked.
    var problems: [String] {
        var list: [String] = []
        for name in registry.sandboxes.keys.sorted() {
            let state = sandboxStates[name]
            for error in [state?.error, state?.filesError].compactMap({ $0 }) {
                list.append("sandbox \(name): \(error)")
            }
        }
        for (path, error) in stuckFiles.sorted(by: { $0.key < $1.key }) {
            list.append("\(path): what stood there could not be put back: \(error)")
        }
        if routes.defaults.isEmpty { list.append("no upstreams: only local names resolve") }
        list += ring.problems
        list += desk?.problems ?? []
        list += configuration.notYetBuilt
        return list
    }

    var sandboxReports: [SandboxReport] {
        registry.sandboxes.values.sorted { $0.name < $1.name }.map { sandboxReport($0) }
    }

    func sandboxReport(_ sandbox: Sandbox) -> SandboxReport {
        let state = sandboxStates[sandbox.name]
        return SandboxReport(
            request: RequestMapping.request(sandbox),
            origin: sandbox.origin.report,
            state: state?.opened != nil
                ? .serving : sandbox.waitsForNamespace ? .waiting : .failed,
            error: state?.error ?? state?.filesError,
            address: state?.opened.map { "\($0.endpoint)" },
            foundUpstreams: state?.foundUpstreams.map(RequestMapping.spec) ?? []
        )
    }

    func endpointReports(of network: DomainName?) -> [EndpointReport] {
        let now = Clock.now()
        return registry.endpoints(in: network).map { endpoint in
            var left: Int?
            if case .timeToLive(_, let until) = endpoint.tie {
                left = Int(until.milliseconds(since: now) / 1000)
            }
            return EndpointReport(
                id: endpoint.id,
                request: RequestMapping.request(endpoint),
                origin: endpoint.origin.report,
                isDrained: endpoint.drained,
                ageSeconds: Int(now.milliseconds(since: endpoint.addedAt) / 1000),
                secondsLeft: left
            )
        }
    }

    var networkReports: [NetworkReport] {
        registry.networks.keys.sorted().map { name in
            NetworkReport(
                name: "\(name)",
                isAttached: true,
                subnets: (registry.networks[name]?.subnets ?? []).map { "\($0)" },
                endpointCount: registry.networks[name]?.endpointCount ?? 0,
                remoteEndpointCount: registry.networks[name]?.remoteCount ?? 0,
                sandboxCount: registry.networks[name]?.sandboxCount ?? 0,
                nameCount: registry.table(of: name)?.nameCount ?? 0
            )
        }
    }

    /// Every name with every value and the endpoint it is from.
    ///
    /// A value that several endpoints share, as tasks share their service's VIP, is shown once,
    /// with the first of them.
    func recordReports(of network: DomainName?) -> [RecordReport] {
        let now = Clock.now()
        var reports: [RecordReport] = []
        for name in network.map({ [$0] }) ?? registry.networks.keys.sorted() {
            var seen: Set<[String]> = []
            let derivation = NetworkRecords(network: name, policy: registry.policy)
            let endpoints = registry.allEndpoints(in: name)
            let settlement = ServiceSettlement(endpoints)
            for endpoint in endpoints {
                let isOverruled = settlement.overrules(endpoint)
                for owner in Set(derivation.names(of: endpoint)).sorted() {
                    reports += self.reports(
                        owner,
                        from: endpoint,
                        by: derivation,
                        isOverruled,
                        &seen,
                        now
                    )
                }
            }
            for (owner, records) in registry.zone.part(under: name).sorted(by: { $0.key < $1.key })
            {
                reports += zoneReports(network: name, owner: owner, records)
            }
        }
        if network == nil {
            for (owner, records) in registry.zone.names.sorted(by: { $0.key < $1.key }) {
                reports += zoneReports(network: .root, owner: owner, records)
            }
        }
        return reports
    }

    /// The same for one name of a network.
    func recordReports(of name: DomainName, in network: DomainName) -> [RecordReport] {
        let now = Clock.now()
        var seen: Set<[String]> = []
        let derivation = NetworkRecords(network: network, policy: registry.policy)
        let sources = registry.sources(of: name, in: network)
        let settlement = ServiceSettlement(sources)
        var reports = sources.flatMap { endpoint in
            let isOverruled = settlement.overrules(endpoint)
            return self.reports(name, from: endpoint, by: derivation, isOverruled, &seen, now)
        }
        if let whole = try? DomainName(name, under: network),
            let records = registry.zone.names[whole]
        {
            reports += zoneReports(network: network, owner: name, records)
        }
        return reports
    }

    private func reports(
        _ owner: DomainName,
        from endpoint: Endpoint,
        by derivation: NetworkRecords,
        _ isOverruled: Bool,
        _ seen: inout Set<[String]>,
        _ now: Moment
    ) -> [RecordReport] {
        var reports: [RecordReport] = []
        let isOfService = Self.isOfService(owner, endpoint)
        for set in derivation.records(of: owner, from: [endpoint]).sets {
            for data in set.data
            where seen.insert(["\(owner)", "\(set.type)", data.text]).inserted {
                var report = report(endpoint.network, owner, set, data, endpoint, now)
                report.isOverruled = isOverruled && isOfService
                reports.append(report)
            }
        }
        return reports
    }

    /// Whether a name is the endpoint's because of its service, and not of its own.
    private static func isOfService(_ owner: DomainName, _ endpoint: Endpoint) -> Bool {
        guard let service = endpoint.service else { return false }
        let names = [service.name] + endpoint.aliases
        return names.contains { owner.isAtOrBelow($0) } && owner != endpoint.name
            && !endpoint.taskAliases.contains(owner)
    }

    /// The name of the node that has an endpoint.
    private func owner(of endpoint: Endpoint) -> String {
        guard let ring = endpoint.ring else { return configuration.nodeName }
        return self.ring.gossip?.name(of: ring.owner) ?? "\(ring.owner)"
    }

    private func report(
        _ network: DomainName,
        _ owner: DomainName,
        _ set: RecordSet,
        _ data: RecordData,
        _ endpoint: Endpoint,
        _ now: Moment
    ) -> RecordReport {
        RecordReport(
            network: "\(network)",
            name: "\(owner)",
            type: "\(set.type)",
            value: data.text,
            ttlSeconds: Int(set.ttl),
            owner: self.owner(of: endpoint),
            path: RecordReport.Path(endpoint.ring?.path ?? .own),
            ageSeconds: Int(now.milliseconds(since: endpoint.addedAt) / 1000),
            isDrained: endpoint.drained,
            isStatic: endpoint.tie == .static && endpoint.ring == nil,
            endpoint: endpoint.id
        )
    }

    private func zoneReports(
        network: DomainName,
        owner: DomainName,
        _ records: NameRecords
    ) -> [RecordReport] {
        records.sets.flatMap { set in
            set.data.map { data in
                RecordReport(
                    network: "\(network)",
                    name: "\(owner)",
                    type: "\(set.type)",
                    value: data.text,
                    ttlSeconds: Int(set.ttl),
                    owner: configuration.nodeName,
                    path: .own,
                    ageSeconds: Int(Clock.now().milliseconds(since: startedAt) / 1000),
                    isDrained: false,
                    isStatic: true,
                    endpoint: nil
                )
            }
        }
    }
}

extension Origin {
    fileprivate var report: ReportOrigin {
        switch self {
        case .file: .file
        case .command: .command
        case .ring: .ring
        }
    }
}

extension RecordReport.Path {
    fileprivate init(_ path: TableRing.Path) {
        switch path {
        case .own: self = .own
        case .gossip: self = .gossip
        case .push: self = .push
        case .sync: self = .sync
        }
    }
}

extension Sandbox {
    fileprivate var waitsForNamespace: Bool {
        if case .address = place { false } else { true }
    }
}

extension RecordData {
    /// The data as zone files write it; data of other types in the form of RFC 3597 §5.
    var text: String {
        switch self {
        case .a(let address): address.description
        case .aaaa(let address): address.description
        case .name(let name): "\(name)."
        case .srv(let priority, let weight, let port, let target):
            "\(priority) \(weight) \(port) \(target)."
        case .wire(let octets):
            "\\# \(octets.count) "
                + octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
