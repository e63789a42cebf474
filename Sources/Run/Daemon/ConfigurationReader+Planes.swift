import Base
import FoundationEssentials
import HTTPAPI

extension ConfigurationReader {
    func gossip(_ root: inout ObjectReader) throws(FieldError) -> Configuration.Gossip? {
        if root.isNull("gossip") { return nil }
        var reader = try section("gossip", of: &root)
        let bind = try endpoint("bind", of: &reader)
        let advertise = try advertised(&reader)
        let join = try reader.list("join", as: "ADDRESS, ADDRESS:PORT or [ADDRESS6]:PORT") {
            SocketEndpoint($0, defaultPort: Self.gossipPort).flatMap(Self.reachable)
        }
        guard join.count <= RingRoute.addressesMax else {
            throw FieldError(
                path: reader.path(of: "join"),
                .wrong(found: "\(join.count) of them", allowed: "\(RingRoute.addressesMax) at most")
            )
        }
        let profile: Configuration.Gossip.Profile = try choice("profile", of: &reader) ?? .lan
        let delegate: Configuration.Gossip.Delegate =
            try choice("delegate", of: &reader) ?? .networkdb
        let keys = try keys(&reader)
        try reader.finish()
        // Safe by default: nobody else is listened to until somebody else is meant.
        let isAlone = advertise == nil && join.isEmpty && keys.isEmpty
        let address = isAlone ? IPv4Address(127, 0, 0, 1) : IPv4Address(0)
        return Configuration.Gossip(
            bind: bind ?? SocketEndpoint(address: .v4(address), port: Self.gossipPort),
            isExplicit: bind != nil || !isAlone,
            advertise: advertise,
            join: join,
            profile: profile,
            delegate: delegate,
            keys: keys
        )
    }

    /// Keys are secrets: an error tells their place and length, never their text.
    private func keys(
        _ gossip: inout ObjectReader
    ) throws(FieldError) -> [Configuration.GossipKey] {
        var keys: [Configuration.GossipKey] = []
        for (index, text) in (try gossip.strings("keys") ?? []).enumerated() {
            let path = "\(gossip.path(of: "keys"))[\(index)]"
            let octets = Data(base64Encoded: text).map { [UInt8]($0) } ?? []
            guard [16, 24, 32].contains(octets.count) else {
                let wanted = "base64 of 16, 24 or 32 octets"
                let found = "a text of \(text.count) characters"
                throw FieldError(path: path, .wrong(found: found, allowed: wanted))
            }
            let key = Configuration.GossipKey(octets: octets)
            guard !keys.contains(key) else {
                throw FieldError(
                    path: path,
                    .wrong(found: "a key again", allowed: "each key once")
                )
            }
            keys.append(key)
        }
        return keys
    }

    func cluster(_ root: inout ObjectReader) throws(FieldError) -> Configuration.Cluster? {
        guard root.value("cluster") != nil, !root.isNull("cluster") else { return nil }
        var reader = try section("cluster", of: &root)
        let any = SocketEndpoint(address: .v4(IPv4Address(0)), port: Self.clusterPort)
        let cluster = Configuration.Cluster(
            listen: try endpoint("listen", of: &reader) ?? any,
            advertise: try advertised(&reader)
        )
        try reader.finish()
        return cluster
    }

    func metrics(_ root: inout ObjectReader) throws(FieldError) -> Configuration.Metrics {
        var reader = try section("metrics", of: &root)
        let isExplicit = reader.value("listen") != nil
        let isOff = reader.isNull("listen")
        let listen = isOff ? nil : try endpoint("listen", of: &reader, orNull: true)
        let nameSample = try reader.int("nameSample", in: 0...Self.nameSampleMax) ?? 16
        try reader.finish()
        let local = SocketEndpoint(
            address: .v4(IPv4Address(127, 0, 0, 1)),
            port: Self.metricsPort
        )
        return Configuration.Metrics(
            listen: isOff ? nil : listen ?? local,
            isExplicit: isExplicit,
            nameSample: nameSample
        )
    }

    func log(_ root: inout ObjectReader) throws(FieldError) -> Configuration.Log {
        var reader = try section("log", of: &root)
        let log = Configuration.Log(
            level: try choice("level", of: &reader) ?? .info,
            format: try choice("format", of: &reader) ?? .text,
            querySample: try queries(&reader)
        )
        try reader.finish()
        return log
    }

    /// `N`, or `{"sample": N}` for further keys to come; null and 0 log nothing.
    private func queries(_ log: inout ObjectReader) throws(FieldError) -> Int {
        let range = 0...Self.querySampleMax
        if log.isNull("queries") { return 0 }
        guard case .object? = log.value("queries") else {
            return try log.int("queries", in: range) ?? 0
        }
        var reader = try section("queries", of: &log)
        guard let sample = try reader.int("sample", in: range) else {
            let wanted = "a whole number from 0 to \(Self.querySampleMax)"
            throw reader.missing("sample", allowed: wanted)
        }
        try reader.finish()
        return sample
    }
}
