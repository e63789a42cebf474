package import Base
package import HTTPAPI

/// What a daemon is told to be: the whole of its configuration, checked, with every default filled
/// in.
///
/// A value comes from a flag, else the environment, else the file, else its default; see
/// `load(file:flags:surroundings:readFile:)`. Nothing here reads the machine.
package struct Configuration: Hashable, Sendable {
    /// This node's name; the host's unless given.
    package var nodeName: String
    /// Absolute path of the folder that keeps what survives a restart.
    package var stateDirectory: String
    package var api: API
    package var dns: DNS
    /// Nil when switched off by null.
    package var gossip: Gossip?
    /// Nil unless asked for.
    package var cluster: Cluster?
    package var metrics: Metrics
    package var log: Log
    /// What the file owns: applied at start and on reload, removed when it leaves the file.
    package var sandboxes: [SandboxRequest]
    package var endpoints: [EndpointRequest]
    package var networks: [NetworkAttach]
    /// What is worth a line in the log though nothing is wrong with it.
    package var warnings: [String]
}

extension Configuration {
    /// The local API's socket.
    package struct API: Hashable, Sendable {
        /// Absolute path of the unix socket.
        package var socket: String
        /// The group that may use the socket; nil: the owner alone.
        package var group: String?
        /// Whether somebody asked for that group, so that its absence is worth a warning.
        package var isGroupExplicit: Bool
    }

    /// The resolver and its forwarder.
    package struct DNS: Hashable, Sendable {
        /// Which behaviour is imitated.
        package enum Profile: String, CaseIterable, Sendable {
            /// The better one.
            case waggle
            /// Docker's, bug for bug.
            case docker
        }

        /// In the order they are asked; nil: those of the machine's resolv.conf.
        package var upstreams: [UpstreamSpec]?
        /// Domains with upstreams of their own; the longest match wins.
        package var domains: [DomainRule]
        package var profile: Profile
        package var ttl: TTL
        /// Master files with records for every sandbox.
        package var zoneFiles: [String]
        /// Forwarded questions in flight: 1 to 65535.
        package var forwardLimit: Int
        /// Replies of upstreams kept: 0 (no cache) to 10,000,000.
        package var cacheEntries: Int
        /// Worker threads: 1 to 64.
        package var threads: Int
    }

    /// A domain and the upstreams that are asked for it and everything below.
    package struct DomainRule: Hashable, Sendable {
        package var domain: DomainName
        /// Never empty.
        package var upstreams: [UpstreamSpec]
    }

    /// Seconds that answers about local names may be kept: 0 to 86400 each.
    package struct TTL: Hashable, Sendable {
        package var task: UInt32
        package var vip: UInt32
        package var negative: UInt32

        package init(task: UInt32, vip: UInt32, negative: UInt32) {
            self.task = task
            self.vip = vip
            self.negative = negative
        }
    }

    /// The gossip plane.
    package struct Gossip: Hashable, Sendable {
        /// Timing for the distance between nodes, in memberlist's words.
        package enum Profile: String, CaseIterable, Sendable {
            case lan, wan, local
        }

        /// Which program's ring this is.
        package enum Delegate: String, CaseIterable, Sendable {
            case networkdb, serf
        }

        package var bind: SocketEndpoint
        /// Whether somebody asked for gossip, so that it must not be given up when the port is taken.
        package var isExplicit: Bool
        /// What other nodes are told; nil: found from `bind`.
        package var advertise: SocketEndpoint?
        package var join: [SocketEndpoint]
        package var profile: Profile
        package var delegate: Delegate
        /// The first one encrypts, all decrypt; empty: no encryption.
        package var keys: [GossipKey]
    }

    /// A key of 16, 24 or 32 octets (AES-128, -192, -256) that does not show itself.
    package struct GossipKey: Hashable, Sendable, CustomStringConvertible {
        package let octets: [UInt8]

        package var description: String { "key of \(octets.count) octets" }
    }

    /// The managers' plane.
    package struct Cluster: Hashable, Sendable {
        package var listen: SocketEndpoint
        /// What other nodes are told; nil: found from `listen`.
        package var advertise: SocketEndpoint?
    }

    /// Where Prometheus text and health are served.
    package struct Metrics: Hashable, Sendable {
        /// Nil when switched off by null.
        package var listen: SocketEndpoint?
        /// Whether somebody asked for that address, so that it must not be given up when taken.
        package var isExplicit: Bool
        /// One question in so many is counted by its name: 0 (none) to 1,000,000.
        package var nameSample: Int
    }

    /// What is logged and how.
    package struct Log: Hashable, Sendable {
        package enum Level: String, CaseIterable, Sendable {
            case trace, debug, info, warning, error
        }

        package enum Format: String, CaseIterable, Sendable {
            case text, json
        }

        package var level: Level
        package var format: Format
        /// One question in so many is logged: 0 (none) to 1,000,000,000.
        package var querySample: Int

        package init(level: Level, format: Format, querySample: Int = 0) {
            self.level = level
            self.format = format
            self.querySample = querySample
        }
    }
}
