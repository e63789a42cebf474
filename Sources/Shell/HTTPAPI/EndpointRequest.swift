package import Base

/// A port that a service offers: `tcp:http:8080` yields `_http._tcp.SERVICE` SRV records.
package struct PortSpec: Hashable, Sendable, CustomStringConvertible {
    /// `tcp`, `udp` or `sctp`.
    package var transport: String
    /// The service's name without its underscore: one label of at most 62 octets.
    package var name: String
    package var port: UInt16

    static let wanted = "PROTO:NAME:PORT such as tcp:http:8080, with tcp, udp or sctp"

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, ["tcp", "udp", "sctp"].contains(parts[0]),
            parts[1].utf8.count < NameRule.labelOctetsMax, NameRule.isLabel(parts[1].utf8),
            parts[2].utf8.allSatisfy({ (48...57).contains($0) }),
            let port = UInt16(parts[2]), port > 0
        else { return nil }
        transport = String(parts[0])
        name = String(parts[1])
        self.port = port
    }

    package var description: String { "\(transport):\(name):\(port)" }
}

/// An endpoint as `waggle endpoint add`, `POST endpoints` and the configuration file describe it.
package struct EndpointRequest: Hashable, Sendable {
    /// What the endpoint ends with.
    package enum Tie: Hashable, Sendable {
        /// Nothing: it stays until it is removed.
        case none
        case sandbox(String)
        case pid(Int)
        /// Seconds until it ends unless renewed: 1 ... `ttlSecondsMax`.
        case ttl(Int)
    }

    /// A year.
    package static let ttlSecondsMax = 31_536_000

    package var network: String
    package var name: String
    /// At least one of `ip` and `ip6` is there.
    package var ip: IPv4Address?
    package var ip6: IPv6Address?
    package var service: String?
    package var serviceID: String?
    package var vip: IPv4Address?
    package var vip6: IPv6Address?
    /// Names that the service answers to.
    package var aliases: [String]
    /// Names that only this endpoint answers to.
    package var taskAliases: [String]
    /// Between 12 and 64 hexadecimal digits.
    package var containerID: String?
    package var ports: [PortSpec]
    /// Chosen by the daemon when nil.
    package var id: String?
    package var tie: Tie

    package init(network: String, name: String) {
        self.network = network
        self.name = name
        aliases = []
        taskAliases = []
        ports = []
        tie = .none
    }

    /// Throws: `FieldError` for an unknown or missing key, a wrong type or an impossible value.
    package init(_ value: JSONValue, path: String = "") throws(FieldError) {
        var reader = try ObjectReader(value, path: path)
        let network = try reader.requiredName("network")
        self.init(network: network, name: try reader.requiredName("name"))
        try readAddresses(&reader)
        service = try reader.name("service")
        serviceID = try reader.id("serviceId")
        aliases = try Self.names(&reader, "alias", "aliases")
        taskAliases = try Self.names(&reader, "taskAlias", "taskAliases")
        containerID = try reader.parsed("containerId", as: NameRule.containerWanted) {
            NameRule.isContainerID($0) ? $0.lowercased() : nil
        }
        ports = try reader.list("port", plural: "ports", as: PortSpec.wanted) { PortSpec($0) }
        id = try reader.id("id")
        tie = try Self.tie(&reader)
        try reader.finish()
        if ip == nil, ip6 == nil { throw reader.missing("ip", allowed: "an IPv4 address") }
        try requireService(reader)
    }

    private mutating func readAddresses(_ reader: inout ObjectReader) throws(FieldError) {
        ip = try Self.ipv4(&reader, "ip")
        ip6 = try Self.ipv6(&reader, "ip6")
        vip = try Self.ipv4(&reader, "vip")
        vip6 = try Self.ipv6(&reader, "vip6")
    }

    private static func ipv4(
        _ reader: inout ObjectReader,
        _ key: String
    ) throws(FieldError) -> IPv4Address? {
        try reader.parsed(key, as: "an IPv4 address") { text in
            IPv4Address(text).flatMap { IPAddress.v4($0).isUnspecified ? nil : $0 }
        }
    }

    private static func ipv6(
        _ reader: inout ObjectReader,
        _ key: String
    ) throws(FieldError) -> IPv6Address? {
        try reader.parsed(key, as: "an IPv6 address") { text in
            IPv6Address(text).flatMap { IPAddress.v6($0).isUnspecified ? nil : $0 }
        }
    }

    private static func names(
        _ reader: inout ObjectReader,
        _ key: String,
        _ plural: String
    ) throws(FieldError) -> [String] {
        try reader.list(key, plural: plural, as: NameRule.nameWanted) {
            NameRule.isName($0) ? $0 : nil
        }
    }

    private static func tie(_ reader: inout ObjectReader) throws(FieldError) -> Tie {
        let sandbox = try reader.name("sandbox")
        let pid = try reader.int("pid", in: 1...SandboxRequest.pidMax)
        let ttl = try reader.int("ttl", in: 1...ttlSecondsMax)
        var ties: [(key: String, tie: Tie)] = []
        if let sandbox { ties.append(("sandbox", .sandbox(sandbox))) }
        if let pid { ties.append(("pid", .pid(pid))) }
        if let ttl { ties.append(("ttl", .ttl(ttl))) }
        if ties.count > 1 {
            throw FieldError(
                path: reader.path(of: ties[1].key),
                .conflict(with: reader.path(of: ties[0].key))
            )
        }
        return ties.first?.tie ?? .none
    }

    /// What describes a service needs one.
    private func requireService(_ reader: ObjectReader) throws(FieldError) {
        guard service == nil else { return }
        let needs = [
            ("serviceId", serviceID != nil), ("vip", vip != nil), ("vip6", vip6 != nil),
            ("port", !ports.isEmpty),
        ]
        if let need = needs.first(where: { $0.1 }) {
            throw reader.missing(
                "service",
                allowed: "a service's name beside \(reader.path(of: need.0))"
            )
        }
    }

    /// The body that `init(_:path:)` reads; what is absent is left out.
    package var json: JSONValue {
        var json: JSONValue = ["network": .string(network), "name": .string(name)]
        let texts: [(String, String?)] = [
            ("ip", ip?.description), ("ip6", ip6?.description), ("service", service),
            ("serviceId", serviceID), ("vip", vip?.description), ("vip6", vip6?.description),
            ("containerId", containerID), ("id", id),
        ]
        for (key, text) in texts {
            json[key] = text.map { .string($0) }
        }
        if !aliases.isEmpty { json["alias"] = .strings(aliases) }
        if !taskAliases.isEmpty { json["taskAlias"] = .strings(taskAliases) }
        if !ports.isEmpty { json["port"] = .strings(ports.map { $0.description }) }
        switch tie {
        case .none: break
        case .sandbox(let name): json["sandbox"] = .string(name)
        case .pid(let pid): json["pid"] = .integer(pid)
        case .ttl(let seconds): json["ttl"] = .integer(seconds)
        }
        return json
    }
}
