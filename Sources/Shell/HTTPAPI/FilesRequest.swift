package import Base

/// The files of a sandbox's container that are made to fit it, as a sandbox's request names them.
package struct FilesRequest: Hashable, Sendable {
    /// The container's resolv.conf, to be rewritten; an absolute path.
    package var resolvConf: String?
    /// The container's hosts file, which gets its own name; an absolute path.
    package var hosts: String?
    /// The file with the container's name; an absolute path.
    package var hostnameFile: String?
    /// Inside this folder paths below it are looked up, whatever links it holds.
    package var root: String?
    /// The container's own name.
    package var hostname: String?
    /// Addresses that the hosts file gives the name to.
    package var addresses: [IPAddress] = []

    package init() {}

    /// Reads the keys of a sandbox's object that are about files.
    init(_ reader: inout ObjectReader) throws(FieldError) {
        resolvConf = try reader.absolutePath("resolvConf")
        hosts = try reader.absolutePath("hosts")
        hostnameFile = try reader.absolutePath("hostnameFile")
        root = try reader.absolutePath("root")
        hostname = try reader.name("hostname")
        addresses = try reader.list("address", plural: "addresses", as: "an IP address") {
            IPAddress($0)
        }
        if hostnameFile != nil, hostname == nil {
            throw reader.missing("hostname", allowed: NameRule.nameWanted)
        }
    }

    /// Adds what is not the default to the body that `init` reads.
    func write(to json: inout JSONValue) {
        for (key, text) in texts where text != nil { json[key] = text.map { .string($0) } }
        if !addresses.isEmpty { json["address"] = .strings(addresses.map { "\($0)" }) }
    }

    /// Every key with its value.
    func report(in json: inout JSONValue) {
        for (key, text) in texts { json[key] = .optional(text) }
        json["addresses"] = .strings(addresses.map { "\($0)" })
    }

    private var texts: [(String, String?)] {
        [
            ("resolvConf", resolvConf), ("hosts", hosts), ("hostnameFile", hostnameFile),
            ("root", root), ("hostname", hostname),
        ]
    }
}
