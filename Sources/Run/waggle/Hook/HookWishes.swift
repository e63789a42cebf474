package import Base
package import HTTPAPI

/// What a container's annotations ask of its names; docs/operations has the table.
///
/// All are read strictly: a container whose names are not what its author meant shall not start.
package struct HookWishes: Hashable, Sendable {
    /// A value for one network, or for whichever it fits.
    package struct Assigned<Value: Hashable & Sendable>: Hashable, Sendable {
        package let network: String?
        package let value: Value
    }

    package static let prefix = "io.waggle."

    /// Empty: the container is none of ours.
    package private(set) var networks: [String] = []
    /// Nil: the container's id.
    package private(set) var sandbox: String?
    package private(set) var name: String?
    package private(set) var aliases: [String] = []
    package private(set) var service: String?
    package private(set) var serviceID: String?
    package private(set) var serviceAliases: [String] = []
    package private(set) var ports: [PortSpec] = []
    package private(set) var addresses: [Assigned<IPAddress>] = []
    package private(set) var virtualAddresses: [Assigned<IPAddress>] = []
    package private(set) var upstreams: [UpstreamSpec] = []
    package private(set) var isInternal = false
    /// Nil: nobody says.
    package private(set) var redirect: Bool?
    /// Whether the container's resolv.conf stays as it is.
    package private(set) var keepsResolvConf = false

    /// Throws: `FieldError` for an annotation under our prefix that is unknown or wrong.
    package init(_ annotations: [String: String]) throws(FieldError) {
        for key in annotations.keys.sorted() where key.hasPrefix(Self.prefix) {
            guard let text = annotations[key] else { continue }
            try read(String(key.dropFirst(Self.prefix.count)), Value(key: key, text: text))
        }
    }

    private mutating func read(_ key: String, _ value: Value) throws(FieldError) {
        switch key {
        case "networks": networks = try value.names()
        case "sandbox": sandbox = try value.name()
        case "name": name = try value.name()
        case "aliases": aliases = try value.names()
        case "service": service = try value.name()
        case "service-id":
            serviceID = try value.one(NameRule.idWanted) { NameRule.isID($0) ? $0 : nil }
        case "service-aliases": serviceAliases = try value.names()
        case "ports":
            ports = try value.list("PROTO:NAME:PORT such as tcp:http:8080") { PortSpec($0) }
        case "ip": addresses = try value.addresses()
        case "vip": virtualAddresses = try value.addresses()
        case "upstreams": upstreams = try value.list(Value.upstreamWanted, Value.upstream)
        case "internal": isInternal = try value.bool()
        case "redirect": redirect = try value.bool()
        case "resolv-conf":
            keepsResolvConf = try value.one("rewrite or keep") {
                ["rewrite": false, "keep": true][$0]
            }
        default: throw FieldError(path: value.key, .unknownKey(allowed: Self.keys))
        }
    }

    private static let keys = [
        "networks", "sandbox", "name", "aliases", "service", "service-id", "service-aliases",
        "ports", "ip", "vip", "upstreams", "internal", "redirect", "resolv-conf",
    ].map { prefix + $0 }

    /// One annotation and how its text is read.
    private struct Value {
        let key: String
        let text: String

        static let upstreamWanted = "ADDR, ADDR:PORT, or sandbox=ADDR for one asked from inside"

        static func upstream(_ text: String) -> UpstreamSpec? {
            let inside = "sandbox="
            let isInside = text.hasPrefix(inside)
            let server = JSONValue.string(isInside ? String(text.dropFirst(inside.count)) : text)
            var spec = try? UpstreamSpec(server, path: "")
            spec?.fromSandbox = isInside
            return spec
        }

        func one<Parsed>(
            _ wanted: String,
            _ parse: (String) -> Parsed?
        ) throws(FieldError) -> Parsed {
            guard let parsed = parse(text) else { throw wrong(text, wanted) }
            return parsed
        }

        /// Words between commas or spaces.
        func list<Parsed: Hashable>(
            _ wanted: String,
            _ parse: (String) -> Parsed?
        ) throws(FieldError) -> [Parsed] {
            var list: [Parsed] = []
            for word in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
                guard let parsed = parse(String(word)) else { throw wrong(String(word), wanted) }
                if !list.contains(parsed) { list.append(parsed) }
            }
            if list.isEmpty || list.count > ObjectReader.listCountMax { throw wrong(text, wanted) }
            return list
        }

        func name() throws(FieldError) -> String {
            try one(NameRule.nameWanted) { NameRule.isName($0) ? $0 : nil }
        }

        func names() throws(FieldError) -> [String] {
            try list("names: \(NameRule.nameWanted)") { NameRule.isName($0) ? $0 : nil }
        }

        func bool() throws(FieldError) -> Bool {
            try one("true or false") { ["true": true, "false": false][$0] }
        }

        func addresses() throws(FieldError) -> [Assigned<IPAddress>] {
            try list("ADDR or NETWORK=ADDR") { word in
                let parts = word.split(
                    separator: "=",
                    maxSplits: 1,
                    omittingEmptySubsequences: false
                )
                .map { String($0) }
                guard let address = parts.last.flatMap({ IPAddress($0) }), !address.isUnspecified
                else { return nil }
                if parts.count == 1 { return Assigned(network: nil, value: address) }
                return NameRule.isName(parts[0])
                    ? Assigned(network: parts[0], value: address) : nil
            }
        }

        private func wrong(_ found: String, _ wanted: String) -> FieldError {
            FieldError(
                path: key,
                .wrong(found: JSONValue.string(found).shown, allowed: wanted)
            )
        }
    }
}
