import Base
package import Gossip

/// Names and addresses of simulated nodes, from their numbers and back.
package enum SimulatedName {
    /// Nodes that can be told apart.
    package static let nodesMax = 100_000

    private static let mask: UInt64 = 0xffff_ffff_ffff
    /// Odd, and its inverse among 48 bits.
    private static let factor: UInt64 = 0x9e37_79b9_7f4b
    private static let inverse: UInt64 = inverted(factor)

    /// Twelve hexadecimal digits, as containers and nodes of Docker have them: of the node, and of how
    /// often it took a new name.
    ///
    /// They look as even as real ones, so that tables are no more compressible than real ones.
    package static func name(_ node: Int, identity: Int = 0) -> NodeName {
        var value = UInt64(identity) << 20 | UInt64(node)
        for _ in 0..<2 {
            value = value &* factor & mask
            value ^= value >> 24
        }
        let digits = Array("0123456789abcdef".utf8)
        return NodeName(octets: (0..<12).map { digits[Int(value >> (44 - 4 * UInt64($0)) & 15)] })
    }

    /// Whose name it is.
    @inline(__always)
    package static func node(_ name: NodeName) -> Int {
        let octets = name.octets
        precondition(octets.count == 12, "\(name) is no simulated node")
        var value: UInt64 = 0
        for octet in octets { value = value << 4 | UInt64(octet < 58 ? octet - 48 : octet - 87) }
        for _ in 0..<2 {
            value ^= value >> 24
            value = value &* inverse & mask
        }
        return Int(value & 0xf_ffff)
    }

    /// Newton's rounds double the digits that are right: of an odd number three are at once.
    private static func inverted(_ odd: UInt64) -> UInt64 {
        var guess = odd
        for _ in 0..<5 { guess = guess &* (2 &- odd &* guess) }
        return guess & mask
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
