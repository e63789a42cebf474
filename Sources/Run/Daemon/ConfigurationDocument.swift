import HTTPAPI

/// The file's document with environment and flags laid over it, and who said what.
struct ConfigurationDocument {
    /// Variables that are no key: a command's socket, and the executable that tests run.
    private static let otherVariables = [APISocketPath.variable, "WAGGLE_BIN"]

    private(set) var root: JSONValue = .object([])
    private let file: String?
    /// By dotted path; what is absent came from the file.
    private var sources: [String: ConfigurationError.Source] = [:]
    /// Whether a value was there that another one has taken the place of.
    private(set) var hidesValue = false

    init(file: String?) {
        self.file = file
    }

    /// The folder that relative paths of the file begin at, with its slash; empty for the current.
    var folder: String {
        guard let file, let slash = file.lastIndex(of: "/") else { return "" }
        return String(file[...slash])
    }

    /// Whether the file, not a variable or flag, gives the value of that key.
    func isFromFile(_ dotted: String) -> Bool { sources[dotted] == nil }

    /// Who gave the value at that path, which may go on below a key: `dns.upstreams[2].from`.
    func source(of path: String) -> ConfigurationError.Source {
        let key = sources.keys.first { key in
            path == key || path.hasPrefix(key + "[") || path.hasPrefix(key + ".")
        }
        if let key, let source = sources[key] { return source }
        return file.map { .file($0) } ?? .machine
    }

    mutating func read(
        _ file: String,
        _ readFile: (String) throws -> [UInt8]
    ) throws(ConfigurationError) {
        let octets: [UInt8]
        do {
            octets = try readFile(file)
        } catch {
            throw .unreadable(file: file, why: "\(error)")
        }
        do {
            root = try JSONValue(parsing: octets)
        } catch {
            throw .malformed(file: file, error)
        }
    }

    /// Lays the variables over the document and returns warnings.
    ///
    /// Throws: `.unknownVariable` and `.contradiction`.
    mutating func overlay(environment: [String: String]) throws(ConfigurationError) -> [String] {
        for key in ConfigurationKey.all {
            guard let text = environment[key.variable] else { continue }
            set(key, key.value(of: text), source: .variable(key.variable))
        }
        try overlaySocket(environment)
        var warnings: [String] = []
        for name in environment.keys.sorted() where name.hasPrefix("WAGGLE_") {
            let isKnown = ConfigurationKey.all.contains { $0.variable == name }
            if isKnown || Self.otherVariables.contains(name) { continue }
            let section = ConfigurationKey.sections.first { section in
                let prefix = ConfigurationKey.variable([section])
                return name == prefix || name.hasPrefix(prefix + "_")
            }
            guard let section else {
                warnings.append("the variable \(name) means nothing to waggle")
                continue
            }
            let allowed = ConfigurationKey.all.filter { $0.path.first == section }
            throw .unknownVariable(name, allowed: allowed.map(\.variable))
        }
        return warnings
    }

    /// `WAGGLE_SOCKET` names the socket for every command, so for the daemon too.
    private mutating func overlaySocket(
        _ environment: [String: String]
    ) throws(ConfigurationError) {
        let common = APISocketPath.variable
        guard let path = environment[common], !path.isEmpty else { return }
        for key in ConfigurationKey.all where key.dotted == "api.socket" {
            if let own = environment[key.variable], own != path {
                throw .contradiction(common, key.variable)
            }
            set(key, .string(path), source: .variable(common))
        }
    }

    /// Lays what the flags say, by flag, over the document.
    mutating func overlay(flags: [String: JSONValue]) {
        let known = ConfigurationKey.all.compactMap(\.flag)
        assert(flags.keys.allSatisfy(known.contains), "a flag without a key: \(flags.keys)")
        for key in ConfigurationKey.all {
            guard let flag = key.flag, let value = flags[flag] else { continue }
            set(key, value, source: .flag(flag))
        }
    }

    private mutating func set(
        _ key: ConfigurationKey,
        _ value: JSONValue,
        source: ConfigurationError.Source
    ) {
        guard let changed = Self.setting(value, at: key.path[...], in: root) else { return }
        let hidden = key.path.reduce(Optional(root)) { parent, name in parent?[name] }
        if hidden != nil { hidesValue = true }
        root = changed
        sources[key.dotted] = source
    }

    /// `parent` with the value at `path`; nil where the file has something else than an object on
    /// the way, which decoding then reports as the file's mistake.
    private static func setting(
        _ value: JSONValue,
        at path: ArraySlice<String>,
        in parent: JSONValue
    ) -> JSONValue? {
        guard let key = path.first else { return value }
        guard case .object = parent else { return nil }
        var changed = parent
        var child = parent[key] ?? .object([])
        if child == .null, ConfigurationKey.nullable.contains(key) { child = .object([]) }
        guard let inner = setting(value, at: path.dropFirst(), in: child) else { return nil }
        changed[key] = inner
        return changed
    }
}
