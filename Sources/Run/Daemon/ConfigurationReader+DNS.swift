import Base
import HTTPAPI

extension ConfigurationReader {
    func dns(_ root: inout ObjectReader) throws(FieldError) -> Configuration.DNS {
        var reader = try section("dns", of: &root)
        let upstreams = try reader.value("upstreams").map { value throws(FieldError) in
            try Self.upstreams(value, path: reader.path(of: "upstreams"))
        }
        let profile: Configuration.DNS.Profile = try choice("profile", of: &reader) ?? .waggle
        let dns = Configuration.DNS(
            upstreams: upstreams,
            domains: try domains(&reader),
            profile: profile,
            ttl: try ttl(&reader, profile: profile),
            zoneFiles: try zoneFiles(&reader),
            forwardLimit: try reader.int("forwardLimit", in: 1...65535) ?? 1024,
            cacheEntries: try reader.int("cacheEntries", in: 0...Self.cacheEntriesMax) ?? 10000,
            threads: try reader.int("threads", in: 1...Self.threadsMax) ?? 1
        )
        try reader.finish()
        return dns
    }

    /// Docker's answers live 600 s; ours are short, since tasks come and go.
    private func ttl(
        _ dns: inout ObjectReader,
        profile: Configuration.DNS.Profile
    ) throws(FieldError) -> Configuration.TTL {
        var reader = try section("ttl", of: &dns)
        let range = 0...Self.ttlSecondsMax
        let standard = profile == .docker ? (task: 600, vip: 600) : (task: 5, vip: 30)
        let ttl = Configuration.TTL(
            task: UInt32(try reader.int("task", in: range) ?? standard.task),
            vip: UInt32(try reader.int("vip", in: range) ?? standard.vip),
            negative: UInt32(try reader.int("negative", in: range) ?? 5)
        )
        try reader.finish()
        return ttl
    }

    private func domains(
        _ dns: inout ObjectReader
    ) throws(FieldError) -> [Configuration.DomainRule] {
        var reader = try section("domains", of: &dns)
        var rules: [Configuration.DomainRule] = []
        for key in reader.keys {
            let path = reader.path(of: key)
            let found = JSONValue.string(key).shown
            guard let domain = try? DomainName(key) else {
                throw FieldError(path: path, .wrong(found: found, allowed: "a domain name as key"))
            }
            guard !rules.contains(where: { $0.domain == domain }) else {
                throw FieldError(path: path, .wrong(found: "\(found) again", allowed: "each once"))
            }
            guard let value = reader.value(key) else { continue }
            let upstreams = try Self.upstreams(value, path: path)
            guard !upstreams.isEmpty else {
                throw reader.wrong(key, value, "a list of one upstream or more")
            }
            rules.append(Configuration.DomainRule(domain: domain, upstreams: upstreams))
        }
        return rules
    }

    /// A list of upstreams, or one alone.
    private static func upstreams(
        _ value: JSONValue,
        path: String
    ) throws(FieldError) -> [UpstreamSpec] {
        guard case .array(let elements) = value else {
            return [try UpstreamSpec(value, path: path)]
        }
        var upstreams: [UpstreamSpec] = []
        for (index, element) in elements.enumerated() {
            let upstream = try UpstreamSpec(element, path: "\(path)[\(index)]")
            guard !upstreams.contains(upstream) else {
                let found = "\(element.shown) again"
                throw FieldError(
                    path: "\(path)[\(index)]",
                    .wrong(found: found, allowed: "each one once")
                )
            }
            upstreams.append(upstream)
        }
        return upstreams
    }

    private func zoneFiles(_ dns: inout ObjectReader) throws(FieldError) -> [String] {
        let folder = document.isFromFile("dns.zoneFiles") ? document.folder : ""
        let paths = try dns.list("zoneFiles", as: "the path of a file") { path in
            path.isEmpty || path.utf8.contains(0) ? nil : path
        }
        return paths.map { $0.hasPrefix("/") ? $0 : folder + $0 }
    }
}
