import HTTPAPI

/// A key of the configuration that the environment, and perhaps a flag, can set.
struct ConfigurationKey {
    /// How the text of a variable becomes a JSON value.
    enum Kind {
        case text
        /// Empty stands for null.
        case textOrNull
        case number
        /// Elements between commas; empty stands for the empty list.
        case list
    }

    let path: [String]
    let kind: Kind
    var flag: String?

    init(_ path: String, _ kind: Kind, flag: String? = nil) {
        self.path = path.split(separator: ".").map { String($0) }
        self.kind = kind
        self.flag = flag
    }

    /// Every scalar and list of scalars, section by section.
    static let all = [
        ConfigurationKey("node.name", .text, flag: "--name"),
        ConfigurationKey("stateDirectory", .text, flag: "--state-dir"),
        ConfigurationKey("api.socket", .text, flag: "--socket"),
        ConfigurationKey("api.group", .textOrNull),
        ConfigurationKey("dns.upstreams", .list, flag: "--upstream"),
        ConfigurationKey("dns.profile", .text),
        ConfigurationKey("dns.ttl.task", .number),
        ConfigurationKey("dns.ttl.vip", .number),
        ConfigurationKey("dns.ttl.negative", .number),
        ConfigurationKey("dns.zoneFiles", .list),
        ConfigurationKey("dns.forwardLimit", .number),
        ConfigurationKey("dns.cacheEntries", .number),
        ConfigurationKey("dns.threads", .number),
        ConfigurationKey("gossip.bind", .text, flag: "--gossip-bind"),
        ConfigurationKey("gossip.advertise", .text),
        ConfigurationKey("gossip.join", .list, flag: "--gossip-join"),
        ConfigurationKey("gossip.profile", .text),
        ConfigurationKey("gossip.delegate", .text),
        ConfigurationKey("gossip.keys", .list),
        ConfigurationKey("cluster.listen", .text),
        ConfigurationKey("cluster.advertise", .text),
        ConfigurationKey("metrics.listen", .textOrNull),
        ConfigurationKey("metrics.nameSample", .number),
        ConfigurationKey("log.level", .text, flag: "--log-level"),
        ConfigurationKey("log.format", .text),
        ConfigurationKey("log.queries", .number),
    ]

    /// Sections whose variables are ours, so that a misspelt one is noticed.
    static let sections = [
        "node", "stateDirectory", "api", "dns", "gossip", "cluster", "metrics", "log", "sandboxes",
        "endpoints", "networks",
    ]

    /// Sections that null switches off, and that a variable or flag switches on again.
    static let nullable = ["gossip", "cluster"]

    /// `dns.ttl.task`.
    var dotted: String { path.joined(separator: ".") }

    /// `WAGGLE_DNS_TTL_TASK`.
    var variable: String { Self.variable(path) }

    /// `WAGGLE_` and the path in upper snake case: `cacheEntries` is `CACHE_ENTRIES`.
    static func variable(_ path: [String]) -> String {
        "WAGGLE"
            + path.map { word in
                word.reduce(into: "_") { name, letter in
                    name += letter.isUppercase ? "_\(letter)" : letter.uppercased()
                }
            }.joined()
    }

    /// The JSON value that the text of a variable stands for; decoding judges it.
    func value(of text: String) -> JSONValue {
        switch kind {
        case .text: .string(text)
        case .textOrNull: text.isEmpty ? .null : .string(text)
        case .number: Int(text).map { .integer($0) } ?? .string(text)
        case .list: .strings(Self.elements(text))
        }
    }

    private static func elements(_ text: String) -> [String] {
        guard !text.allSatisfy({ $0 == " " }) else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map { element in
            let start = element.drop { $0 == " " }
            return String(start.prefix(start.count - start.reversed().prefix { $0 == " " }.count))
        }
    }
}
