import Base
import HTTPAPI

/// Reads a configuration document key by key, filling in defaults.
struct ConfigurationReader {
    /// The longest path of a unix socket on Linux, without its zero octet (unix(7)).
    static let socketOctetsMax = 107
    /// A day; what caches keep longer surprises.
    static let ttlSecondsMax = 86_400
    static let cacheEntriesMax = 10_000_000
    static let threadsMax = 64
    static let nameSampleMax = 1_000_000
    static let querySampleMax = 1_000_000_000
    static let gossipPort: UInt16 = 7946
    static let clusterPort: UInt16 = 2377
    static let metricsPort: UInt16 = 9353

    private static let endpointWanted = "ADDRESS:PORT or [ADDRESS6]:PORT"

    let document: ConfigurationDocument
    let surroundings: Configuration.Surroundings

    /// Throws: `FieldError` for the first key that is unknown or whose value cannot be.
    mutating func configuration() throws(FieldError) -> Configuration {
        var root = try ObjectReader(document.root)
        var node = try section("node", of: &root)
        let name = try node.name("name")
        try node.finish()
        let nodeName = if let name { name } else { try hostName() }
        let state = try root.absolutePath("stateDirectory")
        let stateDirectory = if let state { state } else { try defaultStateDirectory() }
        let configuration = Configuration(
            nodeName: nodeName,
            stateDirectory: stateDirectory,
            api: try api(&root),
            dns: try dns(&root),
            gossip: try gossip(&root),
            cluster: try cluster(&root),
            metrics: try metrics(&root),
            log: try log(&root),
            sandboxes: try sandboxes(&root),
            endpoints: try endpoints(&root),
            networks: try networks(&root),
            warnings: []
        )
        try root.finish()
        return configuration
    }

    private func hostName() throws(FieldError) -> String {
        guard NameRule.isName(surroundings.hostName) else {
            let found = "the host's name " + JSONValue.string(surroundings.hostName).shown
            throw FieldError(
                path: "node.name",
                .wrong(found: found, allowed: NameRule.nameWanted)
            )
        }
        return surroundings.hostName
    }

    /// The system's folder for root, the user's own otherwise.
    ///
    /// Source: XDG Base Directory Specification, which ignores relative paths.
    private func defaultStateDirectory() throws(FieldError) -> String {
        if surroundings.isRoot { return "/var/lib/waggle" }
        if let state = surroundings.environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return state + "/waggle"
        }
        if let home = surroundings.environment["HOME"], home.hasPrefix("/") {
            return home + "/.local/state/waggle"
        }
        let wanted = "an absolute path, or XDG_STATE_HOME or HOME in the environment"
        throw FieldError(path: "stateDirectory", .missing(allowed: wanted))
    }

    private func api(_ root: inout ObjectReader) throws(FieldError) -> Configuration.API {
        var reader = try section("api", of: &root)
        let socketMax = Self.socketOctetsMax
        let socket = try reader.parsed(
            "socket",
            as: "an absolute path of at most \(socketMax) octets"
        ) {
            $0.hasPrefix("/") && $0.utf8.count <= socketMax && !$0.utf8.contains(0) ? $0 : nil
        }
        let isGiven = reader.value("group") != nil
        var group: String?
        if !reader.isNull("group") {
            group = try reader.parsed("group", as: "the name of a group, or null") { text in
                NameRule.isName(text) ? text : nil
            }
        }
        try reader.finish()
        let standard = APISocketPath.forDaemon(
            isRoot: surroundings.isRoot,
            runtimeDirectory: surroundings.environment["XDG_RUNTIME_DIR"]
        )
        return Configuration.API(
            socket: socket ?? standard,
            group: isGiven ? group : "docker",
            isGroupExplicit: group != nil
        )
    }

    private func sandboxes(_ root: inout ObjectReader) throws(FieldError) -> [SandboxRequest] {
        var sandboxes: [SandboxRequest] = []
        var names: Set<String> = []
        for (value, path) in try root.list("sandboxes") ?? [] {
            let sandbox = try SandboxRequest(value, path: path)
            try once(sandbox.name, &names, path: "\(path).name")
            sandboxes.append(sandbox)
        }
        return sandboxes
    }

    func endpoints(_ root: inout ObjectReader) throws(FieldError) -> [EndpointRequest] {
        var endpoints: [EndpointRequest] = []
        var ids: Set<String> = []
        for (value, path) in try root.list("endpoints") ?? [] {
            let endpoint = try EndpointRequest(value, path: path)
            if let id = endpoint.id { try once(id, &ids, path: "\(path).id") }
            endpoints.append(endpoint)
        }
        return endpoints
    }

    private func networks(_ root: inout ObjectReader) throws(FieldError) -> [NetworkAttach] {
        var networks: [NetworkAttach] = []
        var names: Set<String> = []
        for (value, path) in try root.list("networks") ?? [] {
            let network = try NetworkAttach(value, path: path)
            try once(network.name, &names, path: "\(path).name")
            networks.append(network)
        }
        return networks
    }

    /// Throws: `FieldError` when `text` has been seen before.
    private func once(
        _ text: String,
        _ seen: inout Set<String>,
        path: String
    ) throws(FieldError) {
        guard !seen.insert(text).inserted else { return }
        let found = JSONValue.string(text).shown + " again"
        throw FieldError(path: path, .wrong(found: found, allowed: "each one once"))
    }

    /// A reader of the object under `key`; of an empty one when it is absent.
    func section(
        _ key: String,
        of parent: inout ObjectReader
    ) throws(FieldError) -> ObjectReader {
        if let reader = try parent.object(key) { return reader }
        return try ObjectReader(.object([]), path: parent.path(of: key))
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String,
        of reader: inout ObjectReader
    ) throws(FieldError) -> Choice? {
        let text = try reader.choice(key, of: Choice.allCases.map(\.rawValue))
        return text.flatMap { Choice(rawValue: $0) }
    }

    /// An address to listen on; port 0 lets the kernel choose.
    func endpoint(
        _ key: String,
        of reader: inout ObjectReader,
        orNull: Bool = false
    ) throws(FieldError) -> SocketEndpoint? {
        let wanted = orNull ? Self.endpointWanted + ", or null" : Self.endpointWanted
        return try reader.parsed(key, as: wanted) { SocketEndpoint($0) }
    }

    /// An address that others can reach this node at.
    func advertised(_ reader: inout ObjectReader) throws(FieldError) -> SocketEndpoint? {
        let wanted = Self.endpointWanted + " that other nodes can reach"
        return try reader.parsed("advertise", as: wanted) {
            SocketEndpoint($0).flatMap(Self.reachable)
        }
    }

    static func reachable(_ endpoint: SocketEndpoint) -> SocketEndpoint? {
        endpoint.port > 0 && !endpoint.address.isUnspecified ? endpoint : nil
    }
}
