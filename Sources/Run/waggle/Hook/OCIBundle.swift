import HTTPAPI

/// What a container's `config.json` says, as far as its names and files are concerned.
///
/// Source: OCI runtime specification, `config.md`.
package struct OCIBundle: Hashable, Sendable {
    /// A file of the container, seen from the host.
    package enum File: Hashable, Sendable {
        /// Looked up inside `root` when it is given.
        case at(path: String, root: String?)
        /// Behind a mount that the host does not see.
        case hidden(by: String)
    }

    private struct Mount: Hashable {
        let destination: String
        /// Absolute; nil for one that shows no folder or file of the host.
        let source: String?
    }

    package static let fileName = "config.json"
    /// Engines write some hundred kilobytes with a system-call filter in it.
    package static let octetsMax = 8 << 20

    package let hostname: String?
    package let annotations: [String: String]
    /// Absolute; nil where there is none.
    private let root: String?
    private let mounts: [Mount]

    /// `folder`: the bundle's, absolute.
    ///
    /// Throws: `JSONError` or `FieldError` for what is no such document.
    package init(parsing octets: [UInt8], folder: String) throws {
        let limits = JSONLimits(octetsMax: Self.octetsMax, depthMax: 32, valueCountMax: 1 << 20)
        var reader = try ObjectReader(try JSONValue(parsing: octets, limits: limits))
        hostname = try reader.string("hostname").flatMap { $0.isEmpty ? nil : $0 }
        annotations = try OCIState.annotations(&reader)
        var root = try reader.object("root")
        self.root = try root?.string("path").map { Self.absolute($0, in: folder) }
        var mounts: [Mount] = []
        if !reader.isNull("mounts") {
            for (value, path) in try reader.list("mounts") ?? [] {
                var mount = try ObjectReader(value, path: path)
                let options = try mount.strings("options") ?? []
                let isBind =
                    try mount.string("type") == "bind" || options.contains("bind")
                    || options.contains("rbind")
                let source = try mount.string("source").map { Self.absolute($0, in: folder) }
                guard let destination = try mount.string("destination") else { continue }
                mounts.append(
                    Mount(
                        destination: Self.normal(destination),
                        source: isBind ? source : nil
                    )
                )
            }
        }
        self.mounts = mounts
    }

    /// Where a file of the container is; nil when it is in no mount and there is no root.
    package func file(_ path: String) -> File? {
        let parts = path.split(separator: "/")
        // The last mount covers those before it.
        for mount in mounts.reversed() {
            let over = mount.destination.split(separator: "/")
            guard parts.starts(with: over) else { continue }
            guard let source = mount.source else { return .hidden(by: mount.destination) }
            if parts.count == over.count { return .at(path: source, root: nil) }
            let rest = parts.dropFirst(over.count).joined(separator: "/")
            return .at(path: Self.joined(source, rest), root: source)
        }
        return root.map { .at(path: Self.joined($0, parts.joined(separator: "/")), root: $0) }
    }

    /// The file that is mounted alone at `path`.
    package func mountedFile(_ path: String) -> String? {
        mounts.last { $0.destination == path }?.source
    }

    private static func absolute(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : joined(folder, path)
    }

    private static func joined(_ folder: String, _ path: String) -> String {
        folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
    }

    private static func normal(_ path: String) -> String {
        "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
