import Gossip
import GossipWire

/// How rumours of tables go into datagrams, and what messages take on a stream, without writing most of
/// them.
///
/// As `Packing`: every so-many-th is really written and read, which finds a message that does not survive
/// the wire and teaches what compression takes off. NetworkDB's nodes put rumours into one protobuf
/// compound, ours each into a part of the datagram.
struct TablePacking: ~Copyable {
    private static let sampledEvery: UInt64 = 64
    private static let streamsEvery: UInt64 = 16
    private static let codec = TableCodec.wire

    private var writer = PacketWriter()
    private var reader = PacketReader(RingRules())
    private let frame = DatagramFrame()
    private var datagrams: UInt64 = 0
    private var streams: UInt64 = 0
    /// Octets that 1,024 octets come to.
    private var ratio = 750
    private var streamRatio = 700
    private(set) var checked = 0
    private(set) var violations = 0

    /// Cuts rumours into datagrams of ours: how many are in each, and its octets.
    mutating func cut(_ rumours: [TableRumour]) -> [(count: Int, octets: Int)] {
        var cuts: [(count: Int, octets: Int)] = []
        var at = 0
        while at < rumours.count {
            let cut = datagram(rumours[at...])
            cuts.append(cut)
            at += cut.count
        }
        return cuts
    }

    private mutating func datagram(_ rumours: ArraySlice<TableRumour>) -> (count: Int, octets: Int)
    {
        datagrams += 1
        if datagrams % Self.sampledEvery == 1 { return really(rumours) }
        let limit = frame.contentOctetsMax
        let room = limit * 1024 / ratio
        var octets = 0
        var count = 0
        for rumour in rumours.prefix(DatagramFrame.partsMax) {
            let more = octets + rumour.octets.count + 1
            if DatagramFrame.contentOctets(count: count + 1, octets: more) > room, count > 0 {
                break
            }
            octets = more
            count += 1
        }
        let plain = DatagramFrame.contentOctets(count: count, octets: octets)
        let packed = plain >= DatagramFrame.compressedFromDefault ? plain * ratio / 1024 : plain
        return (count, frame.datagramOctets(content: min(limit, packed)))
    }

    private mutating func really(_ rumours: ArraySlice<TableRumour>) -> (count: Int, octets: Int) {
        let messages = rumours.prefix(DatagramFrame.partsMax).map {
            GossipMessage.user($0.octets).octets
        }
        let content = writer.pack([], candidates: messages, in: frame)
        let count = max(1, content.taken)
        let octets = frame.datagram(content.octets)
        var read: [TableRumour] = []
        let report = reader.read(octets.span) { message, _ in
            if case .user(let octets) = message,
                case .rumours(let more)? = Self.codec.read(octets)?.message
            {
                read += more
            }
        }
        checked += 1
        if read != Array(rumours.prefix(count)) || report.refused > 0 { violations += 1 }
        learn(plain: messages.prefix(count).reduce(0) { $0 + $1.count }, packed: octets.count)
        return (count, octets.count)
    }

    /// Octets of the one datagram in which NetworkDB's nodes put what they say in a turn.
    mutating func compound(_ rumours: [TableRumour]) -> Int {
        datagrams += 1
        let plain = 1 + TableCompound.octets(rumours.lazy.map(\.octets.count))
        if datagrams % Self.sampledEvery == 1 {
            let octets = Self.codec.message(.rumours(rumours))
            checked += 1
            if Self.codec.read(octets)?.message != .rumours(rumours) { violations += 1 }
            return user(octets)
        }
        return plain >= DatagramFrame.compressedFromDefault ? plain * ratio / 1024 : plain
    }

    /// Octets of a datagram with one user message, as it is written.
    mutating func user(_ octets: [UInt8]) -> Int {
        let content = writer.pack([GossipMessage.user(octets).octets], in: frame)
        learn(plain: octets.count + 1, packed: content.octets.count)
        return frame.datagramOctets(content: content.octets.count)
    }

    private mutating func learn(plain: Int, packed: Int) {
        guard plain >= DatagramFrame.compressedFromDefault else { return }
        ratio = (7 * ratio + min(1024, packed * 1024 / plain)) / 8
    }

    /// Octets of a user message on a stream, which says `message`.
    mutating func stream(_ octets: [UInt8], saying message: TableMessage) -> Int {
        streams += 1
        let isShort = octets.count < 32 << 10
        guard streams % Self.streamsEvery == 1 || isShort && streams % 4 == 1 else {
            return octets.count * streamRatio / 1024
        }
        checked += 1
        if Self.codec.read(octets)?.message != message { violations += 1 }
        let packed = StreamFrame(role: .initiating).octets(.user(octets)).count
        if !isShort || octets.count > 2048 {
            streamRatio = (3 * streamRatio + min(1024, packed * 1024 / octets.count)) / 4
        }
        return packed
    }
}
