package import Base

/// An upstream server as configuration and commands name it: `192.0.2.53`, `[2001:db8::53]:5353`,
/// or `{"address": "10.1.1.1", "from": "sandbox"}`.
package struct UpstreamSpec: Hashable, Sendable {
    /// Where questions go; port 53 unless given.
    package var server: SocketEndpoint
    /// Whether it is asked from inside the sandbox's namespace instead of the daemon's.
    package var fromSandbox: Bool

    package init(server: SocketEndpoint, fromSandbox: Bool = false) {
        self.server = server
        self.fromSandbox = fromSandbox
    }

    static let wanted = "an address, ADDRESS:PORT or [ADDRESS6]:PORT"

    /// Throws: `FieldError` when the value is neither such a text nor such an object.
    package init(_ value: JSONValue, path: String) throws(FieldError) {
        if case .string(let text) = value {
            guard let server = Self.server(text) else {
                throw FieldError(path: path, .wrong(found: value.shown, allowed: Self.wanted))
            }
            self.init(server: server)
            return
        }
        var reader = try ObjectReader(value, path: path)
        let server = try reader.parsed("address", as: Self.wanted) { Self.server($0) }
        let from = try reader.choice("from", of: ["daemon", "sandbox"])
        try reader.finish()
        guard let server else { throw reader.missing("address", allowed: Self.wanted) }
        self.init(server: server, fromSandbox: from == "sandbox")
    }

    /// The short form where it says everything.
    package var json: JSONValue {
        guard fromSandbox else { return .string(description) }
        return ["address": .string(description), "from": "sandbox"]
    }

    /// The server, without port 53.
    package var description: String {
        server.port == 53 ? "\(server.address)" : "\(server)"
    }

    private static func server(_ text: String) -> SocketEndpoint? {
        guard let server = SocketEndpoint(text, defaultPort: 53), server.port > 0,
            !server.address.isUnspecified
        else { return nil }
        return server
    }
}

extension ObjectReader {
    /// The list of upstreams under `key` or `plural`; nil when absent, a single one counts as a
    /// list of one.
    ///
    /// Throws: `FieldError` naming the element that is no upstream.
    package mutating func upstreams(
        _ key: String,
        plural: String
    ) throws(FieldError) -> [UpstreamSpec]? {
        var key = key
        if value(plural) != nil {
            if value(key) != nil {
                throw FieldError(path: path(of: plural), .conflict(with: path(of: key)))
            }
            key = plural
        }
        guard let value = value(key) else { return nil }
        guard case .array(let elements) = value else {
            return [try UpstreamSpec(value, path: path(of: key))]
        }
        guard elements.count <= Self.listCountMax else {
            throw FieldError(
                path: path(of: key),
                .wrong(
                    found: "\(elements.count) elements",
                    allowed: "a list of at most \(Self.listCountMax)"
                )
            )
        }
        var upstreams: [UpstreamSpec] = []
        for (index, element) in elements.enumerated() {
            upstreams.append(try UpstreamSpec(element, path: "\(path(of: key))[\(index)]"))
        }
        return upstreams
    }
}

/// A sandbox as `waggle sandbox add`, `POST sandboxes` and the configuration file describe it.
package struct SandboxRequest: Hashable, Sendable {
    /// Where the sandbox's resolver listens.
    package enum Place: Hashable, Sendable {
        /// 127.0.0.11:53 in the namespace at this absolute path.
        case netns(String)
        /// 127.0.0.11:53 in the namespace of this process.
        case pid(Int)
        /// A plain address.
        case listen(SocketEndpoint)
    }

    /// The largest process id of a 64-bit kernel (`PID_MAX_LIMIT`).
    package static let pidMax = 4_194_304

    package var name: String
    package var place: Place
    /// In order of priority; never empty, no name twice.
    package var networks: [String]
    /// Empty: the daemon's.
    package var upstreams: [UpstreamSpec]
    /// Clients of a `listen` address beside loopback and the networks' subnets.
    package var allow: [CIDR]
    /// Whether names that are not local are left unanswered instead of forwarded.
    package var isInternal: Bool
    /// Whether port 53 is redirected to a high port instead of bound.
    package var redirect: Bool
    /// The files of its container that are made to fit it.
    package var files: FilesRequest

    package init(name: String, place: Place, networks: [String]) {
        self.name = name
        self.place = place
        self.networks = networks
        upstreams = []
        allow = []
        isInternal = false
        redirect = false
        files = FilesRequest()
    }

    /// Throws: `FieldError` for an unknown or missing key, a wrong type or an impossible value.
    package init(_ value: JSONValue, path: String = "") throws(FieldError) {
        var reader = try ObjectReader(value, path: path)
        let name = try reader.requiredName("name")
        let place = try Self.place(&reader)
        let networks = try reader.list(
            "network",
            plural: "networks",
            as: NameRule.nameWanted
        ) { NameRule.isName($0) ? $0 : nil }
        self.init(name: name, place: place, networks: networks)
        upstreams = try reader.upstreams("upstream", plural: "upstreams") ?? []
        allow = try reader.list("allow", as: "an address or a block with zero host bits") {
            CIDR($0)
        }
        isInternal = try reader.bool("internal") ?? false
        redirect = try reader.bool("redirect") ?? false
        files = try FilesRequest(&reader)
        try reader.finish()
        guard !networks.isEmpty else {
            throw reader.missing("network", allowed: "a list of one network or more")
        }
        if redirect, case .listen = place {
            throw FieldError(
                path: reader.path(of: "redirect"),
                .conflict(with: reader.path(of: "listen"))
            )
        }
    }

    private static func place(_ reader: inout ObjectReader) throws(FieldError) -> Place {
        let netns = try reader.absolutePath("netns")
        let pid = try reader.int("pid", in: 1...pidMax)
        let listen = try reader.parsed("listen", as: "ADDRESS:PORT or [ADDRESS6]:PORT") {
            SocketEndpoint($0)
        }
        var places: [(key: String, place: Place)] = []
        if let netns { places.append(("netns", .netns(netns))) }
        if let pid { places.append(("pid", .pid(pid))) }
        if let listen { places.append(("listen", .listen(listen))) }
        guard let first = places.first else {
            throw reader.missing("netns", allowed: "exactly one of netns, pid and listen")
        }
        if places.count > 1 {
            throw FieldError(
                path: reader.path(of: places[1].key),
                .conflict(with: reader.path(of: first.key))
            )
        }
        return first.place
    }

    /// The body that `init(_:path:)` reads; defaults are left out.
    package var json: JSONValue {
        var json: JSONValue = ["name": .string(name)]
        switch place {
        case .netns(let path): json["netns"] = .string(path)
        case .pid(let pid): json["pid"] = .integer(pid)
        case .listen(let address): json["listen"] = .string(address.description)
        }
        json["network"] = .strings(networks)
        if !upstreams.isEmpty { json["upstream"] = .array(upstreams.map { $0.json }) }
        if !allow.isEmpty { json["allow"] = .strings(allow.map { $0.description }) }
        if isInternal { json["internal"] = true }
        if redirect { json["redirect"] = true }
        files.write(to: &json)
        return json
    }
}

/// The body of `POST networks`: attach this node to a network.
package struct NetworkAttach: Hashable, Sendable {
    package var name: String
    /// Blocks whose addresses belong to the network; may be empty.
    package var subnets: [CIDR]

    package init(name: String, subnets: [CIDR] = []) {
        self.name = name
        self.subnets = subnets
    }

    /// Throws: `FieldError` for an unknown or missing key, a wrong type or an impossible value.
    package init(_ value: JSONValue, path: String = "") throws(FieldError) {
        var reader = try ObjectReader(value, path: path)
        name = try reader.requiredName("name")
        subnets = try reader.list(
            "subnet",
            plural: "subnets",
            as: "a block such as 10.0.1.0/24 with zero host bits"
        ) { $0.contains("/") ? CIDR($0) : nil }
        try reader.finish()
    }

    /// The body that `init(_:path:)` reads.
    package var json: JSONValue {
        var json: JSONValue = ["name": .string(name)]
        if !subnets.isEmpty { json["subnet"] = .strings(subnets.map { $0.description }) }
        return json
    }
}
