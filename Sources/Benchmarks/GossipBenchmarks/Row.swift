import Base
import Foundation
import Gossip
import GossipNode
import GossipWire

/// One kind of datagrams that a node is sent.
struct Row {
    let name: String
    let datagrams: [[UInt8]]
    var keys = KeyRing()
    /// Whether the goal is held against it.
    var hasGoal = false

    static func all() throws -> [Row] {
        let ringKey = try RingKey(Array(0..<16))
        let rest = atRest.map(\.octets)
        return [
            Row(name: "at rest: pings and answers", datagrams: rest, hasGoal: true),
            Row(
                name: "at rest, sealed",
                datagrams: try rest.map { try sealed($0, with: ringKey) },
                keys: try KeyRing([ringKey]),
                hasGoal: true
            ),
            Row(name: "pings, each answered", datagrams: [rest[0]]),
            Row(name: "suspicions and deaths of strangers", datagrams: gossip),
            Row(
                name: "recorded: memberlist, uncompressed",
                datagrams: try recorded("memberlist-uncompressed")
            ),
            Row(
                name: "recorded: memberlist, compressed",
                datagrams: try recorded("memberlist-plain")
            ),
            Row(
                name: "recorded: memberlist, compressed and sealed",
                datagrams: try recorded("memberlist-aes128"),
                keys: try KeyRing([ringKey])
            ),
            Row(name: "recorded: serf", datagrams: try recorded("serf-plain")),
        ]
    }

    /// One ping for each answer, as a node of a ring at rest hears them.
    private static let atRest: [GossipMessage] = [
        .ping(Ping(sequence: SequenceNumber(7), node: NodeName("n1"), source: .none)),
        .ack(Ack(sequence: SequenceNumber(1))),
    ]

    private static func sealed(_ octets: [UInt8], with key: RingKey) throws -> [UInt8] {
        var cipher = KeyCipher(try KeyRing([key]))
        return DatagramFrame(seal: .bare).datagram(octets, nonce: cipher.nonce()) {
            cipher.seal($0)
        }
    }

    /// As many as a datagram holds of what changes nothing here.
    private static let gossip: [[UInt8]] = (0..<50).map { number in
        let node = NodeName("stranger\(number)")
        let message: GossipMessage =
            number % 2 == 0
            ? .suspect(Suspect(node: node, incarnation: Incarnation(1), accuser: NodeName("n2")))
            : .dead(Dead(node: node, incarnation: Incarnation(1), accuser: NodeName("n2")))
        return message.octets
    }

    /// The datagrams of `fixtures/gossip`, in their order.
    static func recorded(_ name: String) throws -> [[UInt8]] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appending(path: "fixtures/gossip/\(name).txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("datagram ") }
            .map { line in
                let digits = line.dropFirst(9).compactMap(\.hexDigitValue)
                return stride(from: 0, to: digits.count - 1, by: 2).map {
                    UInt8(digits[$0] << 4 | digits[$0 + 1])
                }
            }
    }
}
