import Foundation

/// Daemons of one ring, each at an address of its own of one namespace.
struct Ring: Sendable {
    let space: Namespace
    let nodes: [Node]

    static func address(_ index: Int) -> String { "10.99.0.\(index + 1)" }

    /// The configuration of the node at `index`, which joins the first one.
    ///
    /// `keys`: in base64. `more`: further members of the gossip object, with a comma before each.
    static func configuration(_ index: Int, keys: [String] = [], more: String = "") -> String {
        let join = index == 0 ? "" : "\"\(address(0))\""
        let list = keys.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            {"node": {"name": "n\(index)"}, "gossip": {"bind": "\(address(index)):7946",
              "join": [\(join)], "profile": "local", "keys": [\(list)]\(more)}}
            """
    }

    /// Members as `node` sees them: name and state, sorted; those that are dead under one name and
    /// alive under another are both there.
    func view(_ node: Int) async throws -> [String] {
        try await nodes[node].json("members").list.map { "\($0["name"].text) \($0["state"].text)" }
            .sorted()
    }

    /// Waits until `node` sees exactly these.
    func sees(_ node: Int, _ wanted: [String], within seconds: Double = 15) async throws -> Bool {
        await eventually(within: seconds) { (try? await view(node)) == wanted }
    }

    /// Waits until each node sees all of them alive.
    func isWhole(within seconds: Double = 15) async throws -> Bool {
        let wanted = nodes.indices.map { "n\($0) alive" }.sorted()
        for node in nodes.indices {
            guard try await sees(node, wanted, within: seconds) else { return false }
        }
        return true
    }
}

/// Runs `body` with so many daemons in a namespace of their own, and ends them in every case.
func withRing<Result: Sendable>(
    of count: Int,
    keys: [String] = [],
    more: String = "",
    _ body: (Ring) async throws -> Result
) async throws -> Result {
    try await withNamespace { space in
        for index in 0..<count {
            let words = ["ip", "-n", space.name, "address", "add", "\(Ring.address(index))/24"]
            let outcome = try await run(words + ["dev", "lo"])
            if outcome.status != 0 { throw HarnessError("address: \(outcome)") }
        }
        return try await add(count, to: [], in: space, keys: keys, more: more, body)
    }
}

private func add<Result: Sendable>(
    _ count: Int,
    to nodes: [Node],
    in space: Namespace,
    keys: [String],
    more: String,
    _ body: (Ring) async throws -> Result
) async throws -> Result {
    if nodes.count == count { return try await body(Ring(space: space, nodes: nodes)) }
    var start = Node.Start(
        configuration: Ring.configuration(nodes.count, keys: keys, more: more),
        prefix: space.inside
    )
    start.hasGossip = true
    start.environment = ["WAGGLE_NODE_NAME": "n\(nodes.count)"]
    return try await withNode(start) { node in
        try await add(count, to: nodes + [node], in: space, keys: keys, more: more, body)
    }
}
