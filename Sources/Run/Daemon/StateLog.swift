import Base
import HTTPAPI
import LinuxSystem
import Names

/// What commands have added, on disk: one record per accepted change, replayed at start.
///
/// docs/operations/README.md describes the file. Only what came by command is in it; what the
/// configuration file says is read from there at every start.
struct StateLog: ~Copyable {
    static let fileName = "names.log"
    /// The log is rewritten when it has grown to twice what it holds, and by this much more.
    private static let slackOctets = 1 << 20

    private var log: DurableLog
    private var octetsAfterRewrite = 0
    /// Octets of an unfinished record that a crash left behind, now cut off.
    let tornOctets: Int

    /// What the log says once all of it is replayed.
    struct Saved {
        var sandboxes: [String: Sandbox] = [:]
        var endpoints: [String: Endpoint] = [:]
        var networks: [String: NetworkAttach] = [:]
        var services: [Registry.ServiceKey] = []
        /// Records that could not be understood; 0 for a log of this version.
        var unreadCount = 0
    }

    /// Opens or creates the log in the state directory and replays it into `saved`.
    init(directory: String, at now: Moment, into saved: inout Saved) throws(SystemError) {
        var replayed = Saved()
        let log = try DurableLog(directory: directory, name: Self.fileName) { octets in
            Self.replay(octets, into: &replayed, at: now)
        }
        saved = replayed
        tornOctets = log.tornOctets
        octetsAfterRewrite = log.size
        self.log = log
    }

    /// Makes changes durable.
    ///
    /// On failure none of them is on the disk.
    mutating func append(_ changes: [Change]) throws(SystemError) {
        let records = changes.compactMap { Self.record($0)?.octets }
        if !records.isEmpty { try log.append(all: records) }
    }

    var needsRewrite: Bool { log.size > 2 * octetsAfterRewrite + Self.slackOctets }

    /// Writes the log anew from what is there; on failure the old one stays.
    mutating func rewrite(_ registry: borrowing Registry) throws(SystemError) {
        let names = registry.networks.keys.sorted()
        let networks = names.compactMap { name -> Change? in
            guard let state = registry.networks[name], state.explicit == .command else {
                return nil
            }
            return .attach(name, subnets: state.declaredSubnets, origin: .command)
        }
        let sandboxes = registry.sandboxes.values.sorted { $0.name < $1.name }
            .map { Change.addSandbox($0) }
        let endpoints = registry.endpoints
        let fixed = (networks + sandboxes).compactMap { Self.record($0)?.octets }
        let services = names.flatMap { name in
            (registry.networks[name]?.emptyServices.keys.sorted() ?? []).map { service -> [UInt8] in
                let record: JSONValue = [
                    "op": "service", "network": .string("\(name)"),
                    "service": .string("\(service)"),
                ]
                return record.octets
            }
        }
        // Of the endpoints, which may be very many, one record at a time.
        let many = endpoints.ids.lazy.compactMap { id in
            endpoints[id].flatMap { Self.record(.addEndpoints([$0]))?.octets }
        }
        let all = [AnySequence(fixed), AnySequence(many), AnySequence(services)]
        try log.rewrite(all.lazy.joined())
        octetsAfterRewrite = log.size
    }

    /// The record of a change; nil for one that belongs to the configuration file.
    private static func record(_ change: Change) -> JSONValue? {
        switch change {
        case .addSandbox(let sandbox), .replaceSandbox(let sandbox):
            guard sandbox.origin == .command else { return nil }
            var record: JSONValue = [
                "op": "sandbox", "value": RequestMapping.request(sandbox).json,
            ]
            if case .process(_, let startTime, let inode) = sandbox.place {
                record["startTime"] = .integer(startTime)
                record["inode"] = .integer(inode)
            }
            return record
        case .removeSandbox(let name):
            return ["op": "removeSandbox", "name": .string(name)]
        case .addEndpoints(let list):
            let kept = list.filter { $0.origin == .command }
            guard !kept.isEmpty else { return nil }
            return ["op": "endpoints", "value": .array(kept.map(item))]
        case .removeEndpoint(let id):
            return ["op": "removeEndpoint", "id": .string(id)]
        case .drainEndpoint(let id):
            return ["op": "drain", "id": .string(id)]
        case .renewEndpoint:
            // A restart gives every endpoint its whole time anew.
            return nil
        case .attach(let name, let subnets, let origin):
            guard origin == .command else { return nil }
            return [
                "op": "attach",
                "value": NetworkAttach(name: "\(name)", subnets: subnets).json,
            ]
        case .detach(let name):
            return ["op": "detach", "name": .string("\(name)")]
        }
    }

    private static func item(_ endpoint: Endpoint) -> JSONValue {
        var item: JSONValue = ["endpoint": RequestMapping.request(endpoint).json]
        if endpoint.drained { item["drained"] = true }
        if case .process(_, let startTime) = endpoint.tie {
            item["startTime"] = .integer(startTime)
        }
        return item
    }

    private static func replay(_ octets: [UInt8], into saved: inout Saved, at now: Moment) {
        do {
            let record = try JSONValue(parsing: octets, limits: JSONLimits(octetsMax: 256 << 20))
            try apply(record, to: &saved, at: now)
        } catch {
            saved.unreadCount += 1
        }
    }

    private static func apply(
        _ record: JSONValue,
        to saved: inout Saved,
        at now: Moment
    ) throws {
        let name = record["name"]?.stringValue ?? ""
        let id = record["id"]?.stringValue ?? ""
        switch record["op"]?.stringValue {
        case "sandbox":
            let sandbox = try sandbox(record)
            saved.sandboxes[sandbox.name] = sandbox
        case "removeSandbox":
            saved.sandboxes[name] = nil
            for endpoint in saved.endpoints.values where endpoint.tie == .sandbox(name) {
                remove(endpoint.id, from: &saved)
            }
        case "endpoints":
            guard case .array(let items)? = record["value"] else { throw ReplayError.shape }
            for item in items {
                let endpoint = try endpoint(item, at: now)
                saved.endpoints[endpoint.id] = endpoint
            }
        case "removeEndpoint": remove(id, from: &saved)
        case "drain": saved.endpoints[id]?.drained = true
        case "attach":
            let attach = try NetworkAttach(record["value"] ?? .null)
            saved.networks[attach.name] = attach
        case "detach": saved.networks[name] = nil
        case "service":
            guard let network = record["network"]?.stringValue,
                let service = record["service"]?.stringValue
            else { throw ReplayError.shape }
            saved.services.append(
                Registry.ServiceKey(
                    network: try DomainName(network),
                    name: try DomainName(service)
                )
            )
        default: throw ReplayError.shape
        }
    }

    private enum ReplayError: Error {
        case shape
    }

    private static func remove(_ id: String, from saved: inout Saved) {
        guard let endpoint = saved.endpoints.removeValue(forKey: id),
            let service = endpoint.service
        else { return }
        let last = Registry.ServiceKey(network: endpoint.network, name: service.name)
        if !saved.services.contains(last) { saved.services.append(last) }
    }

    private static func sandbox(_ record: JSONValue) throws -> Sandbox {
        let request = try SandboxRequest(record["value"] ?? .null)
        let place: Sandbox.Place
        switch request.place {
        case .netns(let path): place = .namespace(path: path)
        case .listen(let endpoint): place = .address(endpoint)
        case .pid(let pid):
            guard let startTime = record["startTime"]?.intValue,
                let inode = record["inode"]?.intValue
            else { throw ReplayError.shape }
            place = .process(
                pid: Int32(pid),
                startTime: UInt64(startTime),
                inode: UInt64(inode)
            )
        }
        return RequestMapping.sandbox(request, at: place, origin: .command)
    }

    private static func endpoint(_ item: JSONValue, at now: Moment) throws -> Endpoint {
        let request = try EndpointRequest(item["endpoint"] ?? .null)
        guard let id = request.id else { throw ReplayError.shape }
        let startTime = item["startTime"]?.intValue.map { UInt64($0) }
        var endpoint = try RequestMapping.endpoint(
            request,
            id: id,
            origin: .command,
            startTime: startTime,
            at: now
        )
        endpoint.drained = item["drained"] == .bool(true)
        return endpoint
    }
}
