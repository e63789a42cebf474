import Base
import LinuxSystem
import Logging
import Names

/// The upstreams of the machine, for when the configuration names none, and the watch on the file
/// that says them: a laptop changes networks more often than its daemons are started
/// (networkdb-dns.md E12).
extension ControlState {
    /// Where the machine's own resolver is configured (resolv.conf(5)).
    static let hostFile = "/etc/resolv.conf"
    /// The file's writers take several steps; so long after the last one it is read.
    private static let settleMilliseconds: UInt64 = 200
    /// A file that is never left alone is read all the same.
    private static let settleMillisecondsMax: UInt64 = 1000

    /// Who is asked for what: as configured, with those of the host where nobody is named.
    static func routes(
        _ configuration: Configuration,
        host: @autoclosure () -> [UpstreamChoice]
    ) -> UpstreamRoutes {
        let dns = configuration.dns
        return UpstreamRoutes(
            defaults: dns.upstreams?.map(RequestMapping.choice) ?? host(),
            domains: dns.domains.map { rule in
                .init(name: rule.domain, upstreams: rule.upstreams.map(RequestMapping.choice))
            }
        )
    }

    /// The servers that the host's file names; nil when it cannot be read.
    static func hostUpstreams(of path: String, _ logger: Logger) -> [UpstreamChoice]? {
        do throws(SystemError) {
            let text = try TextFile.read(path: path, octetsMax: 1 << 20)
            let host = ResolvConf(text)
            for warning in host.warnings {
                logger.warning("resolv.conf", metadata: ["what": "\(warning)"])
            }
            return host.nameServers.map { UpstreamChoice($0.endpoint) }
        } catch {
            logger.warning(
                "the host's resolv.conf cannot be read",
                metadata: ["error": "\(error)"]
            )
            return nil
        }
    }

    /// Watches the file as long as it decides anything.
    mutating func watchHostFile() {
        if let old = watches.hostFile { poller.remove(old.raw) }
        watches.hostFile = nil
        guard configuration.dns.upstreams == nil else { return }
        do throws(SystemError) {
            let watch = try FileWatch(path: hostFile)
            try poller.add(watch.raw, token: Watches.hostFileToken, for: .read)
            watches.hostFile = watch
        } catch {
            logger.warning(
                "the host's resolv.conf cannot be watched; SIGHUP reads it again",
                metadata: ["error": "\(error)"]
            )
        }
    }

    /// Something has happened to the file: it is read when its writer has finished.
    mutating func hostFileTouched() {
        guard let watch = watches.hostFile, watch.takeEvents() else { return }
        let now = Clock.now()
        let latest =
            watches.hostFileLatest ?? now.advanced(milliseconds: Self.settleMillisecondsMax)
        watches.hostFileLatest = latest
        watches.hostFileDue = min(now.advanced(milliseconds: Self.settleMilliseconds), latest)
    }

    /// Reads the file again and takes up what it says, without touching a socket.
    mutating func rereadHostFile() {
        watches.hostFileDue = nil
        watches.hostFileLatest = nil
        // Before it is read, so that no later change is missed; what has the name now may be another
        // file than the one watched before.
        watchHostFile()
        guard configuration.dns.upstreams == nil,
            let host = Self.hostUpstreams(of: hostFile, logger)
        else { return }
        // One that has gone for a moment leaves the upstreams as they were.
        let fresh = Self.routes(configuration, host: host)
        if fresh == routes { return }
        routes = fresh
        logger.info(
            "the host's upstreams have changed",
            metadata: ["count": "\(fresh.defaults.count)"]
        )
        follow(.allViews)
    }
}
