import Base
import Foundation
import Gossip
import GossipNode
import GossipWire
import Testing

/// One of our nodes in the ring of two real dockerds.
///
/// A worker of a swarm is handed the ring's keys by its manager; here they are read from dockerd's log.
@Suite(
    "A node in a ring of dockerds",
    Requirement.namespaces,
    Requirement.docker,
    .timeLimit(.minutes(5))
)
struct DockerRingTests {
    @Test("it has the names of Docker's containers, and Docker's containers have its names")
    func life() async throws {
        try await withDockerSwarm { swarm in
            let network = NetworkID(swarm.network)
            let oneAddress = try await swarm.start("one", on: 1)
            let twoAddress = try await swarm.start("two", on: 2)
            let node = try ours(in: swarm)
            defer { node.crash() }
            try node.up("10.77.0.1")
            #expect(
                await eventually(within: 20) {
                    (try? await node.reports())?.values.count { $0.state == .alive } == 3
                }
            )

            // It is attached as Docker's nodes are, and has what they have.
            try node.change(.attach(network))
            #expect(await has(node, ["one": oneAddress, "two": twoAddress], of: network))
            let peers = try node.entries(.peers, of: network).values.compactMap {
                try? PeerRecord($0.span)
            }
            #expect(peers.count >= 2)
            #expect(Set(peers.map { $0.tunnelAddress.description }) == ["10.77.0.1", "10.77.0.2"])

            // Docker's containers resolve what it says, and no longer when it says no more.
            let record = record("ours", at: IPv4Address(10, 0, 1, 200))
            let entry = EntryKey(.endpoints, Array(String(repeating: "5f", count: 32).utf8))
            try node.change(.change([TableRing.OwnChange(network, entry, record.octets)]))
            for (container, daemon) in [("one", 1), ("two", 2)] {
                let isThere = await eventually(within: 20) {
                    await swarm.resolves("ours", to: "10.0.1.200", in: container, on: daemon)
                }
                #expect(isThere, "\(container)")
            }
            try node.change(.change([TableRing.OwnChange(network, entry, nil)]))
            for (container, daemon) in [("one", 1), ("two", 2)] {
                let isGone = await eventually(within: 20) {
                    await !swarm.resolves("ours", to: "10.0.1.200", in: container, on: daemon)
                }
                #expect(isGone, "\(container)")
            }

            // A container that comes and goes is seen to.
            let threeAddress = try await swarm.start("three", on: 2)
            #expect(await has(node, ["three": threeAddress], of: network))
            try await swarm.docker(2, "rm", "-f", "three")
            let isGone = await eventually(within: 20) {
                (try? self.names(node, network))?["three"] == nil
            }
            #expect(isGone)

            // Nobody takes anybody for dead on the way.
            let counts = try await node.counts()
            #expect(counts.membership.deaths == 0)
            #expect(counts.tables?.counts.unreadable == 0)
        }
    }

    private func ours(in swarm: DockerSwarm) throws -> RingNode {
        let keys = try KeyRing(swarm.keys.map { try RingKey($0) })
        return try RingNode("w1-0123456789ab", at: "10.77.0.11:7946", inside: swarm.path) {
            settings in
            settings.rules = .lan
            settings.keys = keys
            settings.speakTables()
            let meta = NodeMeta(
                name: Array("w1".utf8),
                id: [UInt8](repeating: 7, count: 16),
                boot: 1
            )
            settings.meta = meta.octets
        }
    }

    private func record(_ name: String, at address: IPv4Address) -> EndpointRecord {
        var record = EndpointRecord(name: Array(name.utf8))
        record.address = address
        return record
    }

    /// The addresses of names, as its reader has them.
    private func names(_ node: RingNode, _ network: NetworkID) throws -> [String: String] {
        var names: [String: String] = [:]
        for value in try node.entries(.endpoints, of: network).values {
            guard let record = try? EndpointRecord(value.span) else { continue }
            names[String(decoding: record.name, as: UTF8.self)] =
                record.address.map { "\($0)" } ?? ""
        }
        return names
    }

    private func has(
        _ node: RingNode,
        _ wanted: [String: String],
        of network: NetworkID
    ) async -> Bool {
        await eventually(within: 40) {
            guard let names = try? self.names(node, network) else { return false }
            return wanted.allSatisfy { names[$0.key] == $0.value }
        }
    }
}

extension Requirement {
    /// dockerd, of which the rings of its tests are made.
    static let docker: ConditionTrait = tools("dockerd", "docker", "iptables")
}
