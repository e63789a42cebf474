import Base
package import Gossip

/// Names and addresses of simulated nodes, from their numbers and back.
package enum SimulatedName {
    /// Nodes that can be told apart.
    package static let nodesMax = 100_000

    /// Twelve octets: five digits of the node, two letters of how often it took a new name.
    package static func name(_ node: Int, identity: Int = 0) -> NodeName {
        var octets = Array("node-".utf8)
        var divisor = 10_000
        while divisor > 0 {
            octets.append(UInt8(48 + node / divisor % 10))
            divisor /= 10
        }
        octets.append(UInt8(97 + identity / 26 % 26))
        octets.append(UInt8(97 + identity % 26))
        return NodeName(octets: octets)
    }

    /// Whose name it is.
    @inline(__always)
    package static func node(_ name: NodeName) -> Int {
        let octets = name.octets
        precondition(octets.count == 12, "\(name) is no simulated node")
        var node = 0
        for index in 5..<10 { node = 10 * node + Int(octets[index]) - 48 }
        return node
    }

    package static func address(_ node: Int) -> PeerAddress {
        PeerAddress(
            .v4(
                IPv4Address(
                    10,
                    UInt8(node >> 16 & 255),
                    UInt8(node >> 8 & 255),
                    UInt8(node & 255)
                )
            ),
            port: 7946
        )
    }

    /// Who lives there.
    package static func node(_ address: PeerAddress) -> Int? {
        guard case .v4(let v4) = address.address else { return nil }
        return v4.value >> 24 == 10 ? Int(v4.value & 0xff_ffff) : nil
    }
}
