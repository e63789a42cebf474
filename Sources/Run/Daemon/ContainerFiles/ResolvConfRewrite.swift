package import Base
package import Names

/// A container's resolv.conf made to lead to the sandbox's resolver.
///
/// Decides what the new file says and whom the resolver asks because of what the old one said; it
/// reads and writes nothing. The first lines and the comments are those of dockerd, since images
/// look for them: nameserver, search, options, then what else stood there, then `ExtServers`.
/// Source: networkdb-dns.md C8.2, C9, H7.
package struct ResolvConfRewrite: Hashable, Sendable {
    /// What is known beside the file.
    package struct Circumstances: Hashable, Sendable {
        /// The file as the host sees it, for its comment.
        package var path: String
        /// Where the sandbox's resolver is reached, on port 53.
        package var resolver: IPAddress
        /// Servers that were named for this sandbox by hand; they take the place of the file's.
        package var named: [UpstreamChoice]
        /// Servers for a sandbox that has none of its own.
        package var defaults: [UpstreamChoice]
        /// The servers of the host's own files: what a container's file has from there is asked
        /// from the host, as the host would ask it.
        package var hostServers: Set<IPAddress>

        package init(
            path: String,
            resolver: IPAddress = ResolvConf.ownAddress,
            named: [UpstreamChoice] = [],
            defaults: [UpstreamChoice] = [],
            hostServers: Set<IPAddress> = []
        ) {
            self.path = path
            self.resolver = resolver
            self.named = named
            self.defaults = defaults
            self.hostServers = hostServers
        }
    }

    /// Servers that glibc and dockerd take from one file (MAXNS; networkdb-dns.md C8.2).
    package static let serversMax = 3

    /// The new file.
    package let text: String
    /// The servers that the old file names, in its order; to be asked unless others were named.
    package let upstreams: [UpstreamChoice]
    /// One sentence for each thing of the old file that is not as it was.
    package let warnings: [String]

    /// `original`: the old file; nil for one that is not there yet.
    package init(_ original: String?, _ circumstances: Circumstances) {
        let old = ResolvConf(original ?? "")
        var warnings = old.warnings
        upstreams = Self.upstreams(of: old, circumstances.hostServers, &warnings)
        self.warnings = warnings
        var asked = circumstances.named.isEmpty ? upstreams : circumstances.named
        if asked.isEmpty { asked = circumstances.defaults }
        text = Self.text(old, circumstances, asked: asked)
    }

    /// Who is asked, and from where.
    ///
    /// A loopback address means the host's own, since the container's is the resolver's; so does a
    /// server that the host has too. Any other was named for this container and is asked from its
    /// namespace, where it may be reachable only from.
    private static func upstreams(
        of old: ResolvConf,
        _ hostServers: Set<IPAddress>,
        _ warnings: inout [String]
    ) -> [UpstreamChoice] {
        var choices: [UpstreamChoice] = []
        for server in old.nameServers {
            let address = server.endpoint.address
            if let scope = server.scope {
                warnings.append("\(address)%\(scope) is left out: it needs an interface")
            } else if choices.count == serversMax {
                warnings.append("\(address) is left out: \(serversMax) servers are asked at most")
            } else {
                let isHosts = address.isLoopback || hostServers.contains(address)
                choices.append(UpstreamChoice(server.endpoint, fromSandbox: !isHosts))
            }
        }
        return choices
    }

    private static func text(
        _ old: ResolvConf,
        _ circumstances: Circumstances,
        asked: [UpstreamChoice]
    ) -> String {
        var lines = ["nameserver \(circumstances.resolver)"]
        if !old.searchWords.isEmpty {
            lines.append("search " + old.searchWords.joined(separator: " "))
        }
        // With 0, a name is tried as it is before the search list is gone through.
        let options = old.options + (old.ndots == nil ? ["ndots:0"] : [])
        lines.append("options " + options.joined(separator: " "))
        lines += old.otherLines
        lines.append("")
        lines.append("# Based on host file: '\(oneLine(circumstances.path))' (internal resolver)")
        if asked.isEmpty {
            lines.append("# NO EXTERNAL NAMESERVERS DEFINED")
        } else {
            let servers = asked.map(shown).joined(separator: " ")
            lines.append("# ExtServers: [\(servers)]")
        }
        if !old.invalidServers.isEmpty {
            lines.append("# Invalid nameservers: [\(old.invalidServers.joined(separator: " "))]")
        }
        lines.append("# Overrides: [\(circumstances.named.isEmpty ? "" : "nameservers")]")
        lines.append("# Option ndots from: \(old.ndots == nil ? "internal" : "host")")
        lines.append("# Written by Waggle; what stood here comes back when the container goes.")
        return lines.joined(separator: "\n") + "\n"
    }

    /// `host(ADDRESS)` for one that is asked from the host.
    private static func shown(_ choice: UpstreamChoice) -> String {
        let server = choice.address
        let text = server.port == 53 ? "\(server.address)" : "\(server)"
        return choice.fromSandbox ? text : "host(\(text))"
    }

    /// A path may hold anything; a comment ends with its line.
    private static func oneLine(_ path: String) -> String {
        String(path.map { $0.isNewline ? "?" : $0 })
    }
}
