/// What a request to `/waggle/v1` asks for, with its parameters and body read and checked.
///
/// docs/api.md lists the routes for callers; this type is the one place in code that knows them.
package enum WaggleRoute: Sendable, Hashable {
    case status(watch: UInt64?)
    case top
    case sandboxes(watch: UInt64?)
    case endpoints(network: String?, watch: UInt64?)
    case networks(watch: UInt64?)
    case records(network: String?, watch: UInt64?)
    /// `type` is the mnemonic as given, "A" when absent.
    case explain(name: String, type: String, sandbox: String)
    case addSandbox(SandboxRequest)
    case removeSandbox(name: String)
    /// `isList` when the body was an array and the answer is a list of ids too.
    case addEndpoints([EndpointRequest], isList: Bool)
    case removeEndpoint(id: String)
    case drainEndpoint(id: String)
    case renewEndpoint(id: String)
    case attachNetwork(NetworkAttach)
    case detachNetwork(name: String)
    case ring(RingRoute)

    /// The path that every route starts with.
    package static let prefix = ["waggle", "v1"]
    /// Endpoints in one request.
    package static let endpointCountMax = 1_000_000

    /// Throws: `RouteError` with the response to send.
    package init(_ request: APIRequest) throws(RouteError) {
        guard request.path.starts(with: Self.prefix) else { throw .notFound(request.path) }
        let path = Array(request.path.dropFirst(Self.prefix.count))
        switch path.count {
        case 1: self = try Self.collection(path[0], request)
        case 2: self = try Self.item(path[0], path[1], request)
        case 3: self = try Self.verb(path, request)
        default: throw .notFound(request.path)
        }
    }

    private static func collection(
        _ name: String,
        _ request: APIRequest
    ) throws(RouteError) -> WaggleRoute {
        switch (name, request.method) {
        case ("status", "GET"): return .status(watch: try Parameters(request, []).watch)
        case ("top", "GET"):
            _ = try Parameters(request, [], watchable: false)
            return .top
        case ("sandboxes", "GET"): return .sandboxes(watch: try Parameters(request, []).watch)
        case ("networks", "GET"): return .networks(watch: try Parameters(request, []).watch)
        case ("endpoints", "GET"):
            let parameters = try Parameters(request, ["network"])
            return .endpoints(network: parameters["network"], watch: parameters.watch)
        case ("records", "GET"):
            let parameters = try Parameters(request, ["network"])
            return .records(network: parameters["network"], watch: parameters.watch)
        case ("explain", "GET"):
            let parameters = try Parameters(request, ["name", "type", "sandbox"], watchable: false)
            return .explain(
                name: try parameters.required("name"),
                type: parameters["type"] ?? "A",
                sandbox: try parameters.required("sandbox")
            )
        case ("sandboxes", "POST"):
            let body = try body(request)
            return .addSandbox(try checked { () throws(FieldError) in try SandboxRequest(body) })
        case ("networks", "POST"):
            let body = try body(request)
            return .attachNetwork(try checked { () throws(FieldError) in try NetworkAttach(body) })
        case ("endpoints", "POST"): return try addEndpoints(try body(request))
        case ("members", "GET"):
            return .ring(.members(watch: try Parameters(request, []).watch))
        case ("keys", "GET"):
            _ = try Parameters(request, [], watchable: false)
            return .ring(.keys)
        case ("keys", "POST"):
            let body = try body(request)
            return .ring(.addKey(try checked { () throws(FieldError) in try RingRoute.key(body) }))
        case ("join", "POST"):
            let body = try body(request)
            return .ring(
                .join(try checked { () throws(FieldError) in try RingRoute.addresses(body) })
            )
        case ("leave", "POST"):
            let body = request.body.isEmpty ? [:] : try body(request)
            return .ring(
                .leave(
                    isDraining: try checked { () throws(FieldError) in
                        try RingRoute.isDraining(body)
                    }
                )
            )
        case ("audit", "POST"):
            _ = try Parameters(request, [], watchable: false)
            return .ring(.audit)
        case ("keys", _): throw .method(request.method, allowed: ["GET", "HEAD", "POST"])
        case ("members", _): throw .method(request.method, allowed: ["GET", "HEAD"])
        case ("join", _), ("leave", _), ("audit", _):
            throw .method(request.method, allowed: ["POST"])
        case ("sandboxes", _), ("networks", _), ("endpoints", _):
            throw .method(request.method, allowed: ["GET", "HEAD", "POST"])
        case ("status", _), ("records", _), ("explain", _), ("top", _):
            throw .method(request.method, allowed: ["GET", "HEAD"])
        default: throw .notFound(request.path)
        }
    }

    private static func item(
        _ collection: String,
        _ name: String,
        _ request: APIRequest
    ) throws(RouteError) -> WaggleRoute {
        guard ["sandboxes", "networks", "endpoints", "members", "keys"].contains(collection) else {
            throw .notFound(request.path)
        }
        guard request.method == "DELETE" else { throw .method(request.method, allowed: ["DELETE"]) }
        _ = try Parameters(request, [], watchable: false)
        return switch collection {
        case "sandboxes": .removeSandbox(name: name)
        case "networks": .detachNetwork(name: name)
        case "members": .ring(.forget(name))
        case "keys": .ring(.removeKey(name))
        default: .removeEndpoint(id: name)
        }
    }

    private static func verb(
        _ path: [String],
        _ request: APIRequest
    ) throws(RouteError) -> WaggleRoute {
        let route: WaggleRoute
        switch (path[0], path[2]) {
        case ("endpoints", "drain"): route = .drainEndpoint(id: path[1])
        case ("endpoints", "renew"): route = .renewEndpoint(id: path[1])
        case ("keys", "use"): route = .ring(.useKey(path[1]))
        default: throw .notFound(request.path)
        }
        guard request.method == "POST" else { throw .method(request.method, allowed: ["POST"]) }
        _ = try Parameters(request, [], watchable: false)
        return route
    }

    private static func addEndpoints(_ body: JSONValue) throws(RouteError) -> WaggleRoute {
        guard case .array(let elements) = body else {
            let one = try checked { () throws(FieldError) in try EndpointRequest(body) }
            return .addEndpoints([one], isList: false)
        }
        return .addEndpoints(
            try checked { () throws(FieldError) in try Self.endpoints(elements) },
            isList: true
        )
    }

    /// Reads the elements of an array of endpoints; errors carry `[3].ip`.
    ///
    /// Throws: `FieldError` of the first element that is wrong, or when there are too many.
    package static func endpoints(
        _ elements: [JSONValue]
    ) throws(FieldError) -> [EndpointRequest] {
        guard elements.count <= endpointCountMax else {
            throw FieldError(
                path: "",
                .wrong(
                    found: "\(elements.count) endpoints",
                    allowed: "at most \(endpointCountMax)"
                )
            )
        }
        var endpoints: [EndpointRequest] = []
        endpoints.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            endpoints.append(try EndpointRequest(element, path: "[\(index)]"))
        }
        return endpoints
    }

    private static func body(_ request: APIRequest) throws(RouteError) -> JSONValue {
        _ = try Parameters(request, [], watchable: false)
        do {
            return try JSONValue(
                parsing: request.body,
                limits: JSONLimits(octetsMax: APILimits.bodyOctetsMaxDefault, depthMax: 8)
            )
        } catch {
            throw .body(error)
        }
    }

    private static func checked<Value>(
        _ read: () throws(FieldError) -> Value
    ) throws(RouteError) -> Value {
        do { return try read() } catch { throw .field(error) }
    }
}

/// Why a request is no route, and the response that says so.
package enum RouteError: Error, Hashable, Sendable {
    case notFound([String])
    case method(String, allowed: [String])
    case body(JSONError)
    case field(FieldError)
    case parameterUnknown(String, allowed: [String])
    case parameterTwice(String)
    case parameterMissing(String)
    /// The value of `watch` that is no index.
    case watch(String)

    /// 400, 404 or 405 with `{"message": ...}`.
    package var response: APIResponse {
        switch self {
        case .notFound(let path):
            return .failure(404, "no route /\(path.joined(separator: "/")); see docs/api.md")
        case .method(let method, let allowed):
            var response = APIResponse.failure(
                405,
                "no method \(method) here; allowed are \(allowed.joined(separator: ", "))"
            )
            response.headers.append(.init("Allow", allowed.joined(separator: ", ")))
            return response
        case .body(let error): return .failure(400, "the body is no JSON: \(error)")
        case .field(let error): return .failure(400, error.description)
        case .parameterUnknown(let name, let allowed):
            let list = allowed.isEmpty ? "none" : allowed.joined(separator: ", ")
            return .failure(400, "query: unknown parameter \(name); allowed are \(list)")
        case .parameterTwice(let name):
            return .failure(400, "query: \(name) is given twice; give it once")
        case .parameterMissing(let name):
            return .failure(400, "query: \(name) is missing; add \(name)=VALUE")
        case .watch(let text):
            return .failure(
                400,
                "query: watch is \"\(text)\"; allowed is a whole number of 0 or more"
            )
        }
    }
}

/// The query of a request, with unknown and doubled parameters refused.
private struct Parameters {
    let watch: UInt64?
    private let given: [APIRequest.Parameter]

    init(
        _ request: APIRequest,
        _ names: [String],
        watchable: Bool = true
    ) throws(RouteError) {
        let allowed = watchable ? names + ["watch"] : names
        given = request.query
        for (index, parameter) in given.enumerated() {
            guard allowed.contains(parameter.name) else {
                throw .parameterUnknown(parameter.name, allowed: allowed)
            }
            if given[..<index].contains(where: { $0.name == parameter.name }) {
                throw .parameterTwice(parameter.name)
            }
        }
        guard let text = given.first(where: { $0.name == "watch" })?.value else {
            watch = nil
            return
        }
        guard let index = UInt64(text) else { throw .watch(text) }
        watch = index
    }

    /// The value, nil when absent or empty.
    subscript(name: String) -> String? {
        guard let value = given.first(where: { $0.name == name })?.value, !value.isEmpty else {
            return nil
        }
        return value
    }

    func required(_ name: String) throws(RouteError) -> String {
        guard let value = self[name] else { throw .parameterMissing(name) }
        return value
    }
}
