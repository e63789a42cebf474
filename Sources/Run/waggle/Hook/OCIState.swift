import HTTPAPI

/// The state of a container, as its runtime hands it to a hook on standard input.
///
/// Source: OCI runtime specification, `runtime.md`, State. Runtimes add keys of their own, so
/// unknown ones are passed over.
package struct OCIState: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable {
        case creating, created, running, stopped
    }

    /// Runtimes write a few hundred octets, and annotations beside them.
    package static let octetsMax = 1 << 20

    package let id: String
    package let status: Status
    /// The container's first process as the host sees it; nil once it has stopped.
    package let pid: Int?
    /// Absolute path of the folder with `config.json`.
    package let bundle: String
    package let annotations: [String: String]

    /// Throws: `JSONError` or `FieldError` for what is no such document.
    package init(parsing octets: [UInt8]) throws {
        let limits = JSONLimits(octetsMax: Self.octetsMax, depthMax: 16, valueCountMax: 65_536)
        var reader = try ObjectReader(try JSONValue(parsing: octets, limits: limits))
        guard let id = try reader.string("id"), !id.isEmpty else {
            throw reader.missing("id", allowed: "the container's id")
        }
        let statuses = Status.allCases.map { $0.rawValue }
        guard let status = try reader.choice("status", of: statuses).flatMap(Status.init) else {
            throw reader.missing("status", allowed: "one of \(statuses.joined(separator: ", "))")
        }
        guard let bundle = try reader.absolutePath("bundle") else {
            throw reader.missing("bundle", allowed: "the absolute path of the bundle")
        }
        // A stopped container has none, or 0.
        let pid = try reader.int("pid", in: 0...SandboxRequest.pidMax)
        if status != .stopped, pid ?? 0 == 0 {
            throw reader.missing("pid", allowed: "the id of the container's first process")
        }
        self.id = id
        self.status = status
        self.pid = status == .stopped ? nil : pid
        self.bundle = bundle
        annotations = try Self.annotations(&reader)
    }

    /// Throws: `FieldError` when they are not texts by name.
    static func annotations(_ reader: inout ObjectReader) throws(FieldError) -> [String: String] {
        guard var list = try reader.object("annotations") else { return [:] }
        var annotations: [String: String] = [:]
        for key in list.keys { annotations[key] = try list.string(key) }
        return annotations
    }
}
