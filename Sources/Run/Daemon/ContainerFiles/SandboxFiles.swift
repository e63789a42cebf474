import Base
import LinuxSystem
import Logging
import NameServer
import Names

/// Why a container's file cannot be made to fit its sandbox: `what: why; what to do`.
struct FilesFailure: Error, CustomStringConvertible {
    let description: String
}

/// The files of sandboxes' containers: made to fit when a sandbox is served, put back when it goes.
///
/// One that cannot be put back keeps its record and is tried again.
extension ControlState {
    /// Makes the files of a sandbox's container fit it, and remembers whom its resolv.conf named.
    ///
    /// On failure those that were changed are put back by `settleFiles`, unless the sandbox stays.
    mutating func fitFiles(of sandbox: Sandbox) throws(FilesFailure) {
        let wanted = sandbox.files
        sandboxStates[sandbox.name]?.awaitsFiles = false
        if let path = wanted.resolvConf { try fitResolvConf(path, of: sandbox) }
        if let path = wanted.hosts {
            try fit(path, as: "hosts", usual: "/etc/hosts", of: sandbox) { original in
                HostsFile.text(original, hostname: wanted.hostname, addresses: wanted.addresses)
            }
        }
        if let path = wanted.hostnameFile, let hostname = wanted.hostname {
            try fit(path, as: "hostname", usual: "/etc/hostname", of: sandbox) { _ in
                hostname + "\n"
            }
        }
        sandboxStates[sandbox.name]?.filesError = nil
        for path in wanted.paths { stuckFiles[path] = nil }
    }

    private mutating func fitResolvConf(
        _ path: String,
        of sandbox: Sandbox
    ) throws(FilesFailure) {
        let circumstances = ResolvConfRewrite.Circumstances(
            path: path,
            resolver: resolverAddress(of: sandbox),
            named: sandbox.upstreams,
            defaults: routes.defaults,
            hostServers: Self.hostServers()
        )
        try fit(path, as: "resolv.conf", usual: "/etc/resolv.conf", of: sandbox) { original in
            ResolvConfRewrite(original, circumstances).text
        }
        let original = files.original(of: path).map { String(decoding: $0, as: UTF8.self) }
        let rewrite = ResolvConfRewrite(original, circumstances)
        for warning in rewrite.warnings {
            logger.warning(
                "resolv.conf",
                metadata: ["sandbox": "\(sandbox.name)", "what": "\(warning)"]
            )
        }
        sandboxStates[sandbox.name]?.foundUpstreams = rewrite.upstreams
    }

    /// `usual`: the host's own file of that kind, which a container may have mounted.
    private mutating func fit(
        _ path: String,
        as kind: String,
        usual: String,
        of sandbox: Sandbox,
        _ text: (String?) -> String
    ) throws(FilesFailure) {
        let place = ForeignFile.Place(path: path, root: sandbox.files.root)
        // Inside a root no path leads to it.
        let own = place.root == nil ? try? FileIdentity(path: usual) : nil
        if own != nil, (try? FileIdentity(path: path)) == own {
            throw FilesFailure(
                description: "\(kind) \(path): it is this host's own; give the container a copy"
            )
        }
        do throws(SystemError) {
            let outcome = try files.rewrite(place) { original in
                Array(text(original.map { String(decoding: $0, as: UTF8.self) }).utf8)
            }
            if outcome == .edited {
                logger.warning(
                    "a container's file was changed by somebody else and is left as it is",
                    metadata: ["sandbox": "\(sandbox.name)", "file": "\(path)"]
                )
            }
        } catch {
            throw FilesFailure(description: "\(kind) \(path): \(error); \(Self.fileAdvice(error))")
        }
    }

    private static func fileAdvice(_ error: SystemError) -> String {
        if error.isDiskFull { return "free space there or in the state directory" }
        if error.isNoSuchFile { return "make its folder, or leave the file out" }
        return "give a file that can be written, or leave it out"
    }

    /// Where a resolv.conf leads to, as far as it can say: it knows no ports.
    private func resolverAddress(of sandbox: Sandbox) -> IPAddress {
        guard case .address(let endpoint) = sandbox.place else { return ResolvConf.ownAddress }
        if endpoint.port == 53, !endpoint.address.isUnspecified { return endpoint.address }
        logger.warning(
            "a resolv.conf names \(ResolvConf.ownAddress) port 53, where nobody listens yet",
            metadata: ["sandbox": "\(sandbox.name)", "listens": "\(endpoint)"]
        )
        return ResolvConf.ownAddress
    }

    /// The servers of this host; with systemd-resolved, engines copy those behind its stub.
    private static func hostServers() -> Set<IPAddress> {
        var servers: Set<IPAddress> = []
        for path in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
            guard let text = try? TextFile.read(path: path, octetsMax: 1 << 20) else { continue }
            servers.formUnion(ResolvConf(text).nameServers.map { $0.endpoint.address })
        }
        return servers
    }

    /// Makes the files of served sandboxes fit where that has not been done, and puts back those
    /// that no sandbox speaks for.
    mutating func fitAwaitedFiles(at now: Moment) {
        var changed = false
        for sandbox in registry.sandboxes.values.sorted(by: { $0.name < $1.name }) {
            guard let state = sandboxStates[sandbox.name], state.opened != nil,
                state.awaitsFiles || state.filesError != nil
            else { continue }
            do throws(FilesFailure) {
                try fitFiles(of: sandbox)
            } catch {
                if state.filesError == nil {
                    logger.error(
                        "a container's files do not fit its sandbox",
                        metadata: ["sandbox": "\(sandbox.name)", "why": "\(error)"]
                    )
                }
                sandboxStates[sandbox.name]?.filesError = "\(error)"
                watches.retryAt = now.advanced(milliseconds: Watches.retryMilliseconds)
            }
            if sandboxStates[sandbox.name]?.foundUpstreams != state.foundUpstreams {
                refreshView(of: sandbox)
                changed = true
            }
        }
        if changed { server.publish(publication.views, registry.tables) }
        settleFiles()
    }

    /// Puts back the files that no sandbox speaks for.
    mutating func settleFiles() {
        if files.places.isEmpty { return }
        var wanted: Set<String> = []
        for sandbox in registry.sandboxes.values { wanted.formUnion(sandbox.files.paths) }
        for place in files.places where !wanted.contains(place.path) {
            do throws(SystemError) {
                if try files.restore(place.path) == .edited {
                    logger.warning(
                        "a container's file was changed by somebody else and is left as it is",
                        metadata: ["file": "\(place.path)"]
                    )
                }
                stuckFiles[place.path] = nil
            } catch {
                if stuckFiles.updateValue("\(error)", forKey: place.path) == nil {
                    logger.error(
                        "a container's file could not be put back; it is tried again",
                        metadata: ["file": "\(place.path)", "error": "\(error)"]
                    )
                }
                watches.retryAt = Clock.now().advanced(milliseconds: Watches.retryMilliseconds)
            }
        }
    }
}
