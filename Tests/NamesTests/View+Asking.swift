import Base
import Names

extension Registry {
    /// A view whose only upstreams are these.
    func view(of sandbox: Sandbox, asking upstreams: [SocketEndpoint]) -> View {
        var directory = UpstreamDirectory()
        let routes = UpstreamRoutes(defaults: upstreams.map { UpstreamChoice($0) })
        return view(of: sandbox, routes: routes, directory: &directory)
    }
}
