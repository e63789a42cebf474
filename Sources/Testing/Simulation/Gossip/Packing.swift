import Gossip
import GossipWire

/// How many rumours go into a datagram and how many octets it takes, without writing most of them.
///
/// Lengths are those of the encoding: each rumour comes with its octets. Every so-many-th datagram is
/// really packed and read back, which finds a message that does not survive the wire, and teaches what
/// compression takes off: the others are taken for as compressible as those.
struct Packing: ~Copyable {
    /// One datagram in so many goes through the whole codec.
    private static let sampledEvery: UInt64 = 64
    /// Of those that are compressed one in so many is.
    private static let compressedEvery: UInt64 = 32
    private static let exchangesEvery: UInt64 = 16

    private var writer = PacketWriter()
    private var reader = PacketReader(RingRules())
    private var datagrams: UInt64 = 0
    private var long: UInt64 = 0
    private var exchanges: UInt64 = 0
    /// Octets that 1,024 octets of rumours come to.
    private var ratio: Int?
    private var exchangeRatio: Int?
    /// Datagrams that were written and read, and those that came out otherwise.
    private(set) var checked = 0
    private(set) var violations = 0

    struct Packed {
        var taken: Int
        var octets: Int
    }

    mutating func pack(_ datagram: borrowing GossipDatagram) -> Packed {
        datagrams += 1
        let frame = DatagramFrame(hasChecksum: datagram.takesChecksum)
        let limit = frame.contentOctetsMax
        var octets = 0
        for message in datagram.messages { octets += message.octets.count }
        var count = datagram.messages.count
        var taken = 0
        var offered = octets
        for item in datagram.candidates {
            offered += item.octets.count
            count += 1
            guard count <= DatagramFrame.partsMax,
                DatagramFrame.contentOctets(count: count, octets: offered) <= limit
            else { break }
            octets = offered
            taken += 1
        }
        let plain = DatagramFrame.contentOctets(
            count: datagram.messages.count + taken,
            octets: octets
        )
        let isLong = plain >= DatagramFrame.compressedFromDefault
        if isLong { long += 1 }
        if datagrams % Self.sampledEvery == 0 || (isLong && long % Self.compressedEvery == 1) {
            return really(datagram, frame)
        }
        guard isLong, let ratio else {
            return Packed(taken: taken, octets: frame.datagramOctets(content: plain))
        }
        // What compression makes room for, with a little to spare.
        let room = limit * 1024 / ratio
        for item in datagram.candidates[taken...] {
            let more = datagram.messages.count + taken + 1
            guard more <= DatagramFrame.partsMax,
                DatagramFrame.contentOctets(count: more, octets: octets + item.octets.count) <= room
            else { break }
            octets += item.octets.count
            taken += 1
        }
        let content = DatagramFrame.contentOctets(
            count: datagram.messages.count + taken,
            octets: octets
        )
        let packed = min(content, content * ratio / 1024)
        return Packed(taken: taken, octets: frame.datagramOctets(content: min(limit, packed)))
    }

    /// Writes a datagram as a node would, reads it as another would, and compares.
    private mutating func really(
        _ datagram: borrowing GossipDatagram,
        _ frame: DatagramFrame
    ) -> Packed {
        let content = writer.pack(
            datagram.messages.map(\.octets),
            candidates: datagram.candidates.map(\.octets),
            in: frame
        )
        var meant = datagram.messages
        for item in datagram.candidates[..<content.taken] {
            if let message = item.message { meant.append(message) }
        }
        var read: [GossipMessage] = []
        let octets = frame.datagram(content.octets)
        let report = reader.read(octets.span) { message, _ in read.append(message) }
        checked += 1
        if read != meant || report.refused > 0 { violations += 1 }
        var plain = datagram.messages.reduce(0) { $0 + $1.octets.count }
        for item in datagram.candidates[..<content.taken] { plain += item.octets.count }
        plain = DatagramFrame.contentOctets(count: meant.count, octets: plain)
        if plain >= DatagramFrame.compressedFromDefault {
            ratio = Self.learned(ratio, packed: content.octets.count, plain: plain)
        }
        return Packed(taken: content.taken, octets: octets.count)
    }

    /// Octets of a table on a stream.
    mutating func octets(of exchange: StateExchange) -> Int {
        exchanges += 1
        // The head, and lines that differ in nothing but what has the same length.
        var plain = 32
        for member in exchange.members { plain += Self.octets(of: member) }
        plain += exchange.userState.count
        guard let exchangeRatio, exchanges % Self.exchangesEvery != 1, exchange.members.count >= 64
        else {
            let frame = StreamFrame(role: .initiating)
            let octets = frame.octets(.exchange(exchange)).count
            // Short ones say little of long ones.
            if exchange.members.count >= 64 {
                exchangeRatio = Self.learned(exchangeRatio, packed: octets, plain: plain)
            }
            return octets
        }
        return plain * exchangeRatio / 1024
    }

    /// What was known and what was seen; the first that is seen is all that is known.
    private static func learned(_ known: Int?, packed: Int, plain: Int) -> Int {
        let seen = min(1024, packed * 1024 / plain)
        guard let known else { return seen }
        return (7 * known + seen) / 8
    }

    /// A line: names of its fields, heads, and what is in them.
    private static func octets(of entry: borrowing MemberEntry) -> Int {
        66 + entry.node.octets.count + entry.meta.count
    }
}
