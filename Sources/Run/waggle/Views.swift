package import HTTPAPI

/// The daemon's documents as people read them.
///
/// What a document lacks shows as `-`, so that a command outlives an older daemon.
package enum Views {
    package static func sandboxes(_ document: JSONValue) -> String {
        table(document, ["NAME", "STATE", "ADDRESS", "PLACE", "NETWORKS", "ORIGIN"]) { sandbox in
            let kind = Table.cell(sandbox["kind"])
            let error = sandbox["error"]?.stringValue.map { " (\($0))" } ?? ""
            return [
                Table.cell(sandbox["name"]), Table.cell(sandbox["state"]) + error,
                Table.cell(sandbox["address"]), "\(kind) \(Table.cell(sandbox[kind]))",
                Table.cell(sandbox["networks"]), Table.cell(sandbox["origin"]),
            ]
        }
    }

    package static func endpoints(_ document: JSONValue) -> String {
        let header = [
            "ID", "NETWORK", "NAME", "ADDRESS", "SERVICE", "VIP", "TIE", "STATE", "AGE",
        ]
        return table(document, header) { endpoint in
            [
                Table.cell(endpoint["id"]), Table.cell(endpoint["network"]),
                Table.cell(endpoint["name"]), both(endpoint, "ip", "ip6"),
                Table.cell(endpoint["service"]), both(endpoint, "vip", "vip6"),
                tie(endpoint["tie"]), endpoint["drained"]?.boolValue == true ? "drained" : "active",
                Table.age(endpoint["ageSeconds"]?.intValue),
            ]
        }
    }

    package static func networks(_ document: JSONValue) -> String {
        let header = [
            "NAME", "ATTACHED", "SUBNETS", "ENDPOINTS", "REMOTE", "SANDBOXES", "NAMES",
        ]
        return table(document, header) { network in
            ["name", "attached", "subnets", "endpoints", "remoteEndpoints", "sandboxes", "names"]
                .map {
                    Table.cell(network[$0])
                }
        }
    }

    package static func records(_ document: JSONValue) -> String {
        let header = ["NETWORK", "NAME", "TYPE", "VALUE", "TTL", "OWNER", "PATH", "AGE", "STATE"]
        return table(document, header) { record in
            let marks = ["drained", "overruled", "static"].filter { record[$0]?.boolValue == true }
            return ["network", "name", "type", "value", "ttl", "owner", "path"].map {
                Table.cell(record[$0])
            } + [
                Table.age(record["ageSeconds"]?.intValue),
                marks.isEmpty ? "-" : marks.joined(separator: ","),
            ]
        }
    }

    /// With what serf calls their states in a ring of serf's.
    package static func members(_ document: JSONValue) -> String {
        let isSerf = document.arrayValue?.contains { $0["status"]?.stringValue != nil } ?? false
        let states = isSerf ? ["STATE", "STATUS"] : ["STATE"]
        let header = ["NAME", "ADDRESS"] + states + ["FOR", "INCARNATION", "ROUND-TRIP", "META"]
        return table(document, header) { member in
            let marks = [
                member["drained"]?.boolValue == true ? " drained" : "",
                member["self"]?.boolValue == true ? " self" : "",
            ]
            let tags = (member["tags"]?.objectValue ?? [])
                .map { "\($0.key)=\(Table.cell($0.value))" }.joined(separator: ",")
            let meta = member["meta"]?.stringValue ?? ""
            let state = Table.cell(member["state"]) + marks.joined()
            let row = [Table.cell(member["name"]), Table.cell(member["address"]), state]
            return row + (isSerf ? [Table.cell(member["status"])] : []) + [
                Table.age(member["stateSeconds"]?.intValue), Table.cell(member["incarnation"]),
                member["roundTripMicroseconds"]?.intValue.map { "\($0) us" } ?? "-",
                tags.isEmpty ? (meta.isEmpty ? "-" : meta) : tags,
            ]
        }
    }

    package static func keys(_ document: JSONValue) -> String {
        table(document, ["FINGERPRINT", "BITS", "USE"]) { key in
            [
                Table.cell(key["fingerprint"]), Table.cell(key["bits"]),
                key["primary"]?.boolValue == true ? "encrypts" : "decrypts",
            ]
        }
    }

    package static func status(_ document: JSONValue) -> String {
        func pairs(_ key: String) -> String {
            (document[key]?.objectValue ?? [])
                .map { "\($0.key) \(Table.cell($0.value))" }.joined(separator: ", ")
        }
        var lines = [
            (
                "node",
                "\(Table.cell(document["node"]?["name"])), "
                    + "version \(Table.cell(document["version"])), "
                    + "up \(Table.age(document["uptimeSeconds"]?.intValue))"
            ),
            ("planes", pairs("planes")),
            ("counts", pairs("counts")),
            ("upstreams", Table.cell(document["upstreams"])),
            ("profile", Table.cell(document["profile"])),
            ("state", Table.cell(document["stateDirectory"])),
            ("socket", Table.cell(document["socket"])),
        ]
        for problem in document["problems"]?.arrayValue ?? [] {
            lines.append(("problem", Table.cell(problem)))
        }
        return lines.map { $0.0.padded(to: 11) + $0.1 }.joined(separator: "\n")
    }

    private static func table(
        _ document: JSONValue,
        _ header: [String],
        row: (JSONValue) -> [String]
    ) -> String {
        var table = Table(header)
        for element in document.arrayValue ?? [] { table.add(row(element)) }
        return table.text
    }

    private static func both(_ object: JSONValue, _ first: String, _ second: String) -> String {
        let values = [object[first], object[second]].compactMap { $0?.stringValue }
        return values.isEmpty ? "-" : values.joined(separator: ",")
    }

    private static func tie(_ tie: JSONValue?) -> String {
        switch tie?["kind"]?.stringValue {
        case "sandbox"?: "sandbox \(Table.cell(tie?["sandbox"]))"
        case "pid"?: "pid \(Table.cell(tie?["pid"]))"
        case "ttl"?: "ttl \(Table.age((tie?["secondsLeft"] ?? .null).intValue))"
        case let kind?: kind
        case nil: "-"
        }
    }
}
