import HTTPAPI

extension Configuration {
    /// What the command line says; the names are those of the flags.
    package struct Flags: Hashable, Sendable {
        package var name: String?
        package var stateDirectory: String?
        package var socket: String?
        /// Empty: not given.
        package var upstreams: [String] = []
        package var gossipBind: String?
        /// Empty: not given.
        package var gossipJoin: [String] = []
        package var logLevel: String?

        package init() {}

        var values: [String: JSONValue] {
            var values: [String: JSONValue] = [:]
            values["--name"] = name.map { .string($0) }
            values["--state-dir"] = stateDirectory.map { .string($0) }
            values["--socket"] = socket.map { .string($0) }
            if !upstreams.isEmpty { values["--upstream"] = .strings(upstreams) }
            values["--gossip-bind"] = gossipBind.map { .string($0) }
            if !gossipJoin.isEmpty { values["--gossip-join"] = .strings(gossipJoin) }
            values["--log-level"] = logLevel.map { .string($0) }
            return values
        }
    }

    /// What the defaults depend on.
    package struct Surroundings: Hashable, Sendable {
        package var environment: [String: String]
        package var isRoot: Bool
        package var hostName: String

        package init(environment: [String: String], isRoot: Bool, hostName: String) {
            self.environment = environment
            self.isRoot = isRoot
            self.hostName = hostName
        }
    }

    /// Joins flags, environment, file and defaults, in this order of precedence.
    ///
    /// Strict: an unknown key, a wrong type or an impossible value is an error wherever it stands.
    /// A variable that begins like a section but names no key is one too; any other unknown
    /// `WAGGLE_` variable is a warning, since container engines make up such names for a service
    /// called `waggle`. Relative zone files are relative to the file that names them.
    ///
    /// Throws: `ConfigurationError` for the first thing that is wrong.
    package static func load(
        file: String?,
        flags: Flags,
        surroundings: Surroundings,
        readFile: (_ path: String) throws -> [UInt8]
    ) throws(ConfigurationError) -> Configuration {
        var document = ConfigurationDocument(file: file)
        if let file { try document.read(file, readFile) }
        let ofFile = document
        let warnings = try document.overlay(environment: surroundings.environment)
        if document.hidesValue { _ = try read(ofFile, .unfailing) }
        let ofEnvironment = document
        document.overlay(flags: flags.values)
        if document.hidesValue { _ = try read(ofEnvironment, .unfailing) }
        var configuration = try read(document, surroundings)
        configuration.warnings = warnings
        return configuration
    }

    private static func read(
        _ document: ConfigurationDocument,
        _ surroundings: Surroundings
    ) throws(ConfigurationError) -> Configuration {
        do {
            var reader = ConfigurationReader(document: document, surroundings: surroundings)
            return try reader.configuration()
        } catch {
            throw .field(document.source(of: error.path), error)
        }
    }
}

extension Configuration.Surroundings {
    /// A machine on which every default can be had, for a look at what is given and then hidden.
    fileprivate static let unfailing = Self(environment: [:], isRoot: true, hostName: "n")
}
