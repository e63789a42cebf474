import Gossip
import GossipWire

/// What one ring puts around what is said in it, with its keys.
///
/// Made from a node's settings; `install` changes the keys for the next message.
struct RingCodec {
    private let label: RingLabel
    private let sealVersion: SealVersion
    private let acceptsPlain: Bool
    private let sendsPlain: Bool
    private let compressedFrom: Int?
    private let limits: StreamLimits
    private(set) var ring: KeyRing
    var cipher: KeyCipher
    var reader: PacketReader
    private var writer = PacketWriter()
    /// Without and with a checksum.
    private var frame: DatagramFrame
    private var checkedFrame: DatagramFrame

    init(_ settings: GossipSettings) {
        label = settings.label
        sealVersion = settings.sealVersion
        acceptsPlain = settings.acceptsPlain
        sendsPlain = settings.sendsPlain
        compressedFrom = settings.compressedFrom
        limits = settings.limits.stream
        ring = settings.keys
        cipher = KeyCipher(settings.keys)
        reader = PacketReader(RingRules())
        frame = DatagramFrame()
        checkedFrame = DatagramFrame()
        install(settings.keys)
    }

    /// Seals and opens with these keys from now on.
    mutating func install(_ ring: KeyRing) {
        self.ring = ring
        cipher = KeyCipher(ring)
        reader = PacketReader(rules)
        frame = frame(hasChecksum: false)
        checkedFrame = frame(hasChecksum: true)
    }

    private var rules: RingRules {
        let encryption: RingRules.Encryption =
            ring.isEmpty ? .none : (acceptsPlain ? .optional : .required)
        return RingRules(label: label, encryption: encryption)
    }

    /// Whether what goes out is sealed.
    var isSealing: Bool { outgoingSeal != nil }

    private var outgoingSeal: SealVersion? { ring.isEmpty || sendsPlain ? nil : sealVersion }

    private func frame(hasChecksum: Bool) -> DatagramFrame {
        DatagramFrame(
            label: label,
            seal: outgoingSeal,
            hasChecksum: hasChecksum,
            compressedFrom: compressedFrom
        )
    }

    /// A datagram as it goes out, and how many of the candidates are in it.
    ///
    /// Empty when there was nothing to say, or none of it fits.
    mutating func datagram(
        _ messages: [GossipMessage],
        candidates: [RumourQueue.Item] = [],
        takesChecksum: Bool
    ) -> (octets: [UInt8], taken: Int) {
        datagram(
            messages.map { $0.octets },
            candidates.map { $0.octets },
            in: takesChecksum ? checkedFrame : frame
        )
    }

    /// A datagram of user messages alone, each a rumour, and how many of them are in it: one at least.
    mutating func datagram(
        saying rumours: ArraySlice<TableRumour>
    ) -> (octets: [UInt8], taken: Int) {
        let messages = rumours.prefix(DatagramFrame.partsMax).map {
            GossipMessage.user($0.octets).octets
        }
        let (octets, taken) = datagram([], messages, in: frame)
        if taken > 0 { return (octets, taken) }
        return (datagram([messages[0]], [], in: frame).octets, 1)
    }

    private mutating func datagram(
        _ messages: [[UInt8]],
        _ candidates: [[UInt8]],
        in frame: DatagramFrame
    ) -> (octets: [UInt8], taken: Int) {
        let content = writer.pack(messages, candidates: candidates, in: frame)
        if messages.isEmpty, content.taken == 0 { return ([], 0) }
        if frame.seal == nil { return (frame.datagram(content.octets), content.taken) }
        let octets = frame.datagram(content.octets, nonce: cipher.nonce()) { cipher.seal($0) }
        return (octets, content.taken)
    }

    /// All that goes over a stream for `message`.
    mutating func octets(of message: StreamMessage, as role: StreamRole) -> [UInt8] {
        let frame = StreamFrame(
            role: role,
            label: label,
            seal: outgoingSeal,
            compressedFrom: compressedFrom
        )
        if frame.seal == nil { return frame.octets(message) }
        return frame.octets(message, nonce: cipher.nonce()) { cipher.seal($0) }
    }

    /// Reads what comes over a stream that begins now.
    func decoder(as role: StreamRole) -> StreamDecoder {
        StreamDecoder(role: role, rules: rules, limits: limits)
    }
}
