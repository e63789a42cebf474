import Base
import Gossip
import GossipWire

/// How many octets messages, datagrams and tables take, measured once with the real encoding.
///
/// Names of simulated nodes are all of one length; what compression takes off is learned from samples of
/// several sizes and taken for the same in between.
struct CompactLengths {
    private static let samples = [4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 32, 40, 48, 64, 96]
    private static let bucket = 64
    /// Lines of the table that is encoded; what more lines take is in proportion.
    private static let linesMax = 1024

    let ping: Int
    let ack: Int
    let indirectPing: Int
    let nack: Int
    let alive: Int
    let suspect: Int
    let dead: Int
    /// A table on a stream.
    let exchange: Int
    /// Octets that 1,024 octets of rumours come to, by so many octets of them.
    private let ratios: [Int]
    private let frame = DatagramFrame(hasChecksum: true)

    /// `meta`: what rumours of nodes about themselves carry.
    init(nodes: Int, startsHigh: Bool, meta: [UInt8]) {
        let incarnation = Incarnation(startsHigh ? 218_003_600 : 1)
        func word(_ node: Int) -> Alive {
            let address = SimulatedName.address(node)
            return Alive(
                node: SimulatedName.name(node),
                incarnation: incarnation,
                address: AddressOctets(address.address),
                port: address.port,
                meta: meta,
                versions: .networkDB
            )
        }
        // Counted up from any number of 32 bits.
        let sequence = SequenceNumber(0x8000_0000)
        let own = word(1)
        let other = word(2)
        let source = ProbeSource(address: own.address, port: own.port, node: own.node)
        ping =
            GossipMessage.ping(Ping(sequence: sequence, node: other.node, source: source))
            .octets.count
        ack = GossipMessage.ack(Ack(sequence: sequence)).octets.count
        nack = GossipMessage.nack(Nack(sequence: sequence)).octets.count
        indirectPing =
            GossipMessage.indirectPing(
                IndirectPing(
                    sequence: sequence,
                    node: other.node,
                    target: other.address,
                    port: other.port,
                    wantsNack: true,
                    source: source
                )
            ).octets.count
        func accusation(_ number: Int) -> [UInt8] {
            let suspect = Suspect(
                node: SimulatedName.name(number * 7919 % nodes),
                incarnation: incarnation,
                accuser: SimulatedName.name(number * 104_729 % nodes)
            )
            return GossipMessage.suspect(suspect).octets
        }
        alive = GossipMessage.alive(own).octets.count
        suspect = accusation(1).count
        dead =
            GossipMessage.dead(
                Dead(node: other.node, incarnation: incarnation, accuser: own.node)
            ).octets.count
        ratios = Self.learn(frame, accusation)
        let lines = min(nodes, Self.linesMax)
        let entries = (0..<lines).map { number in
            // Evenly from the whole ring, as names of a larger one differ in more digits.
            let word = word(number * nodes / lines)
            return MemberEntry(
                node: word.node,
                incarnation: word.incarnation,
                state: .alive,
                address: word.address,
                port: word.port,
                meta: word.meta,
                versions: word.versions
            )
        }
        let table = StateExchange(isJoin: false, members: entries)
        let octets = StreamFrame(role: .initiating).octets(.exchange(table)).count
        exchange = octets * nodes / lines
    }

    private static func learn(
        _ frame: DatagramFrame,
        _ accusation: (Int) -> [UInt8]
    ) -> [Int] {
        var writer = PacketWriter()
        var ratios = [Int](repeating: 1024, count: 1 + 8192 / bucket)
        for count in samples {
            let rumours = (0..<count).map { accusation(1 + $0) }
            let plain = DatagramFrame.contentOctets(
                count: count,
                octets: rumours.reduce(0) { $0 + $1.count }
            )
            guard plain >= DatagramFrame.compressedFromDefault else { continue }
            let packed = writer.pack(rumours, in: frame).octets.count - checksumOctets
            let ratio = min(1024, packed * 1024 / plain)
            // Up to the next sample, and half-way down to the one before.
            let first = (plain - plain / count / 2) / bucket
            for place in first..<max(first, ratios.count) { ratios[place] = ratio }
        }
        return ratios
    }

    private static var checksumOctets: Int {
        DatagramFrame(hasChecksum: true).datagramOctets(content: 0)
    }

    /// The longest of the rumours.
    var rumour: Int { max(alive, max(suspect, dead)) }

    /// Octets of a datagram of `count` messages of `octets` octets in all.
    @inline(__always)
    func datagram(count: Int, octets: Int) -> Int {
        let plain = DatagramFrame.contentOctets(count: count, octets: octets)
        guard plain >= DatagramFrame.compressedFromDefault else {
            return frame.datagramOctets(content: plain)
        }
        return frame.datagramOctets(content: packed(plain))
    }

    /// Whether so much goes into one datagram.
    func fits(count: Int, octets: Int) -> Bool {
        let plain = DatagramFrame.contentOctets(count: count, octets: octets)
        let content = plain >= DatagramFrame.compressedFromDefault ? packed(plain) : plain
        return count <= DatagramFrame.partsMax && content <= frame.contentOctetsMax
    }

    private func packed(_ plain: Int) -> Int {
        plain * ratios[min(ratios.count - 1, plain / Self.bucket)] / 1024
    }
}
