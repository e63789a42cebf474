package import HTTPAPI

/// Why a configuration cannot be used; the command line prints it and exits with 2.
package enum ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where a value came from.
    package enum Source: Hashable, Sendable {
        case file(String)
        case variable(String)
        case flag(String)
        /// Nobody gave the value, and the machine's own does not do.
        case machine

        var text: String {
            switch self {
            case .file(let name), .variable(let name), .flag(let name): " \(name)"
            case .machine: ""
            }
        }
    }

    /// The file cannot be read.
    case unreadable(file: String, why: String)
    /// The file is no JSON document.
    case malformed(file: String, JSONError)
    /// A key is unknown, or its value is of the wrong type or impossible.
    case field(Source, FieldError)
    /// A variable in the name of a section that has no such key.
    case unknownVariable(String, allowed: [String])
    /// Two variables for one key say different things.
    case contradiction(String, String)

    /// One line without the leading `waggle: `.
    package var description: String {
        switch self {
        case .unreadable(let file, let why):
            "configuration \(file): cannot be read: \(why); give a readable file to --config"
        case .malformed(let file, let error):
            "configuration \(file): \(error); allowed is one JSON object"
        case .field(let source, let error):
            "configuration\(source.text): \(error)"
        case .unknownVariable(let name, let allowed) where allowed.isEmpty:
            "configuration \(name): unknown variable; no variable is allowed here"
        case .unknownVariable(let name, let allowed):
            "configuration \(name): unknown variable; allowed are \(allowed.joined(separator: ", "))"
        case .contradiction(let first, let second):
            "configuration \(second): differs from \(first); give one of them"
        }
    }
}
