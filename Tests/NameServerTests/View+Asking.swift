import Base
import Names

extension Registry {
    /// A view whose only upstreams are these.
    func view(
        of sandbox: Sandbox,
        asking upstreams: [SocketEndpoint],
        domains: [UpstreamRoutes.Domain] = []
    ) -> View {
        var directory = UpstreamDirectory()
        let choices = upstreams.map { UpstreamChoice($0) }
        let routes = UpstreamRoutes(defaults: choices, domains: domains)
        return view(of: sandbox, routes: routes, directory: &directory)
    }
}
