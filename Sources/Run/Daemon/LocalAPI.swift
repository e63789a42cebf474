import Base
import HTTPAPI
import LinuxSystem
import Names

/// Answers `/waggle/v1`: reads a route, has the control thread do it, shows what came of it.
struct LocalAPI: Sendable {
    /// A watch is answered after so long even if nothing changed.
    static let watchSeconds: UInt64 = 55

    let loop: ControlLoop
    /// nil where the gossip plane is off.
    let ring: RingPlane?

    func answer(_ request: APIRequest) async -> APIResponse {
        let route: WaggleRoute
        do throws(RouteError) {
            route = try WaggleRoute(request)
        } catch {
            return error.response
        }
        do {
            if let index = route.watch {
                try await loop.change(after: index, seconds: Self.watchSeconds)
            }
            if case .ring(let route) = route { return try await answer(route) }
            return try await loop.perform { state in state.answer(route) }
        } catch ControlLoop.Refusal.busy {
            return .failure(503, "the daemon has too much to do; try again")
        } catch {
            return .failure(503, "the daemon is stopping; try again when it is back")
        }
    }

    private func answer(_ route: RingRoute) async throws -> APIResponse {
        guard let ring else {
            return .failure(503, "the gossip plane is off; see gossip in 'waggle status'")
        }
        if case .leave(isDraining: true) = route {
            let failure = try await loop.perform { state in state.drainAll() }
            if let failure { return failure }
        }
        if route == .audit { return try await audit() }
        let index = try await loop.perform { state in state.index }
        return await ring.answer(route, index: index)
    }
}

extension LocalAPI {
    private func audit() async throws -> APIResponse {
        let differences = try await loop.audit()
        guard let differences else {
            return .failure(
                503,
                "the ring's tables could not be read; see 'waggle status', and try again"
            )
        }
        return .json(["repaired": .integer(differences)])
    }
}

extension WaggleRoute {
    fileprivate var watch: UInt64? {
        switch self {
        case .status(let watch), .sandboxes(let watch), .networks(let watch),
            .endpoints(_, let watch), .records(_, let watch), .ring(.members(let watch)):
            watch
        default: nil
        }
    }
}

extension ControlState {
    mutating func answer(_ route: WaggleRoute) -> APIResponse {
        do throws(Failure) {
            return try carryOut(route)
        } catch {
            return .failure(error.status, error.message)
        }
    }

    private mutating func carryOut(_ route: WaggleRoute) throws(Failure) -> APIResponse {
        switch route {
        case .ring: return .failure(503, "the gossip plane answers that")
        case .status: return .json(status.json, index: index)
        case .top: return .json(top.json, index: index)
        case .sandboxes: return list(sandboxReports.map { $0.json })
        case .endpoints(let network, _):
            return list(endpointReports(of: try known(network)).map { $0.json })
        case .networks: return list(networkReports.map { $0.json })
        case .records(let network, _):
            return list(recordReports(of: try known(network)).map { $0.json })
        case .explain(let name, let type, let sandbox):
            return try explain(name, type, sandbox)
        case .addSandbox(let request):
            try add(request)
            let report = registry.sandboxes[request.name].map { sandboxReport($0) }
            return .json(report?.json ?? .null, status: 201, index: index)
        case .removeSandbox(let name):
            try refuseFileObject(registry.sandboxes[name]?.origin, "sandbox \(name)")
            try commit(.removeSandbox(name))
            return .done
        case .addEndpoints(let requests, let isList):
            let ids = try add(requests)
            let body: JSONValue = isList ? ["ids": .strings(ids)] : ["id": .optional(ids.first)]
            return .json(body, status: 201, index: index)
        case .removeEndpoint(let id):
            try refuseFileObject(registry.endpoints[id]?.origin, "endpoint \(id)")
            try commit(.removeEndpoint(id))
            return .done
        case .drainEndpoint(let id):
            try commit(.drainEndpoint(id))
            return .done
        case .renewEndpoint(let id):
            try renew(id)
            return .done
        case .attachNetwork(let attach):
            try commit(
                .attach(
                    RequestMapping.name(attach.name),
                    subnets: attach.subnets,
                    origin: .command
                )
            )
            return .done
        case .detachNetwork(let text):
            guard let name = try? DomainName(text) else {
                throw .refused(.noNetwork(.root))
            }
            try refuseFileObject(registry.networks[name]?.explicit, "network \(text)")
            try commit(.detach(name))
            return .done
        }
    }

    /// Takes every endpoint of this node out of answers, in one step; what went wrong, if anything did.
    mutating func drainAll() -> APIResponse? {
        let changes = registry.endpoints.ids.filter { registry.endpoints[$0]?.drained == false }
            .map { Change.drainEndpoint($0) }
        if changes.isEmpty { return nil }
        do throws(SystemError) {
            try saved.append(changes)
        } catch {
            let failure = Failure.notDurable(error)
            return .failure(failure.status, failure.message)
        }
        apply(together: changes)
        rewriteIfDue()
        return nil
    }

    private func list(_ items: [JSONValue]) -> APIResponse {
        .json(.array(items), index: index)
    }

    /// What the file says is changed there, or it would come back at the next start.
    private func refuseFileObject(_ origin: Origin?, _ what: String) throws(Failure) {
        if origin == .file { throw .refused(.ownedByFile(what)) }
    }

    /// The network of that name; nil for all.
    private func known(_ network: String?) throws(Failure) -> DomainName? {
        guard let network else { return nil }
        guard let name = try? DomainName(network), registry.networks[name] != nil else {
            throw .refused(.noNetwork((try? DomainName(network)) ?? .root))
        }
        return name
    }

    private mutating func explain(
        _ name: String,
        _ type: String,
        _ sandbox: String
    ) throws(Failure) -> APIResponse {
        guard let known = registry.sandboxes[sandbox] else { throw .refused(.noSandbox(sandbox)) }
        guard let type = RecordType(type) else {
            return .failure(400, "type: \"\(type)\" is no record type; write A, SRV or TYPE65")
        }
        do throws(NameError) {
            let report = explanation(of: try DomainName(name), type, in: known)
            return .json(report.json, index: index)
        } catch {
            return .failure(400, "name: \"\(name)\" is no domain name: \(error)")
        }
    }
}
