import FuzzInput
import HTTPAPI

/// One request to the local API: a method and a target on the first line, the body behind it.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzAPI(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    let halves = octets.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
    let words = halves[0].split(separator: 32, maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2 else { return 0 }
    let method = String(decoding: words[0], as: UTF8.self)
    let target = String(decoding: words[1], as: UTF8.self)
    let body = halves.count == 2 ? Array(halves[1]) : []
    guard let request = APIRequest(method: method, target: target, body: body) else { return 0 }
    invariant(
        APIRequest(method: method, target: request.target, body: body) == request,
        "a target is read back: \(request.target)"
    )
    do throws(RouteError) {
        check(try WaggleRoute(request))
    } catch {
        let response = error.response
        invariant([400, 404, 405].contains(response.status), "\(response.status)")
        let document = try? JSONValue(parsing: response.body)
        invariant(document?["message"]?.stringValue != nil, "a failure has a message")
    }
    return 0
}

/// What a request describes is described the same way again.
private func check(_ route: WaggleRoute) {
    switch route {
    case .addSandbox(let sandbox):
        invariant((try? SandboxRequest(sandbox.json)) == sandbox, "\(sandbox)")
    case .addEndpoints(let endpoints, _):
        for endpoint in endpoints {
            invariant((try? EndpointRequest(endpoint.json)) == endpoint, "\(endpoint)")
        }
    case .attachNetwork(let network):
        invariant((try? NetworkAttach(network.json)) == network, "\(network)")
    default:
        break
    }
}
