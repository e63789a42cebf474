import Base
import Gossip
import GossipWire

/// The examples of gossip-wire.md §19 and §20, as octets and as what they say.
enum Golden {
    struct Example: Sendable, CustomStringConvertible {
        let name: String
        let octets: [UInt8]
        let message: GossipMessage

        init(_ name: String, _ octets: String, _ message: GossipMessage) {
            self.name = name
            self.octets = hex(octets)
            self.message = message
        }

        var description: String { name }
    }

    static func address(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) -> AddressOctets {
        AddressOctets(.v4(IPv4Address(a, b, c, d)))
    }

    private static let n1 = ProbeSource(
        address: address(10, 0, 0, 5),
        port: 7946,
        node: NodeName("n1")
    )
    private static let serf1 = ProbeSource(
        address: address(127, 0, 0, 1),
        port: 17946,
        node: NodeName("serf1")
    )

    static let ping = Example(
        "E1 ping",
        """
        0085a44e6f6465a26e32a55365714e6f01aa536f7572636541646472a40a000005aa536f757263654e6f6465a26e31
        aa536f75726365506f7274cd1f0a
        """,
        .ping(Ping(sequence: SequenceNumber(1), node: NodeName("n2"), source: n1))
    )
    static let ack = Example(
        "E2 ack",
        "0282a75061796c6f6164c0a55365714e6f01",
        .ack(Ack(sequence: SequenceNumber(1)))
    )
    static let nack = Example(
        "E3 nack",
        "0b81a55365714e6f01",
        .nack(Nack(sequence: SequenceNumber(1)))
    )
    static let indirectPing = Example(
        "E4 indirect ping",
        """
        0188a44e61636bc3a44e6f6465a26e33a4506f7274cd1f0aa55365714e6f01aa536f7572636541646472a40a000005
        aa536f757263654e6f6465a26e31aa536f75726365506f7274cd1f0aa6546172676574a40a000007
        """,
        .indirectPing(
            IndirectPing(
                sequence: SequenceNumber(1),
                node: NodeName("n3"),
                target: address(10, 0, 0, 7),
                port: 7946,
                wantsNack: true,
                source: n1
            )
        )
    )
    static let suspect = Example(
        "E5 suspect",
        "0383a446726f6da26e31ab496e6361726e6174696f6e04a44e6f6465a26e32",
        .suspect(
            Suspect(node: NodeName("n2"), incarnation: Incarnation(4), accuser: NodeName("n1"))
        )
    )
    static let alive = Example(
        "E6 alive",
        """
        0486a441646472a40a000006ab496e6361726e6174696f6e05a44d657461a0a44e6f6465a26e32a4506f7274cd1f0a
        a356736ea6010502000000
        """,
        .alive(
            Alive(
                node: NodeName("n2"),
                incarnation: Incarnation(5),
                address: address(10, 0, 0, 6),
                port: 7946,
                meta: [],
                versions: .networkDB
            )
        )
    )
    static let leave = Example(
        "E7 leave",
        "0583a446726f6da26e32ab496e6361726e6174696f6e05a44e6f6465a26e32",
        .dead(Dead(node: NodeName("n2"), incarnation: Incarnation(5), accuser: NodeName("n2")))
    )
    static let user = Example("E15 user message", "08616263", .user(Array("abc".utf8)))
    static let probe = Example(
        "20.1 probe",
        """
        0085a44e6f6465a6737769667431a55365714e6f01aa536f7572636541646472a47f000001aa536f757263654e6f64
        65a57365726631aa536f75726365506f7274cd461a
        """,
        .ping(Ping(sequence: SequenceNumber(1), node: NodeName("swift1"), source: serf1))
    )

    static let messages = [
        ping, ack, nack, indirectPing, suspect, alive, leave, user, probe,
    ]

    /// E8: E1 and E5.
    static let compound = hex("0702003d001f") + ping.octets + suspect.octets
    /// E9: E6 behind its checksum.
    static let checksummed = hex("0c9a0f8f79") + alive.octets
    /// E13: E8 compressed, longer than it is plain.
    static let compressed = hex(
        """
        0982a4416c676f00a3427566da005e000f0800d003c007008548397943a68c2837324a4d29136761005553ded49133
        a64c103264e49052000040018c1a399659d8f0610c941b3b427923874eb30f0a060c226544ce9b362e57257133268c
        1c3761e8a479e3868042860e210604
        """
    )
    /// 20.2: an alive of ours as serf passes it on, its empty meta nil.
    static let relayedAlive = hex(
        """
        0cdd2aa6280486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461c0a44e6f6465a67377696674
        31a4506f7274cd4651a356736ea6010502020505
        """
    )
    /// 20.3: a ping with a refutation behind it.
    static let pingWithAlive = hex(
        """
        07020044004c0085a44e6f6465a6737769667431a55365714e6f0eaa536f7572636541646472a47f000001aa536f75
        7263654e6f6465a57365726631aa536f75726365506f7274cd461a0486a441646472a47f000001ab496e6361726e61
        74696f6e02a44d657461afff82a176a131a4726f6c65a3776562a44e6f6465a57365726631a4506f7274cd461aa356
        736ea6010502020505
        """
    )
    /// 20.4: an ack with a coordinate, compressed.
    static let ackWithCoordinate = hex(
        """
        0982a4416c676f00a3427566da00620005083a05254c1e366fc290d10640500042aa82905153670e9d3665dcd05906
        a0a3c78ea58ac891f346ceb21ff83e763485a44c9a336836fa2087af16a27168e28db252660c268e2a3b020d3a5465
        d18f473d26151a9469d35253cac471f2e64040
        """
    )
    static let datagrams = [
        compound, checksummed, compressed, relayedAlive, pingWithAlive, ackWithCoordinate,
    ]

    /// E10: "boom".
    static let error = hex("0d81a54572726f72a4626f6f6d")
    /// E14: a table of one line, without user state.
    static let exchange = hex(
        """
        0683a44a6f696ec3a54e6f64657301ac5573657253746174654c656e0087a441646472a40a000005ab496e6361726e
        6174696f6e01a44d657461a0a44e616d65a26e31a4506f7274cd1f0aa5537461746500a356736ea6010502000000
        """
    )
    /// E15 over a stream.
    static let streamUser = hex("0881aa557365724d73674c656e03616263")
    /// 20.5: an ack and an error over a stream, always compressed by peers.
    static let streamAck = hex(
        "0982a4416c676f00a3427566b70005083a05254c1e366fc29001566a4a99384ede8c0908"
    )
    static let streamError = hex(
        """
        0982a4416c676f00a3427566da0036001b042a55448e9c3772b4012831248c1b376fe880205366cc9b3670e4949933
        07441d376b20de7103220c9b3308d3d041d306c48d80
        """
    )
    static let asks = [exchange, streamUser, ping.octets]
    static let answers = [error, exchange, streamAck, streamError]

    /// E11: the nack, sealed with the key 00...0f and the nonce a0...ab.
    static let key: [UInt8] = Array(0..<16)
    static let nonce: [UInt8] = Array(0xa0...0xab)
    static let sealedBare = hex(
        "01a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b482187cd472e54b74bf890f5376b6af3"
    )
    static let sealedPadded = hex(
        """
        00a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b7fb2074115b767a216e4a25ccf754efcf28bc59e1a59ed
        """
    )
    static let sealedStream = hex(
        "0a0000002601a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658ba71f2bf173a6b06791f9431417bb810e"
    )
    static let sealedLabelled = hex(
        "f40364633101a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b2ef92a4355b7bf15cd05a7640b52b673"
    )
    static let sealedLabelledStream = hex(
        """
        f4036463310a0000002601a0a1a2a3a4a5a6a7a8a9aaaba1079de81bf87d658b55adb2d4365ead4b87694ce6286dd1
        66
        """
    )
}
