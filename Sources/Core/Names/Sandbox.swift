package import Base

/// One container's view of the names: where its resolver listens and which networks it is on.
package struct Sandbox: Hashable, Sendable {
    /// Where the resolver's sockets are opened.
    package enum Place: Hashable, Sendable {
        /// 127.0.0.11:53 in the network namespace mounted or linked at this path.
        case namespace(path: String)
        /// 127.0.0.11:53 in the namespace of a process; its start time tells a reused pid.
        case process(pid: Int32, startTime: UInt64, inode: UInt64)
        /// A plain address of the daemon's own namespace.
        case address(SocketEndpoint)

        /// Whether two sandboxes cannot both be there; port 0 is a port of its own each time.
        package func clashes(with other: Place) -> Bool {
            if case .address(let endpoint) = self, endpoint.port == 0 { return false }
            return self == other
        }

        /// The file that names the network namespace; empty for a plain address.
        package var namespacePath: String {
            switch self {
            case .namespace(let path): path
            case .process(let pid, _, _): "/proc/\(pid)/ns/net"
            case .address: ""
            }
        }
    }

    package var name: String
    package var place: Place
    /// In priority order: the first that knows a name answers.
    package var networks: [DomainName]
    /// Empty: the daemon's own.
    package var upstreams: [UpstreamChoice] = []
    /// Clients that may ask beyond loopback and the networks' subnets; only for `.address`.
    package var allow: [CIDR] = []
    /// Never forwards.
    package var isInternal = false
    /// Listen on a high port and redirect port 53 to it.
    package var redirect = false
    package var files = ContainerFiles()
    package var origin: Origin = .command

    /// Files of a sandbox's container that are made to fit it; paths are absolute.
    package struct ContainerFiles: Hashable, Sendable {
        /// Leads to the sandbox's resolver.
        package var resolvConf: String?
        /// Gets the container's own name.
        package var hosts: String?
        /// Gets the container's own name and nothing else.
        package var hostnameFile: String?
        /// Inside this folder paths below it are looked up.
        package var root: String?
        package var hostname: String?
        package var addresses: [IPAddress] = []

        package init() {}

        /// Those that are named.
        package var paths: [String] { [resolvConf, hosts, hostnameFile].compactMap { $0 } }
    }

    package init(name: String, place: Place, networks: [DomainName]) {
        self.name = name
        self.place = place
        self.networks = networks
    }
}
