import Base
import Names

/// Keeps record sets as text: their TTL, then one line for each record, then the glue.
enum TextCompiler {
    static let compiler = RecordCompiler(
        image: { image(of: $0) },
        denial: { network, _ in Array("\(network)".utf8) },
        zoneDenial: { image(of: $0) }
    )

    static func image(of set: RecordSet) -> [UInt8] {
        let glue = set.glue.map { "+ \($0.owner) \(text($0.data))" }
        let lines = ["\(set.ttl)"] + set.data.map(text) + glue
        return Array(lines.joined(separator: "\n").utf8)
    }

    private static func text(_ data: RecordData) -> String {
        switch data {
        case .a(let address): address.description
        case .aaaa(let address): address.description
        case .name(let name): name.description
        case .srv(_, _, let port, let target): "\(port) \(target)"
        case .wire: "?"
        }
    }

    /// The records of a set that a search has come to.
    static func values(_ handle: SetHandle, _ view: View, _ tables: NameTables) -> [String] {
        let octets = view.table(handle.table, in: tables).octets(of: handle.set)
        let image = String(decoding: octets[handle.set.start..<handle.set.end], as: UTF8.self)
        return image.split(separator: "\n").dropFirst().filter { !$0.hasPrefix("+") }
            .map { String($0) }
    }
}

extension Registry {
    init(policy: NamePolicy, seed: UInt64) {
        self.init(policy: policy, seed: seed, compiler: TextCompiler.compiler)
    }

    /// All of a network's names with their records, as text.
    func text(of network: DomainName) -> [String] {
        (table(of: network)?.allNames ?? []).map { name, sets in
            let all = sets.map { "\($0.type) \(String(decoding: $0.image, as: UTF8.self))" }
            return "\(name): \(all.joined(separator: "; "))"
        }
    }
}
